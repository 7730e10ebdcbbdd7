#include "api/cel/estimate_call.h"

#include <cmath>
#include <string_view>

#include "api/cel/cost.h"

namespace skiff::cel {
namespace {

constexpr double kTextFactor = 0.1, kPatternFactor = 0.25;
// Of the patterns behind the named formats, the longest that estimates reckon with.
constexpr double kFormatPatternMax = 128;

class CallEstimator {
 public:
  CallEstimator(const Expr& call, const Overload& overload, SizeSource& sizes)
      : call_(call), overload_(overload), sizes_(sizes) {}

  CallEstimate Run() {
    switch (overload_.cost) {
      case CostRule::kFree: return {0};
      case CostRule::kOne: return One();
      case CostRule::kTraverse: return Traverse();
      case CostRule::kTraverseTwice: return {ScaledCost(Arg(0).max, 2 * kTextFactor)};
      case CostRule::kQuote: {
        const SizeRange size = Arg(0);
        return {ScaledCost(size.max, kTextFactor),
                SizeRange{SaturatingAdd(size.min, 2),
                          SaturatingAdd(SaturatingMultiply(size.max, 2), 2)}};
      }
      case CostRule::kEquals:
      case CostRule::kUnequal:
        return Equals();
      case CostRule::kConcatenate: {
        const SizeRange size = Arg(0) + Arg(1);
        return {ScaledCost(size.max, kTextFactor), size};
      }
      case CostRule::kMatch: return Match();
      case CostRule::kContains:
        return {SaturatingMultiply(ScaledCost(Target().max, kTextFactor),
                                   ScaledCost(Arg(0).max, kTextFactor))};
      case CostRule::kIn: return {Arg(1).max};
      case CostRule::kJoin: return Join();
      case CostRule::kReplace: return Replace();
      case CostRule::kSplit: return Split();
      case CostRule::kListTraverse: return TraverseList();
      case CostRule::kListMake: return MakeList();
      case CostRule::kListFlatten: return Flattened();
      case CostRule::kListSort: return Sorted();
      case CostRule::kSetsContain: return Sets(1);
      case CostRule::kSetsEquivalent: return Sets(2);
      case CostRule::kContainsAnyIp:
      case CostRule::kContainsIp: return {SaturatingAdd(4, TextArgument())};
      case CostRule::kContainsAnyCidr:
      case CostRule::kContainsCidr: return {SaturatingAdd(7, TextArgument())};
      case CostRule::kValidate:
        return {ScaledCost(ScaledCost(Arg(0).max, kTextFactor),
                           kFormatPatternMax * kPatternFactor)};
      case CostRule::kAuthorizerCheck: return {350000};
      case CostRule::kSelector: return Selector();
    }
    return {1};
  }

 private:
  SizeRange Size(const Expr& expr) { return sizes_.SizeOf(expr).value_or(SizeRange{}); }
  SizeRange Arg(size_t i) { return Size(*call_.args[i]); }
  SizeRange Target() { return call_.target == nullptr ? Arg(0) : Size(*call_.target); }

  // A number that is written out; below zero counts as zero.
  uint64_t Number(size_t i, uint64_t otherwise) const {
    const Expr& arg = *call_.args[i];
    if (arg.kind != ExprKind::kLiteral || !arg.literal.Is(Kind::kInt)) return otherwise;
    return static_cast<uint64_t>(std::max<int64_t>(arg.literal.integer(), 0));
  }

  CallEstimate One() {
    if (call_.name != "_+_" || overload_.signature.result->kind != TypeKind::kList) return {1};
    return {1, Arg(0) + Arg(1)};
  }

  CallEstimate Traverse() {
    const std::string_view name = call_.name;
    if (name == "startsWith" || name == "endsWith") {
      return {ScaledCost(Arg(0).max, kTextFactor)};
    }
    if (name == "bytes") {
      const SizeRange size = Arg(0);
      return {ScaledCost(size.max, kTextFactor),
              SizeRange{size.min, SaturatingMultiply(size.max, 4)}};
    }
    if (name == "string") {
      const SizeRange size = Arg(0);
      return {ScaledCost(size.max, kTextFactor), SizeRange{size.min / 4, size.max}};
    }
    const SizeRange size = Target();
    const uint64_t cost = ScaledCost(size.max, kTextFactor);
    // How long a formatted text gets nobody can say; other calls give no text.
    const bool text = name == "lowerAscii" || name == "upperAscii" || name == "substring" ||
                      name == "trim" || name == "url";
    return text ? CallEstimate{cost, size} : CallEstimate{cost};
  }

  CallEstimate Equals() {
    const Type& left = *call_.args[0]->type;
    const bool same = SameType(left, *call_.args[1]->type);
    if (call_.name == "_==_" && same && left.kind == TypeKind::kOpaque && !IsOptional(left)) {
      if (left.name == "kubernetes.NamedFormat") return {7};
      if (left.name != "kubernetes.URL") return {1};
      // By the right one alone.
      const auto right = sizes_.SizeOf(*call_.args[1]);
      return {right ? ScaledCost(right->max, kTextFactor) : 1};
    }
    return {ScaledCost(std::min(Arg(0).max, Arg(1).max), kTextFactor)};
  }

