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
  sockaddr_in at{.sin_family = AF_INET, .sin_port = htons(static_cast<uint16_t>(port))};
  if (inet_pton(AF_INET, address.c_str(), &at.sin_addr) != 1) return address + " is no address";
  const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  std::string trouble;
  if (bind(file, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 || listen(file, 1) != 0) {
    trouble = std::strerror(errno);
  }
  close(file);
  return trouble;
}

}  // namespace

int IngressPorts::Take(const std::string& address, int port, const std::string& config_text,
                       const Holder& holder) {
  if (port == 0) return 0;
  if (config_text.find(BindLine(address, port)) != std::string::npos) return port;
  std::string trouble = PortTrouble(address, port);
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
  chosen_.http_port = Take(wanted_.address, wanted_.http_port, config_text, holder);
  chosen_.https_port = Take(wanted_.address, wanted_.https_port, config_text, holder);
  chosen_.metrics_port =
      Take(kLoopback, wanted_.metrics_port, config_text, [](int) { return std::string(); });
}

}  // namespace skiff::ingress
