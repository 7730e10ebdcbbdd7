// Since when the server marks tokens that lie in Secrets when they are used: whoever cleans up
// takes those for unused that were not used since. It stands in a config map, as a date:
//
//   kube-system/kube-apiserver-legacy-service-account-token-tracking   data: {since: "2026-01-02"}
//
// Pure.
#pragma once

#include "api/values.h"

namespace skiff {

inline constexpr char kTokenTracking[] = "kube-apiserver-legacy-service-account-token-tracking";

// The config map as it begins now.
Json TokenTracking(TimePoint now);
// Whether the one that is there says a date; else it begins anew.
bool SaysSince(const Json& config_map);

}  // namespace skiff
