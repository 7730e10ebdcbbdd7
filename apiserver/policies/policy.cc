#include "apiserver/policies/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "api/cel/plan.h"
#include "base/text.h"

namespace skiff {
namespace {

using namespace admissionregistration_v1;

constexpr size_t kMessageBytesMax = 5 * 1024;
constexpr size_t kAnnotationBytesMax = 10 * 1024;

// What validations or annotations say before their budget is spent. Nothing of those none of which
// has an expression.
class Round {
 public:
  struct Timed {
    cel::Evaluation evaluation;
    double seconds = 0;  // It took.
  };

  template <typename Items, typename ExpressionOf>
  Round(const PolicyExpressions& policy, const cel::AdmissionInputs& inputs, const Items& items,
        uint64_t& budget, const ExpressionOf& expression_of) {
    if (std::ranges::all_of(items, [&](const auto& item) { return !expression_of(item); })) return;
    activation_.emplace(policy.variables, inputs);
    results_.reserve(items.size());
    auto since = std::chrono::steady_clock::now();
    for (const auto& item : items) {
      const cel::CompiledExpression* expression = expression_of(item);
      Timed& result = results_.emplace_back();
      if (expression != nullptr) result.evaluation = activation_->Evaluate(*expression, budget);
      const auto now = std::chrono::steady_clock::now();
      result.seconds = std::chrono::duration<double>(now - since).count();
      since = now;
      if (exhausted() != nullptr) break;
    }
  }
  const std::vector<Timed>& results() const { return results_; }
  // Null: the budget was not spent.
  const cel::Evaluation* exhausted() const {
    const bool is_spent = !results_.empty() && results_.back().evaluation.exhausted;
    return is_spent ? &results_.back().evaluation : nullptr;
  }

