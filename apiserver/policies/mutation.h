// A MutatingAdmissionPolicy as something to change objects by: its expressions, compiled, and what
// one of its mutations makes of a document. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/gen/admissionregistration_v1beta1.h"
#include "apiserver/policies/policy.h"
#include "base/error.h"

namespace skiff {

struct MutationExpressions {
  struct Mutation {
    bool is_json_patch = false;  // Else a configuration to be applied.
    cel::CompiledExpression expression;
  };
  std::vector<cel::AdmissionVariable> variables;
  cel::MatchConditions conditions;
  std::vector<Mutation> mutations;
  NamedInputs named;
};

// One that does not compile is kept with its error: it fails when it is evaluated.
MutationExpressions CompilePolicy(
    const admissionregistration_v1beta1::MutatingAdmissionPolicySpec& spec);

// `document`, of that type, as the mutation leaves it; null: no schema tells how to apply anything
// to it. Fails with Invalid and Kubernetes' words, also where it would be larger than what a client
// may send, and with InternalError where a JSON patch makes it what its kind cannot be.
Result<Json> Mutated(const MutationExpressions& policy,
                     const MutationExpressions::Mutation& mutation,
                     const cel::AdmissionInputs& inputs, const Type* type, Json document);

}  // namespace skiff
