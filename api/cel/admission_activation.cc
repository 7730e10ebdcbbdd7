#include "api/cel/admission_activation.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "api/text/go_text.h"

namespace skiff::cel {
namespace {

Value ValueOf(const Json* document) {
  return document == nullptr ? Value() : Value::Document(*document);
}

}  // namespace

class AdmissionActivation::Variables final : public ObjectValue {
 public:
  Variables(std::span<const AdmissionVariable> variables, std::span<const Value> bindings,
            MadeBytes& made)
      : bindings_(bindings), made_(made) {
    known_.reserve(variables.size());
    for (const AdmissionVariable& each : variables) known_.push_back({&each, {}});
    if (!std::ranges::is_sorted(known_, {}, OrderOf)) std::ranges::sort(known_, {}, OrderOf);
  }
  std::string TypeName() const override { return "kubernetes.variables"; }
  std::optional<Value> Field(std::string_view name) const override {
    // Of two of one name the later one counts.
    const auto behind = std::ranges::upper_bound(
        known_, name, {},
        [](const Known& each) -> std::string_view { return each.variable->name; });
    if (behind == known_.begin() || std::prev(behind)->variable->name != name) return std::nullopt;
    Known& found = *std::prev(behind);
    if (!found.value) found.value = Compute(name, found.variable->expression);
    return found.value;
  }
  // What they may cost together, until what they did is taken.
  void Give(uint64_t budget) { budget_ = budget; }
  uint64_t TakeCost() { return std::exchange(cost_, 0); }

 private:
  struct Known {
    const AdmissionVariable* variable;
    std::optional<Value> value;
  };
  static std::pair<std::string_view, const void*> OrderOf(const Known& each) {
    return {each.variable->name, each.variable};
  }

  Value Compute(std::string_view name, const CompiledExpression& expression) const {
    const auto failed = [&](const char* how, std::string_view why) {
      return Value::Error(
          fmt::format("composited variable {} fails to {}: {}", GoQuote(name), how, why));
    };
    if (!expression.program) return failed("compile", expression.error);
    // Variables may name variables that name variables.
    if (levels_of_thread > kLevelsMax) return failed("evaluate", "variables are nested too deeply");
    levels_of_thread += kLevelsOfVariable;
    // A little over it at most, by which it is known that it is spent.
    const uint64_t left = budget_ - std::min(budget_, cost_);
    Outcome outcome = expression.program->Eval(bindings_, std::min(kCallCostMax, left), &made_);
    levels_of_thread -= kLevelsOfVariable;
    cost_ += outcome.cost;
    if (!outcome.failed()) return std::move(outcome.value);
    return failed("evaluate", outcome.value.text());
  }

  // What beginning an evaluation takes of the stack.
  static constexpr int kLevelsOfVariable = 4;

  const std::span<const Value> bindings_;
  MadeBytes& made_;
  // By name. Who reads a field does not know that it is computed.
  mutable std::vector<Known> known_;
  uint64_t budget_ = 0;
  mutable uint64_t cost_ = 0;
};

AdmissionActivation::AdmissionActivation(std::span<const AdmissionVariable> variables,
                                         const AdmissionInputs& inputs)
    : made_(inputs.made == nullptr ? own_ : *inputs.made),
      variables_(std::make_unique<Variables>(variables, bindings_, made_)) {
  bindings_[kSlotObject] = inputs.object;
  bindings_[kSlotOldObject] = inputs.old_object;
  bindings_[kSlotNamespaceObject] = ValueOf(inputs.namespace_object);
  bindings_[kSlotRequest] = ValueOf(inputs.request);
  bindings_[kSlotParams] = ValueOf(inputs.params);
  // No value outlives the activation: nobody has to count who holds them.
  bindings_[kSlotVariables] =
      Value::Object(std::shared_ptr<const Variables>(std::shared_ptr<void>(), variables_.get()));
  if (inputs.authorizer != nullptr && inputs.request_resource != nullptr) {
    bindings_[kSlotAuthorizer] = AuthorizerValue(*inputs.authorizer);
    bindings_[kSlotRequestResource] =
        RequestResourceValue(*inputs.authorizer, *inputs.request_resource);
  } else {
    bindings_[kSlotAuthorizer] = Value::ErrorView("no such attribute(s): authorizer");
    bindings_[kSlotRequestResource] =
        Value::ErrorView("no such attribute(s): authorizer.requestResource");
  }
}

AdmissionActivation::~AdmissionActivation() = default;

Evaluation AdmissionActivation::Evaluate(const CompiledExpression& expression, uint64_t& budget) {
  if (!expression.program) return {Value(), "compilation error: " + expression.error};
  variables_->Give(budget);
  Outcome outcome = expression.program->Eval(bindings_, kCallCostMax, &made_);
  for (const uint64_t cost : {variables_->TakeCost(), outcome.cost}) {
    if (cost > budget) return {Value(), kCostsSpent, true};
    budget -= cost;
  }
  if (!outcome.failed()) return {std::move(outcome.value)};
  return {Value(),
          fmt::format("expression '{}' resulted in error: {}", expression.text,
                      outcome.value.text()),
          outcome.interrupted};
}

}  // namespace skiff::cel
