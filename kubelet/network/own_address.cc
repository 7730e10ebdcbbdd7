#include "kubelet/network/own_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <unistd.h>

#include <array>
#include <memory>

#include "base/text.h"
#include "kubelet/network/links.h"
#include "kubelet/network/netlink.h"

namespace skiff {
namespace {

using netlink::Connect;
using AddressCache = std::unique_ptr<nl_cache, decltype(&nl_cache_free)>;

// That others can reach, now and as long as the machine stays where it is: none of a link alone,
// none that is made anew each day for privacy, and none that turned out to be somebody else's. One
// that is still looked into, as all are for a second after they came, is taken.
bool IsLasting(rtnl_addr* entry) {
  constexpr unsigned kPassing = IFA_F_TEMPORARY | IFA_F_DEPRECATED | IFA_F_DADFAILED;
  return rtnl_addr_get_scope(entry) == RT_SCOPE_UNIVERSE &&
         (rtnl_addr_get_flags(entry) & kPassing) == 0;
}

// "192.0.2.1", without the length of its prefix.
std::string TextOf(nl_addr* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(nl_addr_get_family(address), nl_addr_get_binary_addr(address), text.data(),
            text.size());
  return text.data();
}

// Of that family on the default route's interface: of IPv4 the first, of IPv6 the first that
// somebody has set, else the first that lasts. "": there is none.
Result<std::string> UplinkAddress(int family) {
  const auto uplink = TRY(FindUplink());
  if (!uplink) return std::string();
  const netlink::Socket socket = TRY(Connect());
  nl_cache* raw = nullptr;
  const int error = rtnl_addr_alloc_cache(socket.get(), &raw);
  if (error < 0) return netlink::FailNetlink("addresses", error);
  const AddressCache cache(raw, nl_cache_free);
  const int link = static_cast<int>(if_nametoindex(uplink->name.c_str()));
  std::string found;
  for (nl_object* at = nl_cache_get_first(raw); at != nullptr; at = nl_cache_get_next(at)) {
    auto* entry = reinterpret_cast<rtnl_addr*>(at);
    nl_addr* local = rtnl_addr_get_local(entry);
    if (local == nullptr || nl_addr_get_family(local) != family) continue;
    if (rtnl_addr_get_ifindex(entry) != link) continue;
    if (family == AF_INET) return TextOf(local);
    if (!IsLasting(entry)) continue;
    if ((rtnl_addr_get_flags(entry) & IFA_F_PERMANENT) != 0) return TextOf(local);
    if (found.empty()) found = TextOf(local);
  }
  return found;
}

}  // namespace

std::string OwnAddress() {
  const auto found = UplinkAddress(AF_INET);
  return found && !found->empty() ? *found : "127.0.0.1";
}

std::string OwnIpv6Address() {
  return UplinkAddress(AF_INET6).value_or("");
}

bool HasAddress(const std::string& address) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return false;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> all(list, freeifaddrs);
  for (const ifaddrs* at = all.get(); at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    const int family = at->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    const void* bytes = family == AF_INET
                            ? static_cast<const void*>(
                                  &reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr)
                            : &reinterpret_cast<const sockaddr_in6*>(at->ifa_addr)->sin6_addr;
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family, bytes, text.data(), text.size());
    if (address == text.data()) return true;
  }
  return false;
}

std::string OwnHostname() {
  char name[256] = "localhost";
  gethostname(name, sizeof name - 1);
  return Lower(std::string_view(name));
}

}  // namespace skiff
