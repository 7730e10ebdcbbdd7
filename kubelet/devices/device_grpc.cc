#include "kubelet/devices/device_grpc.h"

#include <grpcpp/resource_quota.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "base/mutex.h"
#include "kubelet/plugins/plugin_call.h"
#include "kubelet/proto/device_plugin_v1beta1.grpc.pb.h"

namespace skiff::kubelet::devices {
namespace {

using Plugin = ::v1beta1::DevicePlugin;

constexpr char kHealthy[] = "Healthy";
constexpr size_t kDevicesMax = 100'000;  // Of a plugin; more are passed over.

DeviceMap DevicesOf(const ::v1beta1::ListAndWatchResponse& list) {
  DeviceMap devices;
  for (const auto& each : list.devices()) {
    if (devices.size() >= kDevicesMax) break;
    Device& device = devices[each.id()];
    device.is_healthy = each.health() == kHealthy;
    for (const auto& node : each.topology().nodes()) device.numa_nodes.push_back(node.id());
  }
  return devices;
}

// One stream of lists, from its start to its end.
class ListStream final : public grpc::ClientReadReactor<::v1beta1::ListAndWatchResponse> {
 public:
  ListStream(Plugin::Stub& stub, PluginClient::Listener listener) : listener_(std::move(listener)) {
    stub.async()->ListAndWatch(&context_, &request_, this);
    StartRead(&answer_);
    StartCall();
  }
  ~ListStream() override {
    {
      MutexLock lock(mutex_);
      silent_ = true;
    }
    context_.TryCancel();
    MutexLock lock(mutex_);
    while (!done_) changed_.wait(lock);
  }

 private:
  bool IsSilent() {
    MutexLock lock(mutex_);
    return silent_;
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (!IsSilent()) listener_.devices(DevicesOf(answer_));
    StartRead(&answer_);
  }
  void OnDone(const grpc::Status&) override {
    if (!IsSilent()) listener_.ended();
    MutexLock lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }

