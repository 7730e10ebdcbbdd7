// What the schema cannot say about an Ingress.
#include "api/gen/networking_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/ip.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/violations.h"

namespace skiff {
namespace {

using networking_v1::Ingress;

using networking_v1::HTTPIngressPath;
using networking_v1::IngressBackend;
using networking_v1::IngressSpec;

constexpr const char* kClassAnnotation = "kubernetes.io/ingress.class";

void ValidateServiceBackend(const networking_v1::IngressServiceBackend& service,
                            const FieldPath& path, Violations& out) {
  const FieldPath at = path.Child("service");
  RequireFormat(Dns1035LabelErrors, service.name, at.Child("name"), out);
  const bool has_name = !service.port.name.empty();
  const bool has_number = service.port.number != 0;
  if (has_name && has_number) {
    out.Invalid(path, "", "cannot set both port name & port number");
  } else if (has_name) {
    CheckFormat(PortNameErrors, service.port.name, at.Child("port").Child("name"), out);
  } else if (has_number) {
    CheckPortNumber(service.port.number, at.Child("port").Child("number"), out);
  } else {
    out.Required(path, "port name or number is required");
  }
}

void ValidateBackend(const IngressBackend& backend, const FieldPath& path, Violations& out) {
  if (backend.resource && backend.service) {
    return out.Invalid(path, "", "cannot set both resource and service backends");
  }
  if (backend.resource) {
    const FieldPath at = path.Child("resource");
    if (backend.resource->api_group) {
      CheckFormat(Dns1123SubdomainErrors, *backend.resource->api_group, at.Child("apiGroup"), out);
    }
    RequireFormat(PathSegmentErrors, backend.resource->kind, at.Child("kind"), out);
    RequireFormat(PathSegmentErrors, backend.resource->name, at.Child("name"), out);
  } else if (backend.service) {
    ValidateServiceBackend(*backend.service, path, out);
  } else {
    out.Invalid(path, "", "resource or service backend is required");
  }
}

void ValidatePath(const HTTPIngressPath& path, const FieldPath& at, Violations& out) {
  if (!path.path_type) return out.Required(at.Child("pathType"), "pathType must be specified");
  const FieldPath field = at.Child("path");
  const bool absolute = path.path.starts_with('/');
  if (*path.path_type == "Exact" || *path.path_type == "Prefix") {
    if (!absolute) out.Invalid(field, path.path, "must be an absolute path");
    for (const std::string sequence : {"//", "/./", "/../", "%2f", "%2F"}) {
      if (path.path.find(sequence) != std::string::npos) {
        out.Invalid(field, path.path, "must not contain '" + sequence + "'");
      }
    }
    for (const std::string suffix : {"/..", "/."}) {
      if (path.path.ends_with(suffix)) {
        out.Invalid(field, path.path, "cannot end with '" + suffix + "'");
      }
    }
  } else if (*path.path_type == "ImplementationSpecific") {
    if (!path.path.empty() && !absolute) {
      out.Invalid(field, path.path, "must be an absolute path");
    }
  } else {
    out.NotSupported(at.Child("pathType"), *path.path_type,
                     {"Exact", "ImplementationSpecific", "Prefix"});
  }
  ValidateBackend(path.backend, at.Child("backend"), out);
}

void CheckHost(const std::string& host, const FieldPath& path, Violations& out) {
  const bool wildcard = host.find('*') != std::string::npos;
  CheckFormat(wildcard ? WildcardDns1123SubdomainErrors : Dns1123SubdomainErrors, host, path, out);
}

void ValidateRules(const IngressSpec& spec, const FieldPath& path, Violations& out) {
  for (size_t i = 0; i < spec.rules.size(); ++i) {
    const auto& rule = spec.rules[i];
    const FieldPath at = path.Index(i);
    if (!rule.host.empty()) {
      if (ParseIp(rule.host)) {
        out.Invalid(at.Child("host"), rule.host, "must be a DNS name, not an IP address");
      }
      CheckHost(rule.host, at.Child("host"), out);
    }
    if (!rule.http) continue;
    const FieldPath paths = at.Child("http").Child("paths");
    if (rule.http->paths.empty()) out.Required(paths);
    for (size_t j = 0; j < rule.http->paths.size(); ++j) {
      ValidatePath(rule.http->paths[j], paths.Index(j), out);
    }
  }
}

void ValidateSpec(const IngressSpec& spec, Violations& out) {
  const FieldPath path("spec");
  if (spec.rules.empty() && !spec.default_backend) {
    out.Invalid(path, nullptr, "either `defaultBackend` or `rules` must be specified");
  }
  if (spec.default_backend) {
    ValidateBackend(*spec.default_backend, path.Child("defaultBackend"), out);
  }
  ValidateRules(spec, path.Child("rules"), out);
  for (size_t i = 0; i < spec.tls.size(); ++i) {
    const FieldPath at = path.Child("tls").Index(i);
    for (size_t j = 0; j < spec.tls[i].hosts.size(); ++j) {
      CheckHost(spec.tls[i].hosts[j], at.Child("hosts").Index(j), out);
    }
    if (!spec.tls[i].secret_name.empty()) {
      CheckFormat(Dns1123SubdomainErrors, spec.tls[i].secret_name, at.Child("secretName"), out);
    }
  }
  if (spec.ingress_class_name) {
    CheckFormat(Dns1123SubdomainErrors, *spec.ingress_class_name, path.Child("ingressClassName"),
                out);
  }
}

void Validate(const Ingress& object, Violations& out) {
  ValidateSpec(object.spec, out);
  const auto annotation = object.metadata.annotations.find(kClassAnnotation);
  const auto& name = object.spec.ingress_class_name;
  if (annotation != object.metadata.annotations.end() && name && *name != annotation->second) {
    out.Invalid(FieldPath("annotations").Child(kClassAnnotation), annotation->second,
                "must match `ingressClassName` when both are specified");
  }
}

void ValidateUpdate(const Ingress& object, const Ingress&, Violations& out) {
  ValidateSpec(object.spec, out);
}

void ValidateStatusUpdate(const Ingress& object, const Ingress&, Violations& out) {
  const auto& ingress = object.status.load_balancer.ingress;
  for (size_t i = 0; i < ingress.size(); ++i) {
    const FieldPath at = FieldPath("status").Child("loadBalancer").Child("ingress").Index(i);
    if (!ingress[i].ip.empty()) CheckIp(ingress[i].ip, at.Child("ip"), out);
    if (ingress[i].hostname.empty()) continue;
    CheckFormat(Dns1123SubdomainErrors, ingress[i].hostname, at.Child("hostname"), out);
    if (ParseIp(ingress[i].hostname)) {
      out.Invalid(at.Child("hostname"), ingress[i].hostname,
                  "must be a DNS name, not an IP address");
    }
  }
}

void Warn(const Ingress& object, const Ingress* old, std::vector<std::string>& out) {
  if (old != nullptr || object.spec.ingress_class_name) return;
  if (!object.metadata.annotations.contains(kClassAnnotation)) return;
  out.emplace_back(
      "annotation \"kubernetes.io/ingress.class\" is deprecated, please use "
      "'spec.ingressClassName' instead");
}

}  // namespace

constexpr RulesOf<Ingress> kTypedIngressRules = {
    .prepare_create = PrepareCreate<Ingress>,
    .prepare_update = PrepareUpdate<Ingress>,
    .prepare_status_update = KeepSpec<Ingress>,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .validate_status_update = ValidateStatusUpdate,
    .warnings = Warn,
    .status_warnings = WarnOfLoadBalancer<Ingress>,
};
constinit const Rules kIngressRules = Erase<kTypedIngressRules>();

}  // namespace skiff
