// What must hold of the jobs of CronJobs: at most one for each time that it was due, and one after
// the other where more at once are forbidden.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "api/gen/batch_v1.h"
#include "e2e/simulation/laws.h"

namespace skiff {

class CronLaws {
 public:
  // `unheard`: whether the maker of the job of that uid was never told that it exists.
  CronLaws(Laws& laws, std::function<bool(const std::string& uid)> unheard)
      : laws_(laws), unheard_(std::move(unheard)) {}

  // An object as it is from this revision on, or was when it was `deleted`.
  void TakeCronJob(const batch_v1::CronJob& cron_job, bool deleted);
  void TakeJob(const batch_v1::Job& job, bool deleted);

 private:
  Laws& laws_;
  const std::function<bool(const std::string& uid)> unheard_;
  std::set<std::string> forbidding_;                                 // Uids of CronJobs.
  std::map<std::pair<std::string, std::string>, std::string> made_;  // Whose and when -> job uid.
  std::map<std::string, std::set<std::string>> unfinished_;          // CronJob uid -> uids of jobs.
};

}  // namespace skiff
