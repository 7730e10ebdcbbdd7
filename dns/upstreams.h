// The servers that know what we do not, and how well each does. Shared by all threads.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/id.h"
#include "dns/name.h"
#include "dns/socket_address.h"

namespace skiff::dns {

// Those that a resolv.conf names, in its order.
std::vector<std::string> ParseNameservers(const std::string& text);

// Thread-safe.
class Upstreams {
 public:
  static constexpr size_t kUpstreamsMax = 15;
  // After so many failures in a row a server is passed over until a probe finds it again.
  static constexpr int kFailuresMax = 2;

  // No more than kUpstreamsMax.
  Upstreams(std::vector<SocketAddress> addresses, Random& random);

  size_t count() const { return count_; }
  const SocketAddress& address(size_t index) const { return servers_[index].address; }
  // One that is not in `tried` (a bit each), if possible one that works; any order otherwise.
  // nullopt when all were tried, or lead back to us.
  std::optional<size_t> Pick(uint32_t tried, uint64_t random) const;
  void Succeeded(size_t index) { servers_[index].failures = 0; }
  // True when with this one it counts as down, so that somebody has to probe it.
  bool Failed(size_t index) { return ++servers_[index].failures == kFailuresMax; }
  bool IsDown(size_t index) const { return servers_[index].failures >= kFailuresMax; }

  // A name that nobody asks for but us, of this server: when it comes in, the server asks us.
  const Name& loop_probe(size_t index) const { return servers_[index].loop_probe; }
  // Whether the name is such a probe; the server it was sent to is then asked no more.
  bool SawLoopProbe(const Name& lower);

 private:
  struct Server {
    SocketAddress address;
    Name loop_probe;
    std::atomic<int> failures = 0;
    std::atomic<bool> loops = false;
  };
  std::unique_ptr<Server[]> servers_;
  size_t count_;
};

}  // namespace skiff::dns
