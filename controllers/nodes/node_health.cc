#include "controllers/nodes/node_health.h"

#include <algorithm>
#include <map>

#include "api/pods/conditions.h"
#include "base/seconds.h"

namespace skiff {

using core_v1::Node;
using core_v1::NodeCondition;
using core_v1::Taint;

namespace {

constexpr std::string_view kNoSchedule = "NoSchedule";
constexpr std::string_view kNoExecute = "NoExecute";
constexpr std::string_view kNoDisruption = "node.kubernetes.io/exclude-disruption";

struct WatchedCondition {
  std::string_view type;
  std::string_view never_updated;  // The message while the kubelet never wrote it.
};
constexpr WatchedCondition kWatched[] = {
    {"Ready", "Kubelet never posted node status."},
    {"MemoryPressure", "Kubelet never posted node status."},
    {"DiskPressure", "Kubelet never posted node status."},
    {"PIDPressure", "Kubelet never posted node status."},
};
constexpr std::string_view kStopped = "Kubelet stopped posting node status.";

// Condition, status, taint.
struct ConditionTaint {
  std::string_view type;
  std::string_view status;
  std::string_view key;
};
constexpr ConditionTaint kConditionTaints[] = {
    {"Ready", "False", kNotReadyTaint},
    {"Ready", "Unknown", kUnreachableTaint},
    {"MemoryPressure", "True", "node.kubernetes.io/memory-pressure"},
    {"DiskPressure", "True", "node.kubernetes.io/disk-pressure"},
    {"NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"},
    {"PIDPressure", "True", "node.kubernetes.io/pid-pressure"},
};
constexpr std::string_view kOutOfService = "node.kubernetes.io/out-of-service";
constexpr std::string_view kUnschedulable = "node.kubernetes.io/unschedulable";

bool HasTaint(const Node& node, std::string_view key, std::string_view effect) {
  return std::any_of(node.spec.taints.begin(), node.spec.taints.end(),
                     [&](const Taint& it) { return it.key == key && it.effect == effect; });
}

// True when the node changed.
bool SetTaint(Node& node, std::string_view key, std::string_view effect, bool wanted,
              TimePoint now) {
  const bool has = HasTaint(node, key, effect);
  if (has == wanted) return false;
  if (wanted) {
    Taint& taint = node.spec.taints.emplace_back();
    taint.key = key;
    taint.effect = effect;
    taint.time_added = now;
  } else {
    std::erase_if(node.spec.taints,
                  [&](const Taint& it) { return it.key == key && it.effect == effect; });
  }
  return true;
}

std::string Label(const Node& node, std::string_view name) {
  const auto found = node.metadata.labels.find(std::string(name));
  return found == node.metadata.labels.end() ? "" : found->second;
}

}  // namespace

const NodeCondition* FindCondition(const Node& node, std::string_view type) {
  return FindCondition(node.status.conditions, type);
}

bool IsReady(const Node& node) {
  const NodeCondition* ready = FindCondition(node, "Ready");
  return ready && ready->status == "True";
}

bool IsSilent(const Node& node) {
  const NodeCondition* ready = FindCondition(node, "Ready");
  return ready && ready->status == "Unknown";
}

bool IsOutOfService(const Node& node) {
  return std::any_of(node.spec.taints.begin(), node.spec.taints.end(),
                     [](const Taint& it) { return it.key == kOutOfService; });
}

bool MarkUnknown(Node& node, TimePoint now) {
  bool ready_changed = false;
  for (const WatchedCondition& watched : kWatched) {
    auto& conditions = node.status.conditions;
    auto condition = std::find_if(conditions.begin(), conditions.end(),
                                  [&](const auto& it) { return it.type == watched.type; });
    if (condition == conditions.end()) {
      condition = conditions.insert(conditions.end(), NodeCondition{});
      condition->type = watched.type;
      condition->reason = "NodeStatusNeverUpdated";
      condition->message = watched.never_updated;
      condition->last_heartbeat_time = node.metadata.creation_timestamp;
    } else if (condition->status != "Unknown") {
      condition->reason = "NodeStatusUnknown";
      condition->message = kStopped;
    } else {
      continue;
    }
    condition->status = "Unknown";
    condition->last_transition_time = now;
    ready_changed |= watched.type == "Ready";
  }
  return ready_changed;
}

bool SetNoScheduleTaints(Node& node, TimePoint now) {
  bool changed = false;
  const auto set = [&](std::string_view type) {
    const NodeCondition* condition = FindCondition(node, type);
    for (const ConditionTaint& rule : kConditionTaints) {
      if (rule.type != type) continue;
      const bool wanted = condition && condition->status == rule.status;
      changed |= SetTaint(node, rule.key, kNoSchedule, wanted, now);
    }
  };
  // In the order of the conditions; then those of conditions that are no more go.
  for (const NodeCondition& condition : node.status.conditions) set(condition.type);
  for (const ConditionTaint& rule : kConditionTaints) set(rule.type);
  changed |= SetTaint(node, kUnschedulable, kNoSchedule, node.spec.unschedulable, now);
  return changed;
}

std::string_view NoExecuteTaintFor(const Node& node) {
  const NodeCondition* ready = FindCondition(node, "Ready");
  if (!ready) return "";
  if (ready->status == "False") return kNotReadyTaint;
  return ready->status == "Unknown" ? kUnreachableTaint : "";
}

std::string_view NoExecuteTaintOf(const Node& node) {
  if (HasTaint(node, kNotReadyTaint, kNoExecute)) return kNotReadyTaint;
  return HasTaint(node, kUnreachableTaint, kNoExecute) ? kUnreachableTaint : "";
}

void SetNoExecuteTaint(Node& node, std::string_view key, TimePoint now) {
  SetTaint(node, kNotReadyTaint, kNoExecute, key == kNotReadyTaint, now);
  SetTaint(node, kUnreachableTaint, kNoExecute, key == kUnreachableTaint, now);
}

bool SetBetaLabels(Node& node) {
  bool changed = false;
  for (const std::string name : {"os", "arch"}) {
    const std::string value = Label(node, "kubernetes.io/" + name);
    if (value.empty() || Label(node, "beta.kubernetes.io/" + name) == value) continue;
    node.metadata.labels["beta.kubernetes.io/" + name] = value;
    changed = true;
  }
  return changed;
}

std::string ZoneOf(const Node& node) {
  const auto place = [&](const std::string& name) {
    const std::string old = "failure-domain.beta.kubernetes.io/" + name;
    return Label(node, node.metadata.labels.contains(old) ? old : "topology.kubernetes.io/" + name);
  };
  return place("region") + ":" + place("zone");
}

void ZoneCounts::Saw(const core_v1::Node* before, const core_v1::Node* now) {
  Count(now, 1);
  Count(before, -1);
}

void ZoneCounts::Count(const core_v1::Node* node, int amount) {
  if (node == nullptr || node->metadata.labels.contains(std::string(kNoDisruption))) return;
  const auto zone = zones_.try_emplace(ZoneOf(*node)).first;
  (IsReady(*node) ? zone->second.ready : zone->second.not_ready) += amount;
  if (zone->second.ready == 0 && zone->second.not_ready == 0) zones_.erase(zone);
}

ZoneCounts::Counts ZoneCounts::Of(const std::string& zone) const {
  const auto found = zones_.find(zone);
  return found == zones_.end() ? Counts() : found->second;
}

ZoneState StateOf(int ready, int not_ready, double unhealthy_threshold) {
  if (ready == 0 && not_ready > 0) return ZoneState::kFullDisruption;
  const double share = static_cast<double>(not_ready) / std::max(1, ready + not_ready);
  if (not_ready > 2 && share >= unhealthy_threshold) return ZoneState::kPartialDisruption;
  return ZoneState::kNormal;
}

double RateOf(ZoneState state, int nodes, const EvictionRates& rates) {
  if (state != ZoneState::kPartialDisruption) return rates.normal;
  return nodes > rates.large_zone ? rates.secondary : 0;
}

Duration PauseOf(double rate) {
  constexpr double kSecond_ns = 1e9;
  constexpr double kLongest_ns = 1e18;  // Thirty years, which can be added to any time.
  if (!(rate > 0)) return kNever;
  return Duration(static_cast<int64_t>(std::min(kSecond_ns / rate, kLongest_ns)));
}

Duration LookPeriod(Duration asked) {
  return std::max<Duration>(asked, 100ms);
}

Duration EvictionDelay(const std::vector<Taint>& taints,
                       const std::vector<core_v1::Toleration>& tolerations) {
  Duration delay = kNever;
  for (const Taint& taint : taints) {
    if (taint.effect != kNoExecute) continue;
    const auto toleration = std::find_if(tolerations.begin(), tolerations.end(),
                                         [&](const auto& it) { return Tolerates(it, taint); });
    if (toleration == tolerations.end()) return Duration(0);
    if (!toleration->toleration_seconds) continue;
    delay = std::min(delay, std::max(Duration(0), Seconds(*toleration->toleration_seconds)));
  }
  return delay;
}

}  // namespace skiff
