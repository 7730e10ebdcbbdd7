#include "kubelet/pod_resources/pod_resources_grpc.h"

#include <fmt/format.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <set>

#include "base/mutex.h"
#include "kubelet/pod_observed.h"
#include "kubelet/proto/pod_resources_v1.grpc.pb.h"
#include "kubelet/proto/pod_resources_v1alpha1.grpc.pb.h"

namespace skiff::kubelet {
namespace {

constexpr char kV1[] = "v1";
constexpr char kV1Alpha1[] = "v1alpha1";
constexpr int kThreadsMax = 8;
constexpr int kStreamsMax = 16;  // Of a connection; others wait.

// As many requests as come at once, and so many a second after that.
class RequestLimit {
 public:
  explicit RequestLimit(const Clock& clock) : clock_(clock), filled_at_(clock.Monotonic()) {}
  bool Take() {
    MutexLock lock(mutex_);
    const Duration now = clock_.Monotonic();
    const double passed = std::chrono::duration<double>(now - filled_at_).count();
    filled_at_ = now;
    tokens_ = std::min(PodResourcesService::kBurstMax,
                       tokens_ + passed * PodResourcesService::kPerSecondMax);
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  const Clock& clock_;
  Mutex mutex_;
  Duration filled_at_ GUARDED_BY(mutex_);
  double tokens_ GUARDED_BY(mutex_) = PodResourcesService::kBurstMax;
};

// What both versions share.
struct Served {
  PodResourcesSources sources;
  RequestLimit limit;
  PodResourcesMetrics* metrics;
};

grpc::Status TooMany() {
  return {grpc::StatusCode::RESOURCE_EXHAUSTED, "rejected by rate limit"};
}
void Fill(const devices::ListedDevice& device, ::v1::ContainerDevices& to) {
  to.set_resource_name(device.resource);
  to.add_device_ids(device.id);
  if (device.numa_node) to.mutable_topology()->add_nodes()->set_id(*device.numa_node);
}

void Fill(const dra::ClaimInfo& claim, ::v1::DynamicResource& to) {
  to.set_claim_name(claim.key.name);
  to.set_claim_namespace(claim.key.namespace_);
  for (const auto& [driver, devices] : claim.drivers) {
    for (const auto& device : devices) {
      auto& resource = *to.add_claim_resources();
      resource.set_driver_name(driver);
      resource.set_pool_name(device.pool);
      resource.set_device_name(device.name);
      if (device.share_id) resource.set_share_id(*device.share_id);
      for (const auto& id : device.cdi_ids) resource.add_cdi_devices()->set_name(id);
    }
  }
}

class V1 final : public ::v1::PodResourcesLister::Service {
 public:
  explicit V1(Served& served) : served_(served) {}

 private:
  void Fill(const core_v1::Pod& pod, ::v1::PodResources& to) const {
    to.set_name(pod.metadata.name);
    to.set_namespace_(pod.metadata.namespace_);
    const auto add = [&](const core_v1::Container& container) {
      auto& listed = *to.add_containers();
      listed.set_name(container.name);
      for (const auto& device : served_.sources.devices(pod, container)) {
        kubelet::Fill(device, *listed.add_devices());
      }
      for (const auto& claim : served_.sources.claims(pod, container)) {
        kubelet::Fill(claim, *listed.add_dynamic_resources());
      }
    };
    for (const auto& container : pod.spec.init_containers) {
      if (IsSidecar(container)) add(container);
    }
    for (const auto& container : pod.spec.containers) add(container);
  }
  grpc::Status List(grpc::ServerContext*, const ::v1::ListPodResourcesRequest*,
                    ::v1::ListPodResourcesResponse* answer) override {
    if (!served_.limit.Take()) return TooMany();
    if (served_.metrics != nullptr) {
      served_.metrics->requests.Add({kV1});
      served_.metrics->lists.Add({kV1});
    }
    for (const auto& pod : served_.sources.active_pods()) Fill(*pod, *answer->add_pod_resources());
    return grpc::Status::OK;
  }
  grpc::Status GetAllocatableResources(grpc::ServerContext*,
                                       const ::v1::AllocatableResourcesRequest*,
                                       ::v1::AllocatableResourcesResponse* answer) override {
    if (!served_.limit.Take()) return TooMany();
    if (served_.metrics != nullptr) {
      served_.metrics->requests.Add({kV1});
      served_.metrics->allocatables.Add({kV1});
    }
    for (const auto& device : served_.sources.allocatable()) {
      kubelet::Fill(device, *answer->add_devices());
    }
    return grpc::Status::OK;
  }
  grpc::Status Get(grpc::ServerContext*, const ::v1::GetPodResourcesRequest* request,
                   ::v1::GetPodResourcesResponse* answer) override {
    if (!served_.limit.Take()) return TooMany();
    if (served_.metrics != nullptr) {
      served_.metrics->requests.Add({kV1});
      served_.metrics->gets.Add({kV1});
    }
    const auto pod = served_.sources.find(request->pod_namespace(), request->pod_name());
    if (!pod) {
      if (served_.metrics != nullptr) served_.metrics->get_errors.Add({kV1});
      return {grpc::StatusCode::UNKNOWN,
              fmt::format("pod {} in namespace {} not found", request->pod_name(),
                          request->pod_namespace())};
    }
    Fill(*pod, *answer->mutable_pod_resources());
    return grpc::Status::OK;
  }

