// A runtime in memory whose calls a test may replace, one by one.
#pragma once

#include "kubelet/cri_fake.h"

namespace skiff::cri {

class WrappedRuntime : public ContainerRuntime {
 public:
  explicit WrappedRuntime(ContainerRuntime& inner) : inner_(inner) {}

  Result<cri::Version> Version() override { return inner_.Version(); }
  Result<RuntimeStatus> Status() override { return inner_.Status(); }
  Result<> UpdateRuntimeConfig(const std::string& cidr) override {
    return inner_.UpdateRuntimeConfig(cidr);
  }
  Result<std::string> RunPodSandbox(const SandboxConfig& config,
                                    const std::string& handler) override {
    return inner_.RunPodSandbox(config, handler);
  }
  Result<> StopPodSandbox(const std::string& id) override { return inner_.StopPodSandbox(id); }
  Result<> RemovePodSandbox(const std::string& id) override { return inner_.RemovePodSandbox(id); }
  Result<SandboxStatus> PodSandboxStatus(const std::string& id) override {
    return inner_.PodSandboxStatus(id);
  }
  Result<std::vector<Sandbox>> ListPodSandboxes(const SandboxFilter& filter) override {
    return inner_.ListPodSandboxes(filter);
  }
  Result<std::string> CreateContainer(const std::string& sandbox_id, const ContainerConfig& config,
                                      const SandboxConfig& sandbox) override {
    return inner_.CreateContainer(sandbox_id, config, sandbox);
  }
  Result<> StartContainer(const std::string& id) override { return inner_.StartContainer(id); }
  Result<> StopContainer(const std::string& id, Duration grace) override {
    return inner_.StopContainer(id, grace);
  }
  Result<> RemoveContainer(const std::string& id) override { return inner_.RemoveContainer(id); }
  Result<std::vector<Container>> ListContainers(const ContainerFilter& filter) override {
    return inner_.ListContainers(filter);
  }
  Result<cri::ContainerStatus> ContainerStatus(const std::string& id) override {
    return inner_.ContainerStatus(id);
  }
  Result<> UpdateContainerResources(const std::string& id,
                                    const LinuxResources& resources) override {
    return inner_.UpdateContainerResources(id, resources);
  }
  Result<> ReopenContainerLog(const std::string& id) override {
    return inner_.ReopenContainerLog(id);
  }
  Result<ExecResult> ExecSync(const std::string& id, const std::vector<std::string>& command,
                              Duration timeout) override {
    return inner_.ExecSync(id, command, timeout);
  }
  Result<std::string> Exec(const std::string& id, const std::vector<std::string>& command,
                           const StreamOptions& options) override {
    return inner_.Exec(id, command, options);
  }
  Result<std::string> Attach(const std::string& id, const StreamOptions& options) override {
    return inner_.Attach(id, options);
  }
  Result<std::string> PortForward(const std::string& sandbox_id,
                                  const std::vector<int32_t>& ports) override {
    return inner_.PortForward(sandbox_id, ports);
  }
  Result<cri::ContainerStats> ContainerStats(const std::string& id) override {
    return inner_.ContainerStats(id);
  }
  Result<std::vector<cri::ContainerStats>> ListContainerStats(
      const ContainerFilter& filter) override {
    return inner_.ListContainerStats(filter);
  }
  Result<std::vector<Image>> ListImages(const std::string& image) override {
    return inner_.ListImages(image);
  }
  Result<std::optional<Image>> ImageStatus(const std::string& image) override {
    return inner_.ImageStatus(image);
  }
  Result<std::string> PullImage(const std::string& image, const RegistryAuth& auth,
                                const SandboxConfig& sandbox,
                                const std::stop_token& stop) override {
    return inner_.PullImage(image, auth, sandbox, stop);
  }
  Result<> RemoveImage(const std::string& image) override { return inner_.RemoveImage(image); }
  Result<cri::ImageFsInfo> ImageFsInfo() override { return inner_.ImageFsInfo(); }
  std::unique_ptr<Subscription> Subscribe(std::function<void(const Event&)> callback) override {
    return inner_.Subscribe(std::move(callback));
  }

 private:
  ContainerRuntime& inner_;
};

}  // namespace skiff::cri
