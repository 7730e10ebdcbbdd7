// What becomes of a recommendation: held back by those of the last minutes, by how fast a target
// may grow and shrink, and by how large it may be. Pure, but for what it remembers.
#pragma once

#include <string>
#include <vector>

#include "api/gen/autoscaling_v2.h"
#include "base/clock.h"

namespace skiff::autoscaler {

// What a condition says.
struct Verdict {
  bool is_true = false;
  std::string reason;
  std::string message;
};

struct Limited {
  int32_t replicas = 0;
  Verdict able;     // AbleToScale
  Verdict limited;  // ScalingLimited
};

// What was recommended and done for one autoscaler. Times are monotonic. Not thread-safe.
class History {
 public:
  // Samples of each kind; older ones go first.
  static constexpr size_t kSamplesMax = 4096;

  // The first look at the target: it is not made smaller before the window has passed.
  void Begin(int32_t current, Duration now);
  // What becomes of `wanted`, which is remembered. `stabilization` is the window for shrinking
  // where the spec says none.
  Limited Limit(const autoscaling_v2::HorizontalPodAutoscalerSpec& spec, int32_t current,
                int32_t wanted, Duration stabilization, Duration now);
  // The target has been scaled.
  void Scaled(const autoscaling_v2::HorizontalPodAutoscalerSpec& spec, int32_t from, int32_t to,
              Duration now);

 private:
  struct Sample {
    int32_t replicas = 0;  // Recommended; or how many were added, or removed.
    Duration at{};
  };
  using Samples = std::vector<Sample>;
  struct Windows {
    Duration up{};
    Duration down{};
  };
  static void Remember(Samples& samples, int32_t replicas, Duration now, Duration longest);
  static int64_t Sum(const Samples& samples, int32_t period_s, Duration now);
  // What `current` was a period ago, as far as this autoscaler changed it.
  int64_t BeforePeriod(int32_t current, int32_t period_s, Duration now) const;
  int32_t Highest(int32_t wanted, Duration window, Duration now) const;
  int32_t Between(int32_t current, int32_t wanted, const Windows& windows, Duration now) const;
  int32_t MostAllowed(const autoscaling_v2::HPAScalingRules& rules, int32_t current,
                      Duration now) const;
  int32_t LeastAllowed(const autoscaling_v2::HPAScalingRules& rules, int32_t current,
                       Duration now) const;
  Limited LimitPlainly(const autoscaling_v2::HorizontalPodAutoscalerSpec& spec, int32_t current,
                       int32_t wanted, Duration window, Duration now);
  Limited LimitByRules(const autoscaling_v2::HorizontalPodAutoscalerSpec& spec, int32_t current,
                       int32_t wanted, Duration stabilization, Duration now);

  bool begun_ = false;
  Samples recommended_;
  Samples added_;
  Samples removed_;
};

// spec.minReplicas, which is 1 where it is not said.
int32_t LeastReplicas(const autoscaling_v2::HorizontalPodAutoscalerSpec& spec);

}  // namespace skiff::autoscaler
