#include "api/cel/plan.h"

#include <map>
#include <set>
#include <unordered_map>

#include "base/error.h"

namespace skiff::cel {
namespace {

bool IsKnownBefore(const Expr& expr) {
  return expr.kind == ExprKind::kLiteral || expr.is_folded || expr.is_constant;
}

bool HasName(const Expr& expr) {
  return expr.kind == ExprKind::kSelect && expr.slot < 0 && !IsKnownBefore(expr);
}

bool IsSelectedName(const Expr& expr) {
  return expr.kind == ExprKind::kSelect && expr.slot >= 0;
}

// Whether one of its overloads is run; of other calls nobody looks at them.
bool IsChosen(const Expr& expr) {
  return !IsKnownBefore(expr) && expr.op == Operator::kNone && !expr.overloads.empty();
}

// What cel-go calls an attribute: a name, or what is selected of something.
bool IsRow(const Expr& expr) {
  if (IsKnownBefore(expr)) return false;
  switch (expr.op) {
    case Operator::kIndex:
    case Operator::kOptionalIndex:
    case Operator::kOptionalSelect:
    case Operator::kConditional:
      return true;
    default:
      return expr.kind == ExprKind::kIdent || expr.kind == ExprKind::kSelect;
  }
}

// Whether its row costs one for what that begins with. Of a conditional each branch is a row.
bool PaysBeginning(const Expr& expr) {
  const Expr* at = &expr;
  while (IsRow(*at) && at->kind != ExprKind::kIdent && !IsSelectedName(*at)) {
    if (at->op == Operator::kConditional || at->test_only) return false;
    at = at->target != nullptr ? at->target : at->args[0];
  }
  return at != &expr || IsRow(*at);
}

bool IsSelection(const Expr& expr) {
  const bool selects = expr.kind == ExprKind::kSelect && !IsSelectedName(expr);
  return selects ||
         (IsRow(expr) && expr.kind == ExprKind::kCall && expr.op != Operator::kConditional);
}

// Whether a call costs by its overload, and there are several of them.
bool IsOfUnknownCost(const Expr& expr) {
  static const std::set<std::string_view> names = {
      "_+_", "_<_",   "_<=_",   "_>_",  "_>=_",
      "@in", "bytes", "string", "sort", "@sortByAssociatedKeys"};
  return expr.overloads.size() > 1 && names.contains(expr.name);
}

// Of those cel-go makes a set beforehand, and counts no look at it.
bool IsSetOfConstants(const Value& list) {
  if (!list.Is(Kind::kList)) return false;
  for (size_t i = 0; i < list.Size(); ++i) {
    switch (list.At(i).kind()) {
      case Kind::kBool:
      case Kind::kInt:
      case Kind::kUint:
      case Kind::kDouble:
      case Kind::kString:
        break;
      default:
        return false;
    }
  }
  return true;
}

bool LooksIntoConstants(const Expr& expr) {
  if (expr.name != "@in" || expr.overloads.size() != 1) return false;
  const Expr& list = *expr.args[1];
  return IsKnownBefore(list) && IsSetOfConstants(list.literal);
}

// In the order of Node::children.
std::vector<const Expr*> ChildrenOf(const Expr& expr) {
  if (IsKnownBefore(expr) || IsSelectedName(expr)) return {};
  if (expr.kind == ExprKind::kComprehension) {
    return {expr.range, expr.initial, expr.condition, expr.step, expr.result};
  }
  // Of the list that is added, its one item.
  if (expr.op == Operator::kAppend) return {expr.args[0], expr.args[1]->args[0]};
  std::vector<const Expr*> children;
  if (expr.target != nullptr) children.push_back(expr.target);
  children.insert(children.end(), expr.args.begin(), expr.args.end());
  return children;
}

// Of a comprehension as the macros all() and exists() write them; nobody else can name what it
// gathers.
Quantifier QuantifierOf(const Expr& loop) {
  const auto gathered = [&](const Expr& expr) {
    return expr.kind == ExprKind::kIdent && expr.slot == loop.slot;
  };
  const Expr& condition = *loop.condition;
  const Expr& step = *loop.step;
  const bool asks = condition.op == Operator::kNotStrictlyFalse && step.args.size() == 2 &&
                    gathered(*step.args[0]) && gathered(*loop.result) &&
                    loop.initial->kind == ExprKind::kLiteral &&
                    loop.initial->literal.Is(Kind::kBool);
  if (!asks) return Quantifier::kNone;
  const Expr& goes_on = *condition.args[0];
  if (loop.initial->literal.boolean()) {
    const bool is_all = step.op == Operator::kAnd && gathered(goes_on);
    return is_all ? Quantifier::kAll : Quantifier::kNone;
  }
  const bool is_exists = step.op == Operator::kOr && goes_on.name == "!_" &&
                         goes_on.args.size() == 1 && gathered(*goes_on.args[0]);
  return is_exists ? Quantifier::kExists : Quantifier::kNone;
}

// Texts are looked at where they are: an evaluation does not count who else holds them.
Value WithoutOwner(const Value& literal) {
  return literal.Is(Kind::kString) ? Value::StringView(literal.text()) : literal;
}

constexpr uint16_t BitOf(Kind kind) {
  return static_cast<uint16_t>(1U << static_cast<unsigned>(kind));
}
constexpr size_t kKinds = static_cast<size_t>(Kind::kError) + 1;
static_assert(kKinds <= 16);

// Of the kinds that Accepts looks into.
constexpr size_t kKindsLookedInto = 5;
uint16_t LookedInto(const Type& type) {
  switch (type.kind) {
    case TypeKind::kList:
      return BitOf(Kind::kList);
    case TypeKind::kMap:
      return BitOf(Kind::kMap);
    case TypeKind::kObject:
      return BitOf(Kind::kObject);
    case TypeKind::kOpaque:
      return BitOf(Kind::kOpaque) | BitOf(Kind::kOptional);
    default:
      return 0;
  }
}

bool TakesAny(const Type& type) {
  return type.kind == TypeKind::kDyn || type.kind == TypeKind::kError ||
         type.kind == TypeKind::kParam;
}

Choice::Taken TakenBy(const Type& type) {
  // One of each kind that is all there is to know of it.
  static const std::array kSamples = {Value(),
                                      Value::Bool(true),
                                      Value::Int(0),
                                      Value::Uint(0),
                                      Value::Double(0),
                                      Value::StringView(""),
                                      Value::Bytes(""),
                                      Value::Duration(0),
                                      Value::Timestamp({}),
                                      Value::TypeNamed("")};
  // Errors are no arguments.
  static_assert(std::tuple_size_v<decltype(kSamples)> + kKindsLookedInto + 1 == kKinds,
                "no overload takes a kind of value that is neither here nor looked into");
  if (TakesAny(type)) return {.outright = UINT16_MAX};
  if (type.kind == TypeKind::kList && TakesAny(*type.params[0])) {
    return {.outright = BitOf(Kind::kList)};
  }
  Choice::Taken taken{.looked_into = LookedInto(type)};
  for (const Value& sample : kSamples) {
    if (Accepts(type, sample)) taken.outright |= BitOf(sample.kind());
  }
  return taken;
}

}  // namespace

Choice::Choice(const Overload& overload)
    : run(overload.run), overload(&overload), cost(overload.cost) {
  const auto& args = overload.signature.args;
  CHECK(args.size() <= kArgumentsMax);
  for (size_t i = 0; i < args.size(); ++i) taken[i] = TakenBy(*args[i]);
}

bool Choice::Takes(std::span<const Value> args) const {
  for (size_t i = 0; i < args.size(); ++i) {
    const uint16_t bit = BitOf(args[i].kind());
    if ((taken[i].outright & bit) != 0) continue;
    if ((taken[i].looked_into & bit) == 0) return false;
    if (!Accepts(*overload->signature.args[i], args[i])) return false;
  }
  return true;
}

Plan::Plan(const Expr& root, int locals) : locals_(locals) {
  // Macros give one expression to several others.
  std::unordered_map<const Expr*, size_t> places;
  std::map<std::vector<const Overload*>, size_t> first_choices;
  std::vector<const Expr*> order;
  std::vector<const Expr*> open = {&root};
  size_t children = 0, known = 0, name_bytes = 0;
  while (!open.empty()) {
    const Expr* expr = open.back();
    open.pop_back();
    if (!places.emplace(expr, order.size()).second) continue;
    order.push_back(expr);
    const auto below = ChildrenOf(*expr);
    open.insert(open.end(), below.rbegin(), below.rend());
    children += below.size();
    if (IsChosen(*expr) && first_choices.emplace(expr->overloads, choices_.size()).second) {
      for (const Overload* overload : expr->overloads) choices_.emplace_back(*overload);
    }
    known += IsKnownBefore(*expr) ? 1 : 0;
    name_bytes += HasName(*expr) ? expr->name.size() : 0;
  }
  nodes_.resize(order.size());
  children_.reserve(children);
  choices_.shrink_to_fit();
  known_.reserve(known);
  names_.reserve(name_bytes);
  for (size_t i = 0; i < order.size(); ++i) {
    Node& node = nodes_[i];
    const auto below = ChildrenOf(*order[i]);
    node.children = children_.data() + children_.size();
    node.child_count = static_cast<uint32_t>(below.size());
    for (const Expr* child : below) children_.push_back(&nodes_[places.at(child)]);
    if (IsChosen(*order[i])) {
      node.first_choice = &choices_[first_choices.at(order[i]->overloads)];
      node.choice_count = static_cast<uint16_t>(order[i]->overloads.size());
    }
    Fill(node, *order[i]);
  }
}

std::vector<std::span<const std::byte>> Plan::Memory() const {
  return {std::as_bytes(std::span(this, 1)),   std::as_bytes(std::span(nodes_)),
          std::as_bytes(std::span(children_)), std::as_bytes(std::span(choices_)),
          std::as_bytes(std::span(known_)),    std::as_bytes(std::span(names_))};
}

void Plan::Fill(Node& node, const Expr& expr) {
  CHECK(expr.overloads.size() <= UINT16_MAX);
  node.kind = IsSelectedName(expr) ? ExprKind::kIdent : expr.kind;
  node.op = expr.op;
  node.test_only = expr.test_only;
  node.slot = expr.slot;
  node.written = &expr;
  FillCosts(node, expr);
  if (IsKnownBefore(expr)) node.known = &known_.emplace_back(WithoutOwner(expr.literal));
  if (HasName(expr)) {
    node.name = {names_.data() + names_.size(), expr.name.size()};
    names_ += expr.name;
  }
  if (expr.kind == ExprKind::kComprehension) {
    const Expr& condition = *expr.condition;
    node.two_variables = !expr.second_variable.empty();
    node.unconditional = condition.kind == ExprKind::kLiteral && condition.literal.IsTrue();
    node.quantifier = QuantifierOf(expr);
  }
}

void Plan::FillCosts(Node& node, const Expr& expr) {
  if (IsKnownBefore(expr)) return;
  node.costs_one = IsOfUnknownCost(expr);
  node.costs_nothing = LooksIntoConstants(expr);
  if (IsSelection(expr)) {
    const Expr& operand = expr.target != nullptr ? *expr.target : *expr.args[0];
    node.begins_row = !IsRow(operand);
  }
  const bool chooses = expr.op == Operator::kConditional;
  const bool looks_up = expr.op == Operator::kIndex || expr.op == Operator::kOptionalIndex;
  if (chooses || looks_up) node.second_in_row = PaysBeginning(*expr.args[1]);
  if (chooses) node.third_in_row = PaysBeginning(*expr.args[2]);
}

}  // namespace skiff::cel
