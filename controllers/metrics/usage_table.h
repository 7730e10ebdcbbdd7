// What nodes and pods use at present: the last two looks at each node, kept while somebody asks.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "controllers/metrics/samples.h"

namespace skiff::metrics {

// Thread-safe.
class UsageTable {
 public:
  // How far apart looks are, and for how long after the last question nodes are looked at.
  static constexpr Duration kResolution = 15s;
  static constexpr Duration kAskedLately = 5min;

  // Somebody wants to know. True: nobody has lately, so the looking has to begin.
  bool Asked(Duration now);
  bool IsWanted(Duration now) const;

  // One that is the last once more is passed over. With one that is older it all begins anew.
  void Put(const std::string& node, Sample sample);
  // Forgets all other nodes.
  void Keep(const std::set<std::string>& nodes);

  std::optional<Usage> OfNode(const std::string& node) const;
  // By container. nullopt: not all are known that run.
  std::optional<std::map<std::string, Usage>> OfPod(const std::string& node,
                                                    const std::string& name_space,
                                                    const std::string& pod) const;

 private:
  struct Looks {
    std::optional<Sample> before;
    Sample last;
  };
  mutable Mutex mutex_;
  std::map<std::string, Looks> nodes_ GUARDED_BY(mutex_);
  std::optional<Duration> asked_ GUARDED_BY(mutex_);  // Monotonic.
};

}  // namespace skiff::metrics
