// The profiles of a KubeSchedulerConfiguration: kube-scheduler's plugins, as far as they are rules
// here. Pure.
#pragma once

#include <string>
#include <vector>

#include "api/codec/json.h"
#include "base/error.h"
#include "controllers/scheduler/profile.h"

namespace skiff {

// `profiles`: as in the file; none means kube-scheduler's own. `percentage`: of the nodes to score,
// where a profile says nothing. What has no effect goes to `unused`, a text each. Invalid names the
// field, or says what kube-scheduler says when it starts.
Result<std::vector<scheduler::Profile>> ParseProfiles(const Json& profiles, int percentage,
                                                      std::vector<std::string>& unused);

// profiles[].pluginConfig of a profile, at `path`.
Result<> ReadPluginConfig(const Json& list, const std::string& path, scheduler::Profile& to,
                          std::vector<std::string>& unused);

}  // namespace skiff
