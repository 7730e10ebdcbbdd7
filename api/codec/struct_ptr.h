// Generated structs of whichever type, for routines that go by their tables.
#pragma once

#include <memory>

#include "api/type.h"

namespace skiff {

using StructPtr = std::unique_ptr<void, void (*)(void*)>;
// A new, empty struct of a type that has one (Type::ops).
inline StructPtr MakeStruct(const Type& type) {
  return StructPtr(type.ops->create(), type.ops->destroy);
}

}  // namespace skiff
