#include "api/rules/network/balanced_ports.h"

namespace skiff {

BalancedPorts::BalancedPorts(const core_v1::Service& service) {
  for (const auto& at : service.status.load_balancer.ingress) {
    for (const auto& port : at.ports) told_.emplace(port.protocol, port.port);
  }
}

bool BalancedPorts::Has(const core_v1::ServicePort& port) const {
  return told_.empty() ||
         told_.contains({port.protocol.empty() ? "TCP" : port.protocol, port.port});
}

}  // namespace skiff
