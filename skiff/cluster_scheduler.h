// The scheduler of a cluster, in the process of one of its servers. Of several servers the one that
// leads decides; the others' know all that it decides by, so that whoever takes over begins with
// the first pod and reads nothing first.
#pragma once

#include <atomic>
#include <memory>

#include "apiserver/server/api_server.h"
#include "base/control_loop.h"
#include "base/metrics.h"
#include "client/informer.h"
#include "client/manager.h"
#include "controllers/scheduler/scheduler.h"
#include "skiff/cluster.h"
#include "skiff/program_run.h"

namespace skiff {

class ClusterScheduler {
 public:
  struct Dependencies {
    ApiServer& server;
    InformerFactory& informers;  // They stop before Stop is called.
    Executor& executor;
    const Clock& clock;
    Random& random;
    ProgramRun* run = nullptr;  // Where its port shows it; null: nobody asks.
  };
  ClusterScheduler(const ClusterOptions& options, Dependencies dependencies);
  ~ClusterScheduler();  // Stops; returns once nobody is shown it any more.
  // Hears of everything from now on, and writes nothing; where its configuration wants no caches
  // before it leads (delayCacheUntilActive), it does neither.
  void Wait();
  // Decides from now on, as the only one of the cluster.
  void Lead();
  // Whether it knows all that it decides by. Any thread.
  bool IsSynced() const { return scheduler_->IsSynced(); }
  void Stop();

 private:
  ClusterScheduler(scheduler::SchedulerOptions options, Dependencies dependencies);
  scheduler::Scheduler* Add(scheduler::SchedulerOptions options);
  void Show();
  void Start();

  Executor& executor_;
  ProgramRun* const run_;
  MetricRegistry metrics_, resources_;
  const std::unique_ptr<Transport> transport_;
  Manager manager_;
  const bool is_cold_standby_;
  scheduler::Scheduler* scheduler_;  // The manager's.
  std::atomic<bool> leads_ = false;
  bool is_shown_ = false;
  bool is_started_ = false;
};

}  // namespace skiff
