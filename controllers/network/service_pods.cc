#include "controllers/network/service_pods.h"

#include "api/select/selector.h"
#include "controllers/workloads/claim.h"
#include "controllers/workloads/pod_control.h"

namespace skiff {

using core_v1::Pod;
using core_v1::Service;

namespace {

std::string_view ProtocolOf(const std::string& said) {
  return said.empty() ? std::string_view("TCP") : std::string_view(said);
}

}  // namespace

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

bool IsByName(const core_v1::ServicePort& port) {
  return port.target_port.is_string() && !port.target_port.text().empty();
}

std::optional<int32_t> PodPorts::NumberOf(const core_v1::ServicePort& port) {
  const IntOrString& target = port.target_port;
  if (!IsByName(port)) {
    return target.is_string() || target.value() == 0 ? port.port : target.value();
  }
  if (!are_named_) {
    Name(pod_.spec.containers, /*sidecars_alone=*/false);
    Name(pod_.spec.init_containers, /*sidecars_alone=*/true);
    are_named_ = true;
  }
  const auto found = named_.find({target.text(), ProtocolOf(port.protocol)});
  if (found == named_.end()) return std::nullopt;
  return found->second;
}

void PodPorts::Name(const std::vector<core_v1::Container>& containers, bool sidecars_alone) {
  for (const auto& container : containers) {
    if (sidecars_alone && container.restart_policy != "Always") continue;
    for (const auto& port : container.ports) {
      named_.emplace(
          std::pair<std::string_view, std::string_view>(port.name, ProtocolOf(port.protocol)),
          port.container_port);
    }
  }
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
    if (Selects(service->spec.selector, pod.metadata.labels)) keys.push_back(KeyOf(*service));
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
