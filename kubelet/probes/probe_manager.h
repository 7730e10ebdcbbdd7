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
#include "kubelet/cri.h"
#include "kubelet/pod_plan.h"

namespace skiff::kubelet {

// The container that a probe looks at.
struct ProbeTarget {
  std::string container_id;
  std::string pod_ip;
  TimePoint started_at{};
};

// Thread-safe.
class ProbeManager {
 public:
  // `changed` is called with a pod's uid, on a probe's thread, when a result of its changed.
  ProbeManager(ContainerRuntime& runtime, Executor& executor, const Clock& clock,
               EventRecorder& events, std::function<void(const std::string& pod_uid)> changed);
  ~ProbeManager();

  // Starts the probes of a container that runs, unless they run already for this container id;
  // those of an earlier container of that name end.
  void Observe(const core_v1::Pod& pod, const core_v1::Container& container,
               const ProbeTarget& target);
  // By container name, of containers with a startup or liveness probe.
  std::map<std::string, ProbeState> States(const std::string& pod_uid) const;
  // By container name, of containers with a readiness probe.
  std::map<std::string, bool> Ready(const std::string& pod_uid) const;
  // Liveness and startup probes end; readiness goes on while the pod terminates.
  void Terminating(const std::string& pod_uid);
  void Forget(const std::string& pod_uid);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace skiff::kubelet
