#include "kubelet/network/node_route_kernel.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/route/link/vxlan.h>

#include <arpa/inet.h>

#include <array>
#include <optional>

#include "kubelet/network/netlink.h"

namespace skiff {
namespace {

using netlink::Address;
using netlink::Cache;
using netlink::Connect;
using netlink::FailNetlink;
using netlink::HostText;
using netlink::Link;
using netlink::ParseAddress;
using netlink::PrefixText;
using netlink::Route;
using netlink::Socket;

std::string LinkName(int index) {
  std::array<char, IF_NAMESIZE> name = {};
  return if_indextoname(static_cast<unsigned>(index), name.data()) == nullptr ? "" : name.data();
}

int LinkIndex(const std::string& name) {
  return static_cast<int>(if_nametoindex(name.c_str()));
}

// Forwarding entries' addresses say nothing of their family but by their length.
std::string RemoteText(nl_addr* address) {
  if (address == nullptr) return "";
  const unsigned length = nl_addr_get_len(address);
  if (length != 4 && length != 16) return "";
  std::array<char, INET6_ADDRSTRLEN> text = {};
  inet_ntop(length == 4 ? AF_INET : AF_INET6, nl_addr_get_binary_addr(address), text.data(),
            text.size());
  return text.data();
}

template <typename Visit>
void ForEach(const Cache& cache, Visit visit) {
  for (nl_object* object = nl_cache_get_first(cache.get()); object != nullptr;
       object = nl_cache_get_next(object)) {
    visit(object);
  }
}

Result<std::vector<LinkAddress>> AddressesOn(nl_sock* socket) {
  nl_cache* raw = nullptr;
  int error = rtnl_link_alloc_cache(socket, AF_UNSPEC, &raw);
  if (error < 0) return FailNetlink("links", error);
  const Cache links(raw);
  error = rtnl_addr_alloc_cache(socket, &raw);
  if (error < 0) return FailNetlink("addresses", error);
  const Cache addresses(raw);
  std::vector<LinkAddress> found;
  ForEach(addresses, [&](nl_object* object) {
    auto* entry = reinterpret_cast<rtnl_addr*>(object);
    nl_addr* local = rtnl_addr_get_local(entry);
    const Link link(rtnl_link_get(links.get(), rtnl_addr_get_ifindex(entry)));
    if (local == nullptr || !link) return;
    if (nl_addr_get_family(local) == AF_INET6 && rtnl_addr_get_scope(entry) == RT_SCOPE_LINK) {
      return;
    }
    if ((rtnl_link_get_flags(link.get()) & IFF_UP) == 0) return;
    found.push_back({.link = rtnl_link_get_name(link.get()),
                     .index = rtnl_link_get_ifindex(link.get()),
                     .mtu = static_cast<int>(rtnl_link_get_mtu(link.get())),
                     .ip = HostText(local),
                     .prefix_length = rtnl_addr_get_prefixlen(entry)});
  });
  return found;
}

// The device of that name; its index is 0 when there is none.
Result<std::pair<Tunnel, int>> ReadTunnel(nl_sock* socket, const std::string& name) {
  rtnl_link* raw = nullptr;
  const int error = rtnl_link_get_kernel(socket, 0, name.c_str(), &raw);
  if (error == -NLE_OBJ_NOTFOUND || error == -NLE_NODEV) return std::pair(Tunnel{}, 0);
  if (error < 0) return FailNetlink("link " + name, error);
  const Link link(raw);
  Tunnel tunnel;
  const int index = rtnl_link_get_ifindex(link.get());
  const bool is_up = (rtnl_link_get_flags(link.get()) & IFF_UP) != 0;
  if (!rtnl_link_is_vxlan(link.get()) || !is_up) return std::pair(tunnel, index);
  uint32_t id = 0, port = 0, underlay = 0;
  nl_addr* local = nullptr;
  rtnl_link_vxlan_get_id(link.get(), &id);
  rtnl_link_vxlan_get_port(link.get(), &port);
  rtnl_link_vxlan_get_link(link.get(), &underlay);
  rtnl_link_vxlan_get_local(link.get(), &local);
  const Address owned(local);
  tunnel.id = static_cast<int>(id);
  tunnel.port = static_cast<int>(port);
  tunnel.underlay_index = static_cast<int>(underlay);
  tunnel.mtu = static_cast<int>(rtnl_link_get_mtu(link.get()));
  tunnel.local = HostText(local);
  tunnel.mac = HostText(rtnl_link_get_addr(link.get()));
  return std::pair(tunnel, index);
}

Result<> ReadRoutes(nl_sock* socket, NodeRoutes& out) {
  nl_cache* raw = nullptr;
  const int error = rtnl_route_alloc_cache(socket, AF_UNSPEC, 0, &raw);
  if (error < 0) return FailNetlink("routes", error);
  ForEach(Cache(raw), [&](nl_object* object) {
    auto* route = reinterpret_cast<rtnl_route*>(object);
    rtnl_nexthop* hop = rtnl_route_nexthop_n(route, 0);
    if (rtnl_route_get_protocol(route) != kRouteProtocol) return;
    if (rtnl_route_get_type(route) == RTN_UNREACHABLE) {
      out.unreachable.insert(PrefixText(rtnl_route_get_dst(route)));
      return;
    }
    if (hop == nullptr) return;
    PodRoute found;
    found.cidr = PrefixText(rtnl_route_get_dst(route));
    found.gateway = HostText(rtnl_route_nh_get_gateway(hop));
    found.link = LinkName(rtnl_route_nh_get_ifindex(hop));
    found.on_link = (rtnl_route_nh_get_flags(hop) & RTNH_F_ONLINK) != 0;
    out.routes[found.cidr] = found;
  });
  return {};
}

Result<> ReadNeighbours(nl_sock* socket, int tunnel_index, NodeRoutes& out) {
  nl_cache* raw = nullptr;
  // Forwarding entries are neighbours of the family of bridges, which are asked for one by one.
  const int error = rtnl_neigh_alloc_cache_flags(socket, &raw, NL_CACHE_AF_ITER);
  if (error < 0) return FailNetlink("neighbours", error);
  ForEach(Cache(raw), [&](nl_object* object) {
    auto* entry = reinterpret_cast<rtnl_neigh*>(object);
    if (rtnl_neigh_get_ifindex(entry) != tunnel_index) return;
    if ((rtnl_neigh_get_state(entry) & NUD_PERMANENT) == 0) return;
    const std::string mac = HostText(rtnl_neigh_get_lladdr(entry));
    nl_addr* address = rtnl_neigh_get_dst(entry);
    if (mac.empty() || address == nullptr) return;
    if (rtnl_neigh_get_family(entry) == AF_BRIDGE) {
      out.forwarding[mac] = RemoteText(address);
    } else {
      out.neighbours[HostText(address)] = mac;
    }
  });
  return {};
}

// Writes a set of changes; remembers what failed and goes on.
class KernelWriter {
 public:
  KernelWriter(nl_sock* socket, std::string tunnel) : socket_(socket), tunnel_(std::move(tunnel)) {}

