#include "kubelet/cri_grpc_settings.h"

#include "api/values.h"
#include "kubelet/cri_grpc_channel.h"
#include "kubelet/proto/cri_v1.grpc.pb.h"

namespace skiff::cri {
namespace {

namespace pb = ::runtime::v1;

constexpr Duration kTimeout = 10s;

std::string TextAt(const Json& document, const Json::json_pointer& at) {
  if (!document.contains(at) || !document[at].is_string()) return "";
  return document[at].get<std::string>();
}

// By SystemdCgroup of the options of runc, in which there is such a choice.
std::string CgroupDriverOf(const Json& document) {
  const std::string runtime =
      TextAt(document, Json::json_pointer("/containerd/defaultRuntimeName"));
  const Json::json_pointer at = Json::json_pointer("/containerd/runtimes") /
                                (runtime.empty() ? "runc" : runtime) / "options" / "SystemdCgroup";
  if (!document.contains(at) || !document[at].is_boolean()) return "";
  return document[at].get<bool>() ? "systemd" : "cgroupfs";
}

}  // namespace

Result<ContainerdSettings> ReadContainerdSettings(const std::string& endpoint) {
  const auto stub = pb::RuntimeService::NewStub(OpenChannel(endpoint));
  pb::StatusRequest request;
  request.set_verbose(true);
  pb::StatusResponse response;
  grpc::ClientContext context;
  SetTimeout(context, kTimeout);
  const grpc::Status status = stub->Status(&context, request, &response);
  if (!status.ok()) return Fail(ErrorFrom(status));
  const auto config = response.info().find("config");
  if (config == response.info().end()) {
    return Fail(Reason::kInvalid, endpoint + ": the runtime does not tell its configuration");
  }
  const Json document = Json::parse(config->second, nullptr, false);
  if (!document.is_object()) {
    return Fail(Reason::kInvalid, endpoint + ": the runtime's configuration is not JSON");
  }
  return ContainerdSettings{
      .sandbox_image = TextAt(document, Json::json_pointer("/sandboxImage")),
      .cni_conf_directory = TextAt(document, Json::json_pointer("/cni/confDir")),
      .cni_bin_directory = TextAt(document, Json::json_pointer("/cni/binDir")),
      .snapshotter = TextAt(document, Json::json_pointer("/containerd/snapshotter")),
      .cgroup_driver = CgroupDriverOf(document)};
}

}  // namespace skiff::cri
