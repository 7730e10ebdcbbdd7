#include "dns/query_gate.h"

#include <algorithm>

#include "dns/wire.h"

namespace skiff::dns {

QueryGate::QueryGate(const std::vector<Cidr>& allowed) {
  for (const Cidr& each : allowed) {
    if (each.address.v6) {
      ipv6_.push_back(each);
      continue;
    }
    const uint32_t mask = each.prefix_length == 0 ? 0 : ~uint32_t{0} << (32 - each.prefix_length);
    ipv4_.push_back({Get32(each.address.bytes, 0) & mask, mask});
  }
}

bool QueryGate::Admits(const SocketAddress& from, const View* view) const {
  if (ipv4_.empty() && ipv6_.empty()) return true;
  const IpAddress address = from.ip();
  const uint32_t bits = Get32(address.bytes, 0);
  const bool known = address.v6
                         ? std::any_of(ipv6_.begin(), ipv6_.end(),
                                       [&](const Cidr& each) { return each.Contains(address); })
                         : std::any_of(ipv4_.begin(), ipv4_.end(), [bits](const Ipv4Network& each) {
                             return (bits & each.mask) == each.address;
                           });
  return known || (view != nullptr && view->IsNode(address));
}

}  // namespace skiff::dns
