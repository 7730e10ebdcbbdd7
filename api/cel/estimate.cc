#include "api/cel/estimate.h"

#include <cstdio>
#include <unordered_map>

#include "api/cel/cost.h"
#include "api/cel/document.h"
#include "api/cel/estimate_size.h"
#include "api/cel/estimate_call.h"
#include "api/cel/schema_type.h"

namespace skiff::cel {
namespace {

constexpr char kResultName[] = "@result";

// Where in the schema a value stands: nowhere, at a type, or at a place that the schema lacks.
struct SchemaPlace {
  bool known = false;
  const Type* type = nullptr;
};

// The sizes of a collection's keys and values.
struct EntrySizes {
  bool list = false;
  SizeRange key;
  SizeRange value;
};

struct LocalSizes {
  std::string name;
  SchemaPlace place;
  std::optional<SizeRange> size;
  std::optional<EntrySizes> entries;
};

bool IsScalarType(const Type& type) {
  switch (type.kind) {
    case TypeKind::kBool:
    case TypeKind::kDouble:
    case TypeKind::kDuration:
    case TypeKind::kInt:
    case TypeKind::kTimestamp:
    case TypeKind::kUint: return true;
    default: return IsOptional(type) && IsScalarType(*type.params[0]);
  }
}

class Estimator final : public SizeSource {
 public:
  explicit Estimator(const Type& self) : self_(self) {}

  uint64_t Cost(const Expr& expr) {
    // Macros use some operands twice; they cost what they cost at the first place.
    if (const auto found = costs_.find(&expr); found != costs_.end()) return found->second;
    return costs_[&expr] = CostOf(expr);
  }

  uint64_t CostOf(const Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kLiteral: return 0;
      case ExprKind::kIdent: return CostOfName(expr);
      case ExprKind::kSelect: return CostOfSelect(expr);
      case ExprKind::kCall: return CostOfCall(expr);
      case ExprKind::kList: return CostOfCollection(expr, 1, kListCost);
      case ExprKind::kMap: return CostOfCollection(expr, 2, kMapCost);
      case ExprKind::kStruct: return SaturatingAdd(CostOfAll(expr.args), kStructCost);
      case ExprKind::kComprehension: return CostOfComprehension(expr);
    }
    return 0;
  }

  std::optional<SizeRange> SizeOf(const Expr& expr) override {
    if (const auto found = sizes_.find(&expr); found != sizes_.end()) return found->second;
    if (const auto written = WrittenSize(expr)) return written;
    if (const SchemaPlace place = PlaceOf(expr); place.known && place.type != nullptr) {
      const SizeRange size{0, place.type->size_max.value_or(0)};
      sizes_[&expr] = size;
      return size;
    }
    if (IsScalarType(*expr.type)) return SizeRange::Exactly(1);
    const LocalSizes* local = LocalOf(expr);
    return local == nullptr ? std::nullopt : local->size;
  }

  // The items' size, where the schema or their type says it.
  std::optional<SizeRange> ItemSizeOf(const Expr& list) override {
    const SchemaPlace place = PlaceOf(list);
    if (!place.known || IsAccumulator(list)) return std::nullopt;
    const SchemaPlace item = Below(place, "@items");
    if (item.type == nullptr) return std::nullopt;
    return SizeRange{0, item.type->size_max.value_or(0)};
  }

 private:
  static std::optional<SizeRange> WrittenSize(const Expr& expr) {
    if (expr.kind == ExprKind::kList) return SizeRange::Exactly(expr.args.size());
    if (expr.kind == ExprKind::kMap) return SizeRange::Exactly(expr.args.size() / 2);
    if (expr.kind != ExprKind::kLiteral) return std::nullopt;
    if (expr.literal.Is(Kind::kString)) {
      return SizeRange::Exactly(CodePoints(expr.literal.text()));
    }
    if (expr.literal.Is(Kind::kBytes)) return SizeRange::Exactly(expr.literal.text().size());
    return SizeRange::Exactly(1);
  }

  SizeRange SizeOrAny(const Expr& expr) { return SizeOf(expr).value_or(SizeRange{}); }

  LocalSizes* LocalOf(const Expr& expr) {
    if (expr.kind != ExprKind::kIdent) return nullptr;
    for (size_t i = locals_.size(); i-- > 0;) {
      if (locals_[i].name == expr.name) return &locals_[i];
    }
    return nullptr;
  }

  bool IsAccumulator(const Expr& expr) const {
    return expr.kind == ExprKind::kIdent && expr.name == kResultName;
  }

  SchemaPlace PlaceOf(const Expr& expr) {
    if (const LocalSizes* local = LocalOf(expr)) return local->place;
    const auto found = places_.find(&expr);
    return found == places_.end() ? SchemaPlace{} : found->second;
  }

