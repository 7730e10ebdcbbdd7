// `skiff scheduler`: flags and configuration file of kube-scheduler -> the scheduler, against an
// API server that a kubeconfig names, led by a Lease.
#include "apiserver/auth/pki.h"
#include "skiff/programs.h"

namespace skiff {
namespace {

void AddFlags(Flags& flags, SchedulerFlags& to, std::string& config) {
  flags.Add("config", config, "The path to the configuration file.");
  AddApiFlags(flags, to.api);
  AddLeaderFlags(flags, to.leader);
  AddServingFlags(flags, to.serving);
  AddLogFlags(flags, to.log);
  AddUnused(flags, "pods are tried again when something that may help has changed",
            {"pod-max-in-unschedulable-pods-duration"});
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
  to.scheduler.profiles = config.profiles;
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
  return to;
}

int SchedulerMain(const std::vector<std::string>& args) {
  return RunProgram(ParseSchedulerFlags(args), [](const SchedulerFlags& given) {
    BeginProgram(given.log);
    return RunComponent(
        {.name = "kube-scheduler",
         .api = given.api,
         .leader = given.leader,
         .serving = given.serving,
         .add = [&](Manager& manager, MetricRegistry&) {
           scheduler::AddScheduler(manager, given.scheduler);
         }});
  });
}

}  // namespace skiff
