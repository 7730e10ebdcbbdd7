// Which Kubernetes this server is taken for.
#pragma once

#include <string_view>

#include "api/values.h"

namespace skiff {

inline constexpr std::string_view kKubernetesVersion = "v1.35.6";

// What /version answers.
Json VersionDocument();

}  // namespace skiff
