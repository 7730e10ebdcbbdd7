#include "kubelet/network/links.h"

#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <map>

#include "base/whole_file.h"
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

// The switch by which the link of IPv6's default route listens to routers that advertise
// themselves, where it does as long as nothing is forwarded; "": none does.
Result<std::string> AdvertisementSwitch() {
  const Socket socket = TRY(Connect());
  const int index = TRY(DefaultRouteLink(socket.get(), AF_INET6));
  std::array<char, IF_NAMESIZE> name{};
  if (index == 0 || if_indextoname(static_cast<unsigned>(index), name.data()) == nullptr) {
    return std::string();
  }
  std::string path = std::string("/proc/sys/net/ipv6/conf/") + name.data() + "/accept_ra";
  return ReadSwitch(path) == "1" ? path : std::string();
}

// What switches were, by their paths.
using Undo = std::map<std::string, std::string>;

Undo ReadUndo(const std::string& path) {
  std::ifstream file(path);
  Undo undo;
  for (std::string name, value; file >> name >> value;) undo.emplace(name, value);
  return undo;
}

// What stands there already is older.
Result<> KeepUndo(const std::string& path, const Undo& changed) {
  Undo undo = ReadUndo(path);
  const size_t before = undo.size();
  undo.insert(changed.begin(), changed.end());
  if (undo.size() == before) return {};
  std::string text;
  for (const auto& [name, value] : undo) text += name + " " + value + "\n";
  return WriteWholeFile(path, text, 0644);
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
    const std::string listens = TRY(AdvertisementSwitch());
    if (!listens.empty()) switches.emplace_back(listens, "2");
    switches.emplace_back("/proc/sys/net/ipv6/conf/all/forwarding", "1");
  }
  Undo changed;
  for (const auto& [path, wanted] : switches) {
    const std::string before = ReadSwitch(path);
    if (!before.empty() && before != wanted) changed.emplace(path, before);
  }
  TRY(KeepUndo(undo_path, changed));
  for (const auto& [path, wanted] : switches) {
    if (changed.contains(path)) TRY(WriteSwitch(path, wanted));
  }
  return {};
}

Result<> RestoreForwarding(const std::string& undo_path) {
  Result<> all;
  for (const auto& [path, value] : ReadUndo(undo_path)) {
    if (!fs::exists(path)) continue;
    const auto restored = WriteSwitch(path, value);
    if (all && !restored) all = restored;
  }
  if (!all) return all;
  std::error_code error;
  fs::remove(undo_path, error);
  return {};
}

Result<> HandOverForwarding(const std::string& from, const std::string& to) {
  TRY(KeepUndo(to, ReadUndo(from)));
  std::error_code error;
  fs::remove(from, error);
  return {};
}

}  // namespace skiff
