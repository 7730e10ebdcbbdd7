// Which IP families a Service has: settled from its policy, its addresses and what the cluster has,
// before any address is allocated. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/error.h"

namespace skiff {

// Fills ipFamilyPolicy and ipFamilies. `cluster` are the cluster's families in order ("IPv4",
// "IPv6"); `old` is nullptr on create. Fails with Invalid.
Result<> SettleFamilies(core_v1::Service& service, const core_v1::Service* old,
                        const std::vector<std::string>& cluster);

bool IsHeadless(const core_v1::ServiceSpec& spec);

}  // namespace skiff
