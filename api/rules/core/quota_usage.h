// What an object counts for in a ResourceQuota: admission books it, the quota controller counts it
// again. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/resource_v1.h"
#include "base/clock.h"

namespace skiff {

using QuotaUsage = std::map<std::string, Quantity>;
using QuotaScope = core_v1::ScopedResourceSelectorRequirement;

// An object of any kind; of those that count by more than their number, the struct as well.
struct QuotaObject {
  const KindInfo& kind;
  const core_v1::Pod* pod = nullptr;
  const core_v1::Service* service = nullptr;
  const core_v1::PersistentVolumeClaim* claim = nullptr;
  const resource_v1::ResourceClaim* resource_claim = nullptr;
  // Pods that ought to be gone by then count no more; unset: all that exist do.
  std::optional<TimePoint> now = std::nullopt;
};

// The attributes classes that a claim has, wants or is on the way to.
std::set<std::string> AttributesClassesOf(const core_v1::PersistentVolumeClaim& claim);

// Under every name that a quota may use for it; empty when it counts for nothing.
QuotaUsage UsageOf(const QuotaObject& object);
// Whether objects of a kind count for what a quota limits under that name.
bool CountsFor(const KindInfo& kind, const std::string& name);
// Those of a quota, however it says them.
std::vector<QuotaScope> QuotaScopesOf(const core_v1::ResourceQuotaSpec& spec);
// Those of them that the object is in. Pods and claims of volumes alone are in any.
std::vector<QuotaScope> ScopesWith(const std::vector<QuotaScope>& scopes,
                                   const QuotaObject& object);
// Whether a quota's scopes take the object in.
bool QuotaMatches(const core_v1::ResourceQuota& quota, const QuotaObject& object);
// For pods: "cpu for: a,b; memory for: c" where the quota needs a number that containers do not
// give; "" when nothing is missing.
std::string MissingAmounts(const core_v1::ResourceQuota& quota, const QuotaObject& object);

}  // namespace skiff
