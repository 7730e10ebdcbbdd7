#include "e2e/simulation/cron_laws.h"

#include <fmt/format.h>

#include <algorithm>

namespace skiff {
namespace {

constexpr char kScheduledAt[] = "batch.kubernetes.io/cronjob-scheduled-timestamp";

bool IsFinished(const batch_v1::Job& job) {
  return std::ranges::any_of(job.status.conditions, [](const auto& condition) {
    return condition.status == "True" &&
           (condition.type == "Complete" || condition.type == "Failed");
  });
}

}  // namespace

void CronLaws::TakeCronJob(const batch_v1::CronJob& cron_job, bool deleted) {
  if (!deleted && cron_job.spec.concurrency_policy == "Forbid") {
    forbidding_.insert(cron_job.metadata.uid);
  } else {
    forbidding_.erase(cron_job.metadata.uid);
  }
}

void CronLaws::TakeJob(const batch_v1::Job& job, bool deleted) {
  const auto* owner = ControllerOf(job.metadata);
  const auto scheduled = job.metadata.annotations.find(kScheduledAt);
  if (owner == nullptr || owner->kind != "CronJob") return;
  const std::string& uid = job.metadata.uid;
  std::set<std::string>& unfinished = unfinished_[owner->uid];
  if (deleted || IsFinished(job)) {
    unfinished.erase(uid);
    return;
  }
  if (scheduled == job.metadata.annotations.end()) {
    return laws_.Broken("job " + job.metadata.name + " does not say for which time it is");
  }
  const auto [made, is_first] = made_.try_emplace({owner->uid, scheduled->second}, uid);
  if (!is_first && made->second != uid) {
    laws_.Broken(
        fmt::format("job {} is the second one for {}", job.metadata.name, scheduled->second));
  }
  const bool is_new = unfinished.insert(uid).second;
  if (!is_new || !forbidding_.contains(owner->uid)) return;
  // Who was not told of one does not count it: in Kubernetes, too.
  const auto known =
      std::ranges::count_if(unfinished, [&](const auto& one) { return !unheard_(one); });
  if (known <= 1) return;
  laws_.Broken(fmt::format("cron job {} has {} jobs at once", owner->name, known));
}

}  // namespace skiff
