#include "api/cel/match_conditions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace skiff::cel {

Result<bool> ConditionsHold(const MatchConditions& conditions, AdmissionInputs inputs) {
  if (conditions.empty()) return true;
  inputs.namespace_object = nullptr;
  AdmissionActivation activation({}, inputs);
  uint64_t budget = kMatchConditionsCostMax;
  std::vector<std::string> errors;
  bool all = true;
  for (const CompiledExpression& condition : conditions) {
    const Evaluation result = activation.Evaluate(condition, budget);
    if (result.exhausted) return Fail(Reason::kForbidden, result.error);
    if (!result.failed()) {
      all = all && result.value.IsTrue();
    } else if (std::find(errors.begin(), errors.end(), result.error) == errors.end()) {
      errors.push_back(result.error);
    }
  }
  if (!all || errors.empty()) return all;
  if (errors.size() == 1) return Fail(Reason::kForbidden, errors[0]);
  return Fail(Reason::kForbidden, fmt::format("[{}]", fmt::join(errors, ", ")));
}

}  // namespace skiff::cel
