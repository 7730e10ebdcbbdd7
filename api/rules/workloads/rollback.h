// How a Deployment is told to go back to an earlier revision. Pure.
#pragma once

namespace skiff {

// The revision, 0 for the one before. It was a field before apps/v1, and is one in the form that
// Kubernetes keeps all versions in: what is no number does not get there.
inline constexpr const char* kRollbackTo = "deprecated.deployment.rollback.to";

}  // namespace skiff
