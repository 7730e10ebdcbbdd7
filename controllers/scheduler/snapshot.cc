#include "controllers/scheduler/snapshot.h"

namespace skiff::scheduler {

PodInfo::PodInfo(PodPtr new_pod)
    : pod(std::move(new_pod)),
      requests(PodRequests(pod->spec)),
      non_zero(NonZeroPodRequests(pod->spec)),
      host_ports(HostPortsOf(pod->spec)),
      priority(pod->spec.priority.value_or(0)) {}

bool PodInfo::HasRequiredAntiAffinity() const {
  const auto& affinity = pod->spec.affinity;
  return affinity && affinity->pod_anti_affinity &&
         !affinity->pod_anti_affinity->required_during_scheduling_ignored_during_execution.empty();
}

bool PodInfo::HasAffinity() const {
  const auto& affinity = pod->spec.affinity;
  return affinity && (affinity->pod_affinity || affinity->pod_anti_affinity);
}

void NodeInfo::SetNode(NodePtr new_node) {
  node = std::move(new_node);
  allocatable = Resources::From(node->status.allocatable);
  const auto pods = node->status.allocatable.find("pods");
  pods_max = pods == node->status.allocatable.end() ? 0 : pods->second.Value();
}

void NodeInfo::AddPod(PodInfoPtr pod) {
  RemovePod(pod->uid());
  requested.Add(pod->requests);
  non_zero_requested.Add(pod->non_zero);
  for (const PodHostPort& port : pod->host_ports) used_ports.insert(port);
  pods_with_affinity += pod->HasAffinity() ? 1 : 0;
  pods_with_required_anti_affinity += pod->HasRequiredAntiAffinity() ? 1 : 0;
  const std::string uid = pod->uid();
  pods.emplace(uid, std::move(pod));
}

void NodeInfo::RemovePod(const std::string& uid) {
  const auto found = pods.find(uid);
  if (found == pods.end()) return;
  const bool were_whole = !requested.IsAtLimit() && !non_zero_requested.IsAtLimit();
  requested.Subtract(found->second->requests);
  non_zero_requested.Subtract(found->second->non_zero);
  pods_with_affinity -= found->second->HasAffinity() ? 1 : 0;
  pods_with_required_anti_affinity -= found->second->HasRequiredAntiAffinity() ? 1 : 0;
  for (const PodHostPort& port : found->second->host_ports) {
    used_ports.erase(used_ports.find(port));
  }
  pods.erase(found);
  if (were_whole) return;
  requested = non_zero_requested = {};
  for (const auto& [other, info] : pods) {
    requested.Add(info->requests);
    non_zero_requested.Add(info->non_zero);
  }
}

}  // namespace skiff::scheduler
