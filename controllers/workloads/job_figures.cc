#include "controllers/workloads/job_figures.h"

#include <string>
#include <vector>

#include "controllers/workloads/job_observation.h"
#include "controllers/workloads/pod_control.h"

namespace skiff::job {
namespace {

std::string_view ModeLabel(const batch_v1::Job& job) {
  return IsIndexed(job) ? "Indexed" : "NonIndexed";
}

double FigureSeconds(Duration took) {
  return std::chrono::duration<double>(took).count();
}

}  // namespace

JobFigures::JobFigures(MetricRegistry* registry)
    : indexes_(registry, {"job_controller_job_finished_indexes_total",
                          "[ALPHA] How many indexes of Jobs ended, and whose limit it is.",
                          {"status", "backoffLimit"}}),
      made_(registry, {"job_controller_job_pods_creation_total",
                       "[ALPHA] Pods that were to be made for Jobs, by why.",
                       {"reason", "status"}}),
      applied_(registry, {"job_controller_pod_failures_handled_by_failure_policy_total",
                          "[ALPHA] Failed pods that a rule of their Job says what to do about.",
                          {"action"}}),
      tracked_(registry, {"job_controller_terminated_pods_tracking_finalizer_total",
                          "[ALPHA] Pods that ended and keep the finalizer of Jobs, or do so no "
                          "longer.",
                          {"event"}}),
      left_(registry, {"job_controller_jobs_by_external_controller_total",
                       "[ALPHA] Jobs that another controller manages.",
                       {"controller_name"}}) {
  if (registry == nullptr) return;
  const std::vector<std::string> of_sync = {"completion_mode", "result", "action"};
  synced_ = &registry->AddCounter(
      {"job_controller_job_syncs_total", "[STABLE] How often Jobs were looked at.", of_sync});
  synced_took_ = &registry->AddHistogram({"job_controller_job_sync_duration_seconds",
                                          "[STABLE] For how long Jobs were looked at.", of_sync},
                                         GrowingBounds(0.004, 2, 15));
  finished_ = &registry->AddCounter({"job_controller_jobs_finished_total",
                                     "[STABLE] How many Jobs ended.",
                                     {"completion_mode", "result", "reason"}});
  pods_finished_ = &registry->AddCounter({"job_controller_job_pods_finished_total",
                                          "[STABLE] How many pods of Jobs ended and were counted.",
                                          {"completion_mode", "result"}});
}

void JobFigures::Synced(const batch_v1::Job& job, const Sync& sync) {
  if (synced_ == nullptr) return;
  const std::string_view result = sync.failed ? "error" : "success";
  synced_->Add({ModeLabel(job), result, sync.action});
  synced_took_->Observe({ModeLabel(job), result, sync.action}, FigureSeconds(sync.took));
}

void JobFigures::Finished(const batch_v1::Job& job, bool succeeded, std::string_view reason) {
  if (finished_ == nullptr) return;
  finished_->Add({ModeLabel(job), succeeded ? "succeeded" : "failed", reason});
}

void JobFigures::PodsFinished(const batch_v1::Job& job, const batch_v1::JobStatus& now) {
  if (pods_finished_ == nullptr) return;
  const int succeeded = now.succeeded - job.status.succeeded;
  const int failed = now.failed - job.status.failed;
  // A Job of which less is wanted now has less that was done.
  if (succeeded > 0) pods_finished_->Add({ModeLabel(job), "succeeded"}, succeeded);
  if (failed > 0) pods_finished_->Add({ModeLabel(job), "failed"}, failed);
  if (!IsIndexed(job)) return;
  const std::string_view limit = HasLimitPerIndex(job) ? "perIndex" : "global";
  const auto more = [&](const std::string& before, const std::string& after) {
    if (before == after) return int64_t{0};
    const int64_t end = job.spec.completions.value_or(0);
    return Indexes::Parse(after, end).Count() - Indexes::Parse(before, end).Count();
  };
  const int64_t completed = more(job.status.completed_indexes, now.completed_indexes);
  const int64_t given_up =
      more(job.status.failed_indexes.value_or(""), now.failed_indexes.value_or(""));
  if (completed > 0) indexes_.Add({"succeeded", limit}, static_cast<double>(completed));
  if (given_up > 0) indexes_.Add({"failed", limit}, static_cast<double>(given_up));
}

void JobFigures::PodsMade(const batch_v1::Job& job, const Observation& observed, int made,
                          int failed) {
  std::string_view reason = "new";
  const bool some_failed = Failed(job, observed) > 0;
  if (some_failed && ReplacesOnlyFailed(job)) {
    reason = "recreate_failed";
  } else if (some_failed || !observed.leaving.empty()) {
    reason = "recreate_terminating_or_failed";
  }
  if (made > 0) made_.Add({reason, "succeeded"}, made);
  if (failed > 0) made_.Add({reason, "failed"}, failed);
}

void JobFigures::PolicyApplied(const std::map<std::string, int>& by_action) {
  for (const auto& [action, pods] : by_action) applied_.Add({action}, pods);
}

void JobFigures::PodChanged(const core_v1::Pod* before, const core_v1::Pod* now) {
  const auto waits = [](const core_v1::Pod* pod) {
    return pod != nullptr && IsTerminal(*pod) && IsTracked(*pod);
  };
  if (waits(before) != waits(now)) tracked_.Add({waits(now) ? "add" : "delete"});
}

CronJobFigures::CronJobFigures(MetricRegistry* registry) {
  if (registry == nullptr) return;
  skew_ = &registry->AddHistogram({"cronjob_controller_job_creation_skew_duration_seconds",
                                   "[STABLE] How late Jobs of CronJobs were made."},
                                  GrowingBounds(1, 2, 10));
}

void CronJobFigures::Made(Duration late) {
  if (skew_ != nullptr) skew_->Observe({}, FigureSeconds(late));
}

}  // namespace skiff::job
