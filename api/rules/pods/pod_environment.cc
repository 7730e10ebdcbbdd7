// Ports, environment variables and where their values come from.
#include <set>

#include "api/rules/checks.h"
#include "api/rules/pods/pod_resources.h"
#include "api/rules/pods/pod_spec_validation.h"
#include "base/text.h"

namespace skiff {
namespace {

using namespace core_v1;

void ValidatePorts(const std::vector<ContainerPort>& ports, const FieldPath& path,
                   Violations& out) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < ports.size(); ++i) {
    const ContainerPort& port = ports[i];
    const FieldPath at = path.Index(i);
    if (!port.name.empty()) {
      const Messages errors = PortNameErrors(port.name);
      out.InvalidEach(at.Child("name"), port.name, errors);
      if (errors.empty() && !names.insert(port.name).second) {
        out.Duplicate(at.Child("name"), port.name);
      }
    }
    if (port.container_port == 0) {
      out.Required(at.Child("containerPort"));
    } else {
      CheckPortNumber(port.container_port, at.Child("containerPort"), out);
    }
    if (port.host_port != 0) CheckPortNumber(port.host_port, at.Child("hostPort"), out);
    RequireOneOf(port.protocol, {"SCTP", "TCP", "UDP"}, at.Child("protocol"), out);
  }
}

void ValidateConfigKey(const std::string& name, const std::string& key, const FieldPath& path,
                       Violations& out) {
  CheckFormat(Dns1123SubdomainErrors, name, path.Child("name"), out);
  RequireFormat(ConfigMapKeyErrors, key, path.Child("key"), out);
}

void ValidateFileKey(const FileKeySelector& file, const FieldPath& path, Violations& out) {
  RequireFormat(EnvVarNameErrors, file.key, path.Child("key"), out);
  RequireFormat(Dns1123LabelErrors, file.volume_name, path.Child("volumeName"), out);
  if (file.path.empty()) return out.Required(path.Child("path"));
  CheckNoBacksteps(file.path, path.Child("path"), out);
}

void ValidateValueSource(const EnvVar& variable, const FieldPath& path, Violations& out) {
  if (!variable.value_from) return;
  const EnvVarSource& source = *variable.value_from;
  int count = 0;
  const auto found = [&](const auto& member) { return member && ++count; };
  if (found(source.field_ref)) {
    ValidateFieldRef(*source.field_ref, false, path.Child("fieldRef"), out);
  }
  if (found(source.resource_field_ref)) {
    ValidateResourceFieldRef(*source.resource_field_ref, false, path.Child("resourceFieldRef"),
                             out);
  }
  if (found(source.config_map_key_ref)) {
    ValidateConfigKey(source.config_map_key_ref->name, source.config_map_key_ref->key,
                      path.Child("configMapKeyRef"), out);
  }
  if (found(source.secret_key_ref)) {
    ValidateConfigKey(source.secret_key_ref->name, source.secret_key_ref->key,
                      path.Child("secretKeyRef"), out);
  }
  if (found(source.file_key_ref)) {
    ValidateFileKey(*source.file_key_ref, path.Child("fileKeyRef"), out);
  }
  if (count == 0) {
    out.Invalid(path, "",
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, "
                "`secretKeyRef` or `fileKeyRef`");
  } else if (!variable.value.empty()) {
    out.Invalid(path, "", "may not be specified when `value` is not empty");
  } else if (count > 1) {
    out.Invalid(path, "", "may not have more than one field specified at a time");
  }
}

// A trailing hyphen is fine in the name of a source.
void ValidateSourceName(const std::string& name, const FieldPath& path, Violations& out) {
  if (name.empty()) return out.Required(path);
  out.InvalidEach(path, name, NameIsDnsSubdomain(name, true));
}

void ValidateEnvFrom(const std::vector<EnvFromSource>& sources, const FieldPath& path,
                     Violations& out) {
  for (size_t i = 0; i < sources.size(); ++i) {
    const EnvFromSource& source = sources[i];
    const FieldPath at = path.Index(i);
    if (!source.prefix.empty()) {
      CheckFormat(EnvVarNameErrors, source.prefix, at.Child("prefix"), out);
    }
    if (source.config_map_ref) {
      ValidateSourceName(source.config_map_ref->name, at.Child("configMapRef").Child("name"), out);
    }
    if (source.secret_ref) {
      ValidateSourceName(source.secret_ref->name, at.Child("secretRef").Child("name"), out);
    }
    if (!source.config_map_ref && !source.secret_ref) {
      out.Invalid(path, "", "must specify one of: `configMapRef` or `secretRef`");
    } else if (source.config_map_ref && source.secret_ref) {
      out.Invalid(path, "", "may not have more than one field specified at a time");
    }
  }
}

constexpr Words kEnvFields = {"metadata.name",
                              "metadata.namespace",
                              "metadata.uid",
                              "spec.nodeName",
                              "spec.serviceAccountName",
                              "status.hostIP",
                              "status.hostIPs",
                              "status.podIP",
                              "status.podIPs"};
