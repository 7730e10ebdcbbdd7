// What the files of this folder share of libnl: owners of its objects, errors, a connection.
#pragma once

#include <netlink/addr.h>
#include <netlink/cache.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/neighbour.h>
#include <netlink/route/route.h>
#include <netlink/socket.h>

#include <memory>
#include <string>

#include "base/error.h"

namespace skiff::netlink {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Socket = std::unique_ptr<nl_sock, Freer<nl_socket_free>>;
using Route = std::unique_ptr<rtnl_route, Freer<rtnl_route_put>>;
using Link = std::unique_ptr<rtnl_link, Freer<rtnl_link_put>>;
using Neighbour = std::unique_ptr<rtnl_neigh, Freer<rtnl_neigh_put>>;
using InterfaceAddress = std::unique_ptr<rtnl_addr, Freer<rtnl_addr_put>>;
using Address = std::unique_ptr<nl_addr, Freer<nl_addr_put>>;
using Cache = std::unique_ptr<nl_cache, Freer<nl_cache_free>>;

// Forbidden for what only root may do.
tl::unexpected<Error> FailNetlink(const std::string& what, int error);

// To the network namespace of the calling thread.
Result<Socket> Connect();

// "10.0.0.1", "10.0.0.0/24", "fd00::1", "0e:00:00:00:00:01".
Result<Address> ParseAddress(const std::string& text);
// Without a prefix length: "10.0.0.1", "0e:00:00:00:00:01"; "" for none.
std::string HostText(nl_addr* address);
// Always with one: "10.0.0.0/24".
std::string PrefixText(nl_addr* address);

// Refuses what no other route leads to: its metric is above those of the kernel and of what an
// operator sets for the range. `protocol`: whose it is, RTPROT_*.
Route UnreachableRoute(const Address& destination, uint8_t protocol);

}  // namespace skiff::netlink