  void DeleteTunnel() {
    const Link link(rtnl_link_alloc());
    rtnl_link_set_name(link.get(), tunnel_.c_str());
    Note("delete link " + tunnel_, rtnl_link_delete(socket_, link.get()));
  }

  bool CreateTunnel(const Tunnel& tunnel) {
    const Link link(rtnl_link_vxlan_alloc());
    const auto local = ParseAddress(tunnel.local);
    const auto mac = ParseAddress(tunnel.mac);
    if (!local || !mac) return false;
    rtnl_link_set_name(link.get(), tunnel_.c_str());
    rtnl_link_set_mtu(link.get(), static_cast<unsigned>(tunnel.mtu));
    rtnl_link_set_addr(link.get(), mac->get());
    rtnl_link_set_flags(link.get(), IFF_UP);
    rtnl_link_vxlan_set_id(link.get(), static_cast<uint32_t>(tunnel.id));
    rtnl_link_vxlan_set_port(link.get(), static_cast<uint32_t>(tunnel.port));
    rtnl_link_vxlan_set_link(link.get(), static_cast<uint32_t>(tunnel.underlay_index));
    rtnl_link_vxlan_set_local(link.get(), local->get());
    rtnl_link_vxlan_set_learning(link.get(), 0);
    const int error = rtnl_link_add(socket_, link.get(), NLM_F_CREATE | NLM_F_EXCL);
    if (error == -NLE_EXIST) {
      errors_ += (errors_.empty() ? "" : "; ") + std::string("VXLAN device ") + tunnel_ +
                 ": another device has id " + std::to_string(tunnel.id) + " and UDP port " +
                 std::to_string(tunnel.port) + " already; remove it (ip -d link show type vxlan)";
      conflict_ = true;
      return false;
    }
    return Note("VXLAN device " + tunnel_, error);
  }

