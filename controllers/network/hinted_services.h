// Which Services have hints by the CPU of zones, and what came of it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "client/informer.h"
#include "controllers/network/endpoint_hints.h"

namespace skiff {

// Thread-safe.
class HintedServices {
 public:
  struct Said {
    bool warning = false;
    std::string reason;
    std::string message;
  };
  // Gives the slices of a family their hints. Returns what there is to say of it to the Service.
  std::vector<Said> Hint(const core_v1::Service& service, const std::string& family,
                         const Informer<core_v1::Node>& nodes, SliceChanges& changes);
  // A node has changed: Services of which a zone now has too few endpoints.
  std::vector<ObjectKey> Overloaded(const Informer<core_v1::Node>& nodes);
  // Whether there had been hints.
  bool Forget(const ObjectKey& service, const std::string& family);
  void Forget(const ObjectKey& service);

 private:
  ZoneShares Shares(const Informer<core_v1::Node>& nodes);

  Mutex mutex_;
  std::map<ObjectKey, std::map<std::string, ZoneEndpoints>> given_ GUARDED_BY(mutex_);
  std::set<ObjectKey> hinted_ GUARDED_BY(mutex_);  // With hints, as far as was said to them.
  // Counted when somebody asks, and anew after a node that counts has changed.
  std::optional<ZoneShares> shares_ GUARDED_BY(mutex_);
};

}  // namespace skiff
