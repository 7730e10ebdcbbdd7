// Which version of the Pod Security Standards is the latest.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/version.h"

namespace skiff {

// They change with Kubernetes' minor versions.
inline constexpr int64_t kLatestSecurityMinor = 35;
static_assert(std::string_view(kKubernetesRelease).starts_with("v1.35."),
              "look at what they say of the new release");

}  // namespace skiff
