// How often probes of containers were tried, with what outcome, and how long the attempts took:
// /metrics/probes. What is counted of a pod goes with the pod.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"

namespace skiff::kubelet {

// Thread-safe.
class ProbeMetrics {
 public:
  struct Probe {
    std::string name_space, pod, uid, container;
    std::string type;  // "Liveness", "Readiness", "Startup"
  };
  // An attempt that came to an outcome. How long it took is kept of those that succeeded.
  void Observe(const Probe& probe, bool success, Duration took);
  void Forget(const std::string& pod_uid);
  // Adds prober_probe_total and prober_probe_duration_seconds, which are read of this object.
  void AddTo(MetricRegistry& registry) const;

 private:
  static const std::vector<double>& Bounds();
  struct Row {
    Probe probe;
    double successful = 0, failed = 0;
    HistogramSample durations;
  };
  std::vector<Sample> Totals() const;
  std::vector<HistogramSample> Durations() const;

  mutable Mutex mutex_;
  using Key = std::pair<std::string, std::string>;                 // Type, container.
  std::map<std::string, std::map<Key, Row>> rows_ GUARDED_BY(mutex_);  // By pod uid.
};

}  // namespace skiff::kubelet