  // Whatever name a path begins with, the schema begins there.
  SchemaPlace Below(const SchemaPlace& place, std::string_view step) const {
    if (!place.known) return {true, &self_};
    if (place.type == nullptr) return {true, nullptr};
    const Type& type = *place.type;
    const bool collection = type.kind == TypeKind::kList || type.kind == TypeKind::kMap;
    if (step == "@items" || step == "@values") {
      return {true, collection ? type.params.back().get() : nullptr};
    }
    if (step == "@keys") {
      return {true, type.kind == TypeKind::kMap ? type.params.front().get() : nullptr};
    }
    // Values of a named unknown type are alike, however they are looked up.
    const bool alike = type.kind == TypeKind::kMap && type.params.back()->kind == TypeKind::kDyn &&
                       !type.params.back()->name.empty();
    if (alike) return {true, type.params.back().get()};
    const auto field = type.fields.find(step);
    // The plain spelling of a reserved word is not looked up.
    const bool found =
        field != type.fields.end() && EscapeProperty(field->second.json_name) == step;
    return {true, found ? field->second.type.get() : nullptr};
  }

  std::optional<EntrySizes> EntriesOf(const Expr& expr) {
    if (const auto found = entries_.find(&expr); found != entries_.end()) return found->second;
    const LocalSizes* local = LocalOf(expr);
    return local == nullptr ? std::nullopt : local->entries;
  }

  uint64_t CostOfAll(const std::vector<Expr*>& exprs) {
    uint64_t sum = 0;
    for (const Expr* expr : exprs) sum = SaturatingAdd(sum, Cost(*expr));
    return sum;
  }

  uint64_t CostOfName(const Expr& expr) {
    const LocalSizes* local = LocalOf(expr);
    places_[&expr] = local != nullptr ? local->place : SchemaPlace{true, &self_};
    return kNameCost;
  }

  uint64_t CostOfSelect(const Expr& expr) {
    if (expr.slot >= 0 || expr.is_constant) return CostOfName(expr);
    uint64_t cost = Cost(*expr.target);
    if (expr.test_only) return cost;
    const TypeKind operand = expr.target->type->kind;
    if (operand == TypeKind::kMap || operand == TypeKind::kObject) {
      cost = SaturatingAdd(cost, kNameCost);
    }
    places_[&expr] = Below(PlaceOf(*expr.target), expr.name);
    return cost;
  }

  uint64_t CostOfCollection(const Expr& expr, size_t stride, uint64_t base) {
    const uint64_t cost = SaturatingAdd(CostOfAll(expr.args), base);
    EntrySizes sizes{stride == 1, {UINT64_MAX, 0}, {UINT64_MAX, 0}};
    if (expr.args.empty()) sizes.key.min = sizes.value.min = 0;
    for (size_t i = 0; i < expr.args.size(); ++i) {
      SizeRange& range = stride == 1 || i % 2 == 1 ? sizes.value : sizes.key;
      range = range.Or(SizeOrAny(*expr.args[i]));
    }
    if (sizes.list) sizes.key = SizeRange::Exactly(1);
    entries_[&expr] = sizes;
    return cost;
  }

  uint64_t CostOfCall(const Expr& expr) {
    if (expr.op == Operator::kConditional) return CostOfConditional(expr);
    const uint64_t args = CostOfAll(expr.args);
    if (expr.name == "dyn") {
      if (const auto size = SizeOf(*expr.args[0])) sizes_[&expr] = *size;
      if (const auto entries = EntriesOf(*expr.args[0])) entries_.insert({&expr, *entries});
      return SaturatingAdd(args, 1);
    }
    if (expr.op == Operator::kAnd || expr.op == Operator::kOr) return args;
    if (expr.op == Operator::kOptionalSelect) return SaturatingAdd(args, 1);
    if (expr.overloads.empty()) return 0;
    const uint64_t target = expr.target == nullptr ? 0 : Cost(*expr.target);
    uint64_t own = 0;
    std::optional<SizeRange> size;
    for (const Overload* overload : expr.overloads) {
      const CallEstimate estimate = EstimateCall(expr, *overload, *this);
      own = std::max(own, estimate.cost);
      if (estimate.result) size = size ? size->Or(*estimate.result) : *estimate.result;
    }
    if (expr.op == Operator::kIndex) size = CostOfIndex(expr, size);
    if (expr.name == "_+_") JoinEntries(expr);
    if (!size) size = SizeOf(expr);
    if (size) sizes_[&expr] = *size;
    return SaturatingAdd(SaturatingAdd(target, args), own);
  }

  uint64_t CostOfConditional(const Expr& expr) {
    const uint64_t condition = Cost(*expr.args[0]);
    const uint64_t branches = std::max(Cost(*expr.args[1]), Cost(*expr.args[2]));
    sizes_[&expr] = SizeOrAny(*expr.args[1]).Or(SizeOrAny(*expr.args[2]));
    JoinEntriesOf(expr, *expr.args[1], *expr.args[2]);
    return SaturatingAdd(condition, branches);
  }

