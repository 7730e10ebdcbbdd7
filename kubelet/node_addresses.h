// Who this node is to others. A machine that comes into another network gets other addresses, and
// the kubelet goes on.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"

namespace skiff::kubelet {

class KeptAddresses {
 public:
  struct Source {
    // Those that it would begin with now, one of each family at most, the primary one first. Empty:
    // they stay as they are.
    std::function<std::vector<std::string>()> find = {};
    // Whether the machine has that address, on whatever link.
    std::function<bool(const std::string& address)> has = {};
  };
  KeptAddresses(std::vector<std::string> first, Source source)
      : source_(std::move(source)), addresses_(std::move(first)) {}
  // Looks again; whether they are others now. What the machine has still is kept, although another
  // link may be the better one by now, or none; and where others cannot reach it at all, the
  // addresses that it had. Not by two threads at once.
  bool Renew();
  std::vector<std::string> Now() const;

 private:
  std::vector<std::string> Next(const std::vector<std::string>& before) const;

  const Source source_;
  const Log log_{"node"};
  mutable Mutex mutex_;
  std::vector<std::string> addresses_ GUARDED_BY(mutex_);
};

// The addresses of this machine's default route; "": it has none of that family.
struct OwnAddresses {
  std::string v4, v6;
};
// Neither of which is one: "0.0.0.0" or "::".
bool IsUnspecified(const std::string& address);
// What --node-ip stands for: "0.0.0.0" or "::" alone is this machine's own of that family, of the
// other where it has none that others reach. Without any the node has that of IPv4.
std::vector<std::string> AddressesMeant(const std::vector<std::string>& given,
                                        const OwnAddresses& own);

}  // namespace skiff::kubelet
