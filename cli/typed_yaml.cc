#include "cli/typed_yaml.h"

#include <string>

#include "api/codec/decode.h"
#include "api/text/go_value.h"

namespace skiff::cli {
namespace {

// The text that a scalar stands for where one is wanted.
void MakeScalarText(Json& value) {
  if (value.is_boolean()) {
    value = value.get<bool>() ? "true" : "false";
  } else if (value.is_number_unsigned()) {
    value = std::to_string(value.get<uint64_t>());
  } else if (value.is_number_integer()) {
    value = std::to_string(value.get<int64_t>());
  } else if (value.is_number_float()) {
    value = GoFloat(value.get<double>());
  }
}

void MakeTexts(const Type& type, Json& value) {
  if (type.shape == Shape::kString) return MakeScalarText(value);
  if (type.shape == Shape::kList && value.is_array()) {
    for (Json& each : value) MakeTexts(*type.element, each);
  } else if (type.shape == Shape::kMap && value.is_object()) {
    for (auto& [key, each] : value.items()) MakeTexts(*type.element, each);
  } else if (type.shape == Shape::kStruct && value.is_object()) {
    for (auto& [name, each] : value.items()) {
      if (const Field* field = type.Find(name)) MakeTexts(*field->type, each);
    }
  }
}

}  // namespace

Result<Json> TypedYaml(const Type& type, Json value) {
  MakeTexts(type, value);
  return Normalize(type, value);
}

}  // namespace skiff::cli
