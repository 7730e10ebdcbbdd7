#include "skiff/free_port.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace skiff {

bool IsPortFree(int port) {
  const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  const bool free = bind(file, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                    listen(file, 1) == 0;
  close(file);
  return free;
}

Result<int> NextFreePort() {
  constexpr int kPortsTried = 1000;
  for (int port = kUsualSecurePort + 1; port <= kUsualSecurePort + kPortsTried; ++port) {
    if (IsPortFree(port)) return port;
  }
  return Fail(Reason::kConflict,
              fmt::format("no port from {} to {} is free: choose one with --secure-port",
                          kUsualSecurePort + 1, kUsualSecurePort + kPortsTried));
}

}  // namespace skiff
