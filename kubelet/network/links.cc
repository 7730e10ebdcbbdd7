#include "kubelet/network/links.h"

#include <linux/rtnetlink.h>

#include <filesystem>
#include <fstream>

#include "kubelet/network/netlink.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

using netlink::Connect;
using netlink::FailNetlink;
using netlink::Link;
using netlink::Route;
using netlink::Socket;

// The last that is taken.
constexpr uint32_t kWorstMetric = UINT32_MAX;

Result<Route> UnreachableRoute(const std::string& cidr) {
  const auto destination = TRY(netlink::ParseAddress(cidr));
  const int family = nl_addr_get_family(destination.get());
  if (family != AF_INET && family != AF_INET6) return Fail(Reason::kInvalid, cidr + ": no CIDR");
  Route route = netlink::UnreachableRoute(destination, RTPROT_STATIC);
  rtnl_route_set_priority(route.get(), kWorstMetric);
  return route;
}

// The index of the link that the best default route of `family` leaves by; 0 for none.
Result<int> DefaultRouteLink(nl_sock* socket, int family) {
  nl_cache* cache = nullptr;
  const int error = rtnl_route_alloc_cache(socket, family, 0, &cache);
  if (error < 0) return FailNetlink("routes", error);
  int best = 0;
  uint32_t best_metric = UINT32_MAX;
  for (nl_object* object = nl_cache_get_first(cache); object != nullptr;
       object = nl_cache_get_next(object)) {
    auto* route = reinterpret_cast<rtnl_route*>(object);
    nl_addr* destination = rtnl_route_get_dst(route);
    const bool is_default = destination == nullptr || nl_addr_get_prefixlen(destination) == 0;
    rtnl_nexthop* hop = rtnl_route_nexthop_n(route, 0);
    if (!is_default || hop == nullptr || rtnl_route_get_type(route) != RTN_UNICAST) continue;
    if (rtnl_route_get_table(route) != RT_TABLE_MAIN) continue;
    if (best != 0 && rtnl_route_get_priority(route) >= best_metric) continue;
    best = rtnl_route_nh_get_ifindex(hop);
    best_metric = rtnl_route_get_priority(route);
  }
  nl_cache_free(cache);
  return best;
}

std::string ReadSwitch(const std::string& path) {
  std::string value;
  std::getline(std::ifstream(path), value);
  return value;
}

Result<> WriteSwitch(const std::string& path, const std::string& value) {
  std::ofstream file(path);
  file << value << '\n';
  if (!file.flush()) return Fail(Reason::kForbidden, path + ": cannot be written");
  return {};
}

}  // namespace

Result<std::optional<Uplink>> FindUplink() {
  const Socket socket = TRY(Connect());
  int index = TRY(DefaultRouteLink(socket.get(), AF_INET));
  if (index == 0) index = TRY(DefaultRouteLink(socket.get(), AF_INET6));
  if (index == 0) return std::nullopt;
  rtnl_link* found = nullptr;
  const int error = rtnl_link_get_kernel(socket.get(), index, nullptr, &found);
  if (error < 0) return FailNetlink("uplink", error);
  const Link link(found);
  return Uplink{.name = rtnl_link_get_name(link.get()),
                .mtu = static_cast<int>(rtnl_link_get_mtu(link.get()))};
}

Result<> AddUnreachableRoute(const std::string& cidr) {
  const Socket socket = TRY(Connect());
  const Route route = TRY(UnreachableRoute(cidr));
  const int error = rtnl_route_add(socket.get(), route.get(), NLM_F_CREATE | NLM_F_REPLACE);
  if (error < 0) return FailNetlink("unreachable route to " + cidr, error);
  return {};
}

Result<> RemoveUnreachableRoute(const std::string& cidr) {
  const Socket socket = TRY(Connect());
  const Route route = TRY(UnreachableRoute(cidr));
  const int error = rtnl_route_delete(socket.get(), route.get(), 0);
  const bool absent = error == -NLE_OBJ_NOTFOUND || error == -NLE_FAILURE;
  if (error < 0 && !absent) return FailNetlink("unreachable route to " + cidr, error);
  return {};
}

Result<> DeleteLink(const std::string& name) {
  const Socket socket = TRY(Connect());
  const Link link(rtnl_link_alloc());
  rtnl_link_set_name(link.get(), name.c_str());
  const int error = rtnl_link_delete(socket.get(), link.get());
  const bool absent = error == -NLE_OBJ_NOTFOUND || error == -NLE_NODEV;
  if (error < 0 && !absent) return FailNetlink("link " + name, error);
  return {};
}

Result<> EnableForwarding(const std::string& undo_path, bool ipv6) {
  std::vector<std::pair<std::string, const char*>> switches = {
      {"/proc/sys/net/ipv4/ip_forward", "1"}};
  if (ipv6) {
    const auto uplink = TRY(FindUplink());
    const std::string listens =
        "/proc/sys/net/ipv6/conf/" + (uplink ? uplink->name : "") + "/accept_ra";
    if (uplink && ReadSwitch(listens) == "1") switches.emplace_back(listens, "2");
    switches.emplace_back("/proc/sys/net/ipv6/conf/all/forwarding", "1");
  }
  std::string undo;
  for (const auto& [path, wanted] : switches) {
    const std::string before = ReadSwitch(path);
    if (before.empty() || before == wanted) continue;
    undo += path + " " + before + "\n";
    TRY(WriteSwitch(path, wanted));
  }
  if (undo.empty() || fs::exists(undo_path)) return {};
  std::ofstream file(undo_path, std::ios::trunc);
  file << undo;
  if (!file.flush()) return Fail(Reason::kForbidden, undo_path + ": cannot be written");
  return {};
}

Result<> RestoreForwarding(const std::string& undo_path) {
  std::ifstream file(undo_path);
  std::string path, value;
  while (file >> path >> value) TRY(WriteSwitch(path, value));
  std::error_code error;
  fs::remove(undo_path, error);
  return {};
}

}  // namespace skiff
