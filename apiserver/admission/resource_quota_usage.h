// What an object counts for in a ResourceQuota. Pure.
#pragma once

#include <map>
#include <string>

#include "api/gen/core_v1.h"
#include "apiserver/object.h"

namespace skiff {

using QuotaUsage = std::map<std::string, Quantity>;

// Under every name that a quota may use for it; empty when it counts for nothing.
QuotaUsage UsageOf(const Object& object);
// Whether objects of a kind count for what a quota limits under that name.
bool CountsFor(const KindInfo& kind, const std::string& name);
// Whether a quota's scopes take the object in.
bool QuotaMatches(const core_v1::ResourceQuota& quota, const Object& object);
// For pods: "cpu for: a,b; memory for: c" where the quota needs a number that containers do not
// give; "" when nothing is missing.
std::string MissingAmounts(const core_v1::ResourceQuota& quota, const Object& object);

}  // namespace skiff
