#include "api/rules/pods/pod_warnings.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <set>

#include "api/rules/core/ip.h"
#include "api/rules/pods/app_armor.h"
#include "api/rules/pods/pod_spec_validation.h"
#include "api/rules/pods/volume_path_warnings.h"
#include "api/text/go_text.h"

namespace skiff {
namespace {

using namespace core_v1;
using Warnings = std::vector<std::string>;

struct Deprecated {
  std::string_view key;
  const char* message;
};

constexpr Deprecated kNodeLabels[] = {
    {"beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"},
    {"beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"},
    {"failure-domain.beta.kubernetes.io/region",
     "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead"},
    {"failure-domain.beta.kubernetes.io/zone",
     "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead"},
    {"beta.kubernetes.io/instance-type",
     "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead"},
    {"app.kubernetes.io/created-by", "deprecated since v1.9"},
    {"scheduler.alpha.kubernetes.io/preferAvoidPods",
     "deprecated since v1.22; use Taints and Tolerations instead"},
    {"node-role.kubernetes.io/master", "use \"node-role.kubernetes.io/control-plane\" instead"},
};

// Keys, or beginnings of keys where they end in a slash.
constexpr Deprecated kAnnotations[] = {
    {"scheduler.alpha.kubernetes.io/critical-pod",
     "non-functional in v1.16+; use the \"priorityClassName\" field instead"},
    {"security.alpha.kubernetes.io/sysctls",
     "non-functional in v1.11+; use the \"sysctls\" field instead"},
    {"security.alpha.kubernetes.io/unsafe-sysctls",
     "non-functional in v1.11+; use the \"sysctls\" field instead"},
};

constexpr const char* kSeccompMessage =
    "non-functional in v1.27+; use the \"seccompProfile\" field instead";
constexpr const char* kAppArmorMessage =
    "deprecated since v1.30; use the \"appArmorProfile\" field instead";

// A response says no more than some 4,096 characters of warnings, and each of these has dozens.
constexpr size_t kWarningsMax = 1000;

void Warn(const FieldPath& path, std::string_view message, Warnings& out) {
  if (out.size() >= kWarningsMax) return;
  out.push_back(path.Text() + ": " + std::string(message));
}

// Where the path does not end with the label, the text names it.
void WarnOfNodeLabel(std::string_view label, const FieldPath& path, bool named, Warnings& out) {
  const std::string message(DeprecatedNodeLabel(label));
  if (!message.empty()) Warn(path, named ? std::string(label) + " is " + message : message, out);
}

void WarnOfNodeLabels(const PodSpec& spec, const FieldPath& path, Warnings& out) {
  for (const auto& [key, value] : spec.node_selector) {
    WarnOfNodeLabel(key, path.Child("nodeSelector").Key(key), false, out);
  }
  if (spec.affinity && spec.affinity->node_affinity) {
    const auto& affinity = *spec.affinity->node_affinity;
    const FieldPath at = path.Child("affinity").Child("nodeAffinity");
    if (const auto& required = affinity.required_during_scheduling_ignored_during_execution) {
      const FieldPath terms =
          at.Child("requiredDuringSchedulingIgnoredDuringExecution").Child("nodeSelectorTerms");
      for (size_t i = 0; i < required->node_selector_terms.size(); ++i) {
        WarnOfNodeSelectorTerm(required->node_selector_terms[i], false, terms.Index(i), out);
      }
    }
    const auto& preferred = affinity.preferred_during_scheduling_ignored_during_execution;
    for (size_t i = 0; i < preferred.size(); ++i) {
      WarnOfNodeSelectorTerm(
          preferred[i].preference, true,
          at.Child("preferredDuringSchedulingIgnoredDuringExecution").Index(i).Child("preference"),
          out);
    }
  }
  for (size_t i = 0; i < spec.topology_spread_constraints.size(); ++i) {
    const FieldPath at = path.Child("topologySpreadConstraints").Index(i);
    WarnOfNodeLabel(spec.topology_spread_constraints[i].topology_key, at.Child("topologyKey"), true,
                    out);
    if (!spec.topology_spread_constraints[i].label_selector) {
      Warn(at.Child("labelSelector"), "a null labelSelector results in matching no pod", out);
    }
  }
}

// Not where the pod's own profile is the one that the annotation names.
void WarnOfAppArmor(const meta_v1::ObjectMeta& meta, const PodSpec& spec,
                    const std::string& container, const FieldPath& path, Warnings& out) {
  const std::string key = AppArmorAnnotation(container);
  const auto found = meta.annotations.find(key);
  if (found == meta.annotations.end()) return;
  if (spec.security_context && spec.security_context->app_armor_profile) {
    const auto profile = AppArmorProfileFromAnnotation(found->second);
    if (profile && *profile == *spec.security_context->app_armor_profile) return;
  }
  Warn(path.Key(key), kAppArmorMessage, out);
}

void WarnOfAnnotations(const meta_v1::ObjectMeta& meta, const FieldPath& path, Warnings& out) {
  for (const auto& [key, message] : kAnnotations) {
    if (meta.annotations.contains(std::string(key))) Warn(path.Key(key), message, out);
  }
}

template <typename Security>
void WarnOfSeccomp(const meta_v1::ObjectMeta& meta, const std::string& key,
                   const Box<Security>& security, const FieldPath& path, Warnings& out) {
  if (security && security->seccomp_profile) return;
  if (meta.annotations.contains(key)) Warn(path.Key(key), kSeccompMessage, out);
}

// Kubernetes counts in thousandths. An amount that these cannot hold it takes for whole, unless its
// digits alone are more than a machine word holds.
bool IsHuge(std::string_view amount) {
  int64_t digits = 0;
  const auto read = std::from_chars(amount.data(), amount.data() + amount.size(), digits);
  return read.ec == std::errc::result_out_of_range;
}

// Bytes come whole.
void WarnOfFraction(const std::map<std::string, Quantity>& list, const char* name,
                    const FieldPath& path, Warnings& out) {
  const auto found = list.find(name);
  if (found == list.end()) return;
  const int64_t value = found->second.Value();
  const std::string& text = found->second.Text();
  if (value <= std::numeric_limits<int64_t>::max() / 1000) {
    if (Quantity::FromValue(value) == found->second) return;
  } else if (!IsHuge(text)) {
    return;
  }
  Warn(path.Key(name), "fractional byte value " + GoQuote(text) + " is invalid, must be an integer",
       out);
}

void WarnOfVolumes(const PodSpec& spec, const FieldPath& path, Warnings& out) {
  for (size_t i = 0; i < spec.volumes.size(); ++i) {
    const Volume& volume = spec.volumes[i];
    const FieldPath at = path.Child("volumes").Index(i);
    const auto removed = [&](const auto& source, const char* field, const char* message) {
      if (source) Warn(at.Child(field), message, out);
    };
    constexpr const char* kSince22 = "deprecated in v1.22, non-functional in v1.25+";
    constexpr const char* kSince28 = "deprecated in v1.28, non-functional in v1.31+";
    removed(volume.photon_persistent_disk, "photonPersistentDisk",
            "deprecated in v1.11, non-functional in v1.16+");
    removed(volume.git_repo, "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+");
    removed(volume.scale_io, "scaleIO", "deprecated in v1.16, non-functional in v1.22+");
    removed(volume.flocker, "flocker", kSince22);
    removed(volume.storageos, "storageOS", kSince22);
    removed(volume.quobyte, "quobyte", kSince22);
    removed(volume.glusterfs, "glusterfs", "deprecated in v1.25, non-functional in v1.26+");
    if (volume.ephemeral && volume.ephemeral->volume_claim_template) {
      WarnOfClaimSpec(volume.ephemeral->volume_claim_template->spec,
                      at.Child("ephemeral").Child("volumeClaimTemplate").Child("spec"), out);
    }
    removed(volume.cephfs, "cephfs", kSince28);
    removed(volume.rbd, "rbd", kSince28);
  }
  WarnOfVolumePaths(spec.volumes, out);
}

void WarnOfDuplicates(const PodSpec& spec, const FieldPath& path, Warnings& out) {
  std::set<std::string_view> ips;
  for (size_t i = 0; i < spec.host_aliases.size(); ++i) {
    const std::string& ip = spec.host_aliases[i].ip;
    if (ips.insert(ip).second) continue;
    Warn(path.Child("hostAliases").Index(i).Child("ip"), "duplicate ip " + GoQuote(ip), out);
  }
  std::set<std::string_view> names;
  const auto& secrets = spec.image_pull_secrets;
  for (size_t i = 0; i < secrets.size(); ++i) {
    if (names.insert(secrets[i].name).second) continue;
    Warn(path.Child("imagePullSecrets").Index(i).Child("name"),
         "duplicate name " + GoQuote(secrets[i].name), out);
  }
  for (size_t i = 0; i < secrets.size(); ++i) {
    if (!secrets[i].name.empty()) continue;
    Warn(path.Child("imagePullSecrets").Index(i).Child("name"), "invalid empty name \"\"", out);
  }
}

// A later value hides an earlier one, unless it adds to it.
void WarnOfHiddenVariables(const std::vector<EnvVar>& variables, const FieldPath& path,
                           Warnings& out) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < variables.size(); ++i) {
    const EnvVar& variable = variables[i];
    if (names.insert(variable.name).second) continue;
    const std::string reference = "$(" + variable.name + ")";
    const bool extends =
        variable.value != reference && variable.value.find(reference) != std::string::npos;
    if (!variable.value_from && extends) continue;
    Warn(path.Index(i),
         "hides previous definition of " + GoQuote(variable.name) +
             ", which may be dropped when using apply",
         out);
  }
}

