// A ValidatingAdmissionPolicy as something to judge by: its expressions, compiled, and what they
// say of one request under one binding and one parameter. Pure, but for the time that it took.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/cel/admission_activation.h"
#include "api/cel/match_conditions.h"
#include "api/cel/named_parts.h"
#include "api/codec/document_parts.h"
#include "api/gen/admissionregistration_v1.h"
#include "base/error.h"

namespace skiff {

// What of a request expressions name: no more of it has to be made for them.
struct NamedInputs {
  DocumentParts object, old_object;
  bool request = false;
  bool namespace_object = false;
  bool authorizer = false;

  static const NamedInputs& All();
  bool Covers(const NamedInputs& other) const;
  // Of all but what is admitted.
  bool CoversRest(const NamedInputs& other) const;
};

// Finds them out, expression by expression.
class InputNames {
 public:
  explicit InputNames(const std::vector<cel::AdmissionVariable>& variables);
  InputNames(const InputNames&) = delete;
  InputNames& operator=(const InputNames&) = delete;
  void Add(const cel::CompiledExpression& expression);
  const NamedInputs& named() const { return named_; }

 private:
  void Look(const cel::Program& program);
  NamedInputs named_;
  cel::NamedParts parts_;
};

struct PolicyExpressions {
  struct Validation {
    cel::CompiledExpression expression;
    std::optional<cel::CompiledExpression> message_expression;
    std::string message;  // Trimmed.
    Reason reason = Reason::kInvalid;
  };
  struct Annotation {
    std::string key;
    cel::CompiledExpression value;
  };

  bool ignores_failure = false;
  std::vector<cel::AdmissionVariable> variables;
  cel::MatchConditions conditions;
  std::vector<Validation> validations;
  std::vector<Annotation> annotations;
  NamedInputs named;
  // What judging reads of the programs, as far as it is worth being asked for beforehand.
  std::vector<std::span<const std::byte>> read;

  // Asks for all that a judgement is about to read. By then other work has mostly pushed it out of
  // the processor's caches, and evaluations would wait for one line of it after the other.
  void Prefetch() const;
};

// One that does not compile is kept with its error: it fails when it is evaluated.
PolicyExpressions CompilePolicy(
    const admissionregistration_v1::ValidatingAdmissionPolicySpec& spec);

struct PolicyVerdict {
  // What it cost to find out, and what that is counted under.
  struct Check {
    double seconds = 0;
    std::string_view error_type = "no_error";  // "compile_error", "out_of_budget", ...
  };
  // A validation that failed, or could not be evaluated.
  struct Refusal {
    std::string message;
    Reason reason = Reason::kInvalid;
    size_t index = 0;  // Of the validation.
    Check check = {};
  };
  std::vector<Refusal> refusals;
  // Those that could not be evaluated, of a policy that lets that pass.
  std::vector<Check> ignored;
  // Of the audit event.
  std::vector<std::pair<std::string, std::string>> annotations;
  // Annotations that could not be evaluated: these refuse whatever the binding does.
  std::vector<std::string> failed_annotations;
};

PolicyVerdict Judge(const PolicyExpressions& policy, cel::AdmissionInputs inputs);

// What an error is counted under: as Kubernetes tells them apart, by the text. `other`: what those
// are that have no name of their own.
std::string_view ErrorTypeOf(std::string_view message, std::string_view other);

}  // namespace skiff
