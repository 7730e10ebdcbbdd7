#include "api/cel/cost.h"

#include <algorithm>
#include <cmath>

#include "api/cel/estimate_size.h"
#include "api/cel/libraries.h"
#include "api/cel/limits.h"

namespace skiff::cel {
namespace {

// More than any budget, and far from where sums of costs overflow.
constexpr uint64_t kFlattenCostMax = uint64_t{1} << 60;

// Characters, bytes, items or entries; whatever has none counts as one.
uint64_t SizeOf(const Value& value) {
  switch (value.kind()) {
    case Kind::kString: return CodePoints(value.text());
    case Kind::kBytes: return value.text().size();
    case Kind::kList:
    case Kind::kMap: return value.Size();
    case Kind::kObject:
      return value.IsView() ? value.Size() : 1;
    case Kind::kOpaque:
      return AddressSize(value);
    case Kind::kOptional: return value.inner() == nullptr ? 1 : SizeOf(*value.inner());
    default: return 1;
  }
}

uint64_t Scaled(double factor, uint64_t size) {
  return static_cast<uint64_t>(std::ceil(factor * static_cast<double>(size)));
}

// One for each scalar, a tenth for each byte of a text, however deep; anything once looks are
// spent.
uint64_t Traversal(const Value& value) {
  if (!Look(1 + value.text().size() / kTextBytesPerLook)) return 0;
  if (value.Is(Kind::kString) || value.Is(Kind::kBytes)) return value.text().size() / 10;
  uint64_t sum = 0;
  if (value.Is(Kind::kMap) || value.Is(Kind::kObject)) {
    value.EachEntry([&](const Value& key, const Value& part) {
      sum += Traversal(key) + Traversal(part);
      return Look(0);
    });
    return sum;
  }
  if (!value.Is(Kind::kList)) return 1;
  for (size_t i = 0; i < value.Size() && Look(0); ++i) sum += Traversal(value.At(i));
  return sum;
}

uint64_t SortCost(const Value& list) {
  if (!list.Is(Kind::kList)) return 1;
  const uint64_t size = SizeOf(list);
  const bool text = size > 0 && (list.At(0).Is(Kind::kString) || list.At(0).Is(Kind::kBytes));
  return 11 + static_cast<uint64_t>((text ? 2.1 : 2.0) * static_cast<double>(size * size));
}

// Twice the bytes of a prefix.
uint64_t PrefixCost(uint64_t prefix) {
  return Scaled(0.1, 2 * prefix);
}
// One prefix is masked with the other first.
uint64_t MaskedPrefixCost(uint64_t prefix) {
  return PrefixCost(prefix) + Scaled(0.1, prefix) + 1;
}
uint64_t ReadingCost(const Value& given) {
  return given.Is(Kind::kString) ? Scaled(0.1, SizeOf(given)) : 0;
}

uint64_t EqualsCost(std::span<const Value> args) {
  if (args[0].Is(Kind::kOpaque)) return 1;
  return Scaled(0.1, std::min(SizeOf(args[0]), SizeOf(args[1])));
}

}  // namespace

bool CostsByResult(CostRule rule) {
  return rule == CostRule::kJoin || rule == CostRule::kListMake;
}

uint64_t CallCost(CostRule rule, std::span<const Value> args, const Value& result) {
  const uint64_t first = args.empty() ? 0 : SizeOf(args[0]);
  const uint64_t second = args.size() < 2 ? 0 : SizeOf(args[1]);
  switch (rule) {
    case CostRule::kOne: return 1;
    case CostRule::kFree: return 0;
    case CostRule::kTraverse:
    case CostRule::kQuote: return Scaled(0.1, first);
    case CostRule::kTraverseTwice:
    case CostRule::kReplace:
    case CostRule::kSplit: return Scaled(0.2, first);
    case CostRule::kEquals: return EqualsCost(args);
    case CostRule::kUnequal:
      return Scaled(0.1, std::min(first, second));
    case CostRule::kConcatenate: return Scaled(0.1, first + second);
    case CostRule::kMatch: return Scaled(0.1, first + 1) * Scaled(0.25, second);
    case CostRule::kContains: return Scaled(0.1, first) * Scaled(0.1, second);
    case CostRule::kIn: return second;
    case CostRule::kJoin: return Scaled(0.2, SizeOf(result));
    case CostRule::kListTraverse: return Traversal(args[0]);
    case CostRule::kListMake: return 11 + SizeOf(result);
    case CostRule::kListFlatten: {
      const bool has_depth = args.size() > 1 && args[1].Is(Kind::kInt);
      const uint64_t depth = has_depth ? std::max<int64_t>(args[1].integer(), 0) : 1;
      return 11 + std::min(SaturatingMultiply(depth, first), kFlattenCostMax);
    }
    // By the keys, where there are some.
    case CostRule::kListSort:
      return SortCost(args.back());
    case CostRule::kSetsContain: return 1 + first * second;
    case CostRule::kSetsEquivalent: return 1 + 2 * first * second;
    case CostRule::kContainsIp:
      return PrefixCost(first) + ReadingCost(args[1]);
    case CostRule::kContainsCidr:
      return MaskedPrefixCost(first) + ReadingCost(args[1]);
    case CostRule::kContainsAnyIp:
      return PrefixCost(first);
    case CostRule::kContainsAnyCidr:
      return MaskedPrefixCost(first);
    case CostRule::kValidate:
      if (!args[0].Is(Kind::kOpaque)) return 1;
      return Scaled(0.1, second + 1) * Scaled(0.25, FormatPatternLength(args[0]));
    case CostRule::kAuthorizerCheck: return 350000;
    case CostRule::kSelector:
      return 10 + Scaled(0.1, second) + Scaled(50, Scaled(0.5, second));
  }
  return 1;
}

}  // namespace skiff::cel
