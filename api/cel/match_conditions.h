// The matchConditions of webhooks and policies: expressions that all have to be true of a request
// for it to be put to them.
//
//   const auto conditions = CompileConditions(AdmissionScope({}), webhook.match_conditions);
//   const bool wanted = TRY(ConditionsHold(
//       conditions, {.object = Value::Document(pod), .request = &request}));
#pragma once

#include <vector>

#include "api/cel/admission_activation.h"
#include "base/error.h"

namespace skiff::cel {

// One that does not compile is kept with its error: it fails when it is asked.
using MatchConditions = std::vector<CompiledExpression>;

// Of generated structs, in their order.
template <typename Condition>
MatchConditions CompileConditions(const AdmissionScope& scope,
                                  const std::vector<Condition>& given) {
  MatchConditions made;
  for (const Condition& each : given) {
    made.push_back(scope.Compile(each.expression, {.returns = Returns::kBool}));
  }
  return made;
}

// Whether all are true. All are evaluated: when they spend more than kMatchConditionsCostMax, that
// is the error. Then one that is false decides, and else the reasons why some could not be told are
// the error's message. The namespace object is not shown to them.
Result<bool> ConditionsHold(const MatchConditions& conditions, AdmissionInputs inputs);

}  // namespace skiff::cel
