// What the schema cannot say about admission policies and their bindings.
#include "api/gen/admissionregistration_v1.h"
#include "api/gen/admissionregistration_v1beta1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/policy/policy_validation.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using namespace admissionregistration_v1;
using admissionregistration_v1beta1::MutatingAdmissionPolicy;
using admissionregistration_v1beta1::MutatingAdmissionPolicyBinding;

void DefaultMatch(Box<MatchResources>& match) {
  if (!match) return;
  Default(match->match_policy, "Equivalent");
  if (!match->namespace_selector) match->namespace_selector.emplace();
  if (!match->object_selector) match->object_selector.emplace();
  for (auto& rule : match->resource_rules) Default(rule.scope, "*");
  for (auto& rule : match->exclude_resource_rules) Default(rule.scope, "*");
}

template <typename Policy>
void DefaultPolicy(Policy& object) {
  Default(object.spec.failure_policy, "Fail");
  DefaultMatch(object.spec.match_constraints);
}

template <typename Binding>
void DefaultBinding(Binding& object) {
  DefaultMatch(object.spec.match_resources);
}

template <typename Policy>
void CheckPolicy(const Policy& object, Violations& out) {
  ValidatePolicy(object, nullptr, out);
}

template <typename Policy>
void CheckPolicyUpdate(const Policy& object, const Policy& old, Violations& out) {
  ValidatePolicy(object, &old, out);
}

template <typename Binding>
void CheckBinding(const Binding& object, Violations& out) {
  ValidatePolicyBinding(object, out);
}

template <typename Binding>
void CheckBindingUpdate(const Binding& object, const Binding&, Violations& out) {
  ValidatePolicyBinding(object, out);
}

template <typename Binding>
constexpr RulesOf<Binding> kPolicyBindingRules = {
    .set_defaults = DefaultBinding<Binding>,
    .prepare_create = PrepareCreate<Binding>,
    .prepare_update = PrepareUpdate<Binding>,
    .validate = CheckBinding<Binding>,
    .validate_update = CheckBindingUpdate<Binding>,
    .allow_unconditional_update = false,
};

}  // namespace

constexpr RulesOf<ValidatingAdmissionPolicy> kTypedValidatingAdmissionPolicyRules = {
    .set_defaults = DefaultPolicy<ValidatingAdmissionPolicy>,
    .prepare_create = PrepareCreate<ValidatingAdmissionPolicy>,
    .prepare_update = PrepareUpdate<ValidatingAdmissionPolicy>,
    .prepare_status_update = KeepSpecAndMetadata<ValidatingAdmissionPolicy>,
    .validate = CheckPolicy<ValidatingAdmissionPolicy>,
    .validate_update = CheckPolicyUpdate<ValidatingAdmissionPolicy>,
    .validate_status_update = ValidatePolicyStatus,
    .allow_unconditional_update = false,
};
constinit const Rules kValidatingAdmissionPolicyRules =
    Erase<kTypedValidatingAdmissionPolicyRules>();

constinit const Rules kValidatingAdmissionPolicyBindingRules =
    Erase<kPolicyBindingRules<ValidatingAdmissionPolicyBinding>>();

constexpr RulesOf<MutatingAdmissionPolicy> kTypedMutatingAdmissionPolicyRules = {
    .set_defaults = DefaultPolicy<MutatingAdmissionPolicy>,
    .prepare_create = PrepareCreate<MutatingAdmissionPolicy>,
    .prepare_update = PrepareUpdate<MutatingAdmissionPolicy>,
    .validate = CheckPolicy<MutatingAdmissionPolicy>,
    .validate_update = CheckPolicyUpdate<MutatingAdmissionPolicy>,
    .allow_unconditional_update = false,
};
constinit const Rules kMutatingAdmissionPolicyRules = Erase<kTypedMutatingAdmissionPolicyRules>();

constinit const Rules kMutatingAdmissionPolicyBindingRules =
    Erase<kPolicyBindingRules<MutatingAdmissionPolicyBinding>>();

}  // namespace skiff