// `root` is where metadata and spec stand.
void WarnOfContainers(const meta_v1::ObjectMeta& meta, const PodSpec& spec, bool of_template,
                      const FieldPath& root, Warnings& out) {
  const FieldPath path = root.Child("spec");
  const FieldPath annotations = root.Child("metadata").Child("annotations");
  for (const char* name : {"memory", "ephemeral-storage"}) {
    WarnOfFraction(spec.overhead, name, path.Child("overhead"), out);
  }
  WarnOfSeccomp(meta, "seccomp.security.alpha.kubernetes.io/pod", spec.security_context,
                annotations, out);
  ForEachContainer(spec, path, [&](const auto& container, const FieldPath& at) {
    const auto& security = container.security_context;
    WarnOfSeccomp(meta, "container.seccomp.security.alpha.kubernetes.io/" + container.name,
                  security, annotations, out);
    const bool confined = security && security->app_armor_profile;
    if (of_template && !confined) WarnOfAppArmor(meta, spec, container.name, annotations, out);
    const FieldPath resources = at.Child("resources");
    for (const char* name : {"memory", "ephemeral-storage"}) {
      WarnOfFraction(container.resources.limits, name, resources.Child("limits"), out);
      WarnOfFraction(container.resources.requests, name, resources.Child("requests"), out);
    }
    WarnOfHiddenVariables(container.env, at.Child("env"), out);
  });
}

