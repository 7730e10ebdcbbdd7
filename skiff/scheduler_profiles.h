// The profiles of a KubeSchedulerConfiguration: kube-scheduler's plugins, as far as they are rules
// here. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/codec/json.h"
#include "base/error.h"
#include "controllers/scheduler/profile.h"
#include "skiff/config_errors.h"

namespace skiff {

// `profiles`: as in the file; none means kube-scheduler's own. `percentage`: of the nodes to score,
// where a profile says nothing. What has no effect goes to `unused`, a text each, and what is wrong
// with it to `errors`; Invalid where it cannot be read. Which plugins there are is not looked at.
Result<std::vector<scheduler::Profile>> ParseProfiles(const Json& profiles, int percentage,
                                                      std::vector<std::string>& unused,
                                                      ConfigErrors& errors);

// The plugins of those that were made of `profiles`. Invalid says what kube-scheduler says when it
// starts.
Result<> ChoosePlugins(const Json& profiles, std::vector<scheduler::Profile>& to);

// profiles[].pluginConfig of a profile, at `path`; `unused` and `errors` as above.
Result<> ReadPluginConfig(const Json& list, const std::string& path, scheduler::Profile& to,
                          std::vector<std::string>& unused, ConfigErrors& errors);

// Of plugins that former versions of the file had.
bool IsRemovedPlugin(std::string_view name);
// Adds that the plugin of that name, at `field`, is one of them.
void RefuseRemoved(std::string_view field, std::string_view name, ConfigErrors& errors);

}  // namespace skiff
