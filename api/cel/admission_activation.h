// What the expressions of an admission policy, or a webhook's match conditions, see of one request:
// the values behind the names of an AdmissionScope, and the budget that they all spend.
//
//   AdmissionActivation activation(variables,
//                                  {.object = Value::Document(pod), .request = &request});
//   uint64_t budget = kObjectCostMax;
//   const auto result = activation.Evaluate(validation, budget);
//   if (result.exhausted) ...                               // Nothing more may be evaluated.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>

#include "api/cel/admission_scope.h"
#include "api/cel/authorizer.h"

namespace skiff::cel {

struct AdmissionVariable {
  std::string name;
  CompiledExpression expression;
};

// All of it outlives the activation; what is null is null to expressions.
struct AdmissionInputs {
  Value object = {};
  Value old_object = {};
  const Json* params = nullptr;
  const Json* request = nullptr;
  const Json* namespace_object = nullptr;
  // Null, one or both: naming either is an error.
  const Authorizer* authorizer = nullptr;
  const AccessQuestion* request_resource = nullptr;
  // Shared by the activations of one judgement, which together make no more than one evaluation may
  // (kMadeBytesMax). Null: the activation is on its own.
  MadeBytes* made = nullptr;
};

struct Evaluation {
  Value value;            // Lives as long as the activation and the expression.
  std::string error = {};  // "expression 'x' resulted in error: ..."; "": there is a value.
  bool exhausted = false;  // The budget is spent: `error` says so.

  bool failed() const { return !error.empty(); }
};

// Not thread-safe. Variables are evaluated when they are first asked for, once.
class AdmissionActivation {
 public:
  // `variables` name only those before them.
  AdmissionActivation(std::span<const AdmissionVariable> variables, const AdmissionInputs& inputs);
  AdmissionActivation(const AdmissionActivation&) = delete;
  AdmissionActivation& operator=(const AdmissionActivation&) = delete;
  ~AdmissionActivation();

  // What it costs, variables included, is taken from `budget`.
  Evaluation Evaluate(const CompiledExpression& expression, uint64_t& budget);

 private:
  class Variables;
  MadeBytes own_;
  MadeBytes& made_;  // Of variables and of results, which may be kept until all is judged.
  std::array<Value, kAdmissionSlots> bindings_;
  const std::unique_ptr<Variables> variables_;
};

}  // namespace skiff::cel
