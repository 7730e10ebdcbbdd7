// `skiff scheduler`: flags and configuration file of kube-scheduler -> the scheduler, against an
// API server that a kubeconfig names, led by a Lease.
#include <algorithm>
#include <functional>
#include <utility>

#include "apiserver/auth/pki.h"
#include "controllers/scheduler/pod_resource_metrics.h"
#include "skiff/programs.h"

namespace skiff {
namespace {

// kube-scheduler looks at those that wait so long this often.
constexpr Duration kWaitMin = 30s;
constexpr Duration kWaitMax = 24h * 36'500;

void AddFlags(Flags& flags, SchedulerFlags& to, std::string& config) {
  flags.Add("config", config, "The path to the configuration file.");
  AddApiFlags(flags, to.api);
  AddLeaderFlags(flags, to.leader);
  AddServingFlags(flags, to.serving);
  AddLogFlags(flags, to.log);
  flags.Add("pod-max-in-unschedulable-pods-duration", to.scheduler.delays.unschedulable,
            "After how long a pod that no node takes is tried again though nothing has happened "
            "that may help; 30s at least.");
  flags.AddUnused({"write-config-to",
                   "no configuration is written",
                   {""},
                   /*is_switch=*/false,
                   /*is_refused=*/true});
}

// As kube-scheduler: where there is a file, it says what flags of the same meaning would.
Result<> ReadConfig(const std::string& path, SchedulerFlags& to) {
  const std::string text = TRY(ReadWholeFile(path));
  const SchedulerConfig config = TRY(ParseSchedulerConfig(text));
  if (!config.kubeconfig.empty()) to.api.kubeconfig = config.kubeconfig;
  to.api.limit = config.limit;
  to.leader = config.leader;
  to.scheduler.is_cold_standby = config.is_cold_standby;
  to.scheduler.profiles = config.profiles;
  to.scheduler.delays.first = config.delays.first;
  to.scheduler.delays.most = config.delays.most;
  if (!config.extenders.empty()) {
    to.scheduler.extenders = TRY(scheduler::Extenders::Make(config.extenders));
  }
  to.log.notes.insert(to.log.notes.end(), config.unused_fields.begin(), config.unused_fields.end());
  return {};
}

}  // namespace

Result<std::optional<SchedulerFlags>> ParseSchedulerFlags(const std::vector<std::string>& args) {
  SchedulerFlags to;
  std::string config;
  Flags flags("kube-scheduler");
  AddFlags(flags, to, config);
  const bool goes_on = TRY(ParseOrHelp(flags, args));
  if (!goes_on) return std::nullopt;
  TRY(CheckServingFlags(to.serving));
  if (!config.empty()) TRY(ReadConfig(config, to));
  TRY(CheckApiFlags(to.api));
  TRY(CheckLeaderFlags(to.leader));
  Duration& wait = to.scheduler.delays.unschedulable;
  wait = std::clamp(wait, kWaitMin, kWaitMax);
  return to;
}

int SchedulerMain(const std::vector<std::string>& args) {
  return RunProgram(ParseSchedulerFlags(args), [](const SchedulerFlags& given) {
    BeginProgram(given.log);
    scheduler::Scheduler* added = nullptr;
    const bool is_warm = given.leader.elect && !given.scheduler.is_cold_standby;
    return RunComponent({.name = "kube-scheduler",
                         .api = given.api,
                         .leader = given.leader,
                         .serving = given.serving,
                         .add =
                             [&](Manager& manager, MetricRegistry& metrics) {
                               scheduler::SchedulerOptions options = given.scheduler;
                               options.metrics = &metrics;
                               options.waits_to_lead = is_warm;
                               added = &scheduler::AddScheduler(manager, std::move(options));
                             },
                         .add_resources =
                             [](Manager& manager, MetricRegistry& metrics) {
                               scheduler::AddPodResourceMetrics(metrics, manager);
                             },
                         .is_synced = [&] { return added->IsSynced(); },
                         .lead = is_warm ? [&] { added->Lead(); } : std::function<void()>()});
  });
}

}  // namespace skiff
