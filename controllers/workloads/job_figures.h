// job_controller_* and cronjob_controller_*: how often Jobs were looked at, for how long, what came
// of them and of their pods, and how late CronJobs made them, under kube-controller-manager's
// names.
#pragma once

#include <string_view>

#include "api/gen/batch_v1.h"
#include "base/clock.h"
#include "base/metrics.h"

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

 private:
  CounterFamily* synced_ = nullptr;
  HistogramFamily* synced_took_ = nullptr;
  CounterFamily* finished_ = nullptr;
  CounterFamily* pods_finished_ = nullptr;
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
