// The patch of a client-side apply: what makes `current` follow `modified`, and takes out what
// `original` (the last applied form) had and `modified` lacks. Fields that only `current` has stay.
#pragma once

#include "api/type.h"
#include "api/values.h"

namespace skiff::cli {

// A strategic merge patch for a document of that type; a JSON merge patch where `type` is null. An
// empty object when nothing is to be done.
Json ThreeWayPatch(const Type* type, const Json& original, const Json& modified,
                   const Json& current);

// Whether that patch, of a document of that type, makes something other of what has changed since
// `original` was applied than it is now.
bool OverwritesChanges(const Type& type, const Json& patch, const Json& original,
                       const Json& current);

}  // namespace skiff::cli
