// A device plugin for tests: serves its calls on a socket, and can register with the kubelet's.
#pragma once

#include <grpcpp/create_channel.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "kubelet/proto/device_plugin_v1beta1.grpc.pb.h"

namespace skiff::kubelet::devices {

class FakePlugin final : public v1beta1::DevicePlugin::Service {
 public:
  explicit FakePlugin(std::string socket) : socket_(std::move(socket)) {
    options.set_pre_start_required(true);
    options.set_get_preferred_allocation_available(true);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + socket_, grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~FakePlugin() override {
    {
      MutexLock lock(mutex_);
      ends_ = true;
      changed_.notify_all();
    }
    server_->Shutdown();
    unlink(socket_.c_str());
  }
  // "" or what the kubelet has against it.
  static std::string RegisterAt(const std::string& kubelet, const std::string& endpoint,
                                const std::string& resource, const std::string& version) {
    const auto stub = v1beta1::Registration::NewStub(
        grpc::CreateChannel("unix:" + kubelet, grpc::InsecureChannelCredentials()));
    v1beta1::RegisterRequest request;
    request.set_version(version);
    request.set_endpoint(endpoint);
    request.set_resource_name(resource);
    grpc::ClientContext context;
    v1beta1::Empty answer;
    return stub->Register(&context, request, &answer).error_message();
  }
  void Tell(std::map<std::string, bool> devices) {
    MutexLock lock(mutex_);
    devices_ = std::move(devices);
    ++version_;
    changed_.notify_all();
  }

  v1beta1::DevicePluginOptions options;
  std::string preferred;           // An id, before all others.
  std::function<void()> prefers;   // Called when it is asked what it prefers.
  std::string problem;             // What calls end with; "": with nothing.
  grpc::StatusCode code = grpc::StatusCode::INTERNAL;
  std::vector<std::string> calls;  // "allocate a b", "pre-start a b".

 private:
  using Context = grpc::ServerContext;
  template <typename Ids>
  grpc::Status Note(std::string call, const Ids& ids) {
    for (const auto& id : ids) call += " " + id;
    MutexLock lock(mutex_);
    calls.push_back(std::move(call));
    if (problem.empty()) return grpc::Status::OK;
    return {code, problem};
  }
  grpc::Status GetDevicePluginOptions(Context*, const v1beta1::Empty*,
                                      v1beta1::DevicePluginOptions* answer) override {
    *answer = options;
    return grpc::Status::OK;
  }
  grpc::Status ListAndWatch(Context*, const v1beta1::Empty*,
                            grpc::ServerWriter<v1beta1::ListAndWatchResponse>* writer) override {
    MutexLock lock(mutex_);
    for (int told = 0; !ends_;) {
      if (told == version_) {
        changed_.wait(lock);
        continue;
      }
      told = version_;
      v1beta1::ListAndWatchResponse list;
      for (const auto& [id, is_healthy] : devices_) {
        auto& device = *list.add_devices();
        device.set_id(id);
        device.set_health(is_healthy ? "Healthy" : "Unhealthy");
      }
      if (!writer->Write(list)) break;
    }
    return grpc::Status::OK;
  }
  grpc::Status GetPreferredAllocation(Context*, const v1beta1::PreferredAllocationRequest*,
                                      v1beta1::PreferredAllocationResponse* answer) override {
    // It may set itself to nothing.
    if (const auto called = prefers) called();
    answer->add_container_responses()->add_deviceids(preferred);
    return grpc::Status::OK;
  }
  grpc::Status Allocate(Context*, const v1beta1::AllocateRequest* request,
                        v1beta1::AllocateResponse* answer) override {
    const auto& ids = request->container_requests(0).devices_ids();
    auto& grant = *answer->add_container_responses();
    (*grant.mutable_envs())["DEVICES"] = std::to_string(ids.size());
    auto& node = *grant.add_devices();
    node.set_container_path("/dev/given");
    node.set_host_path("/dev/" + ids[0]);
    node.set_permissions("rw");
    grant.add_cdi_devices()->set_name("v.com/gpu=" + ids[0]);
    return Note("allocate", ids);
  }
  grpc::Status PreStartContainer(Context*, const v1beta1::PreStartContainerRequest* request,
                                 v1beta1::PreStartContainerResponse*) override {
    return Note("pre-start", request->devices_ids());
  }

  const std::string socket_;
  std::unique_ptr<grpc::Server> server_;
  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, bool> devices_ GUARDED_BY(mutex_);
  int version_ GUARDED_BY(mutex_) = 0;
  bool ends_ GUARDED_BY(mutex_) = false;
};

}  // namespace skiff::kubelet::devices
