// For tests: a port for a server that is a process of its own, or that comes back to it.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>

#include "base/error.h"

namespace skiff {

// A TCP port of loopback that nobody listens on. None of those that Linux gives to connections
// (from 32,768 on, `ip_local_port_range`): anybody's could get it before the server does, or while
// the server is away, and one that is opened to where nobody listens could get that port itself.
// Nor one of a Service's (from 30,000 on).
inline uint16_t FreePort() {
  constexpr int kFirst = 12'000;
  constexpr int kCount = 18'000;
  // Tests that run beside each other begin elsewhere.
  static int last = ::getpid() * 613 % kCount;
  for (int tries = 0;; ++tries) {
    CHECK(tries < kCount);
    last = (last + 1) % kCount;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(kFirst + last));
    const int file = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool is_free =
        ::bind(file, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::close(file);
    if (is_free) return ntohs(address.sin_port);
  }
}

}  // namespace skiff
