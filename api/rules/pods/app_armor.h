// AppArmor profiles, which were annotations before they were fields.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/gen/core_v1.h"

namespace skiff {

inline constexpr std::string_view kAppArmorAnnotationPrefix =
    "container.apparmor.security.beta.kubernetes.io/";

std::string AppArmorAnnotation(std::string_view container);
// Absent when the text names no profile.
std::optional<core_v1::AppArmorProfile> AppArmorProfileFromAnnotation(std::string_view text);

}  // namespace skiff
