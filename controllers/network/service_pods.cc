#include "controllers/network/service_pods.h"

#include "api/select/selector.h"
#include "controllers/workloads/pod_control.h"

namespace skiff {

using core_v1::Pod;
using core_v1::Service;

bool HasEndpoints(const Service& service) {
  return service.spec.type != "ExternalName" && !service.spec.selector.empty();
}

bool IsHeadless(const Service& service) {
  return service.spec.cluster_ip.empty() || service.spec.cluster_ip == "None";
}

bool CanServe(const Pod& pod) {
  return !IsTerminal(pod) && (!pod.status.pod_ip.empty() || !pod.status.pod_ips.empty());
}

std::string FamilyOf(const std::string& address) {
  if (address.empty()) return "";
  return address.find(':') == std::string::npos ? "IPv4" : "IPv6";
}

std::vector<std::string> FamiliesOf(const Service& service) {
  if (!service.spec.ip_families.empty()) return service.spec.ip_families;
  if (!IsHeadless(service)) return {FamilyOf(service.spec.cluster_ip)};
  return {"IPv4", "IPv6"};
}

std::string AddressOf(const Pod& pod, const std::string& family) {
  for (const auto& entry : pod.status.pod_ips) {
    if (FamilyOf(entry.ip) == family) return entry.ip;
  }
  return FamilyOf(pod.status.pod_ip) == family ? pod.status.pod_ip : "";
}

std::optional<int32_t> PortOf(const Pod& pod, const core_v1::ServicePort& port) {
  const IntOrString& target = port.target_port;
  if (!target.is_string()) return target.value() != 0 ? target.value() : port.port;
  if (target.text().empty()) return port.port;
  const std::string protocol = port.protocol.empty() ? "TCP" : port.protocol;
  const auto find = [&](const core_v1::Container& container) -> std::optional<int32_t> {
    for (const auto& candidate : container.ports) {
      const std::string own = candidate.protocol.empty() ? "TCP" : candidate.protocol;
      if (candidate.name == target.text() && own == protocol) return candidate.container_port;
    }
    return std::nullopt;
  };
  for (const auto& container : pod.spec.containers) {
    if (const auto found = find(container)) return found;
  }
  for (const auto& container : pod.spec.init_containers) {
    if (container.restart_policy != "Always") continue;
    if (const auto found = find(container)) return found;
  }
  return std::nullopt;
}

std::string HostnameIn(const Pod& pod, const Service& service) {
  const bool same = pod.spec.subdomain == service.metadata.name &&
                    pod.metadata.namespace_ == service.metadata.namespace_;
  return same ? pod.spec.hostname : "";
}

bool SameForEndpoints(const Pod& a, const Pod& b) {
  return a.metadata.labels == b.metadata.labels && a.spec.hostname == b.spec.hostname &&
         a.spec.subdomain == b.spec.subdomain && a.spec.node_name == b.spec.node_name &&
         a.metadata.uid == b.metadata.uid &&
         a.metadata.deletion_timestamp == b.metadata.deletion_timestamp &&
         IsReady(a) == IsReady(b) && IsTerminal(a) == IsTerminal(b) &&
         a.status.pod_ip == b.status.pod_ip && a.status.pod_ips == b.status.pod_ips;
}

std::vector<ObjectKey> ServicesSelecting(const Pod& pod, const Informer<Service>& services) {
  std::vector<ObjectKey> keys;
  for (const auto& service : services.ListIn(pod.metadata.namespace_)) {
    if (!HasEndpoints(*service)) continue;
    if (LabelSelector::FromMap(service->spec.selector).Matches(pod.metadata.labels)) {
      keys.push_back(KeyOf(*service));
    }
  }
  return keys;
}

std::vector<Ptr<Pod>> PodsOf(const Service& service, const Informer<Pod>& pods) {
  const auto selector = LabelSelector::FromMap(service.spec.selector);
  auto selected = pods.ListIn(service.metadata.namespace_);
  std::erase_if(selected, [&](const auto& pod) { return !selector.Matches(pod->metadata.labels); });
  return selected;
}

}  // namespace skiff
