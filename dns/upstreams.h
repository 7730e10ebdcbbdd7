// The servers that know what we do not, and how well each does. Shared by all threads.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/id.h"
#include "base/mutex.h"
#include "dns/name.h"
#include "dns/socket_address.h"

namespace skiff::dns {

// Those that a resolv.conf names, in its order.
std::vector<std::string> ParseNameservers(const std::string& text);

// One of them. Thread-safe.
class Upstream {
 public:
  // After so many failures in a row a server is passed over until a probe finds it again.
  static constexpr int kFailuresMax = 2;

  Upstream(const SocketAddress& address, const Name& loop_probe)
      : address_(address), loop_probe_(loop_probe) {}
  const SocketAddress& address() const { return address_; }
  void Succeeded() { failures_ = 0; }
  // True when with this one it counts as down, so that somebody has to probe it.
  bool Failed() { return ++failures_ == kFailuresMax; }
  bool IsDown() const { return failures_ >= kFailuresMax; }

  // A name that nobody asks for but us, of this server: when it comes in, the server asks us.
  const Name& loop_probe() const { return loop_probe_; }
  // True the first time: whoever hears it asks for the probe.
  bool TakeLoopProbe() { return !probed_.exchange(true); }
  void LeadsBack() { leads_back_ = true; }
  bool leads_back() const { return leads_back_; }

 private:
  const SocketAddress address_;
  const Name loop_probe_;
  std::atomic<int> failures_ = 0;
  std::atomic<bool> probed_ = false;
  std::atomic<bool> leads_back_ = false;
};
using UpstreamPtr = std::shared_ptr<Upstream>;

// Thread-safe.
class Upstreams {
 public:
  static constexpr size_t kUpstreamsMax = 15;

  explicit Upstreams(Random& random) : random_(random) {}
  // The first kUpstreamsMax from now on. One that is among them already keeps its health.
  void Set(const std::vector<SocketAddress>& addresses);
  bool empty() const { return count_ == 0; }
  std::vector<UpstreamPtr> All() const;
  // One that is not among `tried`, if possible one that works; any order otherwise. nullptr when
  // all were tried, or lead back to us.
  UpstreamPtr Pick(const std::vector<UpstreamPtr>& tried, uint64_t random) const;
  // Whether the name is such a probe; the server it was sent to is then asked no more.
  bool SawLoopProbe(const Name& lower);

 private:
  Random& random_;
  mutable Mutex mutex_;
  std::vector<UpstreamPtr> servers_ GUARDED_BY(mutex_);
  std::atomic<size_t> count_ = 0;
};

}  // namespace skiff::dns
