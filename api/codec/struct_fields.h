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
// Whether `value`, as Show has it, is a map that may be absent, and is there and empty. One that
// may not be absent is written as null then.
inline bool IsEmptyMap(const Field& field, const void* value) {
  return field.pointer && field.type->shape == Shape::kMap && field.type->map->size(value) == 0;
}

}  // namespace skiff
