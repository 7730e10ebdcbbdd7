#include "cli/object_size.h"

#include "api/codec/decode.h"
#include "api/codec/protobuf.h"
#include "api/registry.h"
#include "cli/json_text.h"

namespace skiff::cli {

std::optional<std::string> ProtobufOf(const Json& object, std::string_view json) {
  const TypeMeta meta = {TextAt(object, "apiVersion"), TextAt(object, "kind")};
  const Type* const type = FindBuiltInType(meta.api_version, meta.kind);
  if (type == nullptr || !type->type_meta || type->ops == nullptr) return std::nullopt;
  const auto decoded = DecodeJson(*type, json, FieldValidation::kIgnore);
  if (!decoded) return std::nullopt;
  return EncodeProtobuf(*type, meta, decoded->document);
}

}  // namespace skiff::cli
