#include "skiff/program_arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>

#include "skiff/programs.h"

namespace skiff {
namespace {

constexpr std::string_view kNodePlugin = "NodeRestriction";

// What `up` has flags for, and what its own parts rely on; a "*" at the end stands for anything.
constexpr std::string_view kOwnOfApiServer[] = {"advertise-address",
                                                "bind-address",
                                                "cert-dir",
                                                "client-ca-file",
                                                "data-dir",
                                                "default-not-ready-toleration-seconds",
                                                "default-unreachable-toleration-seconds",
                                                "durability",
                                                "encryption-provider-config*",
                                                "etcd-*",
                                                "kubelet-certificate-authority",
                                                "kubelet-client-*",
                                                "logging-format",
                                                "proxy-client-*",
                                                "requestheader-*",
                                                "secure-port",
                                                "service-cluster-ip-range",
                                                "tls-cert-file",
                                                "tls-private-key-file",
                                                "v"};
// Of those that elect a leader and connect to a server by themselves.
constexpr std::string_view kOwnOfAll[] = {"authentication-kubeconfig",
                                          "authentication-skip-lookup",
                                          "authentication-tolerate-lookup-failure",
                                          "authorization-kubeconfig",
                                          "kube-api-*",
                                          "kubeconfig",
                                          "leader-*",
                                          "logging-format",
                                          "master",
                                          "v"};
constexpr std::string_view kPort = "secure-port";
// Of a port that they serve, and of nothing where they have none.
constexpr std::string_view kOfPort[] = {"authentication-token-webhook-cache-ttl",
                                        "authorization-always-allow-paths",
                                        "authorization-webhook-*",
                                        "bind-address",
                                        "cert-dir",
                                        "client-ca-file",
                                        "disable-http2-serving",
                                        "http2-*",
                                        "permit-*",
                                        "requestheader-*",
                                        "tls-*"};
constexpr std::string_view kOwnOfControllers[] = {"allocate-node-cidrs",
                                                  "cluster-cidr",
                                                  "cluster-signing-*",
                                                  "controllers",
                                                  "local-path-directory",
                                                  "node-monitor-grace-period",
                                                  "root-ca-file",
                                                  "service-account-private-key-file",
                                                  "service-cluster-ip-range",
                                                  "use-service-account-credentials"};

std::string NameIn(const std::string& argument) {
  const size_t begin = argument.find_first_not_of('-');
  if (begin == std::string::npos) return "";
  const size_t equals = argument.find('=', begin);
  std::string name = argument.substr(begin, equals == std::string::npos ? equals : equals - begin);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

bool IsAmong(std::span<const std::string_view> patterns, std::string_view name) {
  return std::any_of(patterns.begin(), patterns.end(), [&](std::string_view pattern) {
    if (!pattern.ends_with('*')) return name == pattern;
    pattern.remove_suffix(1);
    return name.starts_with(pattern);
  });
}

Result<> RefuseOwn(const char* flag, const std::vector<std::string>& given,
                   std::span<const std::string_view> own) {
  for (const std::string& argument : given) {
    const std::string name = NameIn(argument);
    if (name.empty() || name == "help" || name == "h") {
      return Fail(Reason::kInvalid,
                  fmt::format("--{}={}: not of the form NAME=VALUE", flag, argument));
    }
    if (!IsAmong(own, name)) continue;
    return Fail(Reason::kInvalid,
                fmt::format("--{}={}: `skiff up` sets that itself; its own flags say what can be "
                            "chosen",
                            flag, argument));
  }
  return {};
}

bool IsServed(const std::vector<std::string>& given) {
  return std::ranges::any_of(given, [](const auto& argument) { return NameIn(argument) == kPort; });
}

// They would be ignored. `port`: as it was read.
Result<> RefusePortless(const char* flag, const std::vector<std::string>& given, int port) {
  if (IsServed(given) && port != 0) return {};
  for (const std::string& argument : given) {
    if (!IsAmong(kOfPort, NameIn(argument))) continue;
    return Fail(Reason::kInvalid,
                fmt::format("--{0}={1}: without a port of its own nothing is served: "
                            "--{0}={2}=PORT makes one",
                            flag, argument, kPort));
  }
  return {};
}

std::vector<std::string> AsFlags(const std::vector<std::string>& given) {
  std::vector<std::string> flags;
  for (const std::string& argument : given) {
    flags.push_back(argument.starts_with("--") ? argument : "--" + argument);
  }
  return flags;
}

tl::unexpected<Error> Refused(const char* flag, const Error& error) {
  return Fail(error.reason, fmt::format("--{}: {}", flag, error.message));
}

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void Append(const std::vector<std::string>& more, std::vector<std::string>& notes) {
  std::copy(more.begin(), more.end(), std::back_inserter(notes));
}

Result<> ReadControllerManager(const std::vector<std::string>& given, ControllerManagerFlags& to) {
  constexpr const char* kFlag = "kube-controller-manager-arg";
  TRY(RefuseOwn(kFlag, given, kOwnOfAll));
  TRY(RefuseOwn(kFlag, given, kOwnOfControllers));
  const auto parsed = ParseControllerManagerArguments(AsFlags(given), to);
  if (!parsed) return Refused(kFlag, parsed.error());
  return RefusePortless(kFlag, given, to.serving.secure_port);
}

Result<SchedulerFlags> ReadScheduler(const std::vector<std::string>& given) {
  constexpr const char* kFlag = "kube-scheduler-arg";
  TRY(RefuseOwn(kFlag, given, kOwnOfAll));
  auto flags = ParseSchedulerFlags(AsFlags(given));
  if (!flags) return Refused(kFlag, flags.error());
  if (!*flags) return Refused(kFlag, Error{Reason::kInvalid, "--help is no argument"});
  TRY(RefusePortless(kFlag, given, (*flags)->serving.secure_port));
  return **std::move(flags);
}

}  // namespace

Result<ApiServerFlags> WithApiServerArgs(ApiServerFlags set, const std::vector<std::string>& given,
                                         std::vector<std::string>& notes) {
  constexpr const char* kFlag = "kube-apiserver-arg";
  if (given.empty()) return set;
  TRY(RefuseOwn(kFlag, given, kOwnOfApiServer));
  // Whoever disables it does not have it in both lists.
  std::erase(set.enable_admission_plugins, kNodePlugin);
  auto flags = WithApiServerArguments(std::move(set), AsFlags(given));
  if (!flags) return Refused(kFlag, flags.error());
  auto& plugins = flags->enable_admission_plugins;
  if (!Contains(plugins, kNodePlugin) && !Contains(flags->disable_admission_plugins, kNodePlugin)) {
    plugins.emplace_back(kNodePlugin);
  }
  Append(flags->log.notes, notes);
  return flags;
}

Result<ControllerOptions> WithControllerManagerArgs(ControllerOptions set,
                                                    const std::vector<std::string>& given,
                                                    std::vector<std::string>& notes) {
  if (given.empty()) return set;
  ControllerManagerFlags flags;
  flags.controllers = std::move(set);
  TRY(ReadControllerManager(given, flags));
  Append(flags.log.notes, notes);
  return std::move(flags.controllers);
}

Result<scheduler::SchedulerOptions> WithSchedulerArgs(const std::vector<std::string>& given,
                                                      std::vector<std::string>& notes) {
  if (given.empty()) return scheduler::SchedulerOptions{};
  SchedulerFlags flags = TRY(ReadScheduler(given));
  Append(flags.log.notes, notes);
  // In one process there is nothing between the two.
  const RateLimit& limit = flags.api.limit;
  if (limit != SchedulerFlags().api.limit) {
    notes.emplace_back(
        "clientConnection.qps and burst of the configuration file have no effect: requests within "
        "one process are not held back");
  }
  return std::move(flags.scheduler);
}

Result<ServingFlags> ControllerManagerServing(const std::vector<std::string>& given) {
  if (!IsServed(given)) return ServingFlags{};
  ControllerManagerFlags flags;
  TRY(ReadControllerManager(given, flags));
  return flags.serving;
}

Result<ServingFlags> SchedulerServing(const std::vector<std::string>& given) {
  if (!IsServed(given)) return ServingFlags{};
  SchedulerFlags flags = TRY(ReadScheduler(given));
  return std::move(flags.serving);
}

}  // namespace skiff
