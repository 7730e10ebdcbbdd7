#include "controllers/scheduler/snapshot.h"

#include "api/rules/pods/pod_resources.h"

namespace skiff::scheduler {
namespace {

std::shared_ptr<const std::unordered_set<std::string>> ImageNames(const core_v1::Node& node) {
  if (node.status.images.empty()) return nullptr;
  auto names = std::make_shared<std::unordered_set<std::string>>();
  for (const auto& image : node.status.images) {
    names->insert(image.names.begin(), image.names.end());
  }
  return names;
}

const std::string* LabelIn(const std::map<std::string, std::string>& labels, std::string_view key) {
  const auto found = labels.find(std::string(key));
  return found == labels.end() ? nullptr : &found->second;
}

}  // namespace

PodInfo::PodInfo(PodPtr new_pod)
    : pod(std::move(new_pod)),
      host_ports(HostPortsOf(pod->spec)),
      affinity(*pod),
      priority(pod->spec.priority.value_or(0)) {
  const auto as_run = SpecAsRun(*pod);
  const core_v1::PodSpec& spec = as_run ? *as_run : pod->spec;
  requests = PodRequests(spec);
  non_zero = NonZeroPodRequests(spec);
}

const std::string* NodeInfo::Label(std::string_view key) const {
  if (key == kHostLabel) return host;
  if (key == kZoneLabel) return zone;
  return LabelIn(labels(), key);
}

void NodeInfo::SetNode(NodePtr new_node) {
  const bool same_images = node && node->status.images == new_node->status.images;
  node = std::move(new_node);
  host = LabelIn(labels(), kHostLabel);
  zone = LabelIn(labels(), kZoneLabel);
  unschedulable = node->spec.unschedulable;
  has_taints = !node->spec.taints.empty();
  if (!same_images) images = ImageNames(*node);
  allocatable = Resources::From(node->status.allocatable);
  const auto pods = node->status.allocatable.find("pods");
  pods_max = pods == node->status.allocatable.end() ? 0 : pods->second.Value();
}

void NodeInfo::AddPod(PodInfoPtr pod) {
  RemovePod(pod->uid());
  requested.Add(pod->requests);
  non_zero_requested.Add(pod->non_zero);
  for (const PodHostPort& port : pod->host_ports) used_ports.insert(port);
  pods_with_wishes += pod->HasWishes() ? 1 : 0;
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
  pods_with_wishes -= found->second->HasWishes() ? 1 : 0;
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
