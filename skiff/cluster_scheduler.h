// The scheduler of a cluster, in the process of one of its servers. Of several servers the one that
// leads decides; the others' know all that it decides by, so that whoever takes over begins with
// the first pod and reads nothing first.
#pragma once

#include <memory>

#include "apiserver/server/api_server.h"
#include "base/control_loop.h"
#include "client/informer.h"
#include "client/manager.h"
#include "controllers/scheduler/scheduler.h"
#include "skiff/cluster.h"

namespace skiff {

class ClusterScheduler {
 public:
  struct Dependencies {
    ApiServer& server;
    InformerFactory& informers;  // They stop before Stop is called.
    Executor& executor;
    const Clock& clock;
    Random& random;
  };
  ClusterScheduler(const ClusterOptions& options, Dependencies dependencies);
  ~ClusterScheduler();  // Stops.
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
  void Start();

  Executor& executor_;
  const std::unique_ptr<Transport> transport_;
  Manager manager_;
  const bool is_cold_standby_;
  scheduler::Scheduler* scheduler_;  // The manager's.
  bool is_started_ = false;
};

}  // namespace skiff
