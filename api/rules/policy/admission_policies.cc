// What the schema cannot say about admission policies and their bindings.
#include <type_traits>

#include "api/gen/admissionregistration_v1.h"
#include "api/gen/admissionregistration_v1alpha1.h"
#include "api/gen/admissionregistration_v1beta1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/policy/policy_validation.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using namespace admissionregistration_v1;
namespace v1alpha1 = admissionregistration_v1alpha1;
namespace v1beta1 = admissionregistration_v1beta1;

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
  // v1beta1 wants it said.
  if constexpr (std::is_same_v<Binding, v1alpha1::MutatingAdmissionPolicyBinding>) {
    if (auto& ref = object.spec.param_ref) Default(ref->parameter_not_found_action, "Deny");
  }
}

template <typename Policy>
void ValidateAny(const Policy& object, const Policy* old, Violations& out) {
  if constexpr (std::is_same_v<Policy, ValidatingAdmissionPolicy>) {
    ValidatePolicy(object, old, out);
  } else {
    ValidateMutatingPolicy(object.spec, old == nullptr ? nullptr : &old->spec, out);
  }
}

template <typename Policy>
void CheckPolicy(const Policy& object, Violations& out) {
  ValidateAny<Policy>(object, nullptr, out);
}

template <typename Policy>
void CheckPolicyUpdate(const Policy& object, const Policy& old, Violations& out) {
  ValidateAny(object, &old, out);
}

template <typename Binding>
void CheckBinding(const Binding& object, Violations& out) {
  if constexpr (std::is_same_v<Binding, ValidatingAdmissionPolicyBinding>) {
    ValidatePolicyBinding(object, out);
  } else {
    ValidateMutatingBinding(object.spec, out);
  }
}

template <typename Binding>
void CheckBindingUpdate(const Binding& object, const Binding&, Violations& out) {
  CheckBinding(object, out);
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

template <typename Policy>
constexpr RulesOf<Policy> kMutatingPolicyRules = {
    .set_defaults = DefaultPolicy<Policy>,
    .prepare_create = PrepareCreate<Policy>,
    .prepare_update = PrepareUpdate<Policy>,
    .validate = CheckPolicy<Policy>,
    .validate_update = CheckPolicyUpdate<Policy>,
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

constinit const Rules kMutatingAdmissionPolicyRules =
    Erase<kMutatingPolicyRules<v1beta1::MutatingAdmissionPolicy>>();
constinit const Rules kMutatingAdmissionPolicyAlphaRules =
    Erase<kMutatingPolicyRules<v1alpha1::MutatingAdmissionPolicy>>();

constinit const Rules kMutatingAdmissionPolicyBindingRules =
    Erase<kPolicyBindingRules<v1beta1::MutatingAdmissionPolicyBinding>>();
constinit const Rules kMutatingAdmissionPolicyBindingAlphaRules =
    Erase<kPolicyBindingRules<v1alpha1::MutatingAdmissionPolicyBinding>>();

}  // namespace skiff
