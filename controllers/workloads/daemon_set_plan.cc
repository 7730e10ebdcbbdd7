#include "controllers/workloads/daemon_set_plan.h"

#include <algorithm>
#include <charconv>

#include "api/select/node_selector.h"
#include "api/select/tolerations.h"
#include "controllers/workloads/pod_control.h"

namespace skiff::daemon {
namespace {

using core_v1::Node;
using core_v1::Pod;
using core_v1::Toleration;

void Tolerate(core_v1::PodSpec& spec, const std::string& key, const std::string& effect) {
  std::erase_if(spec.tolerations,
                [&](const Toleration& it) { return it.key == key && it.effect == effect; });
  Toleration& toleration = spec.tolerations.emplace_back();
  toleration.key = key;
  toleration.effect = effect;
  toleration.operator_ = "Exists";
}

// How often the template was changed, as the server counts it; "" where nobody says.
std::string TemplateGenerationOf(const apps_v1::DaemonSet& set) {
  const auto& annotations = set.metadata.annotations;
  const auto found = annotations.find("deprecated.daemonset.template.generation");
  if (found == annotations.end()) return "";
  int64_t generation = 0;
  const char* const end = found->second.data() + found->second.size();
  const auto [rest, error] = std::from_chars(found->second.data(), end, generation);
  return error == std::errc() && rest == end ? std::to_string(generation) : "";
}

// By the hash of the template, or by the older count, which other controllers may have written.
bool IsUpdated(const Pod& pod, const RollingInput& input) {
  const auto says = [&](std::string_view name, const std::string& value) {
    const auto label = pod.metadata.labels.find(std::string(name));
    return label != pod.metadata.labels.end() && label->second == value;
  };
  if (says(kRevisionHash, input.hash)) return true;
  const std::string generation = TemplateGenerationOf(input.set);
  return !generation.empty() && says(kTemplateGeneration, generation);
}

// Scheduled before unscheduled ones, then the oldest.
bool KeptBefore(const Ptr<Pod>& a, const Ptr<Pod>& b) {
  const bool a_bound = !a->spec.node_name.empty();
  const bool b_bound = !b->spec.node_name.empty();
  if (a_bound != b_bound) return a_bound;
  if (a->metadata.creation_timestamp != b->metadata.creation_timestamp) {
    return a->metadata.creation_timestamp < b->metadata.creation_timestamp;
  }
  return a->metadata.name < b->metadata.name;
}

const Pods& PodsOn(const std::map<std::string, Pods>& by_node, const std::string& node) {
  static const Pods none;
  const auto found = by_node.find(node);
  return found == by_node.end() ? none : found->second;
}

struct Limits {
  int surge = 0;
  int unavailable = 1;
};

Limits LimitsOf(const apps_v1::DaemonSet& set, int desired) {
  IntOrString surge = 0;
  IntOrString unavailable = 1;
  if (const auto& update = set.spec.update_strategy.rolling_update) {
    surge = update->max_surge.value_or(surge);
    unavailable = update->max_unavailable.value_or(unavailable);
  }
  Limits limits = {surge.ScaledTo(desired, /*round_up=*/true).value_or(0),
                   unavailable.ScaledTo(desired, /*round_up=*/true).value_or(1)};
  // It could never move.
  if (limits.surge == 0 && limits.unavailable == 0) limits.unavailable = 1;
  return limits;
}

bool AllowsSurge(const apps_v1::DaemonSet& set) {
  return set.spec.update_strategy.type != "OnDelete" && LimitsOf(set, 1).surge > 0;
}

bool IsAvailable(const Pod& pod, const RollingInput& input) {
  return UntilAvailable(pod, input.set.spec.min_ready_seconds, input.now) == Duration(0);
}

// Of several running pods one stays; of a set that surges, one of the present template and an old
// one, until the old one is of no use.
void RemoveExcess(Pods running, const RollingInput& input, Pods& remove) {
  std::sort(running.begin(), running.end(), KeptBefore);
  if (!AllowsSurge(input.set)) {
    for (size_t i = 1; i < running.size(); ++i) remove.push_back(running[i]);
    return;
  }
  Ptr<Pod> updated;
  Ptr<Pod> old;
  for (const auto& pod : running) {
    Ptr<Pod>& kept = IsUpdated(*pod, input) ? updated : old;
    if (kept) {
      remove.push_back(pod);
    } else {
      kept = pod;
    }
  }
  if (updated && old && (!IsReady(*old) || IsAvailable(*updated, input))) remove.push_back(old);
}

class NodePlanner {
 public:
  NodePlanner(const RollingInput& input, FailedPodsBackOff& back_off, Duration now, Plan& plan)
      : input_(input), back_off_(back_off), now_(now), plan_(plan) {}

