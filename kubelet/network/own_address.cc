#include "kubelet/network/own_address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/text.h"
#include "kubelet/network/links.h"

namespace skiff {

std::string OwnAddress() {
  const auto uplink = FindUplink();
  std::string found = "127.0.0.1";
  ifaddrs* list = nullptr;
  if (!uplink || !*uplink || getifaddrs(&list) != 0) return found;
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET) continue;
    if ((*uplink)->name != each->ifa_name) continue;
    char text[INET_ADDRSTRLEN] = {};
    const auto* address = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
    inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
    found = text;
    break;
  }
  freeifaddrs(list);
  return found;
}

std::string OwnHostname() {
  char name[256] = "localhost";
  gethostname(name, sizeof name - 1);
  return Lower(std::string_view(name));
}

}  // namespace skiff
