#include "controllers/network/endpoint_hints.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>

#include "api/pods/pod_resources.h"
#include "controllers/nodes/node_health.h"

namespace skiff {
namespace {

using core_v1::Node;
using discovery_v1::Endpoint;
using discovery_v1::EndpointSlice;

constexpr std::string_view kZone = "topology.kubernetes.io/zone";
constexpr double kOverloadMax = 0.2;  // What an endpoint may get beyond its share.

struct Allocation {
  int minimum = 0;
  int maximum = 0;
  double desired = 0;
};
using Allocations = std::map<std::string, Allocation>;
using Shifts = std::map<std::string, int>;

bool HasReadiness(const Endpoint& endpoint) {
  return endpoint.conditions.ready.value_or(false);
}

std::string ZoneLabelOf(const Node& node) {
  const auto label = node.metadata.labels.find(std::string(kZone));
  return label == node.metadata.labels.end() ? "" : label->second;
}

bool RunsControlPlane(const Node& node) {
  return node.metadata.labels.contains("node-role.kubernetes.io/control-plane") ||
         node.metadata.labels.contains("node-role.kubernetes.io/master");
}

std::vector<EndpointSlice*> Written(SliceChanges& changes) {
  std::vector<EndpointSlice*> slices;
  for (EndpointSlice& slice : changes.create) slices.push_back(&slice);
  for (EndpointSlice& slice : changes.update) slices.push_back(&slice);
  return slices;
}

void ClearHints(SliceChanges& changes) {
  for (EndpointSlice* slice : Written(changes)) {
    for (Endpoint& endpoint : slice->endpoints) endpoint.hints.reset();
  }
}

// Those that `wanting` names are to be written.
template <typename Wanting>
void Unkeep(SliceChanges& changes, const Wanting& wanting) {
  std::erase_if(changes.keep, [&](const Ptr<EndpointSlice>& slice) {
    if (!wanting(*slice)) return false;
    changes.update.push_back(*slice);
    return true;
  });
}

Box<discovery_v1::EndpointHints> OwnHints(const Endpoint& endpoint, bool by_node) {
  Box<discovery_v1::EndpointHints> hints;
  if (endpoint.zone) hints.Ensure().for_zones.emplace_back().name = *endpoint.zone;
  if (by_node && endpoint.node_name) {
    hints.Ensure().for_nodes.emplace_back().name = *endpoint.node_name;
  }
  return hints;
}

int CountReady(const SliceChanges& changes) {
  const auto count = [](const EndpointSlice& slice) {
    return std::count_if(slice.endpoints.begin(), slice.endpoints.end(),
                         [](const Endpoint& endpoint) { return HasReadiness(endpoint); });
  };
  ptrdiff_t all = 0;
  for (const auto& slice : changes.keep) all += count(*slice);
  for (const auto& slice : changes.create) all += count(slice);
  for (const auto& slice : changes.update) all += count(slice);
  return static_cast<int>(all);
}

int LeastEndpoints(double endpoints) {
  return static_cast<int>(std::ceil(endpoints * (1 / (1 + kOverloadMax))));
}

// What each zone may get of so many; none, and `refusal`, where that is not to be.
Allocations Allocate(const ZoneShares& shares, int endpoints, std::string& refusal) {
  const auto refuse = [&](std::string_view text) {
    refusal = fmt::format("{} ({} endpoints, {} zones)", text, endpoints, shares.size());
    return Allocations();
  };
  if (shares.empty()) {
    refusal =
        "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes";
    return {};
  }
  if (static_cast<int>(shares.size()) > endpoints) {
    return refuse("Insufficient number of endpoints");
  }
  Allocations allocations;
  int least = 0;
  for (const auto& [zone, share] : shares) {
    Allocation& allocation = allocations[zone];
    allocation.minimum = LeastEndpoints(share * endpoints);
    allocation.desired = std::max(share * endpoints, static_cast<double>(allocation.minimum));
    least += allocation.minimum;
  }
  if (least > endpoints) {
    return refuse(
        "Unable to allocate minimum required endpoints to each zone without exceeding overload "
        "threshold");
  }
  for (auto& [zone, allocation] : allocations) {
    allocation.maximum = allocation.minimum + endpoints - least;
  }
  return allocations;
}

// What the hints of a slice give to zones; nullopt where they are not to stay.
std::optional<ZoneEndpoints> StayingHints(const EndpointSlice& slice, const ZoneEndpoints& given,
                                          const Allocations& allocations) {
  ZoneEndpoints hinted;
  for (const Endpoint& endpoint : slice.endpoints) {
    if (!HasReadiness(endpoint)) continue;
    if (!endpoint.hints || endpoint.hints->for_zones.empty()) return std::nullopt;
    for (const auto& zone : endpoint.hints->for_zones) {
      if (!allocations.contains(zone.name)) return std::nullopt;
      ++hinted[zone.name];
    }
  }
  for (const auto& [zone, count] : hinted) {
    const auto before = given.find(zone);
    const int all = count + (before == given.end() ? 0 : before->second);
    if (all > allocations.at(zone).maximum) return std::nullopt;
  }
  return hinted;
}

std::map<std::string, double>::iterator Most(std::map<std::string, double>& zones) {
  return std::max_element(zones.begin(), zones.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; });
}

// How many endpoints of which zones go to which others, as many as make whole endpoints.
void FindShifts(const Allocations& allocations, const ZoneEndpoints& given, Shifts& giving,
                Shifts& receiving) {
  std::map<std::string, double> too_many;
  std::map<std::string, double> too_few;
  for (const auto& [zone, allocation] : allocations) {
    const auto found = given.find(zone);
    const double more = (found == given.end() ? 0 : found->second) - allocation.desired;
    if (more > 0) too_many[zone] = more;
    if (more < 0) too_few[zone] = -more;
  }
  if (too_many.empty() || too_few.empty()) return;
  while (true) {
    const auto from = Most(too_many);
    const auto to = Most(too_few);
    if (from->second < 1 && to->second < 1) return;
    if (from->second < 0.5 || to->second < 0.5) return;
    ++giving[from->first];
    ++receiving[to->first];
    from->second -= 1;
    to->second -= 1;
  }
}

// Takes one off a count; one that comes to nothing is no more.
void TakeOne(Shifts& shifts, Shifts::iterator it) {
  if (--it->second == 0) shifts.erase(it);
}

void Shift(const std::vector<EndpointSlice*>& slices, Shifts giving, Shifts receiving,
           ZoneEndpoints& given) {
  for (EndpointSlice* slice : slices) {
    for (Endpoint& endpoint : slice->endpoints) {
      if (receiving.empty()) return;
      if (!HasReadiness(endpoint)) continue;
      const auto from = giving.find(*endpoint.zone);
      if (from == giving.end()) continue;
      const auto to = receiving.begin();
      endpoint.hints->for_zones[0].name = to->first;
      --given[from->first];
      ++given[to->first];
      TakeOne(giving, from);
      TakeOne(receiving, to);
    }
  }
}

// Each ready endpoint to its own zone; false where one has none.
bool GiveToOwnZones(const std::vector<EndpointSlice*>& slices, ZoneEndpoints& given) {
  for (EndpointSlice* slice : slices) {
    for (Endpoint& endpoint : slice->endpoints) {
      if (!HasReadiness(endpoint)) continue;
      if (endpoint.zone.value_or("").empty()) return false;
      ++given[*endpoint.zone];
      endpoint.hints = OwnHints(endpoint, false);
    }
  }
  return true;
}

}  // namespace