  void ChangeAddress(const std::string& prefix, bool add) {
    const auto address = ParseAddress(prefix);
    if (!address) return;
    const netlink::InterfaceAddress entry(rtnl_addr_alloc());
    rtnl_addr_set_ifindex(entry.get(), LinkIndex(tunnel_));
    rtnl_addr_set_local(entry.get(), address->get());
    if (nl_addr_get_family(address->get()) == AF_INET6) {
      rtnl_addr_set_flags(entry.get(), IFA_F_NODAD);
    }
    Note("address " + prefix,
         add ? rtnl_addr_add(socket_, entry.get(), 0) : rtnl_addr_delete(socket_, entry.get(), 0));
  }

  void DeleteRoute(const PodRoute& route) {
    const auto made = Make(route);
    if (!made) return;
    const int error = rtnl_route_delete(socket_, made->get(), 0);
    // It goes by itself with its link.
    if (error != -NLE_OBJ_NOTFOUND && error != -NLE_FAILURE) Note("route " + route.cidr, error);
  }

  void SetRoute(const PodRoute& route, bool replace) {
    const auto made = Make(route);
    if (!made) return;
    const int flags = NLM_F_CREATE | (replace ? NLM_F_REPLACE : NLM_F_EXCL);
    const int error = rtnl_route_add(socket_, made->get(), flags);
    if (error == -NLE_EXIST) {
      errors_ += (errors_.empty() ? "" : "; ") + std::string("there is a route to ") + route.cidr +
                 " that is not ours; remove it (ip route del " + route.cidr + ")";
      conflict_ = true;
      return;
    }
    Note("route " + route.cidr + " via " + route.gateway, error);
  }

  void ChangeUnreachable(const std::string& cidr, bool add) {
    const auto destination = ParseAddress(cidr);
    if (!destination) return;
    const Route route = netlink::UnreachableRoute(*destination, kRouteProtocol);
    const int error = add ? rtnl_route_add(socket_, route.get(), NLM_F_CREATE | NLM_F_REPLACE)
                          : rtnl_route_delete(socket_, route.get(), 0);
    if (add || (error != -NLE_OBJ_NOTFOUND && error != -NLE_FAILURE)) {
      Note("unreachable route to " + cidr, error);
    }
  }

  // One entry of the neighbour table; of the forwarding table when `is_forwarding`.
  void ChangeNeighbour(const std::string& ip, const std::string& mac, bool is_forwarding,
                       bool add) {
    const auto address = ParseAddress(ip);
    const auto hardware = ParseAddress(mac);
    if (!address || !hardware) {
      errors_ += (errors_.empty() ? "" : "; ") + std::string("bad tunnel address ") + mac;
      return;
    }
    ndmsg head = {};
    head.ndm_family = is_forwarding ? static_cast<uint8_t>(AF_BRIDGE)
                                    : static_cast<uint8_t>(nl_addr_get_family(address->get()));
    head.ndm_ifindex = LinkIndex(tunnel_);
    head.ndm_state = NUD_PERMANENT;
    head.ndm_flags = is_forwarding ? NTF_SELF : 0;
    nl_msg* message = nlmsg_alloc_simple(add ? RTM_NEWNEIGH : RTM_DELNEIGH,
                                         add ? NLM_F_CREATE | NLM_F_REPLACE : 0);
    nlmsg_append(message, &head, sizeof head, NLMSG_ALIGNTO);
    nla_put_addr(message, NDA_DST, address->get());
    nla_put_addr(message, NDA_LLADDR, hardware->get());
    const int error = nl_send_sync(socket_, message);  // Frees the message.
    if (!add && error == -NLE_OBJ_NOTFOUND) return;
    Note((is_forwarding ? "forwarding entry " : "neighbour ") + mac + " " + ip, error);
  }

  Result<> Done() const {
    if (errors_.empty()) return {};
    return Fail(conflict_    ? Reason::kConflict
                : forbidden_ ? Reason::kForbidden
                             : Reason::kInternalError,
                errors_);
  }

