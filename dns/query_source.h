// Where a query came from and its reply goes to.
#pragma once

#include <memory>

#include "dns/socket_address.h"

namespace skiff::dns {

class TcpConnection;

// The sender of a datagram, and the address of ours that it was sent to: the reply leaves from
// there, or the sender, or a translation on the way, would not know it.
struct UdpPeer {
  SocketAddress address;
  bool has_local = false;
  in6_addr local{};  // IPv4 in the first four bytes, by the family of `local_family`.
  int local_family = 0;
  unsigned interface = 0;  // Of link-local addresses.
};

struct QuerySource {
  UdpPeer udp;
  std::weak_ptr<TcpConnection> tcp;
  bool is_tcp = false;
  IpAddress client = {};
};

}  // namespace skiff::dns
