#include "kubelet/cri_grpc.h"

#include <set>
#include <stop_token>

#include "base/mutex.h"
#include "kubelet/cri_grpc_channel.h"
#include "kubelet/cri_grpc_decode.h"
#include "kubelet/cri_grpc_encode.h"
#include "kubelet/cri_grpc_events.h"
#include "kubelet/cri_grpc_settings.h"
#include "kubelet/proto/cri_v1.grpc.pb.h"

namespace skiff::cri {
namespace {

using Runtime = pb::RuntimeService::Stub;
using Images = pb::ImageService::Stub;

// CRI counts whole seconds; a shorter wait must not become none.
int64_t WholeSeconds(Duration length) {
  return std::chrono::ceil<std::chrono::seconds>(length).count();
}

// For calls that may be repeated: what is gone already is as it should be.
template <typename Response>
Result<> GoneIsFine(const Result<Response>& result) {
  if (!result && result.error().reason != Reason::kNotFound) return Fail(result.error());
  return {};
}

// As long as Kubernetes' kubelet asks for it.
constexpr Duration kDriverTimeout = 6s;

class GrpcRuntime final : public ContainerRuntime {
 public:
  explicit GrpcRuntime(const GrpcRuntimeOptions& options)
      : options_(options),
        channel_(OpenChannel(options.endpoint, kListBytesMax)),
        runtime_(pb::RuntimeService::NewStub(channel_)),
        commands_(pb::RuntimeService::NewStub(OpenChannel(options.endpoint))),
        images_(pb::ImageService::NewStub(channel_)) {}

  Result<cri::Version> Version() override {
    pb::VersionRequest request;
    request.set_version("0.1.0");  // Of the kubelet's own runtime API, as it has always been.
    const auto response = TRY(Call(&Runtime::Version, *runtime_, request));
    return cri::Version{.runtime_name = response.runtime_name(),
                        .runtime_version = response.runtime_version(),
                        .api_version = response.runtime_api_version()};
  }

  Result<RuntimeStatus> Status() override {
    return FromProto(TRY(Call(&Runtime::Status, *runtime_, pb::StatusRequest())));
  }

  Result<std::string> CgroupDriver() override {
    grpc::ClientContext context;
    SetTimeout(context, kDriverTimeout);
    context.set_wait_for_ready(true);  // Both may have been started by one boot.
    const Registration registration(*this, context);
    pb::RuntimeConfigResponse response;
    const grpc::Status status =
        runtime_->RuntimeConfig(&context, pb::RuntimeConfigRequest(), &response);
    // Containerd says it from 2.0 on.
    if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) return std::string();
    if (!status.ok()) return Fail(ErrorFrom(status));
    return CgroupDriverIn(response);
  }

  // Containerd pins its image from 1.7 on.
  Result<std::string> SandboxImage() override {
    const auto settings = ReadContainerdSettings(options_.endpoint);
    if (settings) return settings->sandbox_image;
    // Another runtime than containerd.
    if (settings.error().reason == Reason::kInvalid) return std::string();
    return Fail(settings.error());
  }

  Result<> UpdateRuntimeConfig(const std::string& pod_cidr) override {
    pb::UpdateRuntimeConfigRequest request;
    request.mutable_runtime_config()->mutable_network_config()->set_pod_cidr(pod_cidr);
    TRY(Call(&Runtime::UpdateRuntimeConfig, *runtime_, request));
    return {};
  }

  Result<std::string> RunPodSandbox(const SandboxConfig& config,
                                    const std::string& handler) override {
    pb::RunPodSandboxRequest request;
    *request.mutable_config() = ToProto(config);
    request.set_runtime_handler(handler);
    return TRY(Call(&Runtime::RunPodSandbox, *runtime_, request))
    .pod_sandbox_id();
  }

  Result<> StopPodSandbox(const std::string& id) override {
    pb::StopPodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    return GoneIsFine(Call(&Runtime::StopPodSandbox, *runtime_, request));
  }

  Result<> RemovePodSandbox(const std::string& id) override {
    pb::RemovePodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    return GoneIsFine(Call(&Runtime::RemovePodSandbox, *runtime_, request));
  }

  Result<SandboxStatus> PodSandboxStatus(const std::string& id) override {
    pb::PodSandboxStatusRequest request;
    request.set_pod_sandbox_id(id);
    return FromProto(TRY(Call(&Runtime::PodSandboxStatus, *runtime_, request)).status());
  }

  Result<std::vector<Sandbox>> ListPodSandboxes(const SandboxFilter& filter) override {
    pb::ListPodSandboxRequest request;
    *request.mutable_filter() = ToProto(filter);
    const auto response = TRY(Call(&Runtime::ListPodSandbox, *runtime_, request));
    std::vector<Sandbox> sandboxes;
    for (const auto& item : response.items()) sandboxes.push_back(FromProto(item));
    return sandboxes;
  }

