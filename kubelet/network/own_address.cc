#include "kubelet/network/own_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/text.h"
#include "kubelet/network/links.h"

namespace skiff {
namespace {

// Of an address that others can reach; nullptr else.
const void* BytesOf(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    return &reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
  }
  const in6_addr& bytes = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
  return IN6_IS_ADDR_LINKLOCAL(&bytes) ? nullptr : &bytes;
}

// The first of that family on the default route's interface; "" without one.
std::string UplinkAddress(int family) {
  const auto uplink = FindUplink();
  std::string found;
  ifaddrs* list = nullptr;
  if (!uplink || !*uplink || getifaddrs(&list) != 0) return found;
  for (const ifaddrs* each = list; each != nullptr && found.empty(); each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != family) continue;
    if ((*uplink)->name != each->ifa_name) continue;
    const void* bytes = BytesOf(each->ifa_addr);
    char text[INET6_ADDRSTRLEN] = {};
    if (bytes != nullptr) found = inet_ntop(family, bytes, text, sizeof text);
  }
  freeifaddrs(list);
  return found;
}

}  // namespace

std::string OwnAddress() {
  const std::string found = UplinkAddress(AF_INET);
  return found.empty() ? "127.0.0.1" : found;
}

std::string OwnIpv6Address() {
  return UplinkAddress(AF_INET6);
}

std::string OwnHostname() {
  char name[256] = "localhost";
  gethostname(name, sizeof name - 1);
  return Lower(std::string_view(name));
}

}  // namespace skiff
