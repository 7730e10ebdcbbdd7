#include "api/codec/struct_fields.h"

#include <string>

#include "api/values.h"

namespace skiff {
namespace {

template <typename T>
const T& Held(const void* value) {
  return *static_cast<const T*>(value);
}

// Of a table, what FieldAccess is.
class FieldOfTable {
 public:
  explicit FieldOfTable(const Field& field) : field_(field) {}
  const PointerOps* pointer() const { return field_.pointer ? field_.pointer_ops : nullptr; }
  const ListOps* list() const { return field_.type->list; }
  const MapOps* map() const { return field_.type->map; }
  uint32_t offset() const { return field_.offset; }
  Shape shape() const { return field_.type->shape; }
  bool always() const { return field_.always; }
  bool omit_zero() const { return field_.omit_zero; }

 private:
  const Field& field_;
};

// Whether Go's omitempty (or omitzero) leaves out a field that is held by value.
template <typename Access>
bool IsOmitted(const Access& field, const void* value) {
  switch (field.shape()) {
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
      return field.list()->size(value) == 0;
    case Shape::kMap:
      return field.map()->size(value) == 0;
    case Shape::kTime:
    case Shape::kMicroTime:
      return field.omit_zero() && Held<Time>(value).IsZero();
    default:
      return false;
  }
}

template <typename Access>
ShownField ShowBy(const Access& field, const void* object) {
  const void* place = static_cast<const char*>(object) + field.offset();
  if (const PointerOps* pointer = field.pointer()) {
    const void* value = pointer->get(place);
    return {value == nullptr && !field.always(), value};
  }
  const bool is_empty = IsOmitted(field, place);
  if (is_empty && !field.always()) return {.is_left_out = true};
  // A required byte slice that was never set is nil.
  return {.value = is_empty && field.shape() == Shape::kBytes ? nullptr : place};
}

}  // namespace

ShownField Show(const Field& field, const void* object) {
  return ShowBy(FieldOfTable(field), object);
}

ShownField Show(const FieldAccess& field, const void* object) {
  return ShowBy(field, object);
}

}  // namespace skiff
