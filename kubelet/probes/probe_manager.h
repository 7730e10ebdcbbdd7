// Probes of the containers on this node. Every probe of a running container is a loop of its own;
// results are kept by container and tell the pod's worker when they change.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "base/control_loop.h"
#include "client/recorder.h"
#include "http/loop.h"
#include "kubelet/cri.h"
#include "kubelet/pod_plan.h"
#include "kubelet/probes/probe_attempt.h"
#include "kubelet/probes/probe_metrics.h"
#include "kubelet/task_pool.h"
#include "kubelet/thread_room.h"

namespace skiff::kubelet {

// The container that a probe looks at.
struct ProbeTarget {
  std::string container_id;
  std::string pod_ip;
  TimePoint started_at{};
  // What the pod's status says of this very container: a kubelet that was restarted goes on from
  // there, or every ready pod would leave its Services until it has been asked again.
  bool has_started = false;
  bool was_ready = false;
};

// What a pod worker knows of probes. Thread-safe.
class Probes {
 public:
  virtual ~Probes() = default;
  // Starts the probes of a container that runs, unless they run already for this container id;
  // those of an earlier container of that name end.
  virtual void Observe(const core_v1::Pod& pod, const core_v1::Container& container,
                       const ProbeTarget& target) = 0;
  // By container name, of containers with a startup or liveness probe.
  virtual std::map<std::string, ProbeState> States(const std::string& pod_uid) const = 0;
  // By container name, of containers with a readiness probe.
  virtual std::map<std::string, bool> Ready(const std::string& pod_uid) const = 0;
  // Liveness and startup probes end; readiness goes on while the pod terminates.
  virtual void Terminating(const std::string& pod_uid) = 0;
  virtual void Forget(const std::string& pod_uid) = 0;
};

// Of containers that exist only as a simulation: they are always well.
class PassingProbes final : public Probes {
 public:
  void Observe(const core_v1::Pod&, const core_v1::Container&, const ProbeTarget&) override {}
  std::map<std::string, ProbeState> States(const std::string&) const override { return {}; }
  std::map<std::string, bool> Ready(const std::string&) const override { return {}; }
  void Terminating(const std::string&) override {}
  void Forget(const std::string&) override {}
};

class ProbeLoop;

class ProbeManager final : public Probes {
 public:
  // Of commands and calls over gRPC.
  static constexpr ThreadRoom::Limits kThreadsMax{.of_pod = 20, .of_all = 100};
  struct Dependencies {
    ContainerRuntime& runtime;
    Executor& executor;
    const Clock& clock;
    EventRecorder& events;
    http::Loops& loops;
    TaskPool& tasks;       // For what probes wait for.
    HttpProber http = {};  // Empty: over the network.
    ProbeMetrics* metrics = nullptr;
    ThreadRoom* room = nullptr;  // Null: as many attempts as there are probes. The manager's own.
  };
  // `changed` is called with a pod's uid, on a probe's thread, when a result of its changed.
  ProbeManager(Dependencies dependencies, std::function<void(const std::string& pod_uid)> changed);
  ~ProbeManager() override;

  void Observe(const core_v1::Pod& pod, const core_v1::Container& container,
               const ProbeTarget& target) override;
  std::map<std::string, ProbeState> States(const std::string& pod_uid) const override;
  std::map<std::string, bool> Ready(const std::string& pod_uid) const override;
  void Terminating(const std::string& pod_uid) override;
  void Forget(const std::string& pod_uid) override;

 private:
  struct ContainerProbes {
    std::string container_id;
    std::unique_ptr<ProbeLoop> startup, liveness, readiness;
  };
  using PodProbes = std::map<std::string, ContainerProbes>;  // By container name.
  static Dependencies WithRoom(Dependencies dependencies, ThreadRoom& room);
  void End(ContainerProbes probes);
  // The startup probe of that container came to an end: the others may begin.
  void Started(const std::string& pod_uid, const std::string& container);

  ThreadRoom room_{kThreadsMax};
  const Dependencies dependencies_;
  const std::function<void(const std::string&)> changed_;
  mutable Mutex mutex_;
  std::map<std::string, PodProbes> pods_ GUARDED_BY(mutex_);  // By pod uid.
};

}  // namespace skiff::kubelet