struct KnownPort {
  FieldPath path;
  const ContainerPort* port;
};

// How a port collides with another of the same number and protocol; "" when it does not.
std::string_view Collision(const ContainerPort& port, const ContainerPort& other) {
  if (port.host_ip == other.host_ip && port.host_port == other.host_port) return "duplicate";
  if (port.host_port == 0 || other.host_port == 0) return "overlapping";
  if (port.host_port == other.host_port && port.host_ip.empty() != other.host_ip.empty()) {
    return "dangerously ambiguous";
  }
  return "";
}

// Each port is compared with those before it, which makes the square of a long list: past this none
// is. Some 1,400 ports of one number come this far.
constexpr size_t kPortsComparedMax = 1'000'000;

void WarnOfPorts(const PodSpec& spec, const FieldPath& path, Warnings& out) {
  size_t compared = 0;
  std::map<std::string, std::vector<KnownPort>> by_number;
  ForEachContainer(spec, path, [&](const auto& container, const FieldPath& container_path) {
    for (size_t i = 0; i < container.ports.size(); ++i) {
      const ContainerPort& port = container.ports[i];
      const FieldPath at = container_path.Child("ports").Index(i);
      if (!port.host_ip.empty() && port.host_port == 0) {
        Warn(at,
             fmt::format("hostIP set without hostPort: {{Name:{} HostPort:0 ContainerPort:{} "
                         "Protocol:{} HostIP:{}}}",
                         port.name, port.container_port, port.protocol, port.host_ip),
             out);
      }
      auto& others = by_number[fmt::format("{}/{}", port.container_port, port.protocol)];
      for (const KnownPort& other : others) {
        if (out.size() >= kWarningsMax || ++compared > kPortsComparedMax) break;
        const std::string_view how = Collision(port, *other.port);
        if (how.empty()) continue;
        Warn(at, fmt::format("{} port definition with {}", how, other.path.Text()), out);
      }
      others.push_back({at, &port});
    }
  });
}

