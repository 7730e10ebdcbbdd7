// How long the parts of one scheduling cycle take, for those who count it: kube-scheduler's
// scheduler_framework_extension_point_duration_seconds and, of some cycles,
// scheduler_plugin_execution_duration_seconds. Rules themselves know nothing of it.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "controllers/scheduler/framework.h"
#include "controllers/scheduler/scheduler_metrics.h"

namespace skiff::scheduler {

class CycleTimes {
 public:
  // Of so many cycles in a hundred each rule is looked at: that costs more than many rules do.
  static constexpr size_t kSampledPercent = 10;
  // What is given here outlives it.
  CycleTimes(SchedulerMetrics& metrics, const Clock& clock, const std::string& profile,
             bool has_rules)
      : metrics_(metrics), clock_(clock), profile_(profile), has_rules_(has_rules) {}
  Duration Now() const { return clock_.Monotonic(); }
  bool has_rules() const { return has_rules_; }
  // All rules of a point ("PreFilter") are done; they began then.
  void AtPoint(std::string_view point, std::string_view status, Duration begin) {
    metrics_.AtPoint({point, status, profile_}, Now() - begin);
  }
  void InRule(std::string_view rule, std::string_view point, std::string_view status,
              Duration begin) {
    metrics_.InRule({rule, point, status}, Now() - begin);
  }

 private:
  SchedulerMetrics& metrics_;
  const Clock& clock_;
  const std::string& profile_;
  const bool has_rules_;
};

// Of one point of a cycle; nothing where nobody counts.
class PointTimer {
 public:
  explicit PointTimer(CycleTimes* times)
      : times_(times), begin_(times != nullptr ? times->Now() : Duration(0)) {}
  void Done(std::string_view point, std::string_view status) const {
    if (times_ != nullptr) times_->AtPoint(point, status, begin_);
  }

 private:
  CycleTimes* const times_;
  const Duration begin_;
};

// A verdict as kube-scheduler names it: "UnschedulableAndUnresolvable".
std::string_view StatusTextOf(Verdict::Code code);

// What the rule prepares, which is looked at where the snapshot says so.
Prepared PrepareTimed(const FilterRule& rule, const PodInfo& pod, const Snapshot& snapshot);
PreparedScore PrepareTimed(const ScoreRule& rule, const PodInfo& pod, const Snapshot& snapshot,
                           std::span<const NodeInfo* const> feasible);

}  // namespace skiff::scheduler
