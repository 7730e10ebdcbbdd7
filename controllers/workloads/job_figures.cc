#include "controllers/workloads/job_figures.h"

#include <string>
#include <vector>

#include "controllers/workloads/job_observation.h"

namespace skiff::job {
namespace {

std::vector<double> DoublingBounds(double first, size_t count) {
  std::vector<double> bounds;
  for (double bound = first; bounds.size() < count; bound *= 2) bounds.push_back(bound);
  return bounds;
}

std::string_view ModeLabel(const batch_v1::Job& job) {
  return IsIndexed(job) ? "Indexed" : "NonIndexed";
}

double FigureSeconds(Duration took) {
  return std::chrono::duration<double>(took).count();
}

}  // namespace

JobFigures::JobFigures(MetricRegistry* registry) {
  if (registry == nullptr) return;
  const std::vector<std::string> of_sync = {"completion_mode", "result", "action"};
  synced_ = &registry->AddCounter(
      {"job_controller_job_syncs_total", "[STABLE] How often Jobs were looked at.", of_sync});
  synced_took_ = &registry->AddHistogram({"job_controller_job_sync_duration_seconds",
                                          "[STABLE] For how long Jobs were looked at.", of_sync},
                                         DoublingBounds(0.004, 15));
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
}

CronJobFigures::CronJobFigures(MetricRegistry* registry) {
  if (registry == nullptr) return;
  skew_ = &registry->AddHistogram({"cronjob_controller_job_creation_skew_duration_seconds",
                                   "[STABLE] How late Jobs of CronJobs were made."},
                                  DoublingBounds(1, 10));
}

void CronJobFigures::Made(Duration late) {
  if (skew_ != nullptr) skew_->Observe({}, FigureSeconds(late));
}

}  // namespace skiff::job