  std::optional<SizeRange> CostOfIndex(const Expr& expr, std::optional<SizeRange> size) {
    const auto entries = EntriesOf(*expr.args[0]);
    const bool list = expr.args[0]->type->kind == TypeKind::kList;
    places_[&expr] = Below(PlaceOf(*expr.args[0]), list ? "@items" : "@values");
    return entries ? std::optional(entries->value) : size;
  }

  void JoinEntries(const Expr& expr) { JoinEntriesOf(expr, *expr.args[0], *expr.args[1]); }

  void JoinEntriesOf(const Expr& expr, const Expr& a, const Expr& b) {
    const auto left = EntriesOf(a);
    const auto right = EntriesOf(b);
    if (!left || !right) return;
    entries_[&expr] = {left->list, left->key.Or(right->key), left->value.Or(right->value)};
  }

  void PushVariable(const std::string& name, const Expr& range, bool key) {
    const auto entries = EntriesOf(range);
    const bool list = entries ? entries->list : range.type->kind == TypeKind::kList;
    std::optional<SizeRange> size;
    if (entries) size = key ? entries->key : entries->value;
    std::string_view step = "@values";
    if (list) step = key ? "@indices" : "@items";
    if (!list && key) step = "@keys";
    locals_.push_back({name, Below(PlaceOf(range), step), size, std::nullopt});
  }

  static bool IsBinding(const Expr& expr) {
    return expr.range->kind == ExprKind::kList && expr.range->args.empty() &&
           expr.condition->kind == ExprKind::kLiteral && !expr.condition->literal.IsTrue() &&
           expr.accumulator != kResultName;
  }

  uint64_t CostOfComprehension(const Expr& expr) {
    uint64_t cost = SaturatingAdd(Cost(*expr.range), Cost(*expr.initial));
    const size_t before = locals_.size();
    locals_.push_back({expr.accumulator, PlaceOf(*expr.initial), SizeOf(*expr.initial),
                       EntriesOf(*expr.initial)});
    if (IsBinding(expr)) {
      cost = SaturatingAdd(cost, Cost(*expr.result));
      if (const auto size = SizeOf(*expr.result)) sizes_[&expr] = *size;
      if (const auto entries = EntriesOf(*expr.result)) entries_.insert({&expr, *entries});
      locals_.resize(before);
      return cost;
    }
    const bool list = expr.range->type->kind == TypeKind::kList;
    const bool two = !expr.second_variable.empty();
    PushVariable(expr.variable, *expr.range, two || !list);
    if (two) PushVariable(expr.second_variable, *expr.range, false);
    const uint64_t step = SaturatingAdd(Cost(*expr.condition), Cost(*expr.step));
    locals_.resize(before + 1);
    cost = SaturatingAdd(cost, Cost(*expr.result));
    locals_.resize(before);
    const SizeRange times = SizeOrAny(*expr.range);
    cost = SaturatingAdd(cost, SaturatingMultiply(times.max, step));
    if (expr.initial->kind == ExprKind::kLiteral) {
      if (const auto size = SizeOf(*expr.initial)) sizes_[&expr] = *size;
    } else {
      sizes_[&expr] = times;
      if (const auto entries = EntriesOf(*expr.step)) entries_.insert({&expr, *entries});
    }
    return cost;
  }

  const Type& self_;
  std::unordered_map<const Expr*, uint64_t> costs_;
  std::unordered_map<const Expr*, SizeRange> sizes_;
  std::unordered_map<const Expr*, EntrySizes> entries_;
  std::unordered_map<const Expr*, SchemaPlace> places_;
  std::vector<LocalSizes> locals_;
};

}  // namespace

uint64_t EstimateCost(const Program& program, const Type& self) {
  return Estimator(self).Cost(*program.ast().root);
}

uint64_t TimesCost(uint64_t cost, uint64_t times) {
  return SaturatingMultiply(cost, times);
}

uint64_t CardinalityMax(const Type& type) {
  return kRequestBytesMax / (type.bytes_min + 1);
}

std::string ExcessFactor(uint64_t cost, uint64_t cost_max) {
  const double factor = static_cast<double>(cost) / static_cast<double>(cost_max);
  if (factor > 100) return "more than 100x";
  char text[32];
  // One digit would say of the smallest excess that there is none.
  std::snprintf(text, sizeof(text), factor < 1.5 ? "%fx" : "%.1fx", factor);
  return text;
}

std::string CostExcess(const std::string& what, uint64_t cost, uint64_t cost_max) {
  if (cost <= cost_max) return "";
  return "estimated " + what + " cost exceeds budget by factor of " + ExcessFactor(cost, cost_max) +
         " (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where "
         "arrays, maps, and strings are declared)";
}

}  // namespace skiff::cel
