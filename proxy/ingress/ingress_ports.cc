#include "proxy/ingress/ingress_ports.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace skiff::ingress {
namespace {

constexpr char kLoopback[] = "127.0.0.1";

// "" when somebody could listen there. HAProxy itself would share the port with whoever allows it.
std::string PortTrouble(const std::string& address, int port) {
  const bool is_v6 = address.find(':') != address.npos;
  sockaddr_in v4{.sin_family = AF_INET, .sin_port = htons(static_cast<uint16_t>(port))};
  sockaddr_in6 v6{.sin6_family = AF_INET6, .sin6_port = v4.sin_port};
  const int family = is_v6 ? AF_INET6 : AF_INET;
  void* number = is_v6 ? static_cast<void*>(&v6.sin6_addr) : &v4.sin_addr;
  if (inet_pton(family, address.c_str(), number) != 1) return address + " is no address";
  const auto* at =
      is_v6 ? reinterpret_cast<const sockaddr*>(&v6) : reinterpret_cast<const sockaddr*>(&v4);
  const int file = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (is_v6) setsockopt(file, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  std::string trouble;
  if (bind(file, at, is_v6 ? sizeof v6 : sizeof v4) != 0 || listen(file, 1) != 0) {
    trouble = std::strerror(errno);
  }
  close(file);
  return trouble;
}

}  // namespace

int IngressPorts::Take(const std::vector<std::string>& addresses, int port,
                       const std::string& config_text, const Holder& holder) {
  if (port == 0) return 0;
  std::string trouble;
  for (const std::string& address : addresses) {
    if (config_text.find(BindLine(address, port)) != std::string::npos) continue;
    if (trouble.empty()) trouble = PortTrouble(address, port);
  }
  if (trouble.empty()) {
    if (const std::string name = holder(port); !name.empty()) trouble = "it is " + name + "'s";
  }
  if (trouble.empty()) return port;
  problems_[port] = fmt::format("port {} of this machine: {}", port, trouble);
  return 0;
}

void IngressPorts::Choose(const Holder& holder) {
  Choose("", holder);
}

void IngressPorts::Choose(const std::string& config_text, const Holder& holder) {
  problems_.clear();
  chosen_ = wanted_;
  chosen_.http_port = Take(wanted_.addresses, wanted_.http_port, config_text, holder);
  chosen_.https_port = Take(wanted_.addresses, wanted_.https_port, config_text, holder);
  chosen_.metrics_port =
      Take({kLoopback}, wanted_.metrics_port, config_text, [](int) { return std::string(); });
}

bool IngressPorts::LostOne(const Holder& holder) const {
  return (chosen_.http_port != 0 && !holder(chosen_.http_port).empty()) ||
         (chosen_.https_port != 0 && !holder(chosen_.https_port).empty());
}

}  // namespace skiff::ingress
