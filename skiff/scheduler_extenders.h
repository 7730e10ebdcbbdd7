// The extenders of a KubeSchedulerConfiguration.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "api/codec/json.h"
#include "base/error.h"
#include "controllers/scheduler/extenders/extender_options.h"
#include "skiff/config_errors.h"

namespace skiff {

struct SchedulerExtenders {
  std::vector<scheduler::ExtenderOptions> extenders;
  // That the scheduler is not to count, in place of what profiles say of it.
  std::set<std::string> ignored_resources;
};

// `extenders`: as in the file. Files that are named there are read by `read`, which is given a
// path. What has no effect goes to `unused`, a text each. What kube-scheduler finds wrong with them
// is added to `errors`; Invalid is the whole of those, whatever was wrong before, or what cannot be
// read, or names the field where it would be found out with the first pod.
Result<SchedulerExtenders> ParseExtenders(
    const Json& extenders, const std::function<Result<std::string>(const std::string&)>& read,
    std::vector<std::string>& unused, ConfigErrors& errors);

}  // namespace skiff
