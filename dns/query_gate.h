// Who may ask. Whoever serves the whole world is used to flood others with its answers.
#pragma once

#include <vector>

#include "dns/socket_address.h"
#include "dns/view.h"

namespace skiff::dns {

class QueryGate {
 public:
  // These networks and the cluster's nodes; without any network, everybody.
  explicit QueryGate(const std::vector<Cidr>& allowed);
  // `view` may be null: no node is known then.
  bool Admits(const SocketAddress& from, const View* view) const;

 private:
  struct Ipv4Network {
    uint32_t address;
    uint32_t mask;
  };
  std::vector<Ipv4Network> ipv4_;
  std::vector<Cidr> ipv6_;
};

}  // namespace skiff::dns
