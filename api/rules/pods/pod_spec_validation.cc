#include "api/rules/pods/pod_spec_validation.h"

#include <map>
#include <set>
#include <string_view>

#include "api/rules/checks.h"
#include "api/rules/core/object_meta.h"

namespace skiff {
namespace {

using namespace core_v1;

// With the host's network, what a container listens on is what the host listens on.
void ValidateHostPorts(const PodSpecContext& context, const FieldPath& path, Violations& out) {
  if (!context.spec.host_network) return;
  for (size_t i = 0; i < context.spec.containers.size(); ++i) {
    const auto& ports = context.spec.containers[i].ports;
    for (size_t j = 0; j < ports.size(); ++j) {
      if (context.is_template && ports[j].host_port == 0) continue;
      if (ports[j].host_port == ports[j].container_port) continue;
      out.Invalid(path.Child("containers").Index(i).Child("ports").Index(j).Child("hostPort"),
                  ports[j].host_port, "must match `containerPort` when `hostNetwork` is true");
    }
  }
}

void ValidateGates(const PodSpec& spec, const FieldPath& path, Violations& out) {
  for (size_t i = 0; i < spec.readiness_gates.size(); ++i) {
    CheckFormat(LabelKeyErrors, spec.readiness_gates[i].condition_type,
                path.Child("readinessGates").Index(i).Child("conditionType"), out);
  }
  std::set<std::string_view> seen;
  for (size_t i = 0; i < spec.scheduling_gates.size(); ++i) {
    const std::string& name = spec.scheduling_gates[i].name;
    const FieldPath at = path.Child("schedulingGates").Index(i);
    CheckFormat(LabelKeyErrors, name, at, out);
    if (!seen.insert(name).second) out.Duplicate(at, name);
  }
}

void ValidateHostnameOverride(const PodSpec& spec, const FieldPath& path, Violations& out) {
  constexpr size_t kHostnameBytesMax = 64;
  if (!spec.hostname_override) return;
  const FieldPath at = path.Child("hostnameOverride");
  if (spec.set_hostname_as_fqdn.value_or(false)) {
    out.Forbidden(at, "may not be specified when setHostnameAsFQDN is true");
  }
  if (spec.host_network) out.Forbidden(at, "may not be specified when hostNetwork is true");
  if (spec.hostname_override->size() > kHostnameBytesMax) out.TooLong(at, kHostnameBytesMax);
  CheckFormat(Dns1123SubdomainErrors, *spec.hostname_override, at, out);
}

void ValidateHostAliases(const PodSpec& spec, const FieldPath& path, Violations& out) {
  for (size_t i = 0; i < spec.host_aliases.size(); ++i) {
    const FieldPath at = path.Child("hostAliases").Index(i);
    CheckIp(spec.host_aliases[i].ip, at.Child("ip"), out);
    const auto& hostnames = spec.host_aliases[i].hostnames;
    for (size_t j = 0; j < hostnames.size(); ++j) {
      CheckFormat(Dns1123SubdomainErrors, hostnames[j], at.Child("hostnames").Index(j), out);
    }
  }
}

void ValidateNames(const PodSpec& spec, const FieldPath& path, Violations& out) {
  const auto optional = [&](Format format, const std::string& value, const char* field) {
    if (!value.empty()) CheckFormat(format, value, path.Child(field), out);
  };
  optional(Dns1123SubdomainErrors, spec.service_account_name, "serviceAccountName");
  optional(Dns1123SubdomainErrors, spec.node_name, "nodeName");
  if (spec.active_deadline_seconds) {
    CheckRange(*spec.active_deadline_seconds, 1, INT32_MAX, path.Child("activeDeadlineSeconds"),
               out);
  }
  optional(Dns1123LabelErrors, spec.hostname, "hostname");
  optional(Dns1123LabelErrors, spec.subdomain, "subdomain");
  ValidateTolerations(spec.tolerations, path.Child("tolerations"), out);
  ValidateHostAliases(spec, path, out);
  optional(Dns1123SubdomainErrors, spec.priority_class_name, "priorityClassName");
  if (spec.runtime_class_name) {
    CheckFormat(Dns1123SubdomainErrors, *spec.runtime_class_name, path.Child("runtimeClassName"),
                out);
  }
  if (spec.preemption_policy) {
    RequireOneOf(*spec.preemption_policy, {"PreemptLowerPriority", "Never"},
                 path.Child("preemptionPolicy"), out);
  }
}

// Variables taken from files name a volume of the pod, whatever else is wrong with that volume. Of
// several with one name the last counts.
void ValidateFileKeyVolumes(const PodSpec& spec, const FieldPath& path, Violations& out) {
  std::map<std::string_view, const Volume*> volumes;  // There may be as many as variables.
  for (const Volume& volume : spec.volumes) volumes[volume.name] = &volume;
  ForEachContainer(spec, path, [&](const auto& container, const FieldPath& at) {
    for (size_t i = 0; i < container.env.size(); ++i) {
      const auto& source = container.env[i].value_from;
      if (!source || !source->file_key_ref) continue;
      const std::string& name = source->file_key_ref->volume_name;
      const FieldPath field =
          at.Child("env").Index(i).Child("valueFrom").Child("fileKeyRef").Child("volumeName");
      const auto volume = volumes.find(name);
      if (volume == volumes.end()) {
        out.NotFound(field, name);
      } else if (!volume->second->empty_dir) {
        out.Invalid(field, name, "referenced volume must be of type emptyDir");
      }
    }
  });
}

}  // namespace

void ValidatePodSpec(PodSpecContext context, const FieldPath& path, Violations& out) {
  const PodSpec& spec = context.spec;
  if (!spec.termination_grace_period_seconds) {
    out.Required(path.Child("terminationGracePeriodSeconds"));
  }
  NoteResources(context);
  ValidateVolumes(context, path.Child("volumes"), out);
  ValidateResourceClaims(context, path.Child("resourceClaims"), out);
  ValidateContainers(context, path, out);
  ValidatePodResources(context, path.Child("resources"), out);
  ValidateHostPorts(context, path, out);
  RequireOneOf(spec.restart_policy, {"Always", "OnFailure", "Never"}, path.Child("restartPolicy"),
               out);
  RequireOneOf(spec.dns_policy, {"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"},
               path.Child("dnsPolicy"), out);
  ValidateLabels(spec.node_selector, path.Child("nodeSelector"), out);
  ValidatePodSecurityContext(context, path, out);
  ValidateAffinity(context, path.Child("affinity"), out);
  ValidateDns(spec, path.Child("dnsConfig"), out);
  ValidateGates(spec, path, out);
  ValidateTopologySpread(context, path.Child("topologySpreadConstraints"), out);
  ValidateHostProcess(spec, path, out);
  ValidateHostUsers(context, path, out);
  ValidateHostnameOverride(spec, path, out);
  ValidateNames(spec, path, out);
  ValidateOverhead(spec, path.Child("overhead"), out);
  ValidateOperatingSystem(spec, path, out);
  ValidateFileKeyVolumes(spec, path, out);
}

}  // namespace skiff
