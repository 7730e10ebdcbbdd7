// What a node's conditions and heartbeats mean for its taints, and how fast nodes of a zone may be
// given up. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/select/tolerations.h"
#include "base/clock.h"

namespace skiff {

inline constexpr std::string_view kNotReadyTaint = "node.kubernetes.io/not-ready";
inline constexpr std::string_view kUnreachableTaint = "node.kubernetes.io/unreachable";

// nullptr when the node does not have it.
const core_v1::NodeCondition* FindCondition(const core_v1::Node& node, std::string_view type);
bool IsReady(const core_v1::Node& node);
// Whether it was not heard of for so long that nobody knows: its kubelet did not say so itself.
bool IsSilent(const core_v1::Node& node);
// Whether somebody says by a taint that it is shut down: nothing runs there any more.
bool IsOutOfService(const core_v1::Node& node);

// Makes the conditions of a node that was not heard of Unknown; true when Ready changed.
bool MarkUnknown(core_v1::Node& node, TimePoint now);

// The NoSchedule taints that follow from conditions and spec.unschedulable; only those keys are
// touched. True when something changed.
bool SetNoScheduleTaints(core_v1::Node& node, TimePoint now);

// The NoExecute taint that the node should have: kNotReadyTaint, kUnreachableTaint or "".
std::string_view NoExecuteTaintFor(const core_v1::Node& node);
// Which of the two it has; "" for none.
std::string_view NoExecuteTaintOf(const core_v1::Node& node);
// Leaves only `key` of the two; "" removes both.
void SetNoExecuteTaint(core_v1::Node& node, std::string_view key, TimePoint now);
// The beta labels of operating system and architecture; true when something changed.
bool SetBetaLabels(core_v1::Node& node);

// "region:zone"; by their old labels, where the node has them.
std::string ZoneOf(const core_v1::Node& node);

// How many nodes of each zone are ready, node by node; those that are labelled as no disruption do
// not count.
class ZoneCounts {
 public:
  struct Counts {
    int ready = 0;
    int not_ready = 0;
  };
  // nullptr: there is no such version.
  void Saw(const core_v1::Node* before, const core_v1::Node* now);
  Counts Of(const std::string& zone) const;
  const std::map<std::string, Counts>& zones() const { return zones_; }

 private:
  void Count(const core_v1::Node* node, int amount);
  std::map<std::string, Counts> zones_;  // Those with nodes.
};

enum class ZoneState : uint8_t { kNormal, kPartialDisruption, kFullDisruption };
ZoneState StateOf(int ready, int not_ready, double unhealthy_threshold);

struct EvictionRates {
  double normal = 0.1;  // Nodes per second.
  double secondary = 0.01;
  int large_zone = 50;
};
double RateOf(ZoneState state, int nodes, const EvictionRates& rates);
// From one node of a zone to the next; kNever where the rate, which may be no number, has none go.
Duration PauseOf(double rate);

// How often silent nodes are looked at by that --node-monitor-period, which may be nothing at all.
Duration LookPeriod(Duration asked);

// When a pod has to leave a node with these taints: 0 at once, kNever when it may stay.
Duration EvictionDelay(const std::vector<core_v1::Taint>& taints,
                       const std::vector<core_v1::Toleration>& tolerations);

}  // namespace skiff
