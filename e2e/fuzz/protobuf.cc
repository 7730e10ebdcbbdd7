// Protobuf bodies: an envelope, and messages of kinds.
#include "api/codec/protobuf.h"

#include "base/error.h"
#include "e2e/fuzz/kinds.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {

void Protobuf(std::string_view bytes) {
  const auto envelope = OpenEnvelope(bytes);
  const std::string_view raw = envelope ? envelope->raw : bytes;
  for (const Type* type : Kinds()) {
    const auto document = DecodeProtobuf(*type, raw);
    if (!document) continue;
    const TypeMeta meta{std::string(type->api_version), std::string(type->name)};
    const std::string written = EncodeProtobuf(*type, meta, *document);
    const auto opened = OpenEnvelope(written);
    CHECK(opened.has_value());
    CHECK(opened->type == meta);
    const auto again = DecodeProtobuf(*type, opened->raw);
    CHECK(again.has_value());
    CHECK(EncodeProtobuf(*type, meta, *again) == written);
  }
}

}  // namespace skiff::fuzz
