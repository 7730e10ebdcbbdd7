#include "api/rules/pods/pod_defaults.h"

#include "api/rules/defaults.h"
#include "api/rules/pods/pod_resources.h"

namespace skiff {
namespace {

using namespace core_v1;

const ResourceList& Requests(const ResourceRequirements& resources) {
  return resources.requests;
}
const ResourceList& Limits(const ResourceRequirements& resources) {
  return resources.limits;
}

void DefaultRequestsFromLimits(std::vector<Container>& containers) {
  for (auto& container : containers) {
    for (const auto& [name, limit] : container.resources.limits) {
      container.resources.requests.try_emplace(name, limit);
    }
  }
}

// Runs after the containers' own requests are known.
void DefaultPodLevelResources(PodSpec& spec) {
  if (!spec.resources) return;
  auto& [limits, requests, claims] = *spec.resources;
  if (limits.empty() && requests.empty()) return;
  for (const auto& [name, limit] : AggregateContainers(spec, Limits)) {
    if (IsHugePageResource(name) && !requests.contains(name)) limits.try_emplace(name, limit);
  }
  if (limits.empty()) return;
  for (const auto& [name, request] : AggregateContainers(spec, Requests)) {
    if (name == "cpu" || name == "memory") requests.try_emplace(name, request);
  }
  for (const auto& [name, limit] : limits) {
    if (name == "cpu" || name == "memory" || IsHugePageResource(name)) {
      requests.try_emplace(name, limit);
    }
  }
}

void DefaultHostPorts(std::vector<Container>& containers) {
  for (auto& container : containers) {
    for (auto& port : container.ports) Default(port.host_port, port.container_port);
  }
}

void DefaultStatuses(std::vector<ContainerStatus>& statuses) {
  for (auto& status : statuses) {
    DefaultResourceList(status.allocated_resources);
    if (status.resources) DefaultResources(*status.resources);
  }
}

// podIP is the first of podIPs; a client may know only one of the two.
void AlignPodIps(PodStatus& status) {
  if (!status.pod_ip.empty() &&
      (status.pod_ips.empty() || status.pod_ips.front().ip != status.pod_ip)) {
    PodIP only;
    only.ip = status.pod_ip;
    status.pod_ips = {only};
  }
  status.pod_ip = status.pod_ips.empty() ? "" : status.pod_ips.front().ip;
}

}  // namespace

void DefaultPod(Pod& pod) {
  PodSpec& spec = pod.spec;
  DropInitContainerAnnotations(pod.metadata.annotations);
  DefaultRequestsFromLimits(spec.containers);
  DefaultRequestsFromLimits(spec.init_containers);
  DefaultPodLevelResources(spec);
  Default(spec.enable_service_links, true);
  if (spec.host_network) {
    DefaultHostPorts(spec.containers);
    DefaultHostPorts(spec.init_containers);
  }
  DefaultPodSpec(spec);
  if (*spec.termination_grace_period_seconds < 0) spec.termination_grace_period_seconds = 1;
  AlignPodIps(pod.status);
  DefaultStatuses(pod.status.init_container_statuses);
  DefaultStatuses(pod.status.container_statuses);
  DefaultStatuses(pod.status.ephemeral_container_statuses);
  DefaultResourceList(pod.status.allocated_resources);
  if (pod.status.resources) DefaultResources(*pod.status.resources);
}

}  // namespace skiff
