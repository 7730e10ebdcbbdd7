// node_collector_*: how many nodes of each zone there are and are not ready, how many were given
// up, and how long it takes to look at them, under kube-controller-manager's names.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "controllers/nodes/node_health.h"

namespace skiff {

// Thread-safe.
class NodeFigures {
 public:
  // Null: nobody asks for them. Outlives it.
  explicit NodeFigures(MetricRegistry* registry);
  // Of two versions of a node; nullptr: there is no such version.
  void Saw(const core_v1::Node* before, const core_v1::Node* now);
  // A node was looked at for silence, or all of them were.
  void LookedAtOne(Duration took);
  void LookedAtAll(Duration took);

 private:
  // Those who ask may do so for longer than the controller is there.
  struct Zones {
    Mutex mutex;
    ZoneCounts counts GUARDED_BY(mutex);
    // Of those that were ever seen, how many nodes were given up.
    std::map<std::string, int64_t> given_up GUARDED_BY(mutex);
  };
  enum class Figure : uint8_t { kSize, kNotReady, kHealth };
  static std::vector<Sample> Each(Zones& zones, Figure figure);
  static std::vector<Sample> GivenUp(Zones& zones);

  const std::shared_ptr<Zones> zones_ = std::make_shared<Zones>();
  bool is_asked_for_ = false;
  HistogramFamily* one_took_ = nullptr;
  HistogramFamily* all_took_ = nullptr;
};

}  // namespace skiff
