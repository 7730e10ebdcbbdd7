// Which zones and nodes shall prefer which endpoints of a Service. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "controllers/network/endpoint_slice_plan.h"

namespace skiff {

// Of all CPU of nodes that are ready, what share is in a zone. Empty where that cannot be said:
// one of them has no zone or no CPU, or all are in one zone.
using ZoneShares = std::map<std::string, double>;
// How many of a Service's endpoints a zone is given.
using ZoneEndpoints = std::map<std::string, int>;

ZoneShares SharesOf(const std::vector<Ptr<core_v1::Node>>& nodes);
// Whether a change of a node cannot change shares.
bool SameForShares(const core_v1::Node& a, const core_v1::Node& b);

// Whether the Service's endpoints go to zones in proportion to their CPU, by annotation.
bool WantsZoneShares(const core_v1::Service& service);

// All three let slices that were unchanged be written where their hints change.
void RemoveHints(SliceChanges& changes);
// As spec.trafficDistribution says: none, or the endpoint's own zone, or its own node as well.
void HintByDistribution(const std::string& distribution, SliceChanges& changes);
struct Allotted {
  ZoneEndpoints endpoints;
  std::string refusal;  // Why zones get none, and hints were removed.
};
Allotted HintByShares(const ZoneShares& shares, SliceChanges& changes);

// Whether a zone got fewer endpoints than it can do with by now.
bool IsOverloaded(const ZoneEndpoints& endpoints, const ZoneShares& shares);

}  // namespace skiff
