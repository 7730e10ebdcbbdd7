// What pods of Windows nodes may say, and what only they may.
#include <re2/re2.h>

#include <algorithm>

#include "api/rules/checks.h"
#include "api/rules/pods/pod_spec_validation.h"
#include "api/text/go_text.h"

namespace skiff {
namespace {

using namespace core_v1;

constexpr size_t kCredentialSpecBytesMax = 64 * 1024;
constexpr size_t kDomainBytesMax = 256;
constexpr size_t kUserBytesMax = 104;

void ValidateUserName(const std::string& name, const FieldPath& path, Violations& out) {
  static const RE2 kNetBios(R"(^[^\\/:\*\?"<>|\.][^\\/:\*\?"<>|]{0,14}$)");
  static const RE2 kDns(R"(([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)*)"
                        R"([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)");
  static const RE2 kControl(R"([[:cntrl:]]+)");
  const auto invalid = [&](std::string_view detail) { out.Invalid(path, name, detail); };
  if (name.empty()) return invalid("runAsUserName cannot be an empty string");
  if (RE2::PartialMatch(name, kControl)) {
    return invalid("runAsUserName cannot contain control characters");
  }
  const size_t backslash = name.find('\\');
  if (backslash != name.rfind('\\')) {
    return invalid("runAsUserName cannot contain more than one backslash");
  }
  const bool has_domain = backslash != std::string::npos;
  const std::string user = has_domain ? name.substr(backslash + 1) : name;
  if (has_domain) {
    const std::string domain = name.substr(0, backslash);
    if (domain.size() >= kDomainBytesMax) {
      invalid("runAsUserName's Domain length must be under 256 characters");
    }
    if (!RE2::FullMatch(domain, kNetBios) && !RE2::FullMatch(domain, kDns)) {
      invalid("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
    }
  }
  if (user.empty()) {
    invalid("runAsUserName's User cannot be empty");
  } else if (user.size() > kUserBytesMax) {
    invalid("runAsUserName's User length must not be longer than 104 characters");
  }
  if (!user.empty() && user.find_first_not_of(". ") == std::string::npos) {
    invalid("runAsUserName's User cannot contain only periods or spaces");
  }
  if (user.find_first_of(R"("/\:;|=,+*?<>@[])") != std::string::npos) {
    invalid(R"(runAsUserName's User cannot contain the following characters: "/\:;|=,+*?<>@[])");
  }
}

template <typename Security>
std::optional<bool> HostProcess(const Box<Security>& security) {
  if (!security || !security->windows_options) return std::nullopt;
  return security->windows_options->host_process;
}

// What Linux alone knows, in the order in which Kubernetes looks.
void ForbidLinuxFieldsOfPod(const PodSpec& spec, const FieldPath& path, Violations& out) {
  const FieldPath in_security = path.Child("securityContext");
  const auto forbid = [&](bool set, const FieldPath& parent, const char* field) {
    if (set) out.Forbidden(parent.Child(field), "cannot be set for a windows pod");
  };
  static const PodSecurityContext kNone;
  const PodSecurityContext& security = spec.security_context ? *spec.security_context : kNone;
  forbid(security.app_armor_profile.has_value(), in_security, "appArmorProfile");
  forbid(security.se_linux_options.has_value(), in_security, "seLinuxOptions");
  forbid(spec.host_users.has_value(), path, "hostUsers");
  forbid(spec.host_pid, path, "hostPID");
  forbid(spec.host_ipc, path, "hostIPC");
  forbid(security.seccomp_profile.has_value(), in_security, "seccompProfile");
  forbid(security.fs_group.has_value(), in_security, "fsGroup");
  forbid(security.fs_group_change_policy.has_value(), in_security, "fsGroupChangePolicy");
  forbid(!security.sysctls.empty(), in_security, "sysctls");
  forbid(spec.share_process_namespace.has_value(), path, "shareProcessNamespace");
  forbid(security.run_as_user.has_value(), in_security, "runAsUser");
  forbid(security.run_as_group.has_value(), in_security, "runAsGroup");
  forbid(!security.supplemental_groups.empty(), in_security, "supplementalGroups");
  forbid(security.supplemental_groups_policy.has_value(), in_security, "supplementalGroupsPolicy");
  forbid(security.se_linux_change_policy.has_value(), in_security, "seLinuxChangePolicy");
}

void ForbidLinuxFieldsOfContainer(const SecurityContext& security, const FieldPath& path,
                                  Violations& out) {
  const auto forbid = [&](bool set, const char* field) {
    if (set) out.Forbidden(path.Child(field), "cannot be set for a windows pod");
  };
  forbid(security.app_armor_profile.has_value(), "appArmorProfile");
  forbid(security.se_linux_options.has_value(), "seLinuxOptions");
  forbid(security.seccomp_profile.has_value(), "seccompProfile");
  forbid(security.capabilities.has_value(), "capabilities");
  forbid(security.read_only_root_filesystem.has_value(), "readOnlyRootFilesystem");
  forbid(security.privileged.has_value(), "privileged");
  forbid(security.allow_privilege_escalation.has_value(), "allowPrivilegeEscalation");
  forbid(security.proc_mount.has_value(), "procMount");
  forbid(security.run_as_user.has_value(), "runAsUser");
  forbid(security.run_as_group.has_value(), "runAsGroup");
}

void ForbidWindowsFields(const PodSpec& spec, const FieldPath& path, Violations& out) {
  constexpr const char* kNotLinux = "windows options cannot be set for a linux pod";
  if (spec.security_context && spec.security_context->windows_options) {
    out.Forbidden(path.Child("securityContext").Child("windowsOptions"), kNotLinux);
  }
  ForEachContainer(spec, path, [&](const auto& container, const FieldPath& at) {
    if (container.security_context && container.security_context->windows_options) {
      out.Forbidden(at.Child("securityContext").Child("windowsOptions"), kNotLinux);
    }
  });
}

}  // namespace

void ValidateWindowsOptions(const WindowsSecurityContextOptions& options, const FieldPath& path,
                            Violations& out) {
  if (options.gmsa_credential_spec_name) {
    CheckFormat(Dns1123SubdomainErrors, *options.gmsa_credential_spec_name,
                path.Child("gmsaCredentialSpecName"), out);
  }
  if (options.gmsa_credential_spec) {
    const std::string& text = *options.gmsa_credential_spec;
    const FieldPath at = path.Child("gmsaCredentialSpec");
    if (text.empty()) {
      out.Invalid(at, text, "gmsaCredentialSpec cannot be an empty string");
    } else if (text.size() > kCredentialSpecBytesMax) {
      out.Invalid(at, text, "gmsaCredentialSpec size must be under 64 KiB");
    }
  }
  if (options.run_as_user_name) {
    ValidateUserName(*options.run_as_user_name, path.Child("runAsUserName"), out);
  }
}

void ValidateHostProcess(const PodSpec& spec, const FieldPath& path, Violations& out) {
  const std::optional<bool> of_pod = HostProcess(spec.security_context);
  size_t count = 0;
  size_t host_count = 0;
  ForEachContainer(spec, path, [&](const auto& container, const FieldPath& at) {
    const std::optional<bool> own = HostProcess(container.security_context);
    if (of_pod && own && *own != *of_pod) {
      out.Invalid(
          at.Child("securityContext").Child("windowsOptions").Child("hostProcess"), *own,
          std::string("pod hostProcess value must be identical if both are specified, was ") +
              (*of_pod ? "true" : "false"));
    }
    ++count;
    if (own.value_or(of_pod.value_or(false))) ++host_count;
  });
  if (host_count == 0) return;
  if (host_count != count) {
    out.Invalid(path, "",
                "If pod contains any hostProcess containers then all containers must be "
                "HostProcess containers");
  }
  if (!spec.host_network) {
    out.Invalid(path.Child("hostNetwork"), false,
                "hostNetwork must be true if pod contains any hostProcess containers");
  }
}

void ValidateOperatingSystem(const PodSpec& spec, const FieldPath& path, Violations& out) {
  if (!spec.os) return;
  const std::string& name = spec.os->name;
  if (name.empty()) return out.Required(path.Child("os").Child("name"));
  CheckOneOf(name, {"linux", "windows"}, path.Child("os"), out);
  if (name == "linux") ForbidWindowsFields(spec, path, out);
  if (name != "windows") return;
  ForbidLinuxFieldsOfPod(spec, path, out);
  ForEachContainer(spec, path, [&](const auto& container, const FieldPath& at) {
    if (!container.security_context) return;
    ForbidLinuxFieldsOfContainer(*container.security_context, at.Child("securityContext"), out);
  });
}

}  // namespace skiff
