#include "kubelet/metered_runtime.h"

#include <type_traits>
#include <utility>

namespace skiff::kubelet {
namespace {

using std::string;
using std::vector;

class MeteredRuntime final : public ContainerRuntime {
 public:
  MeteredRuntime(ContainerRuntime& below, const Clock& clock, KubeletMetrics& metrics,
                 std::function<Result<>()> may_run)
      : below_(below), clock_(clock), metrics_(metrics), may_run_(std::move(may_run)) {}

  Result<cri::Version> Version() override {
    return Meter("version", [&] { return below_.Version(); });
  }
  Result<cri::RuntimeStatus> Status() override {
    auto status = Meter("status", [&] { return below_.Status(); });
    if (status && may_run_) TRY(may_run_());
    return status;
  }
  Result<string> CgroupDriver() override { return below_.CgroupDriver(); }
  Result<string> SandboxImage() override {
    return Meter("status", [&] { return below_.SandboxImage(); });
  }
  Result<> UpdateRuntimeConfig(const string& pod_cidr) override {
    return Meter("update_runtime_config", [&] { return below_.UpdateRuntimeConfig(pod_cidr); });
  }

  Result<string> RunPodSandbox(const cri::SandboxConfig& config, const string& handler) override {
    if (may_run_) TRY(may_run_());
    const Duration begun = clock_.Monotonic();
    auto made = Meter("run_podsandbox", [&] { return below_.RunPodSandbox(config, handler); });
    metrics_.sandbox_seconds.Observe({handler}, InSeconds(clock_.Monotonic() - begun));
    if (!made) metrics_.sandbox_errors.Add({handler});
    return made;
  }
  Result<> StopPodSandbox(const string& id) override {
    return Meter("stop_podsandbox", [&] { return below_.StopPodSandbox(id); });
  }
  Result<> RemovePodSandbox(const string& id) override {
    return Meter("remove_podsandbox", [&] { return below_.RemovePodSandbox(id); });
  }
  Result<cri::SandboxStatus> PodSandboxStatus(const string& id) override {
    return Meter("podsandbox_status", [&] { return below_.PodSandboxStatus(id); });
  }
  Result<vector<cri::Sandbox>> ListPodSandboxes(const cri::SandboxFilter& filter) override {
    return Meter("list_podsandbox", [&] { return below_.ListPodSandboxes(filter); });
  }

  Result<string> CreateContainer(const string& sandbox_id, const cri::ContainerConfig& config,
                                 const cri::SandboxConfig& sandbox) override {
    return Meter("create_container",
                 [&] { return below_.CreateContainer(sandbox_id, config, sandbox); });
  }
  Result<> StartContainer(const string& id) override {
    return Meter("start_container", [&] { return below_.StartContainer(id); });
  }
  Result<> StopContainer(const string& id, Duration grace) override {
    return Meter("stop_container", [&] { return below_.StopContainer(id, grace); });
  }
  Result<> RemoveContainer(const string& id) override {
    return Meter("remove_container", [&] { return below_.RemoveContainer(id); });
  }
  Result<vector<cri::Container>> ListContainers(const cri::ContainerFilter& filter) override {
    return Meter("list_containers", [&] { return below_.ListContainers(filter); });
  }
  Result<cri::ContainerStatus> ContainerStatus(const string& id) override {
    return Meter("container_status", [&] { return below_.ContainerStatus(id); });
  }
  Result<> UpdateContainerResources(const string& id,
                                    const cri::LinuxResources& resources) override {
    return Meter("update_container",
                 [&] { return below_.UpdateContainerResources(id, resources); });
  }
  Result<> ReopenContainerLog(const string& id) override {
    return Meter("reopen_container_log", [&] { return below_.ReopenContainerLog(id); });
  }

  Result<cri::ExecResult> ExecSync(const string& id, const vector<string>& command,
                                   Duration timeout) override {
    return Meter("exec_sync", [&] { return below_.ExecSync(id, command, timeout); });
  }
  Result<string> Exec(const string& id, const vector<string>& command,
                      const cri::StreamOptions& options) override {
    return Meter("exec", [&] { return below_.Exec(id, command, options); });
  }
  Result<string> Attach(const string& id, const cri::StreamOptions& options) override {
    return Meter("attach", [&] { return below_.Attach(id, options); });
  }
  Result<string> PortForward(const string& sandbox_id, const vector<int32_t>& ports) override {
    return Meter("port_forward", [&] { return below_.PortForward(sandbox_id, ports); });
  }

  Result<cri::ContainerStats> ContainerStats(const string& id) override {
    return Meter("container_stats", [&] { return below_.ContainerStats(id); });
  }
  Result<vector<cri::ContainerStats>> ListContainerStats(
      const cri::ContainerFilter& filter) override {
    return Meter("list_container_stats", [&] { return below_.ListContainerStats(filter); });
  }

  Result<vector<cri::Image>> ListImages(const string& image) override {
    return Meter("list_images", [&] { return below_.ListImages(image); });
  }
  Result<std::optional<cri::Image>> ImageStatus(const string& image) override {
    return Meter("image_status", [&] { return below_.ImageStatus(image); });
  }
  Result<string> PullImage(const string& image, const cri::RegistryAuth& auth,
                           const cri::SandboxConfig& sandbox,
                           const std::stop_token& stop) override {
    return Meter("pull_image", [&] { return below_.PullImage(image, auth, sandbox, stop); });
  }
  Result<> RemoveImage(const string& image) override {
    return Meter("remove_image", [&] { return below_.RemoveImage(image); });
  }
  Result<cri::ImageFsInfo> ImageFsInfo() override {
    return Meter("image_fs_info", [&] { return below_.ImageFsInfo(); });
  }

  // Not calls: one conversation that goes on.
  std::unique_ptr<cri::Subscription> Subscribe(
      std::function<void(const cri::Event&)> callback) override {
    return below_.Subscribe(std::move(callback));
  }
  void Shutdown() override { below_.Shutdown(); }

 private:
  template <typename Call>
  std::invoke_result_t<const Call&> Meter(std::string_view operation, const Call& call) {
    const Duration begun = clock_.Monotonic();
    auto result = call();
    metrics_.runtime_operations.Add({operation});
    metrics_.runtime_operation_seconds.Observe({operation},
                                               InSeconds(clock_.Monotonic() - begun));
    if (!result) metrics_.runtime_operation_errors.Add({operation});
    return result;
  }

  ContainerRuntime& below_;
  const Clock& clock_;
  KubeletMetrics& metrics_;
  const std::function<Result<>()> may_run_;
};

}  // namespace

std::unique_ptr<ContainerRuntime> MakeMeteredRuntime(ContainerRuntime& below, const Clock& clock,
                                                     KubeletMetrics& metrics,
                                                     std::function<Result<>()> may_run) {
  return std::make_unique<MeteredRuntime>(below, clock, metrics, std::move(may_run));
}

}  // namespace skiff::kubelet
