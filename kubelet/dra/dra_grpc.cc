#include "kubelet/dra/dra_grpc.h"

#include <fmt/format.h>

#include "kubelet/plugins/plugin_call.h"
#include "kubelet/proto/dra_v1.grpc.pb.h"
#include "kubelet/proto/dra_v1beta1.grpc.pb.h"

namespace skiff::kubelet::dra {
namespace {

namespace v1 = ::k8s::io::kubelet::pkg::apis::dra::v1;
namespace v1beta1 = ::k8s::io::kubelet::pkg::apis::dra::v1beta1;

constexpr char kBetaService[] = "v1beta1.DRAPlugin";

// As gRPC's Go library names them.
const char* CodeName(grpc::StatusCode code) {
  static constexpr const char* kNames[] = {
      "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
      "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
      "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
      "DataLoss", "Unauthenticated"};
  return code >= 0 && code <= grpc::UNAUTHENTICATED ? kNames[code] : "Unknown";
}

template <typename Request>
Request RequestFor(const std::vector<ClaimInfo>& claims) {
  Request request;
  for (const ClaimInfo& claim : claims) {
    v1::Claim& asked = *request.add_claims();
    asked.set_namespace_(claim.key.namespace_);
    asked.set_name(claim.key.name);
    asked.set_uid(claim.uid);
  }
  return request;
}

Device DeviceOf(const v1::Device& device) {
  Device out{device.pool_name(), device.device_name(), std::nullopt, {}, {}};
  out.requests.assign(device.request_names().begin(), device.request_names().end());
  out.cdi_ids.assign(device.cdi_device_ids().begin(), device.cdi_device_ids().end());
  if (device.has_share_id()) out.share_id = device.share_id();
  return out;
}

}  // namespace

struct DriverClient::Connection {
  std::shared_ptr<grpc::Channel> channel;
  bool is_beta = false;
  std::string service_path;

  template <typename Current, typename Beta, typename Request, typename Response>
  grpc::Status Call(Current current, Beta beta, const Request& request, Response& response) const {
    return is_beta ? plugins::CallOn<v1beta1::DRAPlugin>(channel, kTimeout, beta, request, response)
                   : plugins::CallOn<v1::DRAPlugin>(channel, kTimeout, current, request, response);
  }
};

namespace {

Result<> Outcome(const grpc::Status& status, DraMetrics* metrics, const std::string& driver,
                 const std::string& method, Duration taken) {
  if (metrics != nullptr) {
    metrics->call_seconds.Observe({driver, method, CodeName(status.error_code())},
                                  std::chrono::duration<double>(taken).count());
  }
  if (!status.ok()) return Fail(plugins::CallError(status));
  return {};
}

}  // namespace

DriverClient::DriverClient(std::string driver, std::string endpoint, std::string service,
                           DraMetrics* metrics)
    : driver_(std::move(driver)),
      endpoint_(std::move(endpoint)),
      service_(std::move(service)),
      metrics_(metrics),
      connection_(std::make_unique<Connection>()) {
  connection_->is_beta = service_ == kBetaService;
  connection_->service_path =
      fmt::format("/{}/", connection_->is_beta ? v1beta1::DRAPlugin::service_full_name()
                                               : v1::DRAPlugin::service_full_name());
  connection_->channel = plugins::Connect(endpoint_);
  (void)IsConnected();  // Begins to connect.
}

DriverClient::~DriverClient() = default;

bool DriverClient::IsConnected() const {
  return connection_->channel->GetState(/*try_to_connect=*/true) == GRPC_CHANNEL_READY;
}

Result<std::map<std::string, DriverClient::Prepared>> DriverClient::Prepare(
    const std::vector<ClaimInfo>& claims) const {
  v1::NodePrepareResourcesResponse answer;
  const Duration begun = SystemClock().Monotonic();
  const auto status = connection_->Call(
      &v1::DRAPlugin::Stub::NodePrepareResources, &v1beta1::DRAPlugin::Stub::NodePrepareResources,
      RequestFor<v1::NodePrepareResourcesRequest>(claims), answer);
  TRY(Outcome(status, metrics_, driver_, connection_->service_path + "NodePrepareResources",
              SystemClock().Monotonic() - begun));
  std::map<std::string, Prepared> prepared;
  for (const auto& [uid, result] : answer.claims()) {
    Prepared& one = prepared[uid];
    one.error = result.error();
    for (const auto& device : result.devices()) one.devices.push_back(DeviceOf(device));
  }
  return prepared;
}

Result<std::map<std::string, std::string>> DriverClient::Unprepare(
    const std::vector<ClaimInfo>& claims) const {
  v1::NodeUnprepareResourcesResponse answer;
  const Duration begun = SystemClock().Monotonic();
  const auto status =
      connection_->Call(&v1::DRAPlugin::Stub::NodeUnprepareResources,
                        &v1beta1::DRAPlugin::Stub::NodeUnprepareResources,
                        RequestFor<v1::NodeUnprepareResourcesRequest>(claims), answer);
  TRY(Outcome(status, metrics_, driver_, connection_->service_path + "NodeUnprepareResources",
              SystemClock().Monotonic() - begun));
  std::map<std::string, std::string> errors;
  for (const auto& [uid, result] : answer.claims()) errors[uid] = result.error();
  return errors;
}

}  // namespace skiff::kubelet::dra