  const PluginClient::Listener listener_;
  grpc::ClientContext context_;
  const ::v1beta1::Empty request_;
  ::v1beta1::ListAndWatchResponse answer_;
  Mutex mutex_;
  CondVar changed_;
  bool silent_ GUARDED_BY(mutex_) = false;
  bool done_ GUARDED_BY(mutex_) = false;
};

class RegistrationService final : public RegistrationServer,
                                  public ::v1beta1::Registration::Service {
 public:
  RegistrationService(const std::string& socket, Handler handler) : handler_(std::move(handler)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + socket, grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    // Plugins come one by one and seldom.
    builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
    builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
    grpc::ResourceQuota quota("device-plugins");
    quota.SetMaxThreads(8);
    builder.SetResourceQuota(quota);
    server_ = builder.BuildAndStart();
  }
  ~RegistrationService() override {
    if (server_) server_->Shutdown(std::chrono::system_clock::now());
  }
  bool listens() const { return server_ != nullptr; }

 private:
  grpc::Status Register(grpc::ServerContext*, const ::v1beta1::RegisterRequest* request,
                        ::v1beta1::Empty*) override {
    const auto done = handler_({request->version(), request->endpoint(), request->resource_name()});
    if (done) return grpc::Status::OK;
    return {grpc::StatusCode::UNKNOWN, done.error().message};
  }

  const Handler handler_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

struct PluginClient::Connection {
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<Plugin::Stub> stub;
  std::unique_ptr<ListStream> stream;

  template <typename Request, typename Response>
  Result<> Call(Duration timeout,
                grpc::Status (Plugin::Stub::*method)(grpc::ClientContext*, const Request&,
                                                     Response*),
                const Request& request, Response& response) const {
    const auto status = plugins::CallOn<Plugin>(channel, timeout, method, request, response);
    if (!status.ok()) return Fail(plugins::CallError(status));
    return {};
  }
};

PluginClient::PluginClient() : connection_(std::make_unique<Connection>()) {}

PluginClient::~PluginClient() {
  connection_->stream.reset();
}

Result<std::unique_ptr<PluginClient>> PluginClient::Connect(const std::string& socket) {
  std::unique_ptr<PluginClient> client(new PluginClient());
  Connection& connection = *client->connection_;
  connection.channel = plugins::Connect(socket);
  if (!connection.channel->WaitForConnected(plugins::In(plugins::kDialTimeout))) {
    return Fail(Reason::kServiceUnavailable,
                "failed to dial device plugin: context deadline exceeded");
  }
  connection.stub = Plugin::NewStub(connection.channel);
  ::v1beta1::DevicePluginOptions options;
  // Other plugins wait for this one to have registered.
  const auto done = connection.Call(plugins::kDialTimeout, &Plugin::Stub::GetDevicePluginOptions,
                                    ::v1beta1::Empty(), options);
  if (!done) {
    return Fail(done.error().reason,
                "failed to get device plugin options: " + done.error().message);
  }
  client->options_ = {options.pre_start_required(), options.get_preferred_allocation_available()};
  return client;
}

void PluginClient::Watch(Listener listener) {
  connection_->stream = std::make_unique<ListStream>(*connection_->stub, std::move(listener));
}

Result<std::string> PluginClient::Allocate(const DeviceIds& ids) const {
  ::v1beta1::AllocateRequest request;
  auto& container = *request.add_container_requests();
  for (const auto& id : ids) container.add_devices_ids(id);
  ::v1beta1::AllocateResponse answer;
  TRY(connection_->Call(kCallTimeout, &Plugin::Stub::Allocate, request, answer));
  if (answer.container_responses().empty()) {
    return Fail(Reason::kInternalError, "no containers return in allocation response");
  }
  return answer.container_responses(0).SerializeAsString();
}

Result<DeviceIds> PluginClient::Preferred(const DeviceIds& available, const DeviceIds& included,
                                          size_t count) const {
  ::v1beta1::PreferredAllocationRequest request;
  auto& container = *request.add_container_requests();
  for (const auto& id : available) container.add_available_deviceids(id);
  for (const auto& id : included) container.add_must_include_deviceids(id);
  container.set_allocation_size(static_cast<int32_t>(count));
  ::v1beta1::PreferredAllocationResponse answer;
  TRY(connection_->Call(kCallTimeout, &Plugin::Stub::GetPreferredAllocation, request, answer));
  if (answer.container_responses().empty()) return DeviceIds();
  const auto& ids = answer.container_responses(0).deviceids();
  return DeviceIds(ids.begin(), ids.end());
}

Result<> PluginClient::PreStart(const DeviceIds& ids) const {
  ::v1beta1::PreStartContainerRequest request;
  for (const auto& id : ids) request.add_devices_ids(id);
  ::v1beta1::PreStartContainerResponse answer;
  return connection_->Call(kPreStartTimeout, &Plugin::Stub::PreStartContainer, request, answer);
}

Result<Grant> ParseGrant(const std::string& response) {
  ::v1beta1::ContainerAllocateResponse answer;
  if (!answer.ParseFromString(response)) {
    return Fail(Reason::kInternalError, "what a device plugin said cannot be read");
  }
  Grant grant;
  grant.envs.insert(answer.envs().begin(), answer.envs().end());
  grant.annotations.insert(answer.annotations().begin(), answer.annotations().end());
  for (const auto& each : answer.mounts()) {
    grant.mounts.push_back({.container_path = each.container_path(),
                            .host_path = each.host_path(),
                            .readonly = each.read_only()});
  }
  for (const auto& each : answer.devices()) {
    grant.devices.push_back({each.container_path(), each.host_path(), each.permissions()});
  }
  for (const auto& each : answer.cdi_devices()) grant.cdi_devices.push_back(each.name());
  return grant;
}

std::unique_ptr<RegistrationServer> RegistrationServer::Listen(const std::string& socket,
                                                               Handler handler) {
  auto service = std::make_unique<RegistrationService>(socket, std::move(handler));
  if (!service->listens()) return nullptr;
  return service;
}

}  // namespace skiff::kubelet::devices