 private:
  std::optional<cel::AdmissionActivation> activation_;  // Of the values.
  std::vector<Timed> results_;
};

// "": there is none to be shown, and the next best message is.
std::string MessageFrom(const cel::Evaluation& evaluated) {
  if (evaluated.failed() || !evaluated.value.Is(cel::Kind::kString)) return "";
  const std::string text(WithoutBlanks(evaluated.value.text()));
  const bool shown = text.size() <= kMessageBytesMax && text.find('\n') == std::string::npos;
  return shown ? text : "";
}

// Of a validation, whatever is not true is one of them.
std::string_view ErrorTypeOfCheck(std::string_view message) {
  return ErrorTypeOf(message, "internal_error");
}

void JudgeValidations(const PolicyExpressions& policy, const Round& round, const Round& messages,
                      PolicyVerdict& verdict) {
  for (size_t i = 0; i < round.results().size(); ++i) {
    const cel::Evaluation& result = round.results()[i].evaluation;
    const double seconds = round.results()[i].seconds;
    const PolicyExpressions::Validation& validation = policy.validations[i];
    const auto failed = [&](std::string why) {
      const PolicyVerdict::Check check{seconds, ErrorTypeOfCheck(why)};
      if (policy.ignores_failure) {
        verdict.ignored.push_back(check);
      } else {
        verdict.refusals.push_back({std::move(why), Reason::kInvalid, i, check});
      }
    };
    if (result.failed()) {
      failed(result.error);
    } else if (const auto* spent = messages.exhausted()) {
      failed("failed messageExpression: " + spent->error);
    } else if (!result.value.IsTrue()) {
      // There is one for each validation, or for none, as none of them spent the budget.
      std::string message =
          messages.results().empty() ? "" : MessageFrom(messages.results()[i].evaluation);
      if (message.empty()) message = validation.message;
      if (message.empty()) {
        message = "failed expression: ";
        message += WithoutBlanks(validation.expression.text);
      }
      const PolicyVerdict::Check check{seconds, ErrorTypeOfCheck(message)};
      verdict.refusals.push_back({std::move(message), validation.reason, i, check});
    }
  }
}

void JudgeAnnotation(const PolicyExpressions& policy, size_t index, const cel::Evaluation& result,
                     PolicyVerdict& verdict) {
  const PolicyExpressions::Annotation& annotation = policy.annotations[index];
  if (result.failed()) {
    if (!policy.ignores_failure) verdict.failed_annotations.push_back(result.error);
    return;
  }
  if (result.value.Is(cel::Kind::kNull)) return;
  if (!result.value.Is(cel::Kind::kString)) {
    verdict.failed_annotations.push_back(
        fmt::format("valueExpression '{}' resulted in unsupported return type: {}. Return type "
                    "must be either string or null.",
                    annotation.value.text, result.value.TypeName()));
    return;
  }
  const std::string text(WithoutBlanks(result.value.text()));
  if (text.empty()) return;
  verdict.annotations.emplace_back(annotation.key, text.substr(0, kAnnotationBytesMax));
}

PolicyVerdict Broken(const PolicyExpressions& policy, const std::string& why) {
  PolicyVerdict verdict;
  const PolicyVerdict::Check check{.error_type = ErrorTypeOfCheck(why)};
  if (policy.ignores_failure) {
    verdict.ignored.push_back(check);
  } else {
    verdict.refusals.push_back({.message = why, .check = check});
  }
  return verdict;
}

NamedInputs NamedBy(const PolicyExpressions& policy) {
  InputNames names(policy.variables);
  for (const cel::CompiledExpression& condition : policy.conditions) names.Add(condition);
  for (const PolicyExpressions::Validation& validation : policy.validations) {
    names.Add(validation.expression);
    if (validation.message_expression) names.Add(*validation.message_expression);
  }
  for (const PolicyExpressions::Annotation& annotation : policy.annotations) {
    names.Add(annotation.value);
  }
  return names.named();
}

// More of it would push out of the first cache what it brings there.
constexpr size_t kPrefetchBytesMax = 16 * 1024;

std::vector<std::span<const std::byte>> ReadBy(const PolicyExpressions& policy) {
  std::vector<std::span<const std::byte>> read;
  size_t bytes = 0;
  const auto add = [&](const cel::CompiledExpression& expression) {
    const cel::Program* program = expression.program.get();
    if (program == nullptr || bytes > kPrefetchBytesMax) return;
    read.push_back(std::as_bytes(std::span(program, 1)));
    for (const auto& memory : program->plan().Memory()) {
      bytes += memory.size();
      read.push_back(memory);
    }
  };
  for (const cel::CompiledExpression& condition : policy.conditions) add(condition);
  for (const auto& validation : policy.validations) add(validation.expression);
  for (const cel::AdmissionVariable& variable : policy.variables) add(variable.expression);
  return read;
}

Reason ReasonOf(const Validation& validation) {
  return validation.reason ? ReasonFromText(*validation.reason) : Reason::kInvalid;
}

}  // namespace

InputNames::InputNames(const std::vector<cel::AdmissionVariable>& variables)
    : parts_(named_.object, named_.old_object) {
  for (const auto& [name, expression] : variables) {
    if (expression.program == nullptr) continue;
    Look(*expression.program);
    parts_.AddVariable(name, *expression.program);
  }
}

void InputNames::Add(const cel::CompiledExpression& expression) {
  if (expression.program == nullptr) return;
  Look(*expression.program);
  parts_.Add(*expression.program);
}

void InputNames::Look(const cel::Program& program) {
  named_.request |= program.Uses("request");
  named_.namespace_object |= program.Uses("namespaceObject");
  named_.authorizer |= program.Uses("authorizer") || program.Uses("authorizer.requestResource");
}

const NamedInputs& NamedInputs::All() {
  static const NamedInputs kAll{{.whole = true}, {.whole = true}, true, true, true};
  return kAll;
}

bool NamedInputs::Covers(const NamedInputs& other) const {
  return object.Covers(other.object) && old_object.Covers(other.old_object) && CoversRest(other);
}

bool NamedInputs::CoversRest(const NamedInputs& other) const {
  return (request || !other.request) && (namespace_object || !other.namespace_object) &&
         (authorizer || !other.authorizer);
}

PolicyExpressions CompilePolicy(const ValidatingAdmissionPolicySpec& spec) {
  using cel::Returns;
  PolicyExpressions made;
  made.ignores_failure = spec.failure_policy == "Ignore";
  cel::AdmissionScope scope({.params = bool(spec.param_kind), .composed = true});
  for (const Variable& variable : spec.variables) {
    made.variables.push_back({variable.name, scope.Compile(variable.expression, {})});
    scope.AddVariable(variable.name, made.variables.back().expression.type());
  }
  made.conditions = cel::CompileConditions(scope, spec.match_conditions);
  for (const Validation& validation : spec.validations) {
    PolicyExpressions::Validation& added = made.validations.emplace_back();
    added.expression = scope.Compile(validation.expression, {.returns = Returns::kBool});
    added.message = WithoutBlanks(validation.message);
    added.reason = ReasonOf(validation);
    if (validation.message_expression.empty()) continue;
    added.message_expression = scope.Compile(
        validation.message_expression, {.returns = Returns::kString, .authorizer = false});
  }
  for (const AuditAnnotation& annotation : spec.audit_annotations) {
    made.annotations.push_back(
        {annotation.key,
         scope.Compile(annotation.value_expression, {.returns = Returns::kStringOrNull})});
  }
  made.named = NamedBy(made);
  made.read = ReadBy(made);
  return made;
}

void PolicyExpressions::Prefetch() const {
  size_t left = kPrefetchBytesMax;
  const auto ask = [&](std::span<const std::byte> memory) {
    memory = memory.first(std::min(memory.size(), left));
    left -= memory.size();
    const std::byte* const end = memory.data() + memory.size();
    const size_t before = reinterpret_cast<uintptr_t>(memory.data()) % cel::kCacheLineBytes;
    for (auto at = memory.data() - before; at < end; at += cel::kCacheLineBytes) {
      __builtin_prefetch(at);
    }
  };
  ask(std::as_bytes(std::span(variables)));
  ask(std::as_bytes(std::span(validations)));
  for (const auto& memory : read) ask(memory);
}

PolicyVerdict Judge(const PolicyExpressions& policy, cel::AdmissionInputs inputs) {
  cel::MadeBytes made;
  inputs.made = &made;
  if (!policy.conditions.empty()) {
    const Result<bool> hold = cel::ConditionsHold(policy.conditions, inputs);
    if (!hold) return Broken(policy, hold.error().message);
    if (!*hold) return {};
  }
  using Validation = PolicyExpressions::Validation;
  uint64_t budget = cel::kObjectCostMax;
  const Round round(policy, inputs, policy.validations, budget,
                    [](const Validation& each) { return &each.expression; });
  if (const auto* spent = round.exhausted()) return Broken(policy, spent->error);

  // Messages and annotations do not ask what the user may do; they see variables of their own.
  inputs.authorizer = nullptr;
  const Round messages(policy, inputs, policy.validations, budget, [](const Validation& each) {
    return each.message_expression ? &*each.message_expression : nullptr;
  });
  PolicyVerdict verdict;
  JudgeValidations(policy, round, messages, verdict);

  budget = cel::kObjectCostMax;
  const Round annotations(policy, inputs, policy.annotations, budget,
                          [](const PolicyExpressions::Annotation& each) { return &each.value; });
  if (const auto* spent = annotations.exhausted()) return Broken(policy, spent->error);
  for (size_t i = 0; i < annotations.results().size(); ++i) {
    JudgeAnnotation(policy, i, annotations.results()[i].evaluation, verdict);
  }
  return verdict;
}

std::string_view ErrorTypeOf(std::string_view message, std::string_view other) {
  if (message.starts_with("compilation")) return "compile_error";
  return message.starts_with(cel::kCostsSpent) ? "out_of_budget" : other;
}

}  // namespace skiff