 private:
  Result<Route> Make(const PodRoute& wanted) {
    const Address destination = TRY(ParseAddress(wanted.cidr));
    const Address gateway = TRY(ParseAddress(wanted.gateway));
    Route route(rtnl_route_alloc());
    rtnl_route_set_dst(route.get(), destination.get());
    rtnl_route_set_table(route.get(), RT_TABLE_MAIN);
    rtnl_route_set_protocol(route.get(), kRouteProtocol);
    rtnl_route_set_scope(route.get(), RT_SCOPE_UNIVERSE);
    rtnl_route_set_type(route.get(), RTN_UNICAST);
    rtnl_nexthop* hop = rtnl_route_nh_alloc();  // The route's from now on.
    rtnl_route_nh_set_ifindex(hop, LinkIndex(wanted.link));
    rtnl_route_nh_set_gateway(hop, gateway.get());
    if (wanted.on_link) rtnl_route_nh_set_flags(hop, RTNH_F_ONLINK);
    rtnl_route_add_nexthop(route.get(), hop);
    return route;
  }

  bool Note(const std::string& what, int error) {
    if (error >= 0) return true;
    forbidden_ |= error == -NLE_PERM;
    errors_ += (errors_.empty() ? "" : "; ") + what + ": " + nl_geterror(error);
    return false;
  }

  nl_sock* const socket_;
  const std::string tunnel_;
  std::string errors_;
  bool conflict_ = false;
  bool forbidden_ = false;
};

}  // namespace

Result<std::vector<LinkAddress>> ReadLinkAddresses() {
  const Socket socket = TRY(Connect());
  return AddressesOn(socket.get());
}

Result<NodeRoutes> ReadNodeRoutes(const std::string& tunnel) {
  const Socket socket = TRY(Connect());
  NodeRoutes found;
  TRY(ReadRoutes(socket.get(), found));
  const auto [device, index] = TRY(ReadTunnel(socket.get(), tunnel));
  if (index == 0) return found;
  found.has_tunnel = true;
  found.tunnel = device;
  const auto addresses = TRY(AddressesOn(socket.get()));
  for (const LinkAddress& address : addresses) {
    if (address.index != index) continue;
    found.tunnel.own_prefixes.insert(address.ip + "/" + std::to_string(address.prefix_length));
  }
  TRY(ReadNeighbours(socket.get(), index, found));
  return found;
}

Result<> ApplyNodeRoutes(const NodeRouteChanges& changes, const NodeRoutes& wanted,
                         const NodeRoutes& have, const std::string& tunnel) {
  const Socket socket = TRY(Connect());
  KernelWriter writer(socket.get(), tunnel);
  for (const PodRoute& route : changes.remove_routes) writer.DeleteRoute(route);
  for (const auto& cidr : changes.remove_unreachable) writer.ChangeUnreachable(cidr, false);
  for (const auto& cidr : changes.add_unreachable) writer.ChangeUnreachable(cidr, true);
  if (changes.delete_tunnel) writer.DeleteTunnel();
  const bool has_tunnel =
      changes.create_tunnel ? writer.CreateTunnel(wanted.tunnel) : wanted.has_tunnel;
  if (has_tunnel) {
    for (const auto& prefix : changes.remove_own_prefixes) writer.ChangeAddress(prefix, false);
    for (const auto& prefix : changes.add_own_prefixes) writer.ChangeAddress(prefix, true);
    for (const auto& [ip, mac] : changes.remove_neighbours) {
      writer.ChangeNeighbour(ip, mac, false, false);
    }
    for (const auto& [mac, ip] : changes.remove_forwarding) {
      writer.ChangeNeighbour(ip, mac, true, false);
    }
    for (const auto& [ip, mac] : changes.set_neighbours) {
      writer.ChangeNeighbour(ip, mac, false, true);
    }
    for (const auto& [mac, ip] : changes.set_forwarding) {
      writer.ChangeNeighbour(ip, mac, true, true);
    }
  }
  for (const PodRoute& route : changes.set_routes) {
    if (route.on_link && !has_tunnel) continue;
    const auto old = have.routes.find(route.cidr);
    const bool went = changes.delete_tunnel && old != have.routes.end() && old->second.on_link;
    writer.SetRoute(route, old != have.routes.end() && !went);
  }
  return writer.Done();
}

Result<> RemoveNodeRoutes(const std::string& tunnel) {
  const NodeRoutes have = TRY(ReadNodeRoutes(tunnel));
  return ApplyNodeRoutes(DiffNodeRoutes({}, have), {}, have, tunnel);
}

}  // namespace skiff
