// A part of an object that somebody wrote in YAML, read as Go reads it into the part's struct.
#pragma once

#include "api/type.h"
#include "api/values.h"
#include "base/error.h"

namespace skiff::cli {

// What the value comes to as one of that type: where that has a text, a word or number that YAML
// takes for something else is a text again ("value: y" is "true", "args: [1]" is ["1"]). Fields
// that the type does not have are left out. Fails with Go's words where a value does not fit.
Result<Json> TypedYaml(const Type& type, Json value);

}  // namespace skiff::cli
