// Validation of admission policies and their bindings, their expressions among it.
#pragma once

namespace skiff {

class Violations;

namespace admissionregistration_v1 {
struct ValidatingAdmissionPolicy;
struct ValidatingAdmissionPolicyBinding;
}  // namespace admissionregistration_v1
namespace admissionregistration_v1beta1 {
struct MutatingAdmissionPolicySpec;
struct MutatingAdmissionPolicyBindingSpec;
}  // namespace admissionregistration_v1beta1

// `old` is nullptr on create.
void ValidatePolicy(const admissionregistration_v1::ValidatingAdmissionPolicy& object,
                    const admissionregistration_v1::ValidatingAdmissionPolicy* old,
                    Violations& out);
// Of one in any version.
void ValidateMutatingPolicy(const admissionregistration_v1beta1::MutatingAdmissionPolicySpec& spec,
                            const admissionregistration_v1beta1::MutatingAdmissionPolicySpec* old,
                            Violations& out);
void ValidatePolicyStatus(const admissionregistration_v1::ValidatingAdmissionPolicy& object,
                          const admissionregistration_v1::ValidatingAdmissionPolicy& old,
                          Violations& out);
void ValidatePolicyBinding(const admissionregistration_v1::ValidatingAdmissionPolicyBinding& object,
                           Violations& out);
void ValidateMutatingBinding(
    const admissionregistration_v1beta1::MutatingAdmissionPolicyBindingSpec& spec, Violations& out);

}  // namespace skiff
