#include "api/codec/kept_text.h"

#include <string>

namespace skiff {

const Type* KeptJson(const Type& json) {
  if (json.name != "JSONSchemaText") return nullptr;
  static const Type* const kSchema = FindBuiltInType("apiextensions.k8s.io/v1", "JSONSchemaProps");
  return kSchema;
}

RawJson KeptTextOf(const Type& kept, const void* object) {
  std::string text;
  AppendStruct(kept, object, text);
  return RawJson::FromText(text);
}

void ReadKeptText(const Type& kept, const RawJson& text, void* object) {
  if (!text.IsNull()) (void)DecodeStruct(kept, text.Text(), FieldValidation::kIgnore, object);
}

}  // namespace skiff
