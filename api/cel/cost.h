// What evaluating costs, in Kubernetes' units: one is about one look at a field.
#pragma once

#include <cstdint>
#include <span>

#include "api/cel/function.h"

namespace skiff::cel {

inline constexpr uint64_t kNameCost = 1;
inline constexpr uint64_t kListCost = 10;
inline constexpr uint64_t kMapCost = 30;
inline constexpr uint64_t kStructCost = 40;

// Whether that is known only with the result.
bool CostsByResult(CostRule rule);
// Of one call that gave `result`.
uint64_t CallCost(CostRule rule, std::span<const Value> args, const Value& result);

}  // namespace skiff::cel
