#include "api/codec/decode_targets.h"

namespace skiff {

DocumentTarget::Place DocumentTarget::BeginMember(const Field& field, Slot object, bool nil) {
  auto& members = object->get_ref<Json::object_t&>();
  auto place = members.lower_bound(std::string(field.name));
  const bool present = place != members.end() && place->first == field.name;
  if (!present) place = members.emplace_hint(place, field.name, nullptr);
  if (!nil) return place;
  // Nil for pointers, lists and maps; other values stay what they were.
  const Shape shape = field.type->shape;
  if (field.pointer || shape == Shape::kList || shape == Shape::kMap || shape == Shape::kBytes) {
    place->second = nullptr;
  } else if (!present || shape == Shape::kTime || shape == Shape::kMicroTime ||
             shape == Shape::kQuantity) {
    place->second = ZeroDocument(*field.type);
  }
  return place;
}

bool DocumentTarget::EndMember(const Field& field, Slot object, Place place, bool nil) {
  auto& members = object->get_ref<Json::object_t&>();
  Json& value = place->second;
  const Shape shape = field.type->shape;
  if (field.pointer) {
    // A pointer to something empty is not empty, but one to nothing is.
    if (value.is_null() && !field.always && (nil || shape != Shape::kJson)) members.erase(place);
    return false;
  }
  if (!IsEmptyValue(value, shape)) return false;
  const bool empty_list = value.is_array();
  if (field.keep_empty && empty_list) return true;
  if (!IsAlwaysWritten(field)) {
    members.erase(place);
  } else if (shape == Shape::kList || shape == Shape::kMap || shape == Shape::kBytes) {
    value = nullptr;
  }
  return empty_list;
}

StructTarget::Place StructTarget::BeginMember(const Field& field, Slot object, bool nil) {
  const Place place = static_cast<char*>(object) + field.offset;
  if (!nil) return place;
  const Shape shape = field.type->shape;
  if (field.pointer) {
    field.pointer_ops->reset(place);
  } else if (shape == Shape::kList || shape == Shape::kMap || shape == Shape::kBytes ||
             shape == Shape::kTime || shape == Shape::kMicroTime || shape == Shape::kQuantity) {
    Clear(*field.type, place);
  }
  return place;
}

bool StructTarget::EndMember(const Field& field, Slot, Place place, bool nil) {
  if (nil) return false;
  const Shape shape = field.type->shape;
  if (!field.pointer) return shape == Shape::kList && field.type->list->size(place) == 0;
  // A pointer to no time at all points to nothing.
  if ((shape == Shape::kTime || shape == Shape::kMicroTime) && !field.always) {
    const void* time = field.pointer_ops->get(place);
    if (time != nullptr && static_cast<const Time*>(time)->IsZero()) {
      field.pointer_ops->reset(place);
    }
  }
  return false;
}

void StructTarget::Clear(const Type& type, Slot value) {
  switch (type.shape) {
    case Shape::kBool:
      return SetBool(value, false);
    case Shape::kInt32:
    case Shape::kInt64:
      return SetInteger(type, value, 0);
    case Shape::kDouble:
      As<double>(value) = 0;
      return;
    case Shape::kString:
    case Shape::kBytes:
      As<std::string>(value).clear();
      return;
    case Shape::kTime:
    case Shape::kMicroTime:
      As<Time>(value) = Time();
      return;
    case Shape::kDuration:
      return SetDuration(value, 0);
    case Shape::kQuantity:
      return SetQuantity(value, Quantity());
    case Shape::kIntOrString:
      return SetEither(value, IntOrString());
    case Shape::kJson:
      As<RawJson>(value) = RawJson();
      return;
    case Shape::kStruct:
      for (const Field& field : type.fields) {
        const Place place = static_cast<char*>(value) + field.offset;
        if (field.pointer) {
          field.pointer_ops->reset(place);
        } else {
          Clear(*field.type, place);
        }
      }
      return;
    case Shape::kList:
      return type.list->clear(value);
    case Shape::kMap:
      return type.map->clear(value);
  }
}

}  // namespace skiff
