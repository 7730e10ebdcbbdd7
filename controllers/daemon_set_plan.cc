#include "controllers/daemon_set_plan.h"

#include <algorithm>

#include "controllers/pod_control.h"
#include "controllers/scheduler/node_selector.h"
#include "controllers/scheduler/tolerations.h"

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

bool IsUpdated(const Pod& pod, const std::string& hash) {
  const auto label = pod.metadata.labels.find(std::string(kRevisionHash));
  return label != pod.metadata.labels.end() && label->second == hash;
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

void ManageNode(const Decision& decision, const std::string& node, const Pods& pods, Plan& plan) {
  if (!decision.stay) {
    for (const auto& pod : pods) {
      if (!pod->metadata.deletion_timestamp) plan.remove.push_back(pod);
    }
    return;
  }
  Pods running;
  for (const auto& pod : pods) {
    if (pod->metadata.deletion_timestamp) {
      running.push_back(pod);  // Blocks a new one until it is gone.
    } else if (pod->status.phase == "Failed") {
      plan.remove.push_back(pod);
      plan.failed.push_back(pod);
    } else if (pod->status.phase == "Succeeded") {
      plan.remove.push_back(pod);
      plan.succeeded.push_back(pod);
    } else {
      running.push_back(pod);
    }
  }
  if (running.empty() && pods.empty() && decision.run) plan.create.push_back(node);
  std::erase_if(running, [](const auto& pod) { return pod->metadata.deletion_timestamp; });
  std::sort(running.begin(), running.end(), KeptBefore);
  for (size_t i = 1; i < running.size(); ++i) plan.remove.push_back(running[i]);
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
  if (!scheduler::MatchesNodeSelection(spec, node)) return {};
  Decision decision = {true, true};
  for (const core_v1::Taint& taint : node.spec.taints) {
    if (taint.effect == "PreferNoSchedule") continue;
    if (scheduler::AnyTolerates(spec.tolerations, taint)) continue;
    decision.run = false;
    if (taint.effect == "NoExecute") decision.stay = false;
  }
  return decision;
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
  for (const auto& pod : pods) by_node[NodeOf(*pod)].push_back(pod);
  return by_node;
}

Plan Manage(const core_v1::PodSpec& spec, const Nodes& nodes,
            const std::map<std::string, Pods>& by_node) {
  Plan plan;
  std::map<std::string, bool> known;
  for (const auto& node : nodes) {
    const std::string& name = node->metadata.name;
    known[name] = true;
    ManageNode(Decide(spec, *node), name, PodsOn(by_node, name), plan);
  }
  // Pods meant for nodes that are gone before they were scheduled.
  for (const auto& [node, pods] : by_node) {
    if (known.contains(node)) continue;
    for (const auto& pod : pods) {
      if (pod->spec.node_name.empty() && !pod->metadata.deletion_timestamp) {
        plan.remove.push_back(pod);
      }
    }
  }
  return plan;
}

Pods RollingUpdate(const core_v1::PodSpec& spec, const RollingInput& input) {
  int desired = 0;
  int unavailable = 0;
  Pods at_once;
  Pods candidates;
  for (const auto& node : input.nodes) {
    if (!Decide(spec, *node).run) continue;
    ++desired;
    Ptr<Pod> updated;
    Ptr<Pod> old;
    for (const auto& pod : PodsOn(input.by_node, node->metadata.name)) {
      if (pod->metadata.deletion_timestamp) continue;
      (IsUpdated(*pod, input.hash) ? updated : old) = pod;
    }
    const auto available = [&](const Pod& pod) {
      return UntilAvailable(pod, input.set.spec.min_ready_seconds, input.now) == Duration(0);
    };
    if (old && !updated) {
      if (available(*old)) {
        candidates.push_back(old);
      } else {
        at_once.push_back(old);
        ++unavailable;
      }
    } else if (!updated || old || !available(*updated)) {
      ++unavailable;
    }
  }
  IntOrString limit = 1;
  if (input.set.spec.update_strategy.rolling_update) {
    limit = input.set.spec.update_strategy.rolling_update->max_unavailable.value_or(limit);
  }
  const int allowed = std::max(1, limit.ScaledTo(desired, /*round_up=*/true).value_or(1));
  const int spare = std::clamp<int>(allowed - unavailable, 0, static_cast<int>(candidates.size()));
  at_once.insert(at_once.end(), candidates.begin(), candidates.begin() + spare);
  return at_once;
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
    if (IsUpdated(pod, input.hash)) ++status.updated_number_scheduled;
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
