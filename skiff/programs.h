// The control plane's programs apart from each other, under Kubernetes' names and flags.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controllers/program.h"
#include "controllers/scheduler/scheduler.h"
#include "skiff/component.h"
#include "skiff/component_config.h"

namespace skiff {

struct ControllerManagerFlags {
  ApiFlags api{.limit = {.qps = 20, .burst = 30}};
  LeaderFlags leader{.name = "kube-controller-manager"};
  ServingFlags serving{.secure_port = 10257};
  LogFlags log;
  bool by_service_accounts = false;  // Each controller as one of its own.
  ControllerOptions controllers;     // With what the files of the flags hold.
};
struct SchedulerFlags {
  ApiFlags api{.limit = {.qps = 50, .burst = 100}};
  LeaderFlags leader{.name = "kube-scheduler"};
  ServingFlags serving{.secure_port = 10259, .tolerates_lookup_failure = true};
  LogFlags log;
  scheduler::SchedulerOptions scheduler;
};
struct KubeProxyFlags {
  ApiFlags api{.limit = {.qps = 5, .burst = 10}};
  LogFlags log;
  ProxyConfig proxy;
  bool cleanup = false;                   // Remove all rules, and do nothing else.
  bool enforce_network_policies = false;
  std::string iptables_flavour = "auto";  // Or nft, legacy.
};

// Invalid carries the namesake's text; nullopt after --help was printed.
Result<std::optional<ControllerManagerFlags>> ParseControllerManagerFlags(
    const std::vector<std::string>& args);
// The same beside what `to` has already: of that stays what is not given, numbers of workers too.
Result<> ParseControllerManagerArguments(const std::vector<std::string>& args,
                                         ControllerManagerFlags& to);
Result<std::optional<SchedulerFlags>> ParseSchedulerFlags(const std::vector<std::string>& args);
Result<std::optional<KubeProxyFlags>> ParseKubeProxyFlags(const std::vector<std::string>& args);

// Until SIGINT or SIGTERM (0); 1 after an error or when leadership was lost.
int ControllerManagerMain(const std::vector<std::string>& args);
int SchedulerMain(const std::vector<std::string>& args);
int KubeProxyMain(const std::vector<std::string>& args);

}  // namespace skiff
