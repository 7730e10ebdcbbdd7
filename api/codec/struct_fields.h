// How the fields of generated structs show in JSON: the one place that knows Go's omitempty.
#pragma once

#include "api/type.h"

namespace skiff {

inline const void* MemberOf(const void* object, const Field& field) {
  return static_cast<const char*>(object) + field.offset;
}
inline void* MemberOf(void* object, const Field& field) {
  return static_cast<char*>(object) + field.offset;
}

struct ShownField {
  bool is_left_out = false;
  const void* value = nullptr;  // nullptr: null.
};
ShownField Show(const Field& field, const void* object);

// What of a field says where it is and whether it shows, in less memory than the tables take.
class FieldAccess {
 public:
  explicit FieldAccess(const Field& field)
      : pointer_(field.pointer ? field.pointer_ops : nullptr),
        list_(field.type->list),
        map_(field.type->map),
        offset_(field.offset),
        shape_(field.type->shape),
        always_(field.always),
        omit_zero_(field.omit_zero) {}

  const PointerOps* pointer() const { return pointer_; }  // nullptr: it is held by value.
  const ListOps* list() const { return list_; }           // kList
  const MapOps* map() const { return map_; }              // kMap
  uint32_t offset() const { return offset_; }
  Shape shape() const { return shape_; }
  bool always() const { return always_; }
  bool omit_zero() const { return omit_zero_; }

 private:
  const PointerOps* pointer_;
  const ListOps* list_;
  const MapOps* map_;
  uint32_t offset_;
  Shape shape_;
  bool always_;
  bool omit_zero_;
};
ShownField Show(const FieldAccess& field, const void* object);

// Whether `value`, as Show has it, is a map that may be absent, and is there and empty. One that
// may not be absent is written as null then.
inline bool IsEmptyMap(const Field& field, const void* value) {
  return field.pointer && field.type->shape == Shape::kMap && field.type->map->size(value) == 0;
}

}  // namespace skiff