  Result<std::string> CreateContainer(const std::string& sandbox_id, const ContainerConfig& config,
                                      const SandboxConfig& sandbox) override {
    pb::CreateContainerRequest request;
    request.set_pod_sandbox_id(sandbox_id);
    *request.mutable_config() = ToProto(config);
    *request.mutable_sandbox_config() = ToProto(sandbox);
    return TRY(Call(&Runtime::CreateContainer, *runtime_, request))
    .container_id();
  }

  Result<> StartContainer(const std::string& id) override {
    pb::StartContainerRequest request;
    request.set_container_id(id);
    TRY(Call(&Runtime::StartContainer, *runtime_, request));
    return {};
  }

  Result<> StopContainer(const std::string& id, Duration grace) override {
    pb::StopContainerRequest request;
    request.set_container_id(id);
    request.set_timeout(WholeSeconds(grace));
    return GoneIsFine(
        Call(&Runtime::StopContainer, *runtime_, request, options_.request_timeout + grace));
  }

  Result<> RemoveContainer(const std::string& id) override {
    pb::RemoveContainerRequest request;
    request.set_container_id(id);
    return GoneIsFine(Call(&Runtime::RemoveContainer, *runtime_, request));
  }

  Result<std::vector<Container>> ListContainers(const ContainerFilter& filter) override {
    pb::ListContainersRequest request;
    *request.mutable_filter() = ToProto(filter);
    const auto response = TRY(Call(&Runtime::ListContainers, *runtime_, request));
    std::vector<Container> containers;
    for (const auto& item : response.containers()) containers.push_back(FromProto(item));
    return containers;
  }

  Result<cri::ContainerStatus> ContainerStatus(const std::string& id) override {
    pb::ContainerStatusRequest request;
    request.set_container_id(id);
    return FromProto(TRY(Call(&Runtime::ContainerStatus, *runtime_, request)).status());
  }

  Result<> UpdateContainerResources(const std::string& id,
                                    const LinuxResources& resources) override {
    pb::UpdateContainerResourcesRequest request;
    request.set_container_id(id);
    *request.mutable_on_linux() = ToProto(resources);
    TRY(Call(&Runtime::UpdateContainerResources, *runtime_, request));
    return {};
  }

  Result<> ReopenContainerLog(const std::string& id) override {
    pb::ReopenContainerLogRequest request;
    request.set_container_id(id);
    TRY(Call(&Runtime::ReopenContainerLog, *runtime_, request));
    return {};
  }

  Result<ExecResult> ExecSync(const std::string& id, const std::vector<std::string>& command,
                              Duration timeout) override {
    pb::ExecSyncRequest request;
    request.set_container_id(id);
    for (const std::string& word : command) request.add_cmd(word);
    request.set_timeout(WholeSeconds(timeout));
    const Duration limit = timeout == 0ns ? kNever : options_.request_timeout + timeout;
    auto response = TRY(Call(&Runtime::ExecSync, *commands_, request, limit));
    return ExecResult{.stdout_text = std::move(*response.mutable_stdout()),
                      .stderr_text = std::move(*response.mutable_stderr()),
                      .exit_code = response.exit_code()};
  }

  Result<std::string> Exec(const std::string& id, const std::vector<std::string>& command,
                           const StreamOptions& options) override {
    pb::ExecRequest request;
    for (const std::string& word : command) request.add_cmd(word);
    FillStreams(id, options, request);
    return TRY(Call(&Runtime::Exec, *runtime_, request))
    .url();
  }

  Result<std::string> Attach(const std::string& id, const StreamOptions& options) override {
    pb::AttachRequest request;
    FillStreams(id, options, request);
    return TRY(Call(&Runtime::Attach, *runtime_, request))
    .url();
  }

  Result<std::string> PortForward(const std::string& sandbox_id,
                                  const std::vector<int32_t>& ports) override {
    pb::PortForwardRequest request;
    request.set_pod_sandbox_id(sandbox_id);
    for (const int32_t port : ports) request.add_port(port);
    return TRY(Call(&Runtime::PortForward, *runtime_, request))
    .url();
  }

  Result<cri::ContainerStats> ContainerStats(const std::string& id) override {
    pb::ContainerStatsRequest request;
    request.set_container_id(id);
    return FromProto(TRY(Call(&Runtime::ContainerStats, *runtime_, request)).stats());
  }

