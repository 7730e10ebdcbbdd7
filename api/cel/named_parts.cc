#include "api/cel/named_parts.h"

#include <algorithm>
#include <unordered_map>

#include "api/cel/admission_scope.h"

namespace skiff::cel {
namespace {

// Variables of variables could come from ever more places; of more than these all is needed.
constexpr size_t kPlacesMax = 64;
// Variables of variables could also lead ever deeper; what is at such a depth is needed whole.
constexpr int kDepthMax = 64;
// Each of a million selections could be in each of those places; of what is selected beyond so many
// all is needed.
constexpr size_t kStepsMax = 100'000;

bool IsVariables(const Expr& expr) {
  return expr.kind == ExprKind::kIdent && expr.slot == kSlotVariables;
}

bool IsIndexNumber(const Expr& expr) {
  return expr.kind == ExprKind::kLiteral && expr.literal.Is(Kind::kInt);
}

// cel.bind: a loop over nothing, whose accumulator is the name.
bool IsBinding(const Expr& loop) {
  return loop.range->kind == ExprKind::kList && loop.range->args.empty();
}

}  // namespace

// Over one program. As deep as the parser lets a tree be.
class NamedParts::Walk {
 public:
  explicit Walk(NamedParts& named) : named_(named) {}

  Places Of(const Expr* expr) {
    if (expr == nullptr || expr->is_folded || expr->is_constant) return {};
    // Macros have parts of what they were written with in several places.
    if (const auto found = known_.find(expr); found != known_.end()) return found->second;
    Places places = Find(*expr);
    std::ranges::sort(places);
    places.erase(std::unique(places.begin(), places.end()), places.end());
    if (places.size() > kPlacesMax) {
      TakeWhole(places);
      places.clear();
    }
    return known_[expr] = std::move(places);
  }
  void Use(const Expr* expr) { TakeWhole(Of(expr)); }

 private:
  static void TakeWhole(const Places& places) {
    for (const Place& place : places) place.parts->whole = true;
  }

  Places Find(const Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kIdent:
        return OfName(expr);
      case ExprKind::kSelect: {
        if (expr.slot >= 0) return {};
        Places places = MemberOf(*expr.target, expr.name);
        return expr.test_only ? Places() : places;
      }
      case ExprKind::kCall:
        return OfCall(expr);
      case ExprKind::kComprehension:
        return OfLoop(expr);
      default:
        return OfArguments(expr);
    }
  }

  Places OfName(const Expr& expr) {
    if (expr.slot == kSlotObject) return {{&named_.object_}};
    if (expr.slot == kSlotOldObject) return {{&named_.old_object_}};
    if (IsVariables(expr)) {
      for (const Places& places : named_.not_whole_) TakeWhole(places);
      named_.not_whole_.clear();
    }
    return expr.slot >= kLocalSlots ? locals_[expr.slot] : Places();
  }

  // All of it is there, and so is what is asked of it.
  bool IsEnough(const Place& place) {
    if (place.depth >= kDepthMax || ++named_.steps_ > kStepsMax) place.parts->whole = true;
    return place.parts->whole;
  }

  Places MemberOf(const Expr& from, std::string_view name) {
    if (IsVariables(from)) {
      const auto variable = named_.variables_.find(name);
      return variable == named_.variables_.end() ? Places() : variable->second;
    }
    Places places = Of(&from);
    for (Place& place : places) {
      if (IsEnough(place)) continue;
      place = {&place.parts->members[std::string(name)], place.depth + 1};
    }
    return places;
  }

  Places ItemsOf(const Expr* list) {
    Places places = Of(list);
    for (Place& place : places) {
      if (IsEnough(place)) continue;
      auto& items = place.parts->items;
      if (items.empty()) items.emplace_back();
      place = {&items[0], place.depth + 1};
    }
    return places;
  }

  Places OfEither(const Expr* one, const Expr* other) {
    Places places = Of(one);
    const Places more = Of(other);
    places.insert(places.end(), more.begin(), more.end());
    return places;
  }

  Places OfCall(const Expr& expr) {
    switch (expr.op) {
      case Operator::kOptionalSelect:
        return MemberOf(*expr.args[0], expr.args[1]->literal.text());
      case Operator::kIndex:
      case Operator::kOptionalIndex:
        return IsIndexNumber(*expr.args[1]) ? ItemsOf(expr.args[0]) : OfArguments(expr);
      case Operator::kConditional:
        Use(expr.args[0]);
        return OfEither(expr.args[1], expr.args[2]);
      case Operator::kOptionalOr:
      case Operator::kOptionalOrValue:
        return OfEither(expr.target, expr.args[0]);
      default:
        // A list of two has the items of both.
        return expr.name == "_+_" ? OfEither(expr.args[0], expr.args[1]) : OfArguments(expr);
    }
  }

  Places OfLoop(const Expr& loop) {
    if (IsBinding(loop)) {
      locals_[loop.slot] = Of(loop.initial);
      return Of(loop.result);
    }
    const Places items = ItemsOf(loop.range);
    Use(loop.initial);
    locals_[loop.slot] = {};
    const bool two = !loop.second_variable.empty();
    locals_[loop.slot + 1] = two ? Places() : items;
    if (two) locals_[loop.slot + 2] = items;
    Use(loop.condition);
    Use(loop.step);
    return Of(loop.result);
  }

  Places OfArguments(const Expr& expr) {
    Use(expr.target);
    for (const Expr* arg : expr.args) Use(arg);
    return {};
  }

  NamedParts& named_;
  std::unordered_map<const Expr*, Places> known_;
  std::map<int, Places> locals_;  // By slot; those of a loop are set before its body is looked at.
};

void NamedParts::AddVariable(const std::string& name, const Program& program) {
  Places& places = variables_[name];
  places = Walk(*this).Of(program.ast().root);
  not_whole_.push_back(places);
}

void NamedParts::Add(const Program& program) { Walk(*this).Use(program.ast().root); }

}  // namespace skiff::cel