void WarnOfPortNames(const PodSpec& spec, const FieldPath& path, Warnings& out) {
  std::map<std::string_view, FieldPath> by_name;
  ForEachContainer(spec, path, [&](const auto& container, const FieldPath& container_path) {
    for (size_t i = 0; i < container.ports.size(); ++i) {
      const ContainerPort& port = container.ports[i];
      if (port.name.empty()) continue;
      const FieldPath at = container_path.Child("ports").Index(i);
      const auto [first, inserted] = by_name.emplace(port.name, at);
      if (inserted) continue;
      const std::string other = first->second.Text();
      Warn(at,
           fmt::format("duplicate port name {} with {}, services and probes that select ports by "
                       "name will use {}",
                       GoQuote(port.name), other, other),
           out);
    }
  });
}

template <typename PodTerms>
void WarnOfPodTerms(const Box<PodTerms>& terms, const FieldPath& path, Warnings& out) {
  if (!terms) return;
  constexpr const char* kNull = "a null labelSelector results in matching no pod";
  const auto& required = terms->required_during_scheduling_ignored_during_execution;
  for (size_t i = 0; i < required.size(); ++i) {
    if (required[i].label_selector) continue;
    Warn(path.Child("requiredDuringSchedulingIgnoredDuringExecution")
             .Index(i)
             .Child("labelSelector"),
         kNull, out);
  }
  const auto& preferred = terms->preferred_during_scheduling_ignored_during_execution;
  for (size_t i = 0; i < preferred.size(); ++i) {
    if (preferred[i].pod_affinity_term.label_selector) continue;
    Warn(path.Child("preferredDuringSchedulingIgnoredDuringExecution")
             .Index(i)
             .Child("podAffinityTerm")
             .Child("labelSelector"),
         kNull, out);
  }
}

void WarnOfAddresses(const PodSpec& spec, const FieldPath& path, Warnings& out) {
  const auto append = [&](const Warnings& more) {
    if (out.size() >= kWarningsMax) return;
    out.insert(out.end(), more.begin(), more.end());
  };
  if (spec.dns_config) {
    const auto& servers = spec.dns_config->nameservers;
    for (size_t i = 0; i < servers.size(); ++i) {
      append(LegacyIpWarnings(path.Child("dnsConfig").Child("nameservers").Index(i), servers[i]));
    }
  }
  for (size_t i = 0; i < spec.host_aliases.size(); ++i) {
    append(
        LegacyIpWarnings(path.Child("hostAliases").Index(i).Child("ip"), spec.host_aliases[i].ip));
  }
}

// `root` is where metadata and spec stand.
void WarnOfSpecAndMeta(const meta_v1::ObjectMeta& meta, const PodSpec& spec, bool of_template,
                       const FieldPath& root, Warnings& out) {
  const FieldPath path = root.Child("spec");
  WarnOfNodeLabels(spec, path, out);
  WarnOfAnnotations(meta, root.Child("metadata").Child("annotations"), out);
  WarnOfVolumes(spec, path, out);
  WarnOfDuplicates(spec, path, out);
  WarnOfContainers(meta, spec, of_template, root, out);
  WarnOfPorts(spec, path, out);
  WarnOfPortNames(spec, path, out);
  if (spec.termination_grace_period_seconds.value_or(0) < 0) {
    Warn(path.Child("terminationGracePeriodSeconds"),
         "must be >= 0; negative values are invalid and will be treated as 1", out);
  }
  if (spec.affinity) {
    const FieldPath at = path.Child("affinity");
    WarnOfPodTerms(spec.affinity->pod_affinity, at.Child("podAffinity"), out);
    WarnOfPodTerms(spec.affinity->pod_anti_affinity, at.Child("podAntiAffinity"), out);
  }
  WarnOfAddresses(spec, path, out);
}

