#include "kubelet/plugins/registration.h"

#include "kubelet/plugins/plugin_call.h"
#include "kubelet/proto/plugin_registration_v1.grpc.pb.h"

namespace skiff::kubelet::plugins {
namespace {

using pluginregistration::Registration;

constexpr Duration kInfoTimeout = 1s;
constexpr Duration kNotifyTimeout = 5s;

}  // namespace

Result<PluginInfo> GetPluginInfo(const std::string& socket) {
  pluginregistration::PluginInfo answer;
  TRY(Call<Registration>(socket, kInfoTimeout, &Registration::Stub::GetInfo,
                         pluginregistration::InfoRequest(), answer));
  PluginInfo info{answer.type(), answer.name(), answer.endpoint(), {}};
  info.versions.assign(answer.supported_versions().begin(), answer.supported_versions().end());
  if (info.endpoint.empty()) info.endpoint = socket;
  return info;
}

Result<> NotifyRegistered(const std::string& socket, const std::string& error) {
  pluginregistration::RegistrationStatus status;
  status.set_plugin_registered(error.empty());
  status.set_error(error);
  pluginregistration::RegistrationStatusResponse answer;
  return Call<Registration>(socket, kNotifyTimeout, &Registration::Stub::NotifyRegistrationStatus,
                            status, answer);
}

}  // namespace skiff::kubelet::plugins
