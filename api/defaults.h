// The defaults that the table declares, over documents. Computed ones are in api/rules.
#pragma once

#include "api/type.h"
#include "api/values.h"

namespace skiff {

// Fills the fields that are absent, null or (held by value) empty and have a default, in all
// structures that are there. Does nothing the second time.
void ApplyDefaults(const Type& type, Json& document);

}  // namespace skiff
