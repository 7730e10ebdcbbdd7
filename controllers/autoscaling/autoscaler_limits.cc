#include "controllers/autoscaling/autoscaler_limits.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/seconds.h"

namespace skiff::autoscaler {
namespace {

using autoscaling_v2::HorizontalPodAutoscalerSpec;
using autoscaling_v2::HPAScalingPolicy;
using autoscaling_v2::HPAScalingRules;

// Without rules a target at most doubles at a time, and four pods are always allowed.
constexpr int64_t kGrowthFactor = 2;
constexpr int64_t kGrowthLeast = 4;

int32_t ToReplicas(double wanted) {
  return static_cast<int32_t>(std::clamp(wanted, 0.0,
                                         double{std::numeric_limits<int32_t>::max()}));
}

Verdict Ready() {
  return {true, "ReadyForNewScale", "recommended size matches current size"};
}

Verdict HeldUp() {
  return {true, "ScaleDownStabilized",
          "recent recommendations were higher than current one, applying the highest recent "
          "recommendation"};
}

Verdict HeldDown() {
  return {true, "ScaleUpStabilized",
          "recent recommendations were lower than current one, applying the lowest recent "
          "recommendation"};
}

Verdict WithinRange() {
  return {false, "DesiredWithinRange", "the desired count is within the acceptable range"};
}

Verdict TooMany() {
  return {true, "TooManyReplicas",
          "the desired replica count is more than the maximum replica count"};
}

Verdict TooFew() {
  return {true, "TooFewReplicas",
          "the desired replica count is less than the minimum replica count"};
}

Verdict TooFast(bool grows) {
  if (grows) {
    return {true, "ScaleUpLimit",
            "the desired replica count is increasing faster than the maximum scale rate"};
  }
  return {true, "ScaleDownLimit",
          "the desired replica count is decreasing faster than the maximum scale rate"};
}

const HPAScalingRules& RulesOf(const Box<HPAScalingRules>& rules) {
  static const HPAScalingRules kNone;
  return rules ? *rules : kNone;
}

bool Forbids(const HPAScalingRules& rules) {
  return rules.select_policy == "Disabled";
}

bool TakesSmallest(const HPAScalingRules& rules) {
  return rules.select_policy == "Min";
}

Duration LongestPeriod(const HPAScalingRules& rules) {
  int32_t longest = 0;
  for (const HPAScalingPolicy& policy : rules.policies) {
    longest = std::max(longest, policy.period_seconds);
  }
  return Seconds(longest);
}

}  // namespace

int32_t LeastReplicas(const HorizontalPodAutoscalerSpec& spec) {
  return spec.min_replicas.value_or(1);
}

void History::Begin(int32_t current, Duration now) {
  if (begun_) return;
  begun_ = true;
  recommended_.push_back({current, now});
}

Limited History::Limit(const HorizontalPodAutoscalerSpec& spec, int32_t current, int32_t wanted,
                       Duration stabilization, Duration now) {
  return spec.behavior ? LimitByRules(spec, current, wanted, stabilization, now)
                       : LimitPlainly(spec, current, wanted, stabilization, now);
}

void History::Scaled(const HorizontalPodAutoscalerSpec& spec, int32_t from, int32_t to,
                     Duration now) {
  if (!spec.behavior) return;  // Nobody will ask.
  // Either policy's period looks at both.
  const Duration longest = std::max(LongestPeriod(RulesOf(spec.behavior->scale_up)),
                                    LongestPeriod(RulesOf(spec.behavior->scale_down)));
  if (to > from) {
    Remember(added_, to - from, now, longest);
  } else {
    Remember(removed_, from - to, now, longest);
  }
}

void History::Remember(Samples& samples, int32_t replicas, Duration now, Duration longest) {
  std::erase_if(samples, [&](const Sample& each) { return each.at < now - longest; });
  if (samples.size() >= kSamplesMax) samples.erase(samples.begin());
  samples.push_back({replicas, now});
}

int64_t History::Sum(const Samples& samples, int32_t period_s, Duration now) {
  int64_t sum = 0;
  for (const Sample& each : samples) {
    if (each.at > now - Seconds(period_s)) sum += each.replicas;
  }
  return sum;
}

int64_t History::BeforePeriod(int32_t current, int32_t period_s, Duration now) const {
  return current - Sum(added_, period_s, now) + Sum(removed_, period_s, now);
}

int32_t History::Highest(int32_t wanted, Duration window, Duration now) const {
  int32_t highest = wanted;
  for (const Sample& each : recommended_) {
    if (each.at >= now - window) highest = std::max(highest, each.replicas);
  }
  return highest;
}

// As near to `current` as the recommendations of the windows allow: no more than the lowest that
// asked for more, no less than the highest that asked for less.
int32_t History::Between(int32_t current, int32_t wanted, const Windows& windows,
                         Duration now) const {
  int32_t lowest = wanted;
  int32_t highest = wanted;
  for (const Sample& each : recommended_) {
    if (each.at > now - windows.up) lowest = std::min(lowest, each.replicas);
    if (each.at > now - windows.down) highest = std::max(highest, each.replicas);
  }
  return std::min(std::max(current, lowest), highest);
}

int32_t History::MostAllowed(const HPAScalingRules& rules, int32_t current, Duration now) const {
  if (Forbids(rules) || rules.policies.empty()) return current;
  std::optional<double> most;
  for (const HPAScalingPolicy& policy : rules.policies) {
    const auto before = static_cast<double>(BeforePeriod(current, policy.period_seconds, now));
    const double allowed = policy.type == "Percent" ? std::ceil(before * (1 + policy.value / 100.0))
                                                    : before + policy.value;
    const bool is_better = TakesSmallest(rules) ? allowed < most : allowed > most;
    if (!most || is_better) most = allowed;
  }
  // What has been allowed is not taken back.
  return std::max(ToReplicas(*most), current);
}

int32_t History::LeastAllowed(const HPAScalingRules& rules, int32_t current, Duration now) const {
  if (Forbids(rules) || rules.policies.empty()) return current;
  std::optional<double> least;
  for (const HPAScalingPolicy& policy : rules.policies) {
    const auto before = static_cast<double>(BeforePeriod(current, policy.period_seconds, now));
    const double allowed = policy.type == "Percent"
                               ? std::trunc(before * (1 - policy.value / 100.0))
                               : before - policy.value;
    const bool is_better = TakesSmallest(rules) ? allowed > least : allowed < least;
    if (!least || is_better) least = allowed;
  }
  return std::min(ToReplicas(*least), current);
}

Limited History::LimitPlainly(const HorizontalPodAutoscalerSpec& spec, int32_t current,
                              int32_t wanted, Duration window, Duration now) {
  const int32_t held = Highest(wanted, window, now);
  Remember(recommended_, wanted, now, window);
  Limited out{held, held == wanted ? Ready() : HeldUp(), WithinRange()};
  const int64_t growth = std::max(kGrowthFactor * current, kGrowthLeast);
  const bool grows_too_fast = spec.max_replicas > growth;
  const auto most = static_cast<int32_t>(std::min<int64_t>(spec.max_replicas, growth));
  const int32_t least = LeastReplicas(spec);
  if (held < least) {
    out.replicas = least;
    out.limited = TooFew();
  } else if (held > most) {
    out.replicas = most;
    out.limited = grows_too_fast ? TooFast(/*grows=*/true) : TooMany();
  }
  return out;
}

Limited History::LimitByRules(const HorizontalPodAutoscalerSpec& spec, int32_t current,
                              int32_t wanted, Duration stabilization, Duration now) {
  const HPAScalingRules& up = RulesOf(spec.behavior->scale_up);
  const HPAScalingRules& down = RulesOf(spec.behavior->scale_down);
  Windows windows;
  windows.up = Seconds(up.stabilization_window_seconds.value_or(0));
  windows.down = down.stabilization_window_seconds ? Seconds(*down.stabilization_window_seconds)
                                                   : stabilization;
  const int32_t held = Between(current, wanted, windows, now);
  Remember(recommended_, wanted, now, std::max(windows.up, windows.down));
  Limited out{held, wanted >= current ? HeldDown() : HeldUp(), WithinRange()};
  if (held == wanted) out.able = Ready();
  if (held > current) {
    const int32_t allowed = MostAllowed(up, current, now);
    const int32_t most = std::min(allowed, spec.max_replicas);
    if (held > most) {
      out.replicas = most;
      out.limited = spec.max_replicas > allowed ? TooFast(/*grows=*/true) : TooMany();
    }
  } else if (held < current) {
    const int32_t allowed = LeastAllowed(down, current, now);
    const int32_t least = std::max(allowed, LeastReplicas(spec));
    if (held < least) {
      out.replicas = least;
      out.limited = LeastReplicas(spec) < allowed ? TooFast(/*grows=*/false) : TooFew();
    }
  }
  return out;
}

}  // namespace skiff::autoscaler
