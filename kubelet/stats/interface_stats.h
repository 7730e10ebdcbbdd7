// What went over the interfaces of a network namespace: /proc/PID/net/dev. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace skiff::kubelet {

struct InterfaceStats {
  struct Way {
    uint64_t bytes = 0, packets = 0, errors = 0, dropped = 0;
  };
  std::string name;
  Way received, sent;
};

// Those that are cables to elsewhere: loopback and the host's ends of containers' cables are left
// out, as cAdvisor does.
std::vector<InterfaceStats> InterfacesFrom(std::string_view net_dev);

// That which a pod or a node is known by: eth0, or the first one. Null: there is none.
const InterfaceStats* DefaultInterface(const std::vector<InterfaceStats>& interfaces);

}  // namespace skiff::kubelet