  Result<std::vector<cri::ContainerStats>> ListContainerStats(
      const ContainerFilter& filter) override {
    pb::ListContainerStatsRequest request;
    request.mutable_filter()->set_id(filter.id);
    request.mutable_filter()->set_pod_sandbox_id(filter.sandbox_id);
    for (const auto& [key, value] : filter.labels) {
      (*request.mutable_filter()->mutable_label_selector())[key] = value;
    }
    const auto response = TRY(Call(&Runtime::ListContainerStats, *runtime_, request));
    std::vector<cri::ContainerStats> all;
    for (const auto& item : response.stats()) all.push_back(FromProto(item));
    return all;
  }

  Result<std::vector<Image>> ListImages(const std::string& image) override {
    pb::ListImagesRequest request;
    if (!image.empty()) request.mutable_filter()->mutable_image()->set_image(image);
    const auto response = TRY(Call(&Images::ListImages, *images_, request));
    std::vector<Image> images;
    for (const auto& item : response.images()) images.push_back(FromProto(item));
    return images;
  }

  Result<std::optional<Image>> ImageStatus(const std::string& image) override {
    pb::ImageStatusRequest request;
    request.mutable_image()->set_image(image);
    const auto response = TRY(Call(&Images::ImageStatus, *images_, request));
    if (!response.has_image()) return std::nullopt;
    return FromProto(response.image());
  }

  Result<std::string> PullImage(const std::string& image, const RegistryAuth& auth,
                                const SandboxConfig& sandbox,
                                const std::stop_token& stop) override {
    pb::PullImageRequest request;
    request.mutable_image()->set_image(image);
    *request.mutable_auth() = ToProto(auth);
    *request.mutable_sandbox_config() = ToProto(sandbox);
    return TRY(Call(&Images::PullImage, *images_, request, kNever, stop))
    .image_ref();
  }

  Result<> RemoveImage(const std::string& image) override {
    pb::RemoveImageRequest request;
    request.mutable_image()->set_image(image);
    return GoneIsFine(Call(&Images::RemoveImage, *images_, request));
  }

  Result<cri::ImageFsInfo> ImageFsInfo() override {
    const auto response = TRY(Call(&Images::ImageFsInfo, *images_, pb::ImageFsInfoRequest()));
    cri::ImageFsInfo info;
    for (const auto& usage : response.image_filesystems()) {
      info.image_filesystems.push_back(FromProto(usage));
    }
    for (const auto& usage : response.container_filesystems()) {
      info.container_filesystems.push_back(FromProto(usage));
    }
    return info;
  }

  std::unique_ptr<Subscription> Subscribe(std::function<void(const Event&)> callback) override {
    return SubscribeToContainerd(options_.endpoint, *this, std::move(callback));
  }

  void Shutdown() override {
    const MutexLock lock(mutex_);
    shut_down_ = true;
    for (grpc::ClientContext* context : calls_) context->TryCancel();
  }

 private:
  // Makes `context` known to Shutdown while the call lasts.
  class Registration {
   public:
    Registration(GrpcRuntime& runtime, grpc::ClientContext& context)
        : runtime_(runtime), context_(context) {
      const MutexLock lock(runtime_.mutex_);
      if (runtime_.shut_down_) context_.TryCancel();
      runtime_.calls_.insert(&context_);
    }
    ~Registration() {
      const MutexLock lock(runtime_.mutex_);
      runtime_.calls_.erase(&context_);
    }

   private:
    GrpcRuntime& runtime_;
    grpc::ClientContext& context_;
  };

  template <typename Stub, typename Request, typename Response>
  Result<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                     Response*),
                        Stub& stub, const Request& request,
                        std::optional<Duration> timeout = std::nullopt,
                        const std::stop_token& stop = {}) {
    grpc::ClientContext context;
    SetTimeout(context, timeout.value_or(options_.request_timeout));
    const Registration registration(*this, context);
    const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return Fail(ErrorFrom(status));
    return response;
  }

  template <typename Request>
  static void FillStreams(const std::string& id, const StreamOptions& options, Request& request) {
    request.set_container_id(id);
    request.set_tty(options.tty);
    request.set_stdin(options.stdin);
    request.set_stdout(options.stdout);
    request.set_stderr(options.stderr);
  }

  const GrpcRuntimeOptions options_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<Runtime> runtime_;
  const std::unique_ptr<Runtime> commands_;  // Whose answers are what somebody's programs say.
  const std::unique_ptr<Images> images_;
  Mutex mutex_;
  bool shut_down_ GUARDED_BY(mutex_) = false;
  std::set<grpc::ClientContext*> calls_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<ContainerRuntime> MakeGrpcRuntime(const GrpcRuntimeOptions& options) {
  return std::make_unique<GrpcRuntime>(options);
}

}  // namespace skiff::cri
