#include "api/crd/validate_rules.h"

#include <algorithm>
#include <optional>

#include "api/crd/keyed_items.h"
#include "api/crd/place.h"
#include "api/crd/rule_clock.h"
#include "api/text/go_text.h"
#include "base/text.h"

namespace skiff::crd {
namespace {

using cel::Value;

constexpr size_t kMessageBytesMax = 5120;
// What is said of one document at most; each failure counts for so much and its texts.
constexpr size_t kRulesToldBytesMax = 1 << 20;
constexpr size_t kToldBytesEach = 1 << 10;

// Whether a value is what it was. Of one that nobody can tell what it replaced, as an item of a
// list without keys, the nearest one around it that can be told decides.
struct Ratchet {
  std::optional<bool> own = {};
  bool nearest = false;

  bool Holds() const { return own.value_or(nearest); }
};

const Json* UnlessNull(const Json* value) {
  return value == nullptr || value->is_null() ? nullptr : value;
}

// What a failed rule says; `value` is a document or what stands for one.
template <typename Shown>
void AddFailure(const std::string& reason, const FieldPath& path, const Shown& value,
                const std::string& message, Violations& out) {
  if (reason == "FieldValueForbidden") return out.Forbidden(path, message);
  if (reason == "FieldValueRequired") return out.Required(path, message);
  if (reason == "FieldValueDuplicate") return out.Duplicate(path, value);
  out.Invalid(path, value, message);
}

// A message that can stand in an error; "" for one that cannot.
std::string FitMessage(const Value& value) {
  if (!value.Is(cel::Kind::kString)) return "";
  const std::string text(WithoutBlanks(value.text()));
  return text.size() > kMessageBytesMax || text.find('\n') != text.npos ? "" : text;
}

}  // namespace

class RuleWalk {
 public:
  RuleWalk(RuleRun& run, const FieldPath& root) : run_(run), root_(root) {}

  void Node(const RuleNode& node, const Json& value, const Json* old, const Ratchet& ratchet,
            const Place& place) {
    if (run_.stopped_ || value.is_null()) return;
    const TimedRuleWork timed(RuleWork::kEvaluation);
    if (!node.rules->empty()) Rules(node, value, UnlessNull(old), ratchet, place);
    if (value.is_array() && node.items != nullptr) Items(node, value, old, ratchet, place);
    if (value.is_object()) Members(node, value, old, ratchet, place);
  }

 private:
  // What `self` and `oldSelf` are to the rules of one value.
  struct Bindings {
    Value plain[2];
    Value optional[2];
  };

  void Stop(const RuleNode& node, const Place& place, const std::string& why) {
    run_.out_.Invalid(At(place), node.type, why);
    run_.stopped_ = true;
  }

  FieldPath At(const Place& place) const { return PathBelow(root_, place); }

  void Rules(const RuleNode& node, const Json& value, const Json* old, const Ratchet& ratchet,
             const Place& place) {
    if (run_.left_.cost == 0) return OutOfBudget(node, place);
    const Value self = Value::Document(value, node.self.get());
    // As in Kubernetes: a message can tell what was there where a rule beside it looks at that.
    const bool shows_old = std::any_of(node.rules->begin(), node.rules->end(),
                                       [](const Rule& rule) { return rule.uses_old; });
    const Value was = old != nullptr && shows_old ? Value::Document(*old, node.self.get())
                                                  : Value::Error("no such attribute(s): oldSelf");
    const Bindings bindings{{self, was}, {self, old == nullptr ? Value::None() : Value::Some(was)}};
    for (const Rule& rule : *node.rules) {
      if (run_.stopped_) return;
      if (!rule.error.empty()) {
        Tell(node, place, "rule compile error: " + rule.error);
        continue;
      }
      // What compares with what was there has nothing to say of what is new.
      const bool waits = rule.uses_old && old == nullptr && !rule.optional_old;
      if (rule.program == nullptr || waits) continue;
      One(node, rule, value, bindings, ratchet, place);
    }
  }

  void OutOfBudget(const RuleNode& node, const Place& place) {
    Stop(node, place, cel::kCostsSpent);
  }

  void One(const RuleNode& node, const Rule& rule, const Json& value, const Bindings& bindings,
           const Ratchet& ratchet, const Place& place) {
    if (run_.left_.runs == 0) return OutOfBudget(node, place);
    --run_.left_.runs;
    const cel::Outcome outcome = rule.program->Eval(
        rule.optional_old ? bindings.optional : bindings.plain, cel::kCallCostMax);
    if (outcome.cost > run_.left_.cost) return OutOfBudget(node, place);
    run_.left_.cost -= outcome.cost;
    if (outcome.interrupted) {
      return Stop(node, place,
                  std::string(outcome.value.text()) + " evaluating rule: " + rule.Name());
    }
    if (outcome.over_budget) {
      return Stop(node, place,
                  "'" + std::string(outcome.value.text()) +
                      "': no further validation rules will be run due to call cost exceeds limit "
                      "for rule: " +
                      rule.Name());
    }
    if (outcome.failed()) return Failed(node, rule, std::string(outcome.value.text()), place);
    if (outcome.value.IsTrue()) return;
    const bool stays = !rule.uses_old && ratchet.Holds();
    size_t& told = stays ? run_.told_of_ratcheted_ : run_.told_;
    // Nobody reads on, and each path may be as long as the document.
    if (told > kRulesToldBytesMax) {
      run_.stopped_ = !stays;
      return;
    }
    Violations& out = stays ? run_.forgiven_->out : run_.out_;
    const FieldPath at = rule.place.empty() ? At(place) : At(place).Child(rule.place);
    const std::string message = Message(node, rule, bindings, at, out);
    told += kToldBytesEach + at.Text().size() + message.size();
    if (run_.stopped_) return;
    if (value.is_structured()) {  // Nothing is printed of what may be large.
      AddFailure(rule.reason, at, Printed::Nothing(), message, out);
    } else {
      AddFailure(rule.reason, at, value, message, out);
    }
  }

