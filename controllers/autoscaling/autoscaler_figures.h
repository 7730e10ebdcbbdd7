// horizontal_pod_autoscaler_controller_*: how often autoscalers were looked at and their metrics
// computed, for how long, and what came of it, under kube-controller-manager's names.
#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/metrics.h"

namespace skiff::autoscaler {

// What a look, or one of its metrics, came to.
struct Outcome {
  enum class Failure : uint8_t { kNone, kSpec, kInternal };
  int32_t current = 0;  // Replicas,
  int32_t wanted = 0;   // and those that are called for.
  Failure failure = Failure::kNone;
};

// Thread-safe.
class Figures {
 public:
  // Null: nobody asks for them. Outlives it.
  explicit Figures(MetricRegistry* registry);
  void Reconciled(const Outcome& outcome, Duration took);
  // `type` is that of the metric in the autoscaler's spec.
  void Computed(const Outcome& outcome, std::string_view type, Duration took);

 private:
  CounterFamily* reconciled_ = nullptr;
  HistogramFamily* reconciled_took_ = nullptr;
  CounterFamily* computed_ = nullptr;
  HistogramFamily* computed_took_ = nullptr;
};

}  // namespace skiff::autoscaler