  Served& served_;
};

class V1Alpha1 final : public ::v1alpha1::PodResourcesLister::Service {
 public:
  explicit V1Alpha1(Served& served) : served_(served) {}

 private:
  grpc::Status List(grpc::ServerContext*, const ::v1alpha1::ListPodResourcesRequest*,
                    ::v1alpha1::ListPodResourcesResponse* answer) override {
    if (!served_.limit.Take()) return TooMany();
    if (served_.metrics != nullptr) served_.metrics->requests.Add({kV1Alpha1});
    std::set<std::string> active;  // Others have given their devices back.
    for (const auto& pod : served_.sources.active_pods()) active.insert(pod->metadata.uid);
    for (const auto& pod : served_.sources.pods()) {
      auto& listed = *answer->add_pod_resources();
      listed.set_name(pod->metadata.name);
      listed.set_namespace_(pod->metadata.namespace_);
      for (const auto& container : pod->spec.containers) {
        auto& of_container = *listed.add_containers();
        of_container.set_name(container.name);
        if (!active.contains(pod->metadata.uid)) continue;
        for (const auto& device : served_.sources.devices(*pod, container)) {
          auto& of_device = *of_container.add_devices();
          of_device.set_resource_name(device.resource);
          of_device.add_device_ids(device.id);
        }
      }
    }
    return grpc::Status::OK;
  }

  Served& served_;
};

class Service final : public PodResourcesService {
 public:
  Service(const std::string& socket, const PodResourcesSources& sources, const Clock& clock,
          PodResourcesMetrics* metrics)
      : served_{sources, RequestLimit(clock), metrics} {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + socket, grpc::InsecureServerCredentials());
    builder.RegisterService(&v1_);
    builder.RegisterService(&v1alpha1_);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsMax);
    // A thread waits for requests, and does so until there is one.
    using Option = grpc::ServerBuilder::SyncServerOption;
    builder.SetSyncServerOption(Option::NUM_CQS, 1);
    builder.SetSyncServerOption(Option::MIN_POLLERS, 1);
    builder.SetSyncServerOption(Option::MAX_POLLERS, 1);
    builder.SetSyncServerOption(Option::CQ_TIMEOUT_MSEC, std::numeric_limits<int>::max());
    grpc::ResourceQuota quota("pod-resources");
    quota.SetMaxThreads(kThreadsMax);
    builder.SetResourceQuota(quota);
    server_ = builder.BuildAndStart();
  }
  ~Service() override {
    if (server_) server_->Shutdown(std::chrono::system_clock::now());
  }
  bool listens() const { return server_ != nullptr; }

 private:
  Served served_;
  V1 v1_{served_};
  V1Alpha1 v1alpha1_{served_};
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

std::unique_ptr<PodResourcesService> PodResourcesService::Listen(const std::string& socket,
                                                                 const PodResourcesSources& sources,
                                                                 const Clock& clock,
                                                                 PodResourcesMetrics* metrics) {
  auto service = std::make_unique<Service>(socket, sources, clock, metrics);
  if (!service->listens()) return nullptr;
  return service;
}

}  // namespace skiff::kubelet
