// job_controller_* and cronjob_controller_*: how often Jobs were looked at, for how long, what came
// of them and of their pods, and how late CronJobs made them, under kube-controller-manager's
// names.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "api/gen/batch_v1.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "controllers/figures.h"
#include "controllers/workloads/job_tally.h"

namespace skiff::job {

// One look at a Job.
struct Sync {
  std::string_view action = "reconciling";  // "tracking", "pods_created", "pods_deleted"
  bool failed = false;
  Duration took{};
};

// Thread-safe.
class JobFigures {
 public:
  // Null: nobody asks for them. Outlives it.
  explicit JobFigures(MetricRegistry* registry);
  void Synced(const batch_v1::Job& job, const Sync& sync);
  // Why it ended is the reason of its last condition.
  void Finished(const batch_v1::Job& job, bool succeeded, std::string_view reason);
  // What a write of its status has counted.
  void PodsFinished(const batch_v1::Job& job, const batch_v1::JobStatus& now);
  // Pods were made in a round that had observed that.
  void PodsMade(const batch_v1::Job& job, const Observation& observed, int made, int failed);
  // What the rules for failed pods said of those that a write of its status has noted.
  void PolicyApplied(const std::map<std::string, int>& by_action);
  // A pod has changed: some have ended and keep the finalizer until they are counted.
  void PodChanged(const core_v1::Pod* before, const core_v1::Pod* now);
  // There is a new Job that somebody else manages.
  void LeftToOther(const std::string& controller) { left_.Add({controller}); }

 private:
  CounterFamily* synced_ = nullptr;
  HistogramFamily* synced_took_ = nullptr;
  CounterFamily* finished_ = nullptr;
  CounterFamily* pods_finished_ = nullptr;
  const FigureCounter indexes_, made_, applied_, tracked_, left_;
};

class CronJobFigures {
 public:
  // As above.
  explicit CronJobFigures(MetricRegistry* registry);
  // A Job was made so long after it was to be.
  void Made(Duration late);

 private:
  HistogramFamily* skew_ = nullptr;
};

}  // namespace skiff::job
