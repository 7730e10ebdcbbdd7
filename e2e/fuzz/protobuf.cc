// Protobuf bodies: an envelope, and messages of kinds.
#include "api/codec/protobuf.h"

#include "api/codec/struct_ptr.h"
#include "base/error.h"
#include "e2e/fuzz/kinds.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {
namespace {

// What is read into a document is read into a struct as well, and what that writes stays so.
void Struct(const Type& type, std::string_view raw) {
  const auto written_of = [&](std::string_view message) {
    const StructPtr object = MakeStruct(type);
    CHECK(DecodeProtobufInto(type, message, object.get()).has_value());
    return EncodeStructProtobuf(type, {"v1", "X"}, object.get());
  };
  const std::string written = written_of(raw);
  const auto opened = OpenEnvelope(written);
  CHECK(opened.has_value());
  CHECK(written_of(opened->raw) == written);
}

}  // namespace

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
    Struct(*type, raw);
  }
}

}  // namespace skiff::fuzz
