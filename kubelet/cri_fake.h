// A container runtime in memory. Simulated nodes run on it, and so does the simulation of a whole
// cluster, which chooses its faults: calls that fail, containers that exit.
//
//   FakeRuntime runtime(clock, random, "10.128.0.0/24");
//   runtime.Exit(container_id, 1);             // the process ends
//   runtime.FailNext(FakeCall::kStartContainer, {Reason::kUnknown, "no space left on device"});
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/rules/core/ip.h"
#include "base/id.h"
#include "base/mutex.h"
#include "kubelet/cri.h"
#include "kubelet/cri_fake_index.h"

namespace skiff::cri {

enum class FakeCall {
  kRunPodSandbox,
  kCreateContainer,
  kStartContainer,
  kStopContainer,
  kPullImage
};

inline constexpr char kFailPullAnnotation[] = "simulation.skiff.io/fail-image-pull";

// Whom all images run as. Not root: pods that insist on that have images to match.
inline constexpr int64_t kImageUser = 65532;

// How the containers of a runtime behave. As it is here: they end when they are told to, and all
// their commands succeed. Called without locks, on its caller's thread.
class FakeBehavior {
 public:
  virtual ~FakeBehavior() = default;
  virtual void Created(const ContainerConfig& /*config*/) {}
  // It is told to stop, whatever comes of that.
  virtual void Stopping(const std::string& /*container_id*/) {}
  // How long the container's process takes to end after its stop signal.
  virtual Duration StopTakes(const std::string& /*container_id*/) { return 0ns; }
  virtual Result<ExecResult> Exec(const ContainerStatus& /*container*/,
                                  const std::vector<std::string>& /*command*/,
                                  Duration /*timeout*/) {
    return ExecResult{};
  }
  // Lets time pass in a call, until `over`. False: its caller is gone.
  virtual bool Wait(Duration /*length*/, const std::function<bool()>& /*over*/) { return true; }
};

// Thread-safe. Every call answers at once, unless its behavior waits; any image exists.
class FakeRuntime final : public ContainerRuntime {
 public:
  // Sandboxes get addresses from `pod_cidr` in turn ("10.244.1.0/24,fd00:0:0:1::/64": one of each),
  // or of the one that UpdateRuntimeConfig gives later; "": until then none is made but with the
  // host's network. Its network is ready as that of a machine whose CNI plugin was there before the
  // kubelet.
  FakeRuntime(const Clock& clock, Random& random, const std::string& pod_cidr,
              FakeBehavior* behavior = nullptr);

  // Faults and events that a test chooses.
  void FailNext(FakeCall call, Error error);
  // The same as often as it is called, until `until` (monotonic).
  void FailUntil(FakeCall call, Error error, Duration until);
  void SetDown(bool down);  // Every call fails with ServiceUnavailable.
  void SetNetworkReady(bool ready);
  // The first process of a container ends, as by itself.
  void Exit(const std::string& container_id, int exit_code);
  // Ids of running containers with that name in their metadata.
  std::vector<std::string> RunningNamed(const std::string& container_name) const;
  // How often a container was made, started, ended or removed.
  uint64_t changes() const;
  // The image is not there any more and has to be pulled, which fails for pods with the annotation
  // kFailPullAnnotation: "true".
  void LoseImage(const std::string& image);

  Result<cri::Version> Version() override;
  Result<RuntimeStatus> Status() override;
  Result<> UpdateRuntimeConfig(const std::string& pod_cidr) override;
  Result<std::string> RunPodSandbox(const SandboxConfig& config,
                                    const std::string& handler) override;
  Result<> StopPodSandbox(const std::string& id) override;
  Result<> RemovePodSandbox(const std::string& id) override;
  Result<SandboxStatus> PodSandboxStatus(const std::string& id) override;
  Result<std::vector<Sandbox>> ListPodSandboxes(const SandboxFilter& filter) override;
  Result<std::string> CreateContainer(const std::string& sandbox_id, const ContainerConfig& config,
                                      const SandboxConfig& sandbox) override;
  Result<> StartContainer(const std::string& id) override;
  Result<> StopContainer(const std::string& id, Duration grace) override;
  Result<> RemoveContainer(const std::string& id) override;
  Result<std::vector<Container>> ListContainers(const ContainerFilter& filter) override;
  Result<cri::ContainerStatus> ContainerStatus(const std::string& id) override;
  Result<> UpdateContainerResources(const std::string& id,
                                    const LinuxResources& resources) override;
  Result<> ReopenContainerLog(const std::string& id) override;
  Result<ExecResult> ExecSync(const std::string& id, const std::vector<std::string>& command,
                              Duration timeout) override;
  Result<std::string> Exec(const std::string& id, const std::vector<std::string>& command,
                           const StreamOptions& options) override;
  Result<std::string> Attach(const std::string& id, const StreamOptions& options) override;
  Result<std::string> PortForward(const std::string& sandbox_id,
                                  const std::vector<int32_t>& ports) override;
  Result<cri::ContainerStats> ContainerStats(const std::string& id) override;
  Result<std::vector<cri::ContainerStats>> ListContainerStats(
      const ContainerFilter& filter) override;
  Result<std::vector<Image>> ListImages(const std::string& image) override;
  Result<std::optional<Image>> ImageStatus(const std::string& image) override;
  Result<std::string> PullImage(const std::string& image, const RegistryAuth& auth,
                                const SandboxConfig& sandbox, const std::stop_token& stop) override;
  Result<> RemoveImage(const std::string& image) override;
  Result<cri::ImageFsInfo> ImageFsInfo() override;
  std::unique_ptr<Subscription> Subscribe(std::function<void(const Event&)> callback) override;

 private:
  class FakeSubscription;
  Result<> Check(FakeCall call) REQUIRES(mutex_);
  Result<> CheckUp() REQUIRES(mutex_);
  bool IsRunning(const std::string& container_id) const;
  // Whether its process was killed, since it did not end within the grace period.
  Result<bool> AwaitEnd(const std::string& container_id, Duration grace);
  std::string NewId();
  Result<std::vector<std::string>> NextIps() REQUIRES(mutex_);
  void End(cri::ContainerStatus& container, int exit_code, const std::string& reason)
      REQUIRES(mutex_);
  void Tell(const Event& event);

  const Clock& clock_;
  Random& random_;
  FakeBehavior* const behavior_;
  mutable Mutex mutex_;
  std::string pod_cidr_text_ GUARDED_BY(mutex_);
  std::vector<Cidr> pod_cidrs_ GUARDED_BY(mutex_);
  uint32_t last_host_ GUARDED_BY(mutex_) = 0;
  bool down_ GUARDED_BY(mutex_) = false;
  bool network_ready_ GUARDED_BY(mutex_) = true;
  struct Failure {
    Error error;
    std::optional<Duration> until;  // Monotonic; unset: once.
  };
  std::map<FakeCall, Failure> failures_ GUARDED_BY(mutex_);
  std::set<std::string> lost_images_ GUARDED_BY(mutex_);
  ByPod<SandboxStatus> sandboxes_ GUARDED_BY(mutex_);
  ByPod<cri::ContainerStatus> containers_ GUARDED_BY(mutex_);
  uint64_t changes_ GUARDED_BY(mutex_) = 0;  // Of containers_.
  // Taken after mutex_ never; held while callbacks run, which must not call the runtime.
  Mutex subscribers_mutex_;
  std::map<int, std::function<void(const Event&)>> subscribers_ GUARDED_BY(subscribers_mutex_);
  int next_subscriber_ GUARDED_BY(subscribers_mutex_) = 0;
};

}  // namespace skiff::cri
