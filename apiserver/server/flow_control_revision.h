// What becomes of an object of flow control that a cluster starts with, once it is there: its spec
// stays what it was, unless an operator takes it over, by the annotation
// apf.kubernetes.io/autoupdate-spec: "false" or, without that annotation, by changing it. The
// objects named exempt and catch-all nobody takes over. What is left to the server by that
// annotation and is none of these objects, as another version may have written it, goes. Pure.
#pragma once

#include <optional>
#include <vector>

#include "api/values.h"
#include "base/error.h"

namespace skiff {

// Both are documents of one kind and name; nullopt: `present` is as it should be.
Result<std::optional<Json>> RevisedFlowControl(const Json& present, const Json& wanted);

// Whether it is to go; `wanted` are all that a cluster starts with. One that is going already is
// not asked to.
bool IsUnwantedFlowControl(const Json& present, const std::vector<Json>& wanted);

}  // namespace skiff
