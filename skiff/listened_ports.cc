#include "skiff/listened_ports.h"

#include <fstream>
#include <sstream>

namespace skiff {
namespace {

// Words of four bytes as the machine has them, the first of the address first: 127.0.0.0/8, ::1 and
// ::ffff:127.0.0.0/104.
bool IsLoopback(const std::string& address) {
  constexpr std::string_view kV6 = "00000000000000000000000001000000";
  constexpr std::string_view kMapped = "0000000000000000FFFF0000";
  if (address == kV6) return true;
  const bool mapped = address.size() == kV6.size() && address.starts_with(kMapped);
  return (address.size() == 8 || mapped) && address.ends_with("7F");
}

}  // namespace

void AddListenedPorts(std::istream& sockets, const std::string& protocol, std::set<NodePort>& out) {
  // TCP_LISTEN; of UDP what is bound and not connected.
  const std::string_view wanted = protocol == "TCP" ? "0A" : "07";
  std::string line;
  std::getline(sockets, line);
  while (std::getline(sockets, line)) {
    std::istringstream fields(line);
    std::string number, local, remote, state;
    fields >> number >> local >> remote >> state;
    const size_t colon = local.find(':');
    if (state != wanted || colon == local.npos || IsLoopback(local.substr(0, colon))) continue;
    out.emplace(protocol,
                static_cast<int32_t>(std::strtol(local.c_str() + colon + 1, nullptr, 16)));
  }
}

std::set<NodePort> ListenedPorts() {
  std::set<NodePort> ports;
  for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6", "/proc/net/udp", "/proc/net/udp6"}) {
    std::ifstream sockets(path);
    AddListenedPorts(sockets, std::string(path).find("tcp") == std::string::npos ? "UDP" : "TCP",
                     ports);
  }
  return ports;
}

}  // namespace skiff
