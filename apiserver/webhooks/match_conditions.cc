#include "apiserver/webhooks/match_conditions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "apiserver/admission/request_document.h"

namespace skiff {
namespace {

constexpr char kExhausted[] =
    "validation failed due to running out of cost budget, no further validation rules will be run";

// What expressions name, in the order of the bindings below. Types are checked when a configuration
// is written; here values say what they are.
const cel::Environment& ConditionsEnvironment() {
  static const cel::Environment kEnvironment = cel::Environment::Kubernetes(
      {{"object", cel::types::Dyn()},
       {"oldObject", cel::types::Dyn()},
       {"request", cel::types::Dyn()},
       {"authorizer", cel::AuthorizerType()},
       {"authorizer.requestResource", cel::ResourceCheckType()}});
  return kEnvironment;
}

std::string Joined(const std::vector<std::string>& errors) {
  if (errors.size() == 1) return errors[0];
  return fmt::format("[{}]", fmt::join(errors, ", "));
}

}  // namespace

void MatchConditions::Add(const std::string& expression) {
  Condition condition{.text = expression};
  auto program = cel::Compile(expression, ConditionsEnvironment());
  if (program) {
    condition.program = std::move(*program);
  } else {
    condition.error = program.error().message;
  }
  conditions_.push_back(std::move(condition));
}

Result<bool> MatchConditions::Hold(const Inputs& inputs) const {
  if (empty()) return true;
  const RequestAuthorizer authorizer(inputs.authorizer, inputs.request.user);
  const Json request = RequestDocument(inputs.request, inputs.kind);
  const cel::Value bindings[] = {
      cel::Value::Document(inputs.object), cel::Value::Document(inputs.old_object),
      cel::Value::Document(request), cel::AuthorizerValue(authorizer),
      cel::RequestResourceValue(authorizer, RequestedAccess(inputs.request))};
  uint64_t budget = cel::kMatchConditionsCostMax;
  std::vector<std::string> errors;
  for (const Condition& condition : conditions_) {
    if (!condition.program) {
      errors.push_back("compilation error: " + condition.error);
      continue;
    }
    const cel::Outcome outcome = condition.program->Eval(bindings, cel::kCallCostMax);
    if (outcome.cost > budget) return Fail(Reason::kForbidden, kExhausted);
    budget -= outcome.cost;
    if (outcome.failed()) {
      errors.push_back(fmt::format("expression '{}' resulted in error: {}", condition.text,
                                   outcome.value.text()));
    } else if (!outcome.value.IsTrue()) {
      return false;
    }
  }
  if (!errors.empty()) return Fail(Reason::kForbidden, Joined(errors));
  return true;
}

}  // namespace skiff
