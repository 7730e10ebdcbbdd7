#include "api/codec/struct_fields.h"

#include <string>

#include "api/values.h"

namespace skiff {
namespace {

template <typename T>
const T& Held(const void* value) {
  return *static_cast<const T*>(value);
}

// Whether Go's omitempty (or omitzero) leaves out a field that is held by value.
bool IsOmitted(const Field& field, const void* value) {
  switch (field.type->shape) {
    case Shape::kBool:
      return !Held<bool>(value);
    case Shape::kInt32:
      return Held<int32_t>(value) == 0;
    case Shape::kInt64:
      return Held<int64_t>(value) == 0;
    case Shape::kDouble:
      return Held<double>(value) == 0;
    case Shape::kString:
    case Shape::kBytes:
      return Held<std::string>(value).empty();
    case Shape::kList:
      return field.type->list->size(value) == 0;
    case Shape::kMap:
      return field.type->map->size(value) == 0;
    case Shape::kTime:
    case Shape::kMicroTime:
      return field.omit_zero && Held<Time>(value).IsZero();
    default:
      return false;
  }
}

}  // namespace

ShownField Show(const Field& field, const void* object) {
  const void* place = MemberOf(object, field);
  if (field.pointer) {
    const void* value = field.pointer_ops->get(place);
    return {value == nullptr && !field.always, value};
  }
  const bool is_empty = IsOmitted(field, place);
  if (is_empty && !field.always) return {.is_left_out = true};
  // A required byte slice that was never set is nil.
  return {.value = is_empty && field.type->shape == Shape::kBytes ? nullptr : place};
}

}  // namespace skiff
