#include "skiff/program_port.h"

#include <fmt/format.h>

#include <utility>

#include "base/build_info.h"
#include "skiff/component_port.h"
#include "skiff/control_plane.h"
#include "skiff/program_arguments.h"

namespace skiff {
namespace {

constexpr char kControllerManager[] = "kube-controller-manager";
constexpr char kScheduler[] = "kube-scheduler";

// What no flag says is as in the cluster.
void FillAuthorities(const Pki& pki, ServingFlags& flags) {
  if (flags.client_ca_file.empty()) flags.client_ca_pem = pki.authority().pem().certificate_pem;
  if (!flags.requestheader_client_ca_file.empty()) return;
  flags.requestheader_client_ca_file = pki.Path(std::string(kFrontProxyAuthority) + ".crt");
  auto& names = flags.front_proxy.allowed_names;
  if (names.empty()) names = {kFrontProxyClient};
}

}  // namespace

Result<std::unique_ptr<ProgramPort>> ProgramPort::OfControllerManager(
    const std::vector<std::string>& arguments, Dependencies dependencies) {
  return Open({.name = kControllerManager}, TRY(ControllerManagerServing(arguments)), dependencies);
}

Result<std::unique_ptr<ProgramPort>> ProgramPort::OfScheduler(
    const std::vector<std::string>& arguments, Dependencies dependencies) {
  return Open({.name = kScheduler, .is_scheduler = true}, TRY(SchedulerServing(arguments)),
              dependencies);
}

Result<std::unique_ptr<ProgramPort>> ProgramPort::Open(const Program& program, ServingFlags flags,
                                                       const Dependencies& dependencies) {
  if (flags.secure_port == 0) return nullptr;
  FillAuthorities(dependencies.pki, flags);
  const auto wrong = [&](const Error& error) {
    return Fail(error.reason, fmt::format("{}: {}", program.name, error.message));
  };
  auto access = AccessOf(flags);
  if (!access) return wrong(access.error());
  std::unique_ptr<ProgramPort> made(new ProgramPort(program, *std::move(access), dependencies));
  auto front = ServePort(flags, program.name, dependencies.clock, made->loops_, made->handler_);
  if (!front) return wrong(front.error());
  made->front_ = *std::move(front);
  return made;
}

ProgramPort::ProgramPort(const Program& program, ComponentServer::Access access,
                         const Dependencies& dependencies)
    : transport_(TransportAs(dependencies.server, "system:" + program.name)),
      client_(*transport_, program.name + "/reviews"),
      handler_({.tokens = client_,
                .rights = client_,
                .clock = dependencies.clock,
                .metrics = metrics_,
                .resources = program.is_scheduler ? &resources_ : nullptr,
                .checks = ChecksOf(program),
                .run = &run_},
               std::move(access)) {
  AddProgramMetrics(metrics_);
  AddCompatibilityMetric(metrics_);
  metrics_.AddMeasured({"leader_election_master_status", "[ALPHA] 1 for the leader.", {"name"}},
                       [this, name = program.name] {
                         return std::vector<Sample>{{{name}, run_.Leads() ? 1.0 : 0.0}};
                       });
}

std::vector<HealthCheck> ProgramPort::ChecksOf(const Program& program) {
  if (!program.is_scheduler) return {};
  return {{"readyz", "shutdown", [] { return std::string(); }},
          {"readyz", "sched-handler-sync", [this]() -> std::string {
             return run_.IsSynced() ? "" : "handlers are not fully synchronized";
           }}};
}

}  // namespace skiff
