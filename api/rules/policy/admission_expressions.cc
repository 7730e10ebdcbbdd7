#include "api/rules/policy/admission_expressions.h"

#include <set>

#include "api/gen/admissionregistration_v1.h"
#include "api/rules/checks.h"
#include "api/violations.h"
#include "base/text.h"

namespace skiff {
namespace {

constexpr size_t kMatchConditionsMax = 64;

}  // namespace

bool IsBlank(const std::string& text) {
  return WithoutBlanks(text).empty();
}

void CheckCompiled(const cel::CompiledExpression& compiled, const std::string& shown,
                   const FieldPath& path, Violations& out) {
  if (compiled.error.empty()) return;
  if (compiled.is_internal) return out.Internal(path, compiled.error);
  out.Invalid(path, shown, compiled.error);
}

void ValidateMatchConditions(
    const std::vector<admissionregistration_v1::MatchCondition>& conditions, bool params,
    const FieldPath& path, Violations& out) {
  if (conditions.empty()) return;
  if (conditions.size() > kMatchConditionsMax) {
    out.TooMany(path, conditions.size(), kMatchConditionsMax);
  }
  const cel::AdmissionScope scope({.params = params});
  std::set<std::string_view> names;
  for (size_t i = 0; i < conditions.size(); ++i) {
    const FieldPath at = path.Index(i);
    const std::string expression(WithoutBlanks(conditions[i].expression));
    if (expression.empty()) {
      out.Required(at.Child("expression"));
    } else {
      CheckCompiled(scope.Compile(expression, {.returns = cel::Returns::kBool}), expression,
                    at.Child("expression"), out);
    }
    RequireFormat(LabelKeyErrors, conditions[i].name, at.Child("name"), out);
    if (!conditions[i].name.empty() && !names.insert(conditions[i].name).second) {
      out.Duplicate(at.Child("name"), conditions[i].name);
    }
  }
}

}  // namespace skiff
