#include "apiserver/admission/pod_security_checks.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>

#include "api/codec/typed.h"
#include "apiserver/admission/pod_security_version.h"
#include "apiserver/request/api_errors.h"

namespace skiff {
namespace {

// One container of any kind, as far as the standards look at it.
struct Container {
  const std::string* name;
  const core_v1::SecurityContext* context;  // May be null.
  const std::vector<core_v1::ContainerPort>* ports;
  const core_v1::Probe* probes[3];
  const core_v1::Lifecycle* lifecycle;
};

struct Pod {
  const meta_v1::ObjectMeta& meta;
  const core_v1::PodSpec& spec;
  std::vector<Container> containers;  // Init, regular, ephemeral.
  int64_t minor;

  bool HasOwnUsers() const { return spec.host_users && !*spec.host_users && minor >= 35; }
  bool IsWindows() const { return spec.os && spec.os->name == "windows" && minor >= 25; }
};

template <typename T>
Container ViewOf(const T& container) {
  return {&container.name,
          container.security_context ? &*container.security_context : nullptr,
          &container.ports,
          {container.liveness_probe ? &*container.liveness_probe : nullptr,
           container.readiness_probe ? &*container.readiness_probe : nullptr,
           container.startup_probe ? &*container.startup_probe : nullptr},
          container.lifecycle ? &*container.lifecycle : nullptr};
}

std::string JoinQuoted(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "\"" : ", \"") + name + '"';
  return text;
}

std::string Plural(std::string_view word, size_t count) {
  return std::string(word) + (count == 1 ? "" : "s");
}

// containers "a", "b"
std::string Containers(const std::vector<std::string>& names) {
  return Plural("container", names.size()) + " " + JoinQuoted(names);
}

std::vector<std::string> Where(const Pod& pod, const std::function<bool(const Container&)>& is) {
  std::vector<std::string> names;
  for (const Container& container : pod.containers) {
    if (is(container)) names.push_back(*container.name);
  }
  return names;
}

// "pod and container "a"": who set something.
std::string Setters(bool by_pod, const std::vector<std::string>& containers) {
  std::string text = by_pod ? "pod" : "";
  if (!containers.empty()) text += (by_pod ? " and " : "") + Containers(containers);
  return text;
}

using Finding = std::optional<SecurityFinding>;

Finding AppArmor(const Pod& pod) {
  std::set<std::string> bad;
  const auto is_bad = [&](const Box<core_v1::AppArmorProfile>& profile) {
    if (!profile || profile->type == "RuntimeDefault" || profile->type == "Localhost") return false;
    bad.insert(profile->type);
    return true;
  };
  const bool by_pod =
      pod.spec.security_context && is_bad(pod.spec.security_context->app_armor_profile);
  const auto containers = Where(pod, [&](const Container& container) {
    return container.context && is_bad(container.context->app_armor_profile);
  });
  std::string setters = Setters(by_pod, containers);
  std::vector<std::string> values(bad.begin(), bad.end());
  for (const auto& [key, value] : pod.meta.annotations) {
    if (!key.starts_with("container.apparmor.security.beta.kubernetes.io/")) continue;
    if (value.empty() || value == "runtime/default" || value.starts_with("localhost/")) continue;
    values.push_back(key + "=" + Quoted(value));
  }
  if (values.empty()) return std::nullopt;
  std::sort(values.begin() + static_cast<ptrdiff_t>(bad.size()), values.end());
  if (const size_t annotations = values.size() - bad.size(); annotations > 0) {
    setters += (setters.empty() ? "" : " and ") + Plural("annotation", annotations);
  }
  return SecurityFinding{"forbidden AppArmor " + Plural("profile", values.size()),
                         setters + " must not set AppArmor profile type to " + JoinQuoted(values)};
}

Finding AddedCapabilities(const Pod& pod, const std::set<std::string>& allowed) {
  std::set<std::string> bad;
  const auto containers = Where(pod, [&](const Container& container) {
    bool any = false;
    if (!container.context || !container.context->capabilities) return any;
    for (const std::string& name : container.context->capabilities->add) {
      if (allowed.contains(name)) continue;
      bad.insert(name);
      any = true;
    }
    return any;
  });
  if (containers.empty()) return std::nullopt;
  return SecurityFinding{"non-default capabilities", Containers(containers) + " must not include " +
                                                         JoinQuoted({bad.begin(), bad.end()}) +
                                                         " in securityContext.capabilities.add"};
}

Finding BaselineCapabilities(const Pod& pod) {
  return AddedCapabilities(
      pod, {"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
            "NET_BIND_SERVICE", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"});
}

Finding HostNamespaces(const Pod& pod) {
  std::string detail;
  const auto add = [&](bool set, const char* name) {
    if (set) detail += (detail.empty() ? "" : ", ") + std::string(name) + "=true";
  };
  add(pod.spec.host_network, "hostNetwork");
  add(pod.spec.host_pid, "hostPID");
  add(pod.spec.host_ipc, "hostIPC");
  if (detail.empty()) return std::nullopt;
  return SecurityFinding{"host namespaces", detail};
}

Finding HostPaths(const Pod& pod) {
  std::vector<std::string> volumes;
  for (const auto& volume : pod.spec.volumes) {
    if (volume.host_path) volumes.push_back(volume.name);
  }
  if (volumes.empty()) return std::nullopt;
  return SecurityFinding{"hostPath volumes",
                         Plural("volume", volumes.size()) + " " + JoinQuoted(volumes)};
}

Finding HostPorts(const Pod& pod) {
  std::set<std::string> ports;  // In the order of texts.
  const auto containers = Where(pod, [&](const Container& container) {
    bool any = false;
    for (const auto& port : *container.ports) {
      if (port.host_port == 0) continue;
      ports.insert(std::to_string(port.host_port));
      any = true;
    }
    return any;
  });
  if (containers.empty()) return std::nullopt;
  std::string list;
  for (const std::string& port : ports) list += (list.empty() ? "" : ", ") + port;
  return SecurityFinding{"hostPort", Containers(containers) +
                                         (containers.size() == 1 ? " uses " : " use ") +
                                         Plural("hostPort", ports.size()) + " " + list};
}

Finding HostProbes(const Pod& pod) {
  if (pod.minor < 34) return std::nullopt;
  std::set<std::string> hosts;
  auto containers = Where(pod, [&](const Container& container) {
    bool any = false;
    const auto look = [&](const auto& handler) {
      for (const std::string& host : {handler.http_get ? handler.http_get->host : "",
                                      handler.tcp_socket ? handler.tcp_socket->host : ""}) {
        if (host.empty()) continue;
        hosts.insert(host);
        any = true;
      }
    };
    for (const auto* probe : container.probes) {
      if (probe != nullptr) look(*probe);
    }
    if (container.lifecycle != nullptr) {
      if (container.lifecycle->post_start) look(*container.lifecycle->post_start);
      if (container.lifecycle->pre_stop) look(*container.lifecycle->pre_stop);
    }
    return any;
  });
  if (containers.empty()) return std::nullopt;
  std::sort(containers.begin(), containers.end());
  return SecurityFinding{"probe or lifecycle host",
                         Containers(containers) + (containers.size() == 1 ? " uses " : " use ") +
                             "probe or lifecycle " + Plural("host", hosts.size()) + " " +
                             JoinQuoted({hosts.begin(), hosts.end()})};
}

Finding Privileged(const Pod& pod) {
  const auto containers = Where(pod, [](const Container& container) {
    return container.context && container.context->privileged.value_or(false);
  });
  if (containers.empty()) return std::nullopt;
  return SecurityFinding{"privileged",
                         Containers(containers) + " must not set securityContext.privileged=true"};
}

Finding ProcMount(const Pod& pod, bool restricted) {
  if (!restricted && pod.HasOwnUsers()) return std::nullopt;
  std::set<std::string> bad;
  const auto containers = Where(pod, [&](const Container& container) {
    if (!container.context || !container.context->proc_mount) return false;
    if (*container.context->proc_mount == "Default") return false;
    bad.insert(*container.context->proc_mount);
    return true;
  });
  if (containers.empty()) return std::nullopt;
  return SecurityFinding{"procMount", Containers(containers) +
                                          " must not set securityContext.procMount to " +
                                          JoinQuoted({bad.begin(), bad.end()})};
}

Finding SeLinux(const Pod& pod) {
  std::set<std::string> types;
  bool user = false;
  bool role = false;
  const auto is_bad = [&](const Box<core_v1::SELinuxOptions>& options) {
    if (!options) return false;
    bool any = false;
    const std::string& type = options->type;
    const bool known = type.empty() || type == "container_t" || type == "container_init_t" ||
                       type == "container_kvm_t" ||
                       (type == "container_engine_t" && pod.minor >= 31);
    if (!known) {
      types.insert(type);
      any = true;
    }
    if (!options->user.empty()) any = user = true;
    if (!options->role.empty()) any = role = true;
    return any;
  };
  const bool by_pod =
      pod.spec.security_context && is_bad(pod.spec.security_context->se_linux_options);
  const auto containers = Where(pod, [&](const Container& container) {
    return container.context && is_bad(container.context->se_linux_options);
  });
  if (!by_pod && containers.empty()) return std::nullopt;
  std::string what;
  const auto add = [&](const std::string& text) { what += (what.empty() ? "" : "; ") + text; };
  if (!types.empty()) {
    add(Plural("type", types.size()) + " " + JoinQuoted({types.begin(), types.end()}));
  }
  if (user) add("user may not be set");
  if (role) add("role may not be set");
  return SecurityFinding{
      "seLinuxOptions",
      Setters(by_pod, containers) + " set forbidden securityContext.seLinuxOptions: " + what};
}

Finding Seccomp(const Pod& pod, bool restricted) {
  if (restricted && pod.IsWindows()) return std::nullopt;
  std::set<std::string> bad;
  const auto state = [&](const Box<core_v1::SeccompProfile>& profile) {
    if (!profile) return 0;
    if (profile->type == "RuntimeDefault" || profile->type == "Localhost") return 1;
    bad.insert(profile->type);
    return -1;
  };
  const int of_pod =
      pod.spec.security_context ? state(pod.spec.security_context->seccomp_profile) : 0;
  std::vector<std::string> unset;
  const auto containers = Where(pod, [&](const Container& container) {
    const int own = container.context ? state(container.context->seccomp_profile) : 0;
    if (own == 0 && of_pod != 1) unset.push_back(*container.name);
    return own == -1;
  });
  if (of_pod == -1 || !containers.empty()) {
    return SecurityFinding{"seccompProfile", Setters(of_pod == -1, containers) +
                                                 " must not set securityContext.seccompProfile."
                                                 "type to " +
                                                 JoinQuoted({bad.begin(), bad.end()})};
  }
  if (!restricted || unset.empty()) return std::nullopt;
  return SecurityFinding{"seccompProfile",
                         "pod or " + Containers(unset) +
                             " must set securityContext.seccompProfile.type to \"RuntimeDefault\" "
                             "or \"Localhost\""};
}

// Before v1.19, when annotations named the profiles.
Finding SeccompAnnotations(const Pod& pod) {
  std::set<std::string> bad;
  const auto look = [&](const std::string& key) {
    const auto found = pod.meta.annotations.find(key);
    if (found == pod.meta.annotations.end()) return;
    const std::string& value = found->second;
    if (value == "runtime/default" || value == "docker/default") return;
    if (!value.starts_with("localhost/")) bad.insert(key + "=" + Quoted(value));
  };
  look("seccomp.security.alpha.kubernetes.io/pod");
  for (const Container& container : pod.containers) {
    look("container.seccomp.security.alpha.kubernetes.io/" + *container.name);
  }
  if (bad.empty()) return std::nullopt;
  std::string list;
  for (const std::string& each : bad) list += (list.empty() ? "" : ", ") + each;
  return SecurityFinding{"seccompProfile",
                         "forbidden " + Plural("annotation", bad.size()) + " " + list};
}

Finding Sysctls(const Pod& pod) {
  std::set<std::string_view> allowed = {"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range",
                                        "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range",
                                        "net.ipv4.ip_unprivileged_port_start"};
  if (pod.minor >= 27) allowed.insert("net.ipv4.ip_local_reserved_ports");
  if (pod.minor >= 29) {
    allowed.insert({"net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout",
                    "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes"});
  }
  if (pod.minor >= 32) allowed.insert({"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"});
  std::string bad;
  if (pod.spec.security_context) {
    for (const auto& sysctl : pod.spec.security_context->sysctls) {
      if (!allowed.contains(sysctl.name)) bad += (bad.empty() ? "" : ", ") + sysctl.name;
    }
  }
  if (bad.empty()) return std::nullopt;
  return SecurityFinding{"forbidden sysctls", bad};
}

Finding HostProcess(const Pod& pod) {
  const auto is_set = [](const auto& options) {
    return options && options->host_process.value_or(false);
  };
  const bool by_pod =
      pod.spec.security_context && is_set(pod.spec.security_context->windows_options);
  const auto containers = Where(pod, [&](const Container& container) {
    return container.context && is_set(container.context->windows_options);
  });
  if (!by_pod && containers.empty()) return std::nullopt;
  return SecurityFinding{"hostProcess",
                         Setters(by_pod, containers) +
                             " must not set securityContext.windowsOptions.hostProcess=true"};
}

Finding Escalation(const Pod& pod) {
  if (pod.IsWindows() || pod.minor < 8) return std::nullopt;
  const auto containers = Where(pod, [](const Container& container) {
    return !container.context || container.context->allow_privilege_escalation.value_or(true);
  });
  if (containers.empty()) return std::nullopt;
  return SecurityFinding{
      "allowPrivilegeEscalation != false",
      Containers(containers) + " must set securityContext.allowPrivilegeEscalation=false"};
}

Finding RestrictedCapabilities(const Pod& pod) {
  if (pod.IsWindows() || pod.minor < 22) return std::nullopt;
  const auto missing = Where(pod, [](const Container& container) {
    if (!container.context || !container.context->capabilities) return true;
    const auto& drop = container.context->capabilities->drop;
    return std::find(drop.begin(), drop.end(), "ALL") == drop.end();
  });
  const auto added = AddedCapabilities(pod, {"NET_BIND_SERVICE"});
  std::string detail;
  if (!missing.empty()) {
    detail = Containers(missing) + " must set securityContext.capabilities.drop=[\"ALL\"]";
  }
  if (added) detail += (detail.empty() ? "" : "; ") + added->detail;
  if (detail.empty()) return std::nullopt;
  return SecurityFinding{"unrestricted capabilities", detail};
}

// The JSON name of a volume's source, when restricted does not allow it.
std::optional<std::string> RestrictedSource(const core_v1::Volume& volume) {
  static const std::set<std::string_view> kAllowed = {
      "configMap", "csi",   "downwardAPI",           "emptyDir",
      "ephemeral", "image", "persistentVolumeClaim", "projected",
      "secret"};
  const Json document = ToJson(volume);
  for (const auto& [name, value] : document.items()) {
    if (name != "name" && !kAllowed.contains(name)) return name;
  }
  return std::nullopt;
}

Finding VolumeTypes(const Pod& pod) {
  std::vector<std::string> volumes;
  std::set<std::string> types;
  for (const auto& volume : pod.spec.volumes) {
    const auto source = RestrictedSource(volume);
    if (!source) continue;
    volumes.push_back(volume.name);
    types.insert(*source);
  }
  if (volumes.empty()) return std::nullopt;
  return SecurityFinding{"restricted volume types",
                         Plural("volume", volumes.size()) + " " + JoinQuoted(volumes) +
                             (volumes.size() == 1 ? " uses " : " use ") + "restricted volume " +
                             Plural("type", types.size()) + " " +
                             JoinQuoted({types.begin(), types.end()})};
}

Finding NonRoot(const Pod& pod) {
  if (pod.HasOwnUsers()) return std::nullopt;
  const std::optional<bool> of_pod =
      pod.spec.security_context ? pod.spec.security_context->run_as_non_root : std::nullopt;
  std::vector<std::string> unset;
  const auto wrong = Where(pod, [&](const Container& container) {
    const auto own = container.context ? container.context->run_as_non_root : std::nullopt;
    if (!own && of_pod != true) unset.push_back(*container.name);
    return own == false;
  });
  if (of_pod == false || !wrong.empty()) {
    return SecurityFinding{
        "runAsNonRoot != true",
        Setters(of_pod == false, wrong) + " must not set securityContext.runAsNonRoot=false"};
  }
  if (unset.empty()) return std::nullopt;
  return SecurityFinding{"runAsNonRoot != true", "pod or " + Containers(unset) +
                                                     " must set securityContext.runAsNonRoot=true"};
}

Finding RunAsUser(const Pod& pod) {
  if (pod.HasOwnUsers() || pod.minor < 23) return std::nullopt;
  const bool by_pod =
      pod.spec.security_context && pod.spec.security_context->run_as_user == int64_t{0};
  const auto containers = Where(pod, [](const Container& container) {
    return container.context && container.context->run_as_user == int64_t{0};
  });
  if (!by_pod && containers.empty()) return std::nullopt;
  return SecurityFinding{"runAsUser=0", Setters(by_pod, containers) + " must not set runAsUser=0"};
}

}  // namespace

std::string SecurityPolicy::Text() const {
  const char* name = level == SecurityLevel::kPrivileged ? "privileged"
                     : level == SecurityLevel::kBaseline ? "baseline"
                                                         : "restricted";
  return std::string(name) + ":" + (minor ? "v1." + std::to_string(*minor) : "latest");
}

std::vector<SecurityFinding> CheckPodSecurity(const SecurityPolicy& policy,
                                              const meta_v1::ObjectMeta& meta,
                                              const core_v1::PodSpec& spec) {
  std::vector<SecurityFinding> findings;
  if (policy.level == SecurityLevel::kPrivileged) return findings;
  Pod pod{meta, spec, {}, policy.minor.value_or(kLatestSecurityMinor)};
  for (const auto& container : spec.init_containers) pod.containers.push_back(ViewOf(container));
  for (const auto& container : spec.containers) pod.containers.push_back(ViewOf(container));
  for (const auto& container : spec.ephemeral_containers) {
    pod.containers.push_back(ViewOf(container));
  }
  const auto add = [&](Finding finding) {
    if (finding) findings.push_back(std::move(*finding));
  };
  const bool restricted = policy.level == SecurityLevel::kRestricted;
  add(AppArmor(pod));
  // Restricted puts stricter checks in the place of these.
  if (!restricted || pod.minor < 22) add(BaselineCapabilities(pod));
  add(HostNamespaces(pod));
  if (!restricted) add(HostPaths(pod));
  add(HostPorts(pod));
  add(HostProbes(pod));
  add(Privileged(pod));
  if (!restricted || pod.minor < 35) add(ProcMount(pod, false));
  add(SeLinux(pod));
  if (pod.minor < 19) {
    add(SeccompAnnotations(pod));
  } else if (!restricted) {
    add(Seccomp(pod, false));
  }
  add(Sysctls(pod));
  add(HostProcess(pod));
  if (!restricted) return findings;
  add(Escalation(pod));
  add(RestrictedCapabilities(pod));
  if (pod.minor >= 35) add(ProcMount(pod, true));
  add(VolumeTypes(pod));
  add(NonRoot(pod));
  add(RunAsUser(pod));
  if (pod.minor >= 19) add(Seccomp(pod, true));
  return findings;
}

std::string FindingsText(const std::vector<SecurityFinding>& findings) {
  std::string text;
  for (const SecurityFinding& finding : findings) {
    if (!text.empty()) text += ", ";
    text += finding.reason + " (" + finding.detail + ")";
  }
  return text;
}

}  // namespace skiff