  void Manage(const Decision& decision, const std::string& node, const Pods& pods) {
    if (!decision.stay) {
      for (const auto& pod : pods) {
        if (!pod->metadata.deletion_timestamp) plan_.remove.push_back(pod);
      }
      return;
    }
    Pods running;
    bool is_held = false;
    for (const auto& pod : pods) {
      if (pod->metadata.deletion_timestamp) continue;
      if (pod->status.phase == "Failed") {
        is_held |= !Failed(node, pod);
      } else if (pod->status.phase == "Succeeded") {
        plan_.remove.push_back(pod);
        plan_.succeeded.push_back(pod);
      } else {
        running.push_back(pod);
      }
    }
    // What leaves blocks a new one until it is gone, unless the set surges. A pod that failed and
    // has to wait blocks it all the same: others would fail as fast as they are made.
    const bool has_room = pods.empty() || (running.empty() && !is_held && AllowsSurge(input_.set));
    if (has_room && decision.run) plan_.create.push_back(node);
    if (running.size() > 1) RemoveExcess(std::move(running), input_, plan_.remove);
  }

 private:
  // Whether it may go.
  bool Failed(const std::string& node, const Ptr<Pod>& pod) {
    const Duration wait = back_off_.Take(node, now_);
    if (wait > Duration(0)) {
      plan_.again = std::min(plan_.again, wait);
      return false;
    }
    plan_.remove.push_back(pod);
    plan_.failed.push_back(pod);
    return true;
  }

