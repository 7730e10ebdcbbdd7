// Security contexts of pods and containers.
#include <re2/re2.h>

#include <algorithm>
#include <set>

#include "api/rules/checks.h"
#include "api/rules/go_struct.h"
#include "api/rules/pods/pod_spec_validation.h"

namespace skiff {
namespace {

using namespace core_v1;

constexpr const char* kSysctl =
    R"(^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$)";
constexpr size_t kSysctlBytesMax = 253;
constexpr size_t kAppArmorProfileBytesMax = 4095;

// Slashes and dots both separate the parts of a name.
std::string WithDots(std::string_view name) {
  std::string text(name);
  std::ranges::replace(text, '/', '.');
  return text;
}

// Sysctls that containers of the host's own namespaces would change for the host.
bool IsNetSysctl(std::string_view name) {
  return WithDots(name).starts_with("net.");
}
bool IsIpcSysctl(std::string_view with_any_separator) {
  const std::string name = WithDots(with_any_separator);
  return name == "kernel.sem" || name.starts_with("kernel.shm") || name.starts_with("kernel.msg") ||
         name.starts_with("fs.mqueue.");
}

bool HasHostSysctls(const PodSpec& spec) {
  if (!spec.security_context) return false;
  return std::ranges::any_of(spec.security_context->sysctls, [&](const Sysctl& sysctl) {
    return (spec.host_network && IsNetSysctl(sysctl.name)) ||
           (spec.host_ipc && IsIpcSysctl(sysctl.name));
  });
}

void ValidateSysctls(const PodSpecContext& context, const FieldPath& path, Violations& out) {
  static const RE2 kPattern(kSysctl);
  const PodSpec& spec = context.spec;
  std::set<std::string> names;
  const bool allow_host_sysctls = context.old != nullptr && HasHostSysctls(*context.old);
  const auto& sysctls = spec.security_context->sysctls;
  for (size_t i = 0; i < sysctls.size(); ++i) {
    const FieldPath at = path.Index(i).Child("name");
    const std::string& name = sysctls[i].name;
    if (name.empty()) {
      out.Required(at);
    } else if (name.size() > kSysctlBytesMax || !RE2::FullMatch(name, kPattern)) {
      out.Invalid(at, name,
                  std::string("must have at most 253 characters and match regex ") + kSysctl);
    } else if (names.contains(name)) {
      out.Duplicate(at, name);
    }
    names.insert(name);
    if (allow_host_sysctls) continue;
    if (spec.host_network && IsNetSysctl(name)) {
      out.Invalid(at, name, "may not be specified when 'hostNetwork' is true");
    }
    if (spec.host_ipc && IsIpcSysctl(name)) {
      out.Invalid(at, name, "may not be specified when 'hostIPC' is true");
    }
  }
}

void ValidateSeLinuxChangePolicy(const PodSpecContext& context, const FieldPath& path,
                                 Violations& out) {
  const auto& policy = context.spec.security_context->se_linux_change_policy;
  if (!policy) return;
  const bool in_use = context.old != nullptr && context.old->security_context &&
                      context.old->security_context->se_linux_change_policy;
  if (in_use) {
    CheckOneOf(*policy, {"MountOption", "Recursive"}, path, out);
  } else {
    CheckOneOf(*policy, {"Recursive"}, path, out);
  }
}

void ValidateLocalAppArmor(const AppArmorProfile& profile, const FieldPath& path, Violations& out) {
  constexpr const char* kMustBeSet = "must be set when AppArmor type is Localhost";
  if (!profile.localhost_profile) return out.Required(path, kMustBeSet);
  std::string trimmed = *profile.localhost_profile;
  constexpr const char* kBlanks = " \t\n\v\f\r";
  trimmed.erase(0, std::min(trimmed.find_first_not_of(kBlanks), trimmed.size()));
  trimmed.erase(trimmed.find_last_not_of(kBlanks) + 1);
  if (trimmed != *profile.localhost_profile) {
    out.Invalid(path, *profile.localhost_profile, "must not be padded with whitespace");
  } else if (trimmed.empty()) {
    out.Required(path, kMustBeSet);
  }
  if (profile.localhost_profile->size() > kAppArmorProfileBytesMax) {
    out.TooLong(path, kAppArmorProfileBytesMax);
  }
}

void ValidatePrivilegeEscalation(const SecurityContext& security, const FieldPath& path,
                                 Violations& out) {
  if (security.allow_privilege_escalation.value_or(true)) return;
  if (security.privileged.value_or(false)) {
    out.Invalid(path, GoStruct(security),
                "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
  }
  if (!security.capabilities) return;
  for (const std::string& capability : security.capabilities->add) {
    if (capability != "CAP_SYS_ADMIN") continue;
    out.Invalid(path, GoStruct(security),
                "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` "
                "CAP_SYS_ADMIN");
  }
}

// What the pod's and the container's security contexts have in common.
void ValidateNumbers(const PodSecurityContext& security, const FieldPath& path, Violations& out) {
  if (security.fs_group) CheckUserId(*security.fs_group, path.Child("fsGroup"), out);
  if (security.run_as_user) CheckUserId(*security.run_as_user, path.Child("runAsUser"), out);
  if (security.run_as_group) CheckUserId(*security.run_as_group, path.Child("runAsGroup"), out);
  for (size_t i = 0; i < security.supplemental_groups.size(); ++i) {
    CheckUserId(security.supplemental_groups[i], path.Child("supplementalGroups").Index(i), out);
  }
}

bool HasUserNamespaceDevices(const PodSpec& spec) {
  bool found = false;
  ForEachContainer(spec, FieldPath(), [&](const auto& container, const FieldPath&) {
    found = found || !container.volume_devices.empty();
  });
  return found && !spec.host_users.value_or(true);
}

}  // namespace

void ValidateSeccompProfile(const SeccompProfile& profile, const FieldPath& path, Violations& out) {
  if (profile.type.empty()) {
    out.Required(path.Child("type"), "type is required when seccompProfile is set");
  } else {
    CheckOneOf(profile.type, {"Localhost", "RuntimeDefault", "Unconfined"}, path.Child("type"),
               out);
  }
  const FieldPath at = path.Child("localhostProfile");
  if (profile.type != "Localhost") {
    if (profile.localhost_profile) {
      out.Invalid(at, GoStruct(profile), "can only be set when seccomp type is Localhost");
    }
  } else if (!profile.localhost_profile) {
    out.Required(at, "must be set when seccomp type is Localhost");
  } else {
    CheckRelativePath(*profile.localhost_profile, at, out);
  }
}

void ValidateAppArmorProfile(const AppArmorProfile& profile, const FieldPath& path,
                             Violations& out) {
  const FieldPath at = path.Child("localhostProfile");
  if (profile.type == "Localhost") {
    ValidateLocalAppArmor(profile, at, out);
  } else if (profile.type == "RuntimeDefault" || profile.type == "Unconfined") {
    if (profile.localhost_profile) {
      out.Invalid(at, *profile.localhost_profile,
                  "can only be set when AppArmor type is Localhost");
    }
  } else if (profile.type.empty()) {
    out.Required(path.Child("type"), "type is required when appArmorProfile is set");
  } else {
    out.NotSupported(path.Child("type"), profile.type,
                     {"Localhost", "RuntimeDefault", "Unconfined"});
  }
}

void ValidatePodSecurityContext(const PodSpecContext& context, const FieldPath& spec_path,
                                Violations& out) {
  const PodSpec& spec = context.spec;
  if (!spec.security_context) return;
  const PodSecurityContext& security = *spec.security_context;
  const FieldPath path = spec_path.Child("securityContext");
  ValidateNumbers(security, path, out);
  if (spec.share_process_namespace.value_or(false) && spec.host_pid) {
    out.Invalid(path.Child("shareProcessNamespace"), true,
                "ShareProcessNamespace and HostPID cannot both be enabled");
  }
  ValidateSysctls(context, path.Child("sysctls"), out);
  if (security.fs_group_change_policy) {
    CheckOneOf(*security.fs_group_change_policy, {"Always", "OnRootMismatch"},
               path.Child("fsGroupChangePolicy"), out);
  }
  if (security.seccomp_profile) {
    ValidateSeccompProfile(*security.seccomp_profile, path.Child("seccompProfile"), out);
  }
  if (security.windows_options) {
    ValidateWindowsOptions(*security.windows_options, path.Child("windowsOptions"), out);
  }
  if (security.app_armor_profile) {
    ValidateAppArmorProfile(*security.app_armor_profile, path.Child("appArmorProfile"), out);
  }
  if (security.supplemental_groups_policy) {
    CheckOneOf(*security.supplemental_groups_policy, {"Merge", "Strict"},
               path.Child("supplementalGroupsPolicy"), out);
  }
  ValidateSeLinuxChangePolicy(context, path.Child("seLinuxChangePolicy"), out);
}

void ValidateSecurityContext(const SecurityContext& security, const PodSpecContext& context,
                             const FieldPath& path, Violations& out) {
  if (security.run_as_user) CheckUserId(*security.run_as_user, path.Child("runAsUser"), out);
  if (security.run_as_group) CheckUserId(*security.run_as_group, path.Child("runAsGroup"), out);
  if (security.proc_mount) {
    CheckOneOf(*security.proc_mount, {"Default", "Unmasked"}, path.Child("procMount"), out);
    if (context.spec.host_users.value_or(true) && *security.proc_mount == "Unmasked") {
      out.Invalid(path.Child("procMount"), *security.proc_mount,
                  "`hostUsers` must be false to use `Unmasked`");
    }
  }
  if (security.seccomp_profile) {
    ValidateSeccompProfile(*security.seccomp_profile, path.Child("seccompProfile"), out);
  }
  ValidatePrivilegeEscalation(security, path, out);
  if (security.windows_options) {
    ValidateWindowsOptions(*security.windows_options, path.Child("windowsOptions"), out);
  }
  if (security.app_armor_profile) {
    ValidateAppArmorProfile(*security.app_armor_profile, path.Child("appArmorProfile"), out);
  }
}

void ValidateHostUsers(const PodSpecContext& context, const FieldPath& path, Violations& out) {
  constexpr const char* kWhenHostUsersFalse = "when `hostUsers` is false";
  const PodSpec& spec = context.spec;
  if (spec.host_users.value_or(true)) return;
  if (spec.host_network) out.Forbidden(path.Child("hostNetwork"), kWhenHostUsersFalse);
  if (spec.host_pid) out.Forbidden(path.Child("HostPID"), kWhenHostUsersFalse);
  if (spec.host_ipc) out.Forbidden(path.Child("HostIPC"), kWhenHostUsersFalse);
  if (context.old != nullptr && HasUserNamespaceDevices(*context.old)) return;
  ForEachContainer(spec, path, [&](const auto& container, const FieldPath& at) {
    if (!container.volume_devices.empty()) {
      out.Forbidden(at.Child("volumeDevices"), kWhenHostUsersFalse);
    }
  });
}

}  // namespace skiff