  CallEstimate Match() {
    // A pattern that is no method's argument counts as any call.
    if (call_.target == nullptr) return {1};
    const SizeRange text = Target();
    const uint64_t cost =
        SaturatingMultiply(ScaledCost(SaturatingAdd(text.max, 1), kTextFactor),
                           ScaledCost(Arg(0).max, kPatternFactor));
    if (call_.name == "matches") return {cost};
    return {cost, SizeRange{0, text.max}};
  }

  CallEstimate Join() {
    const SizeRange list = Target();
    SizeRange size{0, 0};
    if (const auto item = ItemSize()) size = list * *item;
    if (!call_.args.empty()) {
      const SizeRange between{list.min > 0 ? list.min - 1 : 0, list.max > 0 ? list.max - 1 : 0};
      size = size + Arg(0) * between;
    }
    return {ScaledCost(size.max, kTextFactor), size};
  }

  CallEstimate Replace() {
    const SizeRange text = Target();
    const SizeRange old = Arg(0);
    const SizeRange fresh = Arg(1);
    SizeRange count{0, 0};
    SizeRange kept{0, 0};
    if (old.min == 0) {
      count.max = SaturatingAdd(text.max, 1);
      kept.max = text.max;
    } else if (fresh.max <= old.min) {
      kept.max = text.max;
    } else {
      count.max = static_cast<uint64_t>(
          std::ceil(static_cast<double>(text.max) / static_cast<double>(old.min)));
    }
    if (old.max == 0) {
      count.min = SaturatingAdd(text.min, 1);
      kept.min = text.min;
    } else if (old.max <= fresh.min) {
      kept.min = text.min;
    } else {
      count.min = static_cast<uint64_t>(
          std::ceil(static_cast<double>(text.min) / static_cast<double>(old.max)));
    }
    return {ScaledCost(text.max, 2 * kTextFactor), count * fresh + kept};
  }

  CallEstimate Split() {
    const SizeRange text = Target();
    const uint64_t parts = call_.args.size() > 1 ? Number(1, text.max) : text.max;
    return {ScaledCost(text.max, 2 * kTextFactor), SizeRange{0, parts}};
  }

  // None: what stands there is no list.
  std::optional<SizeRange> ItemSize() {
    const Expr& list = *call_.target;
    if (list.type->kind != TypeKind::kList) return std::nullopt;
    return sizes_.ItemSizeOf(list).value_or(SizeRange{});
  }

  CallEstimate TraverseList() {
    const Expr& list = *call_.target;
    const SizeRange size = Target();
    if (list.type->kind != TypeKind::kList) return {ScaledCost(size.max, kTextFactor)};
    const TypeKind item = list.type->params[0]->kind;
    uint64_t each = 1;
    if (item == TypeKind::kString || item == TypeKind::kBytes) {
      each = SaturatingAdd(each, ScaledCost(ItemSize()->max, kTextFactor));
    }
    return {SaturatingMultiply(size.max, each)};
  }

  static CallEstimate Made(double factor, const SizeRange& size) {
    return {SaturatingAdd(ScaledCost(size.max, factor), 1 + kListCost), size};
  }

  CallEstimate MakeList() {
    if (call_.name == "lists.range") return Made(1, SizeRange::Exactly(Number(0, UINT64_MAX)));
    // An end before the begin wraps around, as it does in Kubernetes.
    if (call_.name == "slice") {
      return Made(1, SizeRange::Exactly(Number(1, Target().max) - Number(0, 0)));
    }
    return Made(1, Target());
  }

  CallEstimate Flattened() {
    const uint64_t depth = call_.args.empty() ? 1 : Number(0, UINT64_MAX);
    return Made(static_cast<double>(depth), Target());
  }

  CallEstimate Sorted() {
    const bool by_keys = call_.name == "@sortByAssociatedKeys";
    const Expr& by = by_keys ? *call_.args[0] : *call_.target;
    const SizeRange size = Size(by);
    const Type& item = by.type->params.empty() ? *by.type : *by.type->params[0];
    const bool text = call_.name != "distinct" &&
                      (item.kind == TypeKind::kString || item.kind == TypeKind::kBytes);
    return Made(text ? 2 + kTextFactor : 2, size * size);
  }

  CallEstimate Sets(double factor) {
    return {SaturatingAdd(ScaledCost((Arg(0) * Arg(1)).max, factor), 1)};
  }

  uint64_t TextArgument() {
    if (overload_.signature.args[1]->kind != TypeKind::kString) return 0;
    return ScaledCost(Arg(0).max, kTextFactor);
  }

  CallEstimate Selector() {
    const uint64_t size = Arg(0).max;
    const uint64_t parsed = SaturatingMultiply(ScaledCost(size, 0.5), 50);
    return {SaturatingAdd(10, SaturatingAdd(ScaledCost(size, kTextFactor), parsed))};
  }

  const Expr& call_;
  const Overload& overload_;
  SizeSource& sizes_;
};

}  // namespace

CallEstimate EstimateCall(const Expr& call, const Overload& overload, SizeSource& sizes) {
  return CallEstimator(call, overload, sizes).Run();
}

}  // namespace skiff::cel