  const RollingInput& input_;
  FailedPodsBackOff& back_off_;
  const Duration now_;
  Plan& plan_;
};

// What a node has of the set while it rolls.
struct NodePods {
  std::string node;
  Ptr<Pod> updated;
  Ptr<Pod> old;
  bool crowded = false;  // More than one of a sort: the excess goes first.
  bool run = false;      // The node should have a pod,
  bool stay = false;     // or may keep one.
};

std::vector<NodePods> RollingNodes(const core_v1::PodSpec& spec, const RollingInput& input) {
  std::vector<NodePods> nodes;
  for (const auto& node : input.nodes) {
    const Decision decision = Decide(spec, *node);
    const Pods& pods = PodsOn(input.by_node, node->metadata.name);
    if (!decision.run && pods.empty()) continue;
    NodePods& entry = nodes.emplace_back();
    entry.node = node->metadata.name;
    entry.run = decision.run;
    entry.stay = decision.stay;
    for (const auto& pod : pods) {
      if (pod->metadata.deletion_timestamp) continue;
      Ptr<Pod>& kept = IsUpdated(*pod, input) ? entry.updated : entry.old;
      entry.crowded |= kept != nullptr;
      kept = pod;
    }
  }
  return nodes;
}

Rolling ReplaceInPlace(const std::vector<NodePods>& nodes, const RollingInput& input,
                       int unavailable_max) {
  int unavailable = 0;
  Rolling rolling;
  Pods candidates;
  for (const NodePods& node : nodes) {
    if (node.crowded || (node.updated != nullptr) == (node.old != nullptr)) {
      ++unavailable;
    } else if (node.updated) {
      unavailable += IsAvailable(*node.updated, input) ? 0 : 1;
    } else if (IsAvailable(*node.old, input)) {
      candidates.push_back(node.old);
    } else {
      rolling.remove.push_back(node.old);
      ++unavailable;
    }
  }
  const int spare =
      std::clamp<int>(unavailable_max - unavailable, 0, static_cast<int>(candidates.size()));
  rolling.remove.insert(rolling.remove.end(), candidates.begin(), candidates.begin() + spare);
  return rolling;
}

Rolling ReplaceBeside(const std::vector<NodePods>& nodes, const RollingInput& input,
                      int surge_max, int desired) {
  int surge = 0;
  int available = 0;
  Rolling rolling;
  std::vector<std::string> candidates;
  Pods leaving;
  for (const NodePods& node : nodes) {
    if (node.crowded) {
      ++surge;
      continue;
    }
    const auto& first = node.old ? node.old : node.updated;
    if (first && IsAvailable(*first, input)) ++available;
    if (!node.old) continue;
    if (node.updated) {
      if (!IsAvailable(*node.updated, input)) {
        ++surge;
      } else {
        rolling.remove.push_back(node.old);
      }
    } else if (!node.run) {
      // It cannot get a new one there.
      (IsAvailable(*node.old, input) ? leaving : rolling.remove).push_back(node.old);
    } else if (IsAvailable(*node.old, input)) {
      candidates.push_back(node.node);
    } else {
      rolling.create.push_back(node.node);
    }
  }
  const int room = std::clamp<int>(surge_max - surge, 0, static_cast<int>(candidates.size()));
  rolling.create.insert(rolling.create.end(), candidates.begin(), candidates.begin() + room);
  const int excess = std::clamp<int>(available - desired, 0, static_cast<int>(leaving.size()));
  rolling.remove.insert(rolling.remove.end(), leaving.begin(), leaving.begin() + excess);
  return rolling;
}

}  // namespace

core_v1::PodTemplateSpec DaemonTemplate(const apps_v1::DaemonSet& set, const std::string& hash) {
  core_v1::PodTemplateSpec daemon_template = set.spec.template_;
  for (const char* key : {"not-ready", "unreachable"}) {
    Tolerate(daemon_template.spec, std::string("node.kubernetes.io/") + key, "NoExecute");
  }
  for (const char* key : {"disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"}) {
    Tolerate(daemon_template.spec, std::string("node.kubernetes.io/") + key, "NoSchedule");
  }
  if (daemon_template.spec.host_network) {
    Tolerate(daemon_template.spec, "node.kubernetes.io/network-unavailable", "NoSchedule");
  }
  if (const std::string generation = TemplateGenerationOf(set); !generation.empty()) {
    daemon_template.metadata.labels[std::string(kTemplateGeneration)] = generation;
  }
  daemon_template.metadata.labels[std::string(kRevisionHash)] = hash;
  return daemon_template;
}

core_v1::PodTemplateSpec TemplateFor(const core_v1::PodTemplateSpec& daemon_template,
                                     const std::string& node) {
  core_v1::PodTemplateSpec meant = daemon_template;
  auto& required = meant.spec.affinity.Ensure()
                       .node_affinity.Ensure()
                       .required_during_scheduling_ignored_during_execution.emplace();
  auto& field = required.node_selector_terms.emplace_back().match_fields.emplace_back();
  field.key = "metadata.name";
  field.operator_ = "In";
  field.values = {node};
  return meant;
}

Decision Decide(const core_v1::PodSpec& spec, const Node& node) {
  if (!spec.node_name.empty() && spec.node_name != node.metadata.name) return {};
  if (!MatchesNodeSelection(spec, node)) return {};
  Decision decision = {true, true};
  for (const core_v1::Taint& taint : node.spec.taints) {
    if (taint.effect == "PreferNoSchedule") continue;
    if (AnyTolerates(spec.tolerations, taint)) continue;
    decision.run = false;
    if (taint.effect == "NoExecute") decision.stay = false;
  }
  return decision;
}

bool DecidedAlike(const Node& a, const Node& b) {
  return a.metadata.uid == b.metadata.uid && a.metadata.labels == b.metadata.labels &&
         a.spec.taints == b.spec.taints;
}

std::string NodeOf(const Pod& pod) {
  if (!pod.spec.node_name.empty()) return pod.spec.node_name;
  if (!pod.spec.affinity || !pod.spec.affinity->node_affinity) return "";
  const auto& required =
      pod.spec.affinity->node_affinity->required_during_scheduling_ignored_during_execution;
  if (!required) return "";
  for (const auto& term : required->node_selector_terms) {
    for (const auto& field : term.match_fields) {
      if (field.key == "metadata.name" && field.values.size() == 1) return field.values[0];
    }
  }
  return "";
}

std::map<std::string, Pods> ByNode(const Pods& pods) {
  std::map<std::string, Pods> by_node;
  for (const auto& pod : pods) {
    const bool is_over = IsTerminal(*pod) && pod->metadata.deletion_timestamp;
    const std::string node = NodeOf(*pod);
    if (!is_over && !node.empty()) by_node[node].push_back(pod);
  }
  return by_node;
}

Duration FailedPodsBackOff::Take(const std::string& node, Duration now) {
  const auto found = turns_.find(node);
  if (found == turns_.end() || IsExpired(found->second, now)) {
    turns_[node] = {now, kFirst};
    return Duration(0);
  }
  Turn& turn = found->second;
  if (now - turn.at < turn.delay) return turn.at + turn.delay - now;
  turn = {now, std::min(turn.delay * 2, Duration(kMax))};
  return Duration(0);
}

void FailedPodsBackOff::DropExpired(Duration now) {
  std::erase_if(turns_, [&](const auto& entry) { return IsExpired(entry.second, now); });
}

Plan Manage(const core_v1::PodSpec& spec, const RollingInput& input, FailedPodsBackOff& back_off,
            Duration monotonic) {
  Plan plan;
  NodePlanner planner(input, back_off, monotonic, plan);
  std::set<std::string> known;
  for (const auto& node : input.nodes) {
    const std::string& name = node->metadata.name;
    known.insert(name);
    planner.Manage(Decide(spec, *node), name, PodsOn(input.by_node, name));
  }
  // Pods meant for nodes that are gone before they were scheduled.
  for (const auto& [node, pods] : input.by_node) {
    if (known.contains(node)) continue;
    for (const auto& pod : pods) {
      if (pod->spec.node_name.empty() && !pod->metadata.deletion_timestamp) {
        plan.remove.push_back(pod);
      }
    }
  }
  return plan;
}

Rolling RollingUpdate(const core_v1::PodSpec& spec, const RollingInput& input) {
  const auto nodes = RollingNodes(spec, input);
  const int desired = static_cast<int>(
      std::count_if(nodes.begin(), nodes.end(), [](const NodePods& node) { return node.run; }));
  const Limits limits = LimitsOf(input.set, desired);
  if (limits.surge == 0) return ReplaceInPlace(nodes, input, limits.unavailable);
  return ReplaceBeside(nodes, input, limits.surge, desired);
}

apps_v1::DaemonSetStatus StatusOf(const core_v1::PodSpec& spec, const RollingInput& input) {
  apps_v1::DaemonSetStatus status = input.set.status;
  status.desired_number_scheduled = status.current_number_scheduled = status.number_ready = 0;
  status.number_available = status.updated_number_scheduled = status.number_misscheduled = 0;
  status.observed_generation = input.set.metadata.generation;
  for (const auto& node : input.nodes) {
    Pods pods = PodsOn(input.by_node, node->metadata.name);
    if (!Decide(spec, *node).run) {
      status.number_misscheduled += pods.empty() ? 0 : 1;
      continue;
    }
    ++status.desired_number_scheduled;
    if (pods.empty()) continue;
    ++status.current_number_scheduled;
    std::sort(pods.begin(), pods.end(), KeptBefore);
    const Pod& pod = *pods[0];
    if (IsUpdated(pod, input)) ++status.updated_number_scheduled;
    if (!IsReady(pod)) continue;
    ++status.number_ready;
    if (UntilAvailable(pod, input.set.spec.min_ready_seconds, input.now) == Duration(0)) {
      ++status.number_available;
    }
  }
  status.number_unavailable = status.desired_number_scheduled - status.number_available;
  return status;
}

}  // namespace skiff::daemon
