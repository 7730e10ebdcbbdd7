// Status and the rest kept apart, for kinds without rules of their own: custom resources, and
// built-in ones that need nothing special.
#pragma once

#include "apiserver/objects/object.h"

namespace skiff {

// A new object has no status, and generation 1.
void ClearStatusOf(Object& object);
// The main resource: the status stays, the generation moves when anything but metadata changed.
void KeepStatusOf(Object& object, const Object& old);
// The status subresource: everything but status and managed fields stays.
void KeepAllButStatus(Object& object, const Object& old);

}  // namespace skiff
