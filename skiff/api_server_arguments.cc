#include "skiff/api_server_arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace skiff {
namespace {

constexpr std::string_view kNodePlugin = "NodeRestriction";

// What it has flags for, and what its own parts rely on.
constexpr std::array<std::string_view, 19> kOwn = {"advertise-address",
                                                   "bind-address",
                                                   "cert-dir",
                                                   "client-ca-file",
                                                   "data-dir",
                                                   "default-not-ready-toleration-seconds",
                                                   "default-unreachable-toleration-seconds",
                                                   "durability",
                                                   "kubelet-certificate-authority",
                                                   "kubelet-client-certificate",
                                                   "kubelet-client-key",
                                                   "logging-format",
                                                   "proxy-client-cert-file",
                                                   "proxy-client-key-file",
                                                   "secure-port",
                                                   "service-cluster-ip-range",
                                                   "tls-cert-file",
                                                   "tls-private-key-file",
                                                   "v"};
constexpr std::array<std::string_view, 2> kOwnPrefixes = {"etcd-", "requestheader-"};

std::string NameOf(const std::string& argument) {
  const size_t begin = argument.find_first_not_of('-');
  if (begin == std::string::npos) return "";
  std::string name = argument.substr(begin, argument.find('=') - begin);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

bool IsOwn(const std::string& name) {
  return std::find(kOwn.begin(), kOwn.end(), name) != kOwn.end() ||
         std::any_of(kOwnPrefixes.begin(), kOwnPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

bool Has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Result<ApiServerFlags> WithGivenArguments(ApiServerFlags set,
                                          const std::vector<std::string>& arguments) {
  if (arguments.empty()) return set;
  for (const std::string& argument : arguments) {
    if (!IsOwn(NameOf(argument))) continue;
    return Fail(Reason::kInvalid,
                fmt::format("--kube-apiserver-arg={}: `skiff up` sets that itself; its own flags "
                            "say what can be chosen",
                            argument));
  }
  auto flags = WithApiServerArguments(std::move(set), arguments);
  if (!flags) {
    return Fail(flags.error().reason, "--kube-apiserver-arg: " + flags.error().message);
  }
  auto& plugins = flags->enable_admission_plugins;
  if (!Has(plugins, kNodePlugin) && !Has(flags->disable_admission_plugins, kNodePlugin)) {
    plugins.emplace_back(kNodePlugin);
  }
  return flags;
}

}  // namespace skiff