constexpr Words kVolumeFields = {"metadata.annotations", "metadata.labels", "metadata.name",
                                 "metadata.namespace", "metadata.uid"};
constexpr Words kConvertibleFields = {"metadata.annotations", "metadata.labels",
                                      "spec.restartPolicy",   "spec.schedulerName",
                                      "status.phase",         "spec.host"};

// "metadata.annotations['a/b']" is a path and a key in it.
bool SplitSubscript(const std::string& field_path, std::string& path, std::string& key) {
  const size_t open = field_path.find("['");
  if (!field_path.ends_with("']") || open == std::string::npos || open == 0) return false;
  path = field_path.substr(0, open);
  key = field_path.substr(open + 2, field_path.size() - open - 4);
  return true;
}

constexpr std::string_view kConversion = "error converting fieldPath: ";

void ValidateDivisor(const ResourceFieldSelector& selector, const FieldPath& path,
                     Violations& out) {
  const std::string& divisor = selector.divisor.Text();
  if (selector.divisor.IsZero()) return;
  const std::string resource = selector.resource.substr(selector.resource.find('.') + 1);
  if (resource == "cpu") {
    if (IsOneOf(divisor, {"1m", "1"})) return;
    return out.Invalid(path, selector.resource,
                       "only divisor's values 1m and 1 are supported with the cpu resource");
  }
  if (IsOneOf(divisor, {"1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi",
                        "1Ei"})) {
    return;
  }
  const std::string name = resource == "memory"              ? "memory"
                           : resource == "ephemeral-storage" ? "local ephemeral storage"
                                                             : "hugepages";
  out.Invalid(path, selector.resource,
              "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are "
              "supported with the " +
                  name + " resource");
}

}  // namespace

void ValidateFieldRef(const ObjectFieldSelector& selector, bool is_volume, const FieldPath& path,
                      Violations& out) {
  if (selector.api_version.empty()) return out.Required(path.Child("apiVersion"));
  if (selector.field_path.empty()) return out.Required(path.Child("fieldPath"));
  const FieldPath at = path.Child("fieldPath");
  const auto not_convertible = [&](std::string_view problem, const std::string& what) {
    out.Invalid(at, selector.field_path,
                std::string(kConversion) + std::string(problem) + ": " + what);
  };
  if (selector.api_version != "v1") {
    return not_convertible("unsupported pod version", selector.api_version);
  }
  std::string field = selector.field_path;
  std::string key;
  if (SplitSubscript(selector.field_path, field, key)) {
    if (field == "metadata.annotations") {
      return out.InvalidEach(path, key, LabelKeyErrors(Lower(key)));
    }
    if (field == "metadata.labels") return out.InvalidEach(path, key, LabelKeyErrors(key));
    return not_convertible("field label does not support subscript", selector.field_path);
  }
  if (!IsOneOf(field, kEnvFields) && !IsOneOf(field, kConvertibleFields)) {
    return not_convertible("field label not supported", field);
  }
  if (field == "spec.host") field = "spec.nodeName";
  const Words& allowed = is_volume ? kVolumeFields : kEnvFields;
  if (!IsOneOf(field, allowed)) {
    out.NotSupported(at, field, {allowed.begin(), allowed.end()});
  }
}

void ValidateResourceFieldRef(const ResourceFieldSelector& selector, bool is_volume,
                              const FieldPath& path, Violations& out) {
  static constexpr Words kResources = {
      "limits.cpu",   "limits.ephemeral-storage",   "limits.memory",
      "requests.cpu", "requests.ephemeral-storage", "requests.memory"};
  const bool known = IsOneOf(selector.resource, kResources) ||
                     selector.resource.starts_with("requests.hugepages-") ||
                     selector.resource.starts_with("limits.hugepages-");
  if (is_volume && selector.container_name.empty()) {
    out.Required(path.Child("containerName"));
  } else if (selector.resource.empty()) {
    out.Required(path.Child("resource"));
  } else if (!known) {
    out.NotSupported(path.Child("resource"), selector.resource,
                     {kResources.begin(), kResources.end()});
  }
  if (known) ValidateDivisor(selector, path.Child("divisor"), out);
}

template <typename AnyContainer>
void ValidatePortsAndEnvironment(const AnyContainer& container, const FieldPath& path,
                                 Violations& out) {
  ValidatePorts(container.ports, path.Child("ports"), out);
  for (size_t i = 0; i < container.env.size(); ++i) {
    const FieldPath at = path.Child("env").Index(i);
    RequireFormat(EnvVarNameErrors, container.env[i].name, at.Child("name"), out);
    ValidateValueSource(container.env[i], at.Child("valueFrom"), out);
  }
  ValidateEnvFrom(container.env_from, path.Child("envFrom"), out);
}

template void ValidatePortsAndEnvironment(const Container&, const FieldPath&, Violations&);
template void ValidatePortsAndEnvironment(const EphemeralContainer&, const FieldPath&, Violations&);

}  // namespace skiff
