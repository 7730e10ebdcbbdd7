#include "cli/debug_profile.h"

#include <string>

namespace skiff::cli {
namespace {

constexpr DebugProfile kProfiles[] = {
    {"legacy", true, true, false, false},     {"general", true, true, false, true},
    {"baseline", false, false, true, true},   {"restricted", false, false, true, true},
    {"netadmin", true, false, false, true},   {"sysadmin", true, true, false, true},
};

}  // namespace

const DebugProfile* FindDebugProfile(std::string_view name) {
  for (const DebugProfile& profile : kProfiles) {
    if (profile.name == name) return &profile;
  }
  return nullptr;
}

void ApplyDebugProfile(const DebugProfile& profile, bool on_node, Json& container) {
  const std::string_view name = profile.name;
  if (profile.isolates) container.erase("securityContext");
  const auto add = [&](const char* capability) {
    container["securityContext"]["capabilities"]["add"].push_back(capability);
  };
  // On a node the processes are the host's, which root may trace as it is.
  if (name == "general" && !on_node) add("SYS_PTRACE");
  if (name == "netadmin") {
    add("NET_ADMIN");
    add("NET_RAW");
  }
  if (name == "sysadmin") container["securityContext"]["privileged"] = true;
  if (name == "restricted") {
    container["securityContext"] = {{"allowPrivilegeEscalation", false},
                                    {"capabilities", {{"drop", Json::array({"ALL"})}}},
                                    {"runAsNonRoot", true},
                                    {"seccompProfile", {{"type", "RuntimeDefault"}}}};
  }
}

}  // namespace skiff::cli
