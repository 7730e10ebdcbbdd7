#include "api/select/tolerations.h"

#include <algorithm>

namespace skiff {

bool Tolerates(const core_v1::Toleration& toleration, const core_v1::Taint& taint) {
  const bool exists = toleration.operator_ == "Exists";
  if (!toleration.effect.empty() && toleration.effect != taint.effect) return false;
  if (toleration.key.empty()) return exists;
  if (toleration.key != taint.key) return false;
  return exists || toleration.value == taint.value;
}

bool AnyTolerates(const std::vector<core_v1::Toleration>& tolerations,
                  const core_v1::Taint& taint) {
  return std::any_of(tolerations.begin(), tolerations.end(),
                     [&](const auto& toleration) { return Tolerates(toleration, taint); });
}

}  // namespace skiff
