// Validation of admission policies and their bindings, their expressions among it.
#pragma once

namespace skiff {

class Violations;

namespace admissionregistration_v1 {
struct ValidatingAdmissionPolicy;
struct ValidatingAdmissionPolicyBinding;
}  // namespace admissionregistration_v1
namespace admissionregistration_v1beta1 {
struct MutatingAdmissionPolicy;
struct MutatingAdmissionPolicyBinding;
}  // namespace admissionregistration_v1beta1

// `old` is nullptr on create.
void ValidatePolicy(const admissionregistration_v1::ValidatingAdmissionPolicy& object,
                    const admissionregistration_v1::ValidatingAdmissionPolicy* old,
                    Violations& out);
void ValidatePolicy(const admissionregistration_v1beta1::MutatingAdmissionPolicy& object,
                    const admissionregistration_v1beta1::MutatingAdmissionPolicy* old,
                    Violations& out);
void ValidatePolicyStatus(const admissionregistration_v1::ValidatingAdmissionPolicy& object,
                          const admissionregistration_v1::ValidatingAdmissionPolicy& old,
                          Violations& out);
void ValidatePolicyBinding(const admissionregistration_v1::ValidatingAdmissionPolicyBinding& object,
                           Violations& out);
void ValidatePolicyBinding(
    const admissionregistration_v1beta1::MutatingAdmissionPolicyBinding& object, Violations& out);

}  // namespace skiff
