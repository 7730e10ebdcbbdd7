#include "kubelet/sysctls.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "api/text/patterns.h"

namespace skiff::kubelet {
namespace {

constexpr size_t kNameMax = 253;
constexpr char kPattern[] =
    R"(^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*([a-z0-9][-_a-z0-9]*)?[a-z0-9*]$)";

struct SafeSysctl {
  const char* name;
  int major, minor;  // The first kernel that keeps it for each pod.
};

constexpr SafeSysctl kSafe[] = {
    {"kernel.shm_rmid_forced", 0, 0},
    {"net.ipv4.ip_local_port_range", 0, 0},
    {"net.ipv4.tcp_syncookies", 0, 0},
    {"net.ipv4.ping_group_range", 0, 0},
    {"net.ipv4.ip_unprivileged_port_start", 0, 0},
    {"net.ipv4.ip_local_reserved_ports", 3, 16},
    {"net.ipv4.tcp_keepalive_time", 4, 5},
    {"net.ipv4.tcp_fin_timeout", 4, 6},
    {"net.ipv4.tcp_keepalive_intvl", 4, 5},
    {"net.ipv4.tcp_keepalive_probes", 4, 5},
    {"net.ipv4.tcp_rmem", 4, 15},
    {"net.ipv4.tcp_wmem", 4, 15},
};

// The kind of namespace that keeps it, in the kubelet's word; "": none.
std::string_view NamespaceOf(std::string_view name) {
  if (name == "kernel.sem") return "IPC";
  for (const char* prefix : {"kernel.shm", "kernel.msg", "fs.mqueue."}) {
    if (name.starts_with(prefix)) return "IPC";
  }
  return name.starts_with("net.") ? "Net" : "";
}

}  // namespace

std::string SysctlInDots(const std::string& name) {
  const size_t first = name.find_first_of("./");
  if (first == std::string::npos || name[first] == '.') return name;
  std::string out = name;
  for (char& c : out) {
    if (c == '/' || c == '.') c = c == '/' ? '.' : '/';
  }
  return out;
}

SysctlAllowlist::SysctlAllowlist(const std::string& kernel_release) {
  int major = 0, minor = 0;
  const bool is_known = std::sscanf(kernel_release.c_str(), "%d.%d", &major, &minor) == 2;
  for (const SafeSysctl& safe : kSafe) {
    if (safe.major != 0 && !is_known) continue;
    if (std::pair(major, minor) >= std::pair(safe.major, safe.minor)) names_.push_back(safe.name);
  }
}

Result<> SysctlAllowlist::Allow(const std::vector<std::string>& patterns) {
  for (const std::string& given : patterns) {
    if (given.size() > kNameMax || !PatternMatches(kPattern, given)) {
      return Fail(Reason::kInvalid,
                  fmt::format("sysctl \"{}\" must have at most {} characters and match regex {}",
                              given, kNameMax, kPattern));
    }
    std::string name = SysctlInDots(given);
    const bool is_prefix = name.ends_with('*');
    if (is_prefix) name.pop_back();
    if (NamespaceOf(name).empty()) {
      return Fail(Reason::kInvalid, fmt::format("the sysctl{} \"{}\" are not known to be namespaced",
                                                is_prefix ? "s" : "", given));
    }
    (is_prefix ? prefixes_ : names_).push_back(name);
  }
  return {};
}

std::optional<std::string> SysctlAllowlist::ProblemOf(const std::string& name,
                                                      const core_v1::PodSpec& spec) const {
  const bool is_allowed =
      std::find(names_.begin(), names_.end(), name) != names_.end() ||
      std::any_of(prefixes_.begin(), prefixes_.end(),
                  [&](const std::string& prefix) { return name.starts_with(prefix); });
  if (!is_allowed) return fmt::format("forbidden sysctl: \"{}\" not allowlisted", name);
  const std::string_view kept_by = NamespaceOf(name);
  if ((kept_by == "IPC" && spec.host_ipc) || (kept_by == "Net" && spec.host_network)) {
    return fmt::format("forbidden sysctl: \"{}\" not allowed with host {} enabled", name, kept_by);
  }
  return std::nullopt;
}

std::optional<std::string> SysctlAllowlist::Problem(const core_v1::PodSpec& spec) const {
  if (!spec.security_context) return std::nullopt;
  for (const auto& sysctl : spec.security_context->sysctls) {
    if (auto problem = ProblemOf(SysctlInDots(sysctl.name), spec)) return problem;
  }
  return std::nullopt;
}

}  // namespace skiff::kubelet
