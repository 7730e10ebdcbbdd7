// What a rule may cost at most, as Kubernetes estimates it from a schema's bounds before it takes
// the schema.
#pragma once

#include <cstdint>
#include <string>

#include "api/cel/program.h"

namespace skiff::cel {

// Of one rule, and of a whole CustomResourceDefinition's.
inline constexpr uint64_t kRuleCostMax = 10000000;
inline constexpr uint64_t kSchemaCostMax = 100000000;

// `self` is the type of the value that the rule is about: its bounds count. Saturates.
uint64_t EstimateCost(const Program& program, const Type& self);
// With the rule run as often as `times`.
uint64_t TimesCost(uint64_t cost, uint64_t times);
// How many values of `type` one request can hold, where no schema bounds them.
uint64_t CardinalityMax(const Type& type);
// "estimated rule cost exceeds budget by factor of 21.7x (try simplifying the rule, or ...)";
// `what` is "rule" or "messageExpression". "": the cost is within.
std::string CostExcess(const std::string& what, uint64_t cost, uint64_t cost_max);
// "21.7x", "more than 100x".
std::string ExcessFactor(uint64_t cost, uint64_t cost_max);

}  // namespace skiff::cel
