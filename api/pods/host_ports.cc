#include "api/pods/host_ports.h"

#include "api/rules/pods/pod_resources.h"

namespace skiff {

std::vector<PodHostPort> HostPortsOf(const core_v1::PodSpec& spec) {
  std::vector<PodHostPort> ports;
  const auto add = [&](const core_v1::Container& container) {
    for (const auto& port : container.ports) {
      if (port.host_port <= 0) continue;
      ports.push_back({port.host_ip.empty() ? "0.0.0.0" : port.host_ip,
                       port.protocol.empty() ? "TCP" : port.protocol, port.host_port});
    }
  };
  for (const auto& container : spec.containers) add(container);
  for (const auto& container : spec.init_containers) {
    if (IsRestartableInitContainer(container)) add(container);
  }
  return ports;
}

bool Conflict(const PodHostPort& a, const PodHostPort& b) {
  return a.port == b.port && a.protocol == b.protocol &&
         (a.ip == b.ip || a.ip == "0.0.0.0" || b.ip == "0.0.0.0");
}

}  // namespace skiff
