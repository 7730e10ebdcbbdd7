#include "api/rules/pods/app_armor.h"

namespace skiff {

std::string AppArmorAnnotation(std::string_view container) {
  return std::string(kAppArmorAnnotationPrefix) + std::string(container);
}

std::optional<core_v1::AppArmorProfile> AppArmorProfileFromAnnotation(std::string_view text) {
  constexpr std::string_view kLocalhost = "localhost/";
  core_v1::AppArmorProfile profile;
  if (text == "unconfined") {
    profile.type = "Unconfined";
  } else if (text == "runtime/default") {
    profile.type = "RuntimeDefault";
  } else if (text.starts_with(kLocalhost) && text.size() > kLocalhost.size()) {
    profile.type = "Localhost";
    profile.localhost_profile = text.substr(kLocalhost.size());
  } else {
    return std::nullopt;
  }
  return profile;
}

}  // namespace skiff
