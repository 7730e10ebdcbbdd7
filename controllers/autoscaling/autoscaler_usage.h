// How many pods a metric calls for: what the pods of a target use, against what each should. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "client/client.h"

namespace skiff::autoscaler {

using Pods = std::vector<Ptr<core_v1::Pod>>;

// What a pod uses, in thousandths: of a core, of a byte, of whatever is counted.
struct PodMetric {
  int64_t milli = 0;
  TimePoint at{};
  Duration window{};  // Over which it was measured.
};
using PodMetrics = std::map<std::string, PodMetric>;  // By the name of the pod.

// How far use may be from the target before anything is done about it.
struct Tolerances {
  double down = 0.1;
  double up = 0.1;
  bool Allow(double ratio) const { return 1.0 - down <= ratio && ratio <= 1.0 + up; }
};

// What pods that have just begun are granted.
struct StartDelays {
  // For so long after a pod's start its CPU counts only while it is ready ...
  Duration cpu_initialization = 5min;
  // ... and one that left Ready within this time was never ready at all.
  Duration initial_readiness = 30s;
};

struct Usage {
  Pods pods;  // All that the target's selector picks.
  PodMetrics metrics;
  std::string resource;   // "cpu"; "" for a metric that is of no resource.
  std::string container;  // "": all of a pod's together.
  int32_t current = 0;    // Replicas that are asked for now.
  Tolerances tolerances;
  StartDelays delays;
  TimePoint now{};
};

struct Advice {
  int32_t replicas = 0;
  int64_t average_milli = 0;  // Of what was measured.
  std::optional<int32_t> utilization;
};

// For `target` percent of what the pods request. Errors are those of HorizontalPodAutoscalers.
Result<Advice> ByUtilization(const Usage& usage, int32_t target);
// For `target` thousandths a pod.
Result<Advice> ByAverage(const Usage& usage, int64_t target);
// For `target` of one number that all pods share in; Advice::average_milli is that number.
Result<Advice> ByValue(const Usage& usage, int64_t milli, int64_t target);
// For `target` of it a pod, of which there are `running`.
Advice ByShare(const Tolerances& tolerances, int32_t running, int64_t milli, int64_t target);

}  // namespace skiff::autoscaler
