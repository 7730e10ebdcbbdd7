// --kube-apiserver-arg, --kube-controller-manager-arg and --kube-scheduler-arg of `skiff up`: flags
// of these programs beside what `up` sets itself. Each is "name=value", also with dashes before it.
// What has no effect gets a line in `notes`; Invalid for what `up` decides itself, and in the
// program's words for what it would refuse.
#pragma once

#include <string>
#include <vector>

#include "apiserver/server/program.h"
#include "base/error.h"
#include "controllers/program.h"
#include "controllers/scheduler/scheduler.h"
#include "skiff/component.h"

namespace skiff {

// NodeRestriction stays among the admission plugins unless it is disabled.
Result<ApiServerFlags> WithApiServerArgs(ApiServerFlags set, const std::vector<std::string>& given,
                                         std::vector<std::string>& notes);
Result<ControllerOptions> WithControllerManagerArgs(ControllerOptions set,
                                                    const std::vector<std::string>& given,
                                                    std::vector<std::string>& notes);
// The port that the program would have by itself; secure_port is 0 where `given` says nothing of
// it. Errors as above.
Result<ServingFlags> ControllerManagerServing(const std::vector<std::string>& given);
Result<ServingFlags> SchedulerServing(const std::vector<std::string>& given);
// That is --config, a KubeSchedulerConfiguration.
Result<scheduler::SchedulerOptions> WithSchedulerArgs(const std::vector<std::string>& given,
                                                      std::vector<std::string>& notes);

}  // namespace skiff