ZoneShares SharesOf(const std::vector<Ptr<Node>>& nodes) {
  std::map<std::string, int64_t> milli;
  int64_t all = 0;
  for (const auto& node : nodes) {
    if (RunsControlPlane(*node) || !IsReady(*node)) continue;
    const auto cpu = node->status.allocatable.find("cpu");
    const std::string zone = ZoneLabelOf(*node);
    if (zone.empty() || cpu == node->status.allocatable.end() || cpu->second.IsZero()) return {};
    const int64_t amount = cpu->second.MilliValue();
    milli[zone] = SaturatedSum(milli[zone], amount);
    all = SaturatedSum(all, amount);
  }
  if (milli.size() < 2) return {};
  ZoneShares shares;
  for (const auto& [zone, amount] : milli) {
    shares[zone] = static_cast<double>(amount) / static_cast<double>(all);
  }
  return shares;
}

bool SameForShares(const Node& a, const Node& b) {
  return IsReady(a) == IsReady(b) && ZoneLabelOf(a) == ZoneLabelOf(b);
}

bool WantsZoneShares(const core_v1::Service& service) {
  const auto& annotations = service.metadata.annotations;
  auto mode = annotations.find("service.kubernetes.io/topology-aware-hints");
  if (mode == annotations.end()) mode = annotations.find("service.kubernetes.io/topology-mode");
  return mode != annotations.end() && (mode->second == "Auto" || mode->second == "auto");
}

void RemoveHints(SliceChanges& changes) {
  HintByDistribution("", changes);
}

void HintByDistribution(const std::string& distribution, SliceChanges& changes) {
  const bool hints = !distribution.empty();
  const bool by_node = distribution == "PreferSameNode";
  Unkeep(changes, [&](const EndpointSlice& slice) {
    return std::any_of(slice.endpoints.begin(), slice.endpoints.end(), [&](const Endpoint& it) {
      if (!hints) return static_cast<bool>(it.hints);
      return HasReadiness(it) && !(it.hints == OwnHints(it, by_node));
    });
  });
  ClearHints(changes);
  if (!hints) return;
  for (EndpointSlice* slice : Written(changes)) {
    for (Endpoint& endpoint : slice->endpoints) {
      if (HasReadiness(endpoint)) endpoint.hints = OwnHints(endpoint, by_node);
    }
  }
}

Allotted HintByShares(const ZoneShares& shares, SliceChanges& changes) {
  Allotted allotted;
  const auto refuse = [&] {
    RemoveHints(changes);
    allotted.endpoints.clear();
    return allotted;
  };
  const auto allocations = Allocate(shares, CountReady(changes), allotted.refusal);
  if (allocations.empty()) return refuse();
  ZoneEndpoints& given = allotted.endpoints;
  Unkeep(changes, [&](const EndpointSlice& slice) {
    const auto staying = StayingHints(slice, given, allocations);
    if (!staying) return true;
    for (const auto& [zone, count] : *staying) given[zone] += count;
    return false;
  });
  ClearHints(changes);
  const auto slices = Written(changes);
  if (!GiveToOwnZones(slices, given)) {
    allotted.refusal = "One or more endpoints do not have a zone specified";
    return refuse();
  }
  Shifts giving;
  Shifts receiving;
  FindShifts(allocations, given, giving, receiving);
  Shift(slices, std::move(giving), std::move(receiving), given);
  if (given.empty()) {
    allotted.refusal = "No hints allocated for zones";
    return refuse();
  }
  return allotted;
}

bool IsOverloaded(const ZoneEndpoints& endpoints, const ZoneShares& shares) {
  if (endpoints.empty()) return false;
  if (shares.empty()) return true;
  double all = 0;
  for (const auto& [zone, count] : endpoints) all += count;
  return std::any_of(shares.begin(), shares.end(), [&](const auto& share) {
    const auto found = endpoints.find(share.first);
    return found == endpoints.end() || found->second < LeastEndpoints(all * share.second);
  });
}

}  // namespace skiff