std::string NameWarning(const std::string& use, const std::string& name) {
  return fmt::format(
      "metadata.name: this is used in {}, which can result in surprising behavior; a DNS label is "
      "recommended: [{}]",
      use, fmt::join(Dns1123LabelErrors(name), " "));
}

}  // namespace

std::string_view DeprecatedNodeLabel(std::string_view label) {
  const auto* found = std::ranges::find(kNodeLabels, label, &Deprecated::key);
  return found == std::end(kNodeLabels) ? "" : found->message;
}

void WarnOfNodeSelectorTerm(const NodeSelectorTerm& term, bool check_values, const FieldPath& path,
                            Warnings& out) {
  for (size_t i = 0; i < term.match_expressions.size(); ++i) {
    const NodeSelectorRequirement& expression = term.match_expressions[i];
    const FieldPath at = path.Child("matchExpressions").Index(i);
    WarnOfNodeLabel(expression.key, at.Child("key"), true, out);
    for (size_t j = 0; check_values && j < expression.values.size(); ++j) {
      for (const std::string& message : LabelValueErrors(expression.values[j])) {
        Warn(at.Child("values").Index(j), expression.values[j] + " is invalid, " + message, out);
      }
    }
  }
}

void WarnOfPod(const Pod& pod, const Pod* old, Warnings& out) {
  if (old != nullptr) return;
  // The annotation of a pod for Windows says nothing. Of others it was made a field by now.
  if (!pod.spec.os || pod.spec.os->name != "windows") {
    const FieldPath annotations = FieldPath("metadata").Child("annotations");
    ForEachContainer(pod.spec, FieldPath(), [&](const auto& container, const FieldPath&) {
      WarnOfAppArmor(pod.metadata, pod.spec, container.name, annotations, out);
    });
  }
  if (!Dns1123LabelErrors(pod.metadata.name).empty()) {
    out.push_back(NameWarning("the Pod's hostname", pod.metadata.name));
  }
  WarnOfSpecAndMeta(pod.metadata, pod.spec, false, FieldPath(), out);
}

void WarnOfPodStatus(const Pod& pod, Warnings& out) {
  const auto each = [&](const auto& addresses, const char* field) {
    for (size_t i = 0; i < addresses.size(); ++i) {
      // Kubelets write these often, and right: no path is made for what needs none.
      const auto address = ParseIp(addresses[i].ip);
      if (!address || address->Text() == addresses[i].ip) continue;
      const FieldPath at = FieldPath("status").Child(field).Index(i).Child("ip");
      const Warnings more = LegacyIpWarnings(at, addresses[i].ip);
      out.insert(out.end(), more.begin(), more.end());
    }
  };
  each(pod.status.pod_ips, "podIPs");
  each(pod.status.host_ips, "hostIPs");
}

void WarnOfPodTemplate(const PodTemplateSpec& pod_template, const FieldPath& path, Warnings& out) {
  WarnOfSpecAndMeta(pod_template.metadata, pod_template.spec, true, path, out);
}

void WarnOfClaimSpec(const PersistentVolumeClaimSpec& spec, const FieldPath& path, Warnings& out) {
  const FieldPath resources = path.Child("resources");
  WarnOfFraction(spec.resources.requests, "storage", resources.Child("requests"), out);
  WarnOfFraction(spec.resources.limits, "storage", resources.Child("limits"), out);
}

void WarnOfWorkloadName(const std::string& name, Warnings& out) {
  if (!Dns1123LabelErrors(name).empty()) {
    out.push_back(NameWarning("Pod names and hostnames", name));
  }
}

}  // namespace skiff