  // The rule could not be evaluated.
  void Failed(const RuleNode& node, const Rule& rule, const std::string& why, const Place& place) {
    const bool misfit = why.starts_with("no such overload");
    Tell(node, place,
         misfit ? "'" + why +
                      "': call arguments did not match a supported operator, function or macro "
                      "signature for rule: " +
                      rule.Name()
                : why + " evaluating rule: " + rule.Name());
  }

  // Until nobody reads on: each path may be as long as the document.
  void Tell(const RuleNode& node, const Place& place, const std::string& text) {
    if (run_.told_ > kRulesToldBytesMax) {
      run_.stopped_ = true;
      return;
    }
    const FieldPath at = At(place);
    run_.told_ += kToldBytesEach + at.Text().size() + text.size();
    run_.out_.Invalid(at, node.type, text);
  }

  // Why the rule says no. Stops, with an error of its own, where the message costs too much.
  std::string Message(const RuleNode& node, const Rule& rule, const Bindings& bindings,
                      const FieldPath& at, Violations& out) {
    const std::string plain = rule.message.empty() ? "failed rule: " + rule.text : rule.message;
    if (rule.message_program == nullptr) return plain;
    const cel::Outcome outcome = rule.message_program->Eval(bindings.plain, cel::kCallCostMax);
    std::string problem;
    if (outcome.cost > run_.left_.cost) {
      problem =
          "messageExpression evaluation failed due to running out of cost budget, no further "
          "validation rules will be run";
    } else if (outcome.over_budget) {
      problem =
          "no further validation rules will be run due to call cost exceeds limit for "
          "messageExpression: " +
          GoQuote(rule.message_expression);
    }
    if (!problem.empty()) {
      out.Invalid(at, node.type, problem);
      run_.stopped_ = true;
      return "";
    }
    run_.left_.cost -= outcome.cost;
    const std::string made = FitMessage(outcome.value);
    return made.empty() ? plain : made;
  }

  // Where a value below another one comes from, as far as anybody can tell.
  void Below(const RuleNode& node, const Json& value, const Json* old, bool told,
             const Ratchet& ratchet, const Place& place) {
    if (!ratchet.own) return Node(node, value, old, ratchet, place);
    Ratchet below{.nearest = *ratchet.own};
    if (told) below.own = *ratchet.own || run_.forgiven_->unchanged.Holds(value, old);
    Node(node, value, old, below, place);
  }

  void Items(const RuleNode& node, const Json& list, const Json* old, const Ratchet& ratchet,
             const Place& place) {
    const KeyedItems& before = lists_.Of(node.list_type, node.list_keys, old);
    for (size_t i = 0; i < list.size() && !run_.stopped_; ++i) {
      const Json* was = before.Find(list[i]);
      Below(*node.items, list[i], was, was != nullptr, ratchet, place.Item(i));
    }
  }

  void Members(const RuleNode& node, const Json& object, const Json* old, const Ratchet& ratchet,
               const Place& place) {
    const bool told = old != nullptr && old->is_object();
    const auto old_of = [&](const std::string& name) -> const Json* {
      if (!told) return nullptr;
      const auto found = old->find(name);
      return found == old->end() ? nullptr : &*found;
    };
    if (node.properties.empty() && node.additional == nullptr) return;
    const Ratchet never;
    for (const auto& [name, value] : object.get_ref<const Json::object_t&>()) {
      if (run_.stopped_) return;
      // An update does not show whether these changed: both objects were made of one version.
      const bool is_type = place.IsRoot() && (name == "apiVersion" || name == "kind");
      const Ratchet& known = is_type ? never : ratchet;
      if (node.additional != nullptr) {
        Below(*node.additional, value, old_of(name), told, known, place.Key(name));
      }
      const auto property = node.properties.find(name);
      if (property == node.properties.end()) continue;
      Below(*property->second, value, old_of(name), told, known, place.Member(name));
    }
  }

  RuleRun& run_;
  const FieldPath root_;
  KeyedLists lists_;  // Of what was there.
};

void RuleRun::Validate(const RuleNode& rules, const Json& value, const Json* old,
                       const FieldPath& at) {
  Ratchet root;
  if (forgiven_ != nullptr) root.own = forgiven_->unchanged.Holds(value, old);
  RuleWalk(*this, at).Node(rules, value, old, root, {});
}

}  // namespace skiff::crd
