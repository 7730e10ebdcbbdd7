#include "kubelet/network/netlink.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>

#include <array>

namespace skiff::netlink {

tl::unexpected<Error> FailNetlink(const std::string& what, int error) {
  const Reason reason = error == -NLE_PERM ? Reason::kForbidden : Reason::kInternalError;
  return Fail(reason, what + ": " + nl_geterror(error));
}

Result<Socket> Connect() {
  Socket socket(nl_socket_alloc());
  if (!socket) return Fail(Reason::kInternalError, "netlink: no memory");
  const int error = nl_connect(socket.get(), NETLINK_ROUTE);
  if (error < 0) return FailNetlink("netlink", error);
  return socket;
}

Result<Address> ParseAddress(const std::string& text) {
  nl_addr* address = nullptr;
  const int error = nl_addr_parse(text.c_str(), AF_UNSPEC, &address);
  if (error < 0) return Fail(Reason::kInvalid, text + ": " + nl_geterror(error));
  return Address(address);
}

std::string HostText(nl_addr* address) {
  if (address == nullptr) return "";
  const std::string text = PrefixText(address);
  return text.substr(0, text.find('/'));
}

std::string PrefixText(nl_addr* address) {
  if (address == nullptr) return "";
  const int family = nl_addr_get_family(address);
  if (family != AF_INET && family != AF_INET6) {
    std::array<char, 64> text = {};
    return nl_addr2str(address, text.data(), text.size());
  }
  std::array<char, INET6_ADDRSTRLEN> text = {};
  inet_ntop(family, nl_addr_get_binary_addr(address), text.data(), text.size());
  return std::string(text.data()) + "/" + std::to_string(nl_addr_get_prefixlen(address));
}

Route UnreachableRoute(const Address& destination, uint8_t protocol) {
  constexpr uint32_t kMetric = 4096;
  Route route(rtnl_route_alloc());
  rtnl_route_set_dst(route.get(), destination.get());
  rtnl_route_set_table(route.get(), RT_TABLE_MAIN);
  rtnl_route_set_protocol(route.get(), protocol);
  rtnl_route_set_scope(route.get(), RT_SCOPE_UNIVERSE);
  rtnl_route_set_type(route.get(), RTN_UNREACHABLE);
  rtnl_route_set_priority(route.get(), kMetric);
  return route;
}

}  // namespace skiff::netlink
