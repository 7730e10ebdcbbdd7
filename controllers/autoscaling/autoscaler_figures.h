// horizontal_pod_autoscaler_controller_*: how often autoscalers were looked at and their metrics
// computed, for how long, and what came of it, how many autoscalers there are and what each wants,
// under kube-controller-manager's names.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "client/object_key.h"

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
  // There is that autoscaler, until it is forgotten; and so many replicas it wants.
  void Knows(const ObjectKey& autoscaler);
  void Wants(const ObjectKey& autoscaler, int32_t replicas);
  void Forgets(const ObjectKey& autoscaler);

 private:
  // Those who ask may do so for longer than the controller is there.
  struct Autoscalers {
    Mutex mutex;
    std::map<ObjectKey, std::optional<int32_t>> wanted GUARDED_BY(mutex);
  };
  static std::vector<Sample> CountOf(Autoscalers& autoscalers);
  static std::vector<Sample> WantedBy(Autoscalers& autoscalers);

  const std::shared_ptr<Autoscalers> autoscalers_ = std::make_shared<Autoscalers>();
  CounterFamily* reconciled_ = nullptr;
  HistogramFamily* reconciled_took_ = nullptr;
  CounterFamily* computed_ = nullptr;
  HistogramFamily* computed_took_ = nullptr;
};

}  // namespace skiff::autoscaler
