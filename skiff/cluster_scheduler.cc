#include "skiff/cluster_scheduler.h"

#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "controllers/scheduler/pod_resource_metrics.h"
#include "skiff/component.h"
#include "skiff/control_plane.h"
#include "skiff/program_arguments.h"

namespace skiff {
namespace {

const Log kSchedulerLog("cluster-scheduler");

// A file that has gone since the flags were looked at changes nothing of how pods are placed.
scheduler::SchedulerOptions SchedulerOf(const ClusterOptions& options) {
  std::vector<std::string> notes;
  auto given = WithSchedulerArgs(options.scheduler_args, notes);
  if (given) return *std::move(given);
  kSchedulerLog.Error("the scheduler is as it is without its arguments",
                      {{"error", given.error().message}});
  return {};
}

scheduler::SchedulerOptions WaitsToLead(scheduler::SchedulerOptions options) {
  options.waits_to_lead = true;
  return options;
}

}  // namespace

ClusterScheduler::ClusterScheduler(const ClusterOptions& options, Dependencies of)
    : ClusterScheduler(WaitsToLead(SchedulerOf(options)), of) {}

ClusterScheduler::ClusterScheduler(scheduler::SchedulerOptions options, Dependencies of)
    : executor_(of.executor),
      run_(of.run),
      transport_(TransportAs(of.server, "system:kube-scheduler")),
      manager_({*transport_, of.clock, of.random, of.informers, "kube-scheduler"}),
      is_cold_standby_(options.is_cold_standby),
      scheduler_(Add(std::move(options))) {}

ClusterScheduler::~ClusterScheduler() {
  Stop();
  if (run_ != nullptr) run_->Close();
}

scheduler::Scheduler* ClusterScheduler::Add(scheduler::SchedulerOptions options) {
  if (run_ != nullptr) {
    options.metrics = &metrics_;
    scheduler::AddPodResourceMetrics(resources_, manager_);
    AddQueueMetrics(metrics_, manager_);
  }
  return &scheduler::AddScheduler(manager_, std::move(options));
}

void ClusterScheduler::Wait() {
  Show();
  if (!is_cold_standby_) Start();
}

void ClusterScheduler::Lead() {
  leads_ = true;
  Show();
  scheduler_->Lead();
  Start();
}

// One that is to know nothing before it leads is ready without, as kube-scheduler.
void ClusterScheduler::Show() {
  if (run_ == nullptr || std::exchange(is_shown_, true)) return;
  run_->Show({.metrics = &metrics_,
              .resources = &resources_,
              .is_synced = [this] { return IsSynced() || (is_cold_standby_ && !leads_); },
              .leads = [this] { return leads_.load(); }});
}

void ClusterScheduler::Start() {
  if (std::exchange(is_started_, true)) return;
  manager_.Start(executor_);
}

void ClusterScheduler::Stop() {
  if (run_ != nullptr) run_->Hide();
  manager_.Stop();
}

}  // namespace skiff
