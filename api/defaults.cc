#include "api/defaults.h"

#include "api/codec/normal_form.h"

namespace skiff {
namespace {

// The default of a field as a value; null when it has none, or one that omitempty leaves out.
Json DefaultOf(const Field& field) {
  if (field.default_json.empty()) return nullptr;
  Json value = Json::parse(field.default_json, nullptr, false);
  const bool left_out = !field.pointer && !field.always && IsEmptyValue(value, field.type->shape);
  return value.is_discarded() || left_out ? Json() : value;
}

void FillStruct(const Type& type, Json& object) {
  for (const Field& field : type.fields) {
    const std::string name(field.name);
    const auto member = object.find(name);
    const bool unset = member == object.end() || member->is_null() ||
                       (!field.pointer && IsEmptyValue(*member, field.type->shape));
    if (!unset) {
      ApplyDefaults(*field.type, *member);
    } else if (Json value = DefaultOf(field); !value.is_null()) {
      object[name] = std::move(value);
    }
  }
}

}  // namespace

void ApplyDefaults(const Type& type, Json& document) {
  if (type.shape == Shape::kStruct && document.is_object()) {
    FillStruct(type, document);
  } else if (type.shape == Shape::kList && document.is_array()) {
    for (Json& item : document) ApplyDefaults(*type.element, item);
  } else if (type.shape == Shape::kMap && document.is_object()) {
    for (auto& member : document.items()) ApplyDefaults(*type.element, member.value());
  }
}

}  // namespace skiff
