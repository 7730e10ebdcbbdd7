// Default roles and bindings that are there already, at a start: what a newer version adds to them
// is added, and what users added stays. Who annotates one with
// rbac.authorization.kubernetes.io/autoupdate: "false" keeps it as it is. Pure.
#pragma once

#include <optional>

#include "api/values.h"
#include "base/error.h"

namespace skiff {

// The document that should take the place of `present`; nullopt when nothing is missing. Invalid
// when it holds more rules than can be compared: then not all that is missing would be known.
Result<std::optional<Json>> ReconciledRbac(const Json& present, const Json& wanted);

}  // namespace skiff
