// Probes of simulated containers: they hold, but where the pod's annotations say when a container
// is ready.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/control_loop.h"
#include "base/mutex.h"
#include "kubelet/probes/probe_manager.h"
#include "kubelet/simulation/script.h"

namespace skiff::kubelet {

class SimulatedProbes final : public Probes, public ControlLoop {
 public:
  SimulatedProbes(Executor& executor, const Clock& clock,
                  std::function<void(const std::string& pod_uid)> changed);
  ~SimulatedProbes() override;

  void Observe(const core_v1::Pod& pod, const core_v1::Container& container,
               const ProbeTarget& target) override;
  std::map<std::string, ProbeState> States(const std::string&) const override { return {}; }
  std::map<std::string, bool> Ready(const std::string& pod_uid) const override;
  void Terminating(const std::string&) override {}
  void Forget(const std::string& pod_uid) override;
  // Tells of the containers whose readiness has changed since.
  Duration Step() override;

 private:
  struct Watched {
    std::string container_id;
    TimePoint started_at{};
    ReadySpan span;
    bool told = true;  // The readiness that was last told.
  };
  bool IsReady(const Watched& watched) const;

  Executor& executor_;
  const Clock& clock_;
  const std::function<void(const std::string&)> changed_;
  mutable Mutex mutex_;
  // By pod uid and container name; only what is not ready all the time.
  std::map<std::string, std::map<std::string, Watched>> pods_ GUARDED_BY(mutex_);
};

}  // namespace skiff::kubelet
