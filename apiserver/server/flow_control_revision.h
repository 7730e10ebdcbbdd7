// What becomes of an object of flow control that a cluster starts with, once it is there: its spec
// stays what it was, unless an operator takes it over, by the annotation
// apf.kubernetes.io/autoupdate-spec: "false" or, without that annotation, by changing it. The
// objects named exempt and catch-all nobody takes over. Pure.
#pragma once

#include <optional>

#include "api/values.h"
#include "base/error.h"

namespace skiff {

// Both are documents of one kind and name; nullopt: `present` is as it should be.
Result<std::optional<Json>> RevisedFlowControl(const Json& present, const Json& wanted);

}  // namespace skiff
