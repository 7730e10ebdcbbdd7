// What the schema cannot say about a ValidatingAdmissionPolicy and its binding.
#include "api/gen/admissionregistration_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/policy/policy_validation.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using namespace admissionregistration_v1;

void DefaultMatch(Box<MatchResources>& match) {
  if (!match) return;
  Default(match->match_policy, "Equivalent");
  if (!match->namespace_selector) match->namespace_selector.emplace();
  if (!match->object_selector) match->object_selector.emplace();
  for (auto& rule : match->resource_rules) Default(rule.scope, "*");
  for (auto& rule : match->exclude_resource_rules) Default(rule.scope, "*");
}

void DefaultPolicy(ValidatingAdmissionPolicy& object) {
  Default(object.spec.failure_policy, "Fail");
  DefaultMatch(object.spec.match_constraints);
}

void DefaultBinding(ValidatingAdmissionPolicyBinding& object) {
  DefaultMatch(object.spec.match_resources);
}

void Validate(const ValidatingAdmissionPolicy& object, Violations& out) {
  ValidatePolicy(object, nullptr, out);
}

void ValidateUpdate(const ValidatingAdmissionPolicy& object, const ValidatingAdmissionPolicy& old,
                    Violations& out) {
  ValidatePolicy(object, &old, out);
}

void ValidateBindingUpdate(const ValidatingAdmissionPolicyBinding& object,
                           const ValidatingAdmissionPolicyBinding&, Violations& out) {
  ValidatePolicyBinding(object, out);
}

}  // namespace

constexpr RulesOf<ValidatingAdmissionPolicy> kTypedValidatingAdmissionPolicyRules = {
    .set_defaults = DefaultPolicy,
    .prepare_create = PrepareCreate<ValidatingAdmissionPolicy>,
    .prepare_update = PrepareUpdate<ValidatingAdmissionPolicy>,
    .prepare_status_update = KeepSpecAndMetadata<ValidatingAdmissionPolicy>,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .validate_status_update = ValidatePolicyStatus,
    .allow_unconditional_update = false,
};
constinit const Rules kValidatingAdmissionPolicyRules =
    Erase<kTypedValidatingAdmissionPolicyRules>();

constexpr RulesOf<ValidatingAdmissionPolicyBinding> kTypedValidatingAdmissionPolicyBindingRules = {
    .set_defaults = DefaultBinding,
    .prepare_create = PrepareCreate<ValidatingAdmissionPolicyBinding>,
    .prepare_update = PrepareUpdate<ValidatingAdmissionPolicyBinding>,
    .validate = ValidatePolicyBinding,
    .validate_update = ValidateBindingUpdate,
    .allow_unconditional_update = false,
};
constinit const Rules kValidatingAdmissionPolicyBindingRules =
    Erase<kTypedValidatingAdmissionPolicyBindingRules>();

}  // namespace skiff
