// How the containers of one node of the simulation behave: some take their time to stop or ignore
// the signal, some do not answer their probes for a while. Watches what their kubelet asks of them.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "e2e/simulation/laws.h"
#include "e2e/simulation/waiting_executor.h"
#include "kubelet/cri_fake.h"

namespace skiff {

class SimulatedContainers final : public cri::FakeBehavior {
 public:
  SimulatedContainers(const Clock& clock, WaitingExecutor& blocking, Laws& laws)
      : clock_(clock), blocking_(blocking), laws_(laws) {}

  // Its probes fail for that long.
  void Sicken(const std::string& container_id, Duration length) {
    sick_until_[container_id] = clock_.Monotonic() + length;
  }
  // Nobody of the kubelet's last life is asked for what it began.
  void KubeletStarts() {
    hooks_run_.clear();
    stops_begun_.clear();
  }
  // When (monotonic) its kubelet, in this life, first told a container to stop, by id.
  const std::map<std::string, Duration>& stops_begun() const { return stops_begun_; }

  void Created(const cri::ContainerConfig& config) override;
  void Stopping(const std::string& container_id) override;
  Duration StopTakes(const std::string& container_id) override;
  Result<cri::ExecResult> Exec(const cri::ContainerStatus& container,
                               const std::vector<std::string>& command,
                               Duration timeout) override;
  bool Wait(Duration length, const std::function<bool()>& over) override;
  // What it answers to a GET of a file's path; nullopt: nothing.
  std::optional<int> Get(const cri::ContainerStatus& container, const std::string& path);

 private:
  bool IsSick(const std::string& container_id) const;

  const Clock& clock_;
  WaitingExecutor& blocking_;
  Laws& laws_;
  std::map<std::string, Duration> sick_until_;          // Monotonic, by container id.
  std::map<std::string, Duration> asked_since_;         // When first asked whether it has started.
  std::set<std::string> hooks_run_;                     // Ids of containers.
  std::map<std::string, std::vector<Duration>> stops_;  // By container id.
  std::map<std::string, Duration> stops_begun_;
};

}  // namespace skiff
