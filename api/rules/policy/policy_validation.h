// Validation of admission policies and their bindings, their expressions among it.
#pragma once

namespace skiff {

class Violations;

namespace admissionregistration_v1 {
struct ValidatingAdmissionPolicy;
struct ValidatingAdmissionPolicyBinding;
}

// `old` is nullptr on create.
void ValidatePolicy(const admissionregistration_v1::ValidatingAdmissionPolicy& object,
                    const admissionregistration_v1::ValidatingAdmissionPolicy* old,
                    Violations& out);
void ValidatePolicyStatus(const admissionregistration_v1::ValidatingAdmissionPolicy& object,
                          const admissionregistration_v1::ValidatingAdmissionPolicy& old,
                          Violations& out);
void ValidatePolicyBinding(const admissionregistration_v1::ValidatingAdmissionPolicyBinding& object,
                           Violations& out);

}  // namespace skiff
