#include "api/rules/core/service_validation.h"

#include <algorithm>
#include <set>

#include "api/gen/core_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/ip.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/core/service_fields.h"
#include "api/rules/go_struct.h"
#include "base/text.h"

namespace skiff {
namespace {

using core_v1::Service;
using core_v1::ServicePort;
using core_v1::ServiceSpec;

constexpr int32_t kSessionSecondsMax = 86400;
constexpr const char* kNone = "None";
constexpr const char* kSourceRanges = "service.beta.kubernetes.io/load-balancer-source-ranges";
constexpr const char* kOnlyLoadBalancer = "may only be used when `type` is 'LoadBalancer'";

bool IsHeadless(const ServiceSpec& spec) {
  return spec.cluster_ips.size() == 1 && spec.cluster_ips.front() == kNone;
}

void ValidateTopologyAnnotations(const Service& object, Violations& out) {
  constexpr const char* kMode = "service.kubernetes.io/topology-mode";
  constexpr const char* kHints = "service.kubernetes.io/topology-aware-hints";
  const auto& annotations = object.metadata.annotations;
  const auto mode = annotations.find(kMode);
  const auto hints = annotations.find(kHints);
  if (mode == annotations.end() || hints == annotations.end() || mode->second == hints->second) {
    return;
  }
  out.Invalid(FieldPath("metadata").Child("annotations").Key(kMode), mode->second,
              std::string("must match annotations[") + kHints + "] when both are specified");
}

// What some types need and others must not have.
void ValidateTypeFields(const ServiceSpec& spec, const FieldPath& path, Violations& out) {
  if (spec.ports.empty() && !IsHeadless(spec) && spec.type != "ExternalName") {
    out.Required(path.Child("ports"));
  }
  if ((spec.type == "LoadBalancer" || spec.type == "NodePort") && IsHeadless(spec)) {
    out.Invalid(path.Child("clusterIPs").Index(0), kNone,
                "may not be set to 'None' for " + spec.type + " services");
  }
  if (spec.type != "ExternalName") return;
  constexpr const char* kNotExternal = "may not be set for ExternalName services";
  if (!spec.cluster_ips.empty()) out.Forbidden(path.Child("clusterIPs"), kNotExternal);
  if (!spec.ip_families.empty()) out.Forbidden(path.Child("ipFamilies"), kNotExternal);
  if (spec.ip_family_policy) out.Forbidden(path.Child("ipFamilyPolicy"), kNotExternal);
  std::string name = spec.external_name;
  if (name.ends_with('.')) name.pop_back();
  RequireFormat(Dns1123SubdomainErrors, name, path.Child("externalName"), out);
}

void ValidatePort(const ServicePort& port, bool name_required, std::set<std::string>& names,
                  const FieldPath& path, Violations& out) {
  if (port.name.empty()) {
    if (name_required) out.Required(path.Child("name"));
  } else {
    CheckFormat(Dns1123LabelErrors, port.name, path.Child("name"), out);
    if (!names.insert(port.name).second) out.Duplicate(path.Child("name"), port.name);
  }
  CheckPortNumber(port.port, path.Child("port"), out);
  RequireOneOf(port.protocol, {"SCTP", "TCP", "UDP"}, path.Child("protocol"), out);
  const FieldPath target = path.Child("targetPort");
  if (port.target_port.is_string()) {
    CheckFormat(PortNameErrors, port.target_port.text(), target, out);
  } else {
    CheckPortNumber(port.target_port.value(), target, out);
  }
  if (port.app_protocol) {
    CheckFormat(LabelKeyErrors, *port.app_protocol, path.Child("appProtocol"), out);
  }
}

void ValidateAffinityTimeout(const ServiceSpec& spec, const FieldPath& path, Violations& out) {
  constexpr const char* kForClientIp = "when session affinity type is ClientIP";
  const auto& config = spec.session_affinity_config;
  if (!config) return out.Required(path, kForClientIp);
  if (!config->client_ip) return out.Required(path.Child("clientIP"), kForClientIp);
  const FieldPath at = path.Child("clientIP").Child("timeoutSeconds");
  const auto& timeout = config->client_ip->timeout_seconds;
  if (!timeout) return out.Required(at, kForClientIp);
  if (*timeout <= 0 || *timeout > kSessionSecondsMax) {
    out.Invalid(at, *timeout, "must be greater than 0 and less than 86400");
  }
}

void ValidateAffinity(const ServiceSpec& spec, const FieldPath& path, Violations& out) {
  RequireOneOf(spec.session_affinity, {"ClientIP", kNone}, path.Child("sessionAffinity"), out);
  const FieldPath at = path.Child("sessionAffinityConfig");
  if (spec.session_affinity == "ClientIP") {
    ValidateAffinityTimeout(spec, at, out);
  } else if (spec.session_affinity == kNone && spec.session_affinity_config) {
    out.Forbidden(at, "must not be set when session affinity is None");
  }
}

void ValidateExternalIps(const ServiceSpec& spec, const FieldPath& path, Violations& out) {
  for (size_t i = 0; i < spec.external_ips.size(); ++i) {
    const FieldPath at = path.Child("externalIPs").Index(i);
    const Messages errors = LegacyIpErrors(spec.external_ips[i]);
    if (errors.empty()) {
      ValidateEndpointIp(spec.external_ips[i], at, out);
    } else {
      out.InvalidEach(at, spec.external_ips[i], errors);
    }
  }
}

// A port of one protocol is used once, and so is a node port.
void ValidatePortUse(const ServiceSpec& spec, const FieldPath& path, Violations& out) {
  if (spec.type == "ClusterIP") {
    for (size_t i = 0; i < spec.ports.size(); ++i) {
      if (spec.ports[i].node_port == 0) continue;
      out.Forbidden(path.Child("ports").Index(i).Child("nodePort"),
                    "may not be used when `type` is 'ClusterIP'");
    }
  }
  std::set<std::pair<std::string_view, int32_t>> node_ports;
  for (size_t i = 0; i < spec.ports.size(); ++i) {
    const ServicePort& port = spec.ports[i];
    if (port.node_port == 0) continue;
    if (!node_ports.emplace(port.protocol, port.node_port).second) {
      out.Duplicate(path.Child("ports").Index(i).Child("nodePort"), port.node_port);
    }
  }
  std::set<std::pair<std::string_view, int32_t>> ports;
  for (size_t i = 0; i < spec.ports.size(); ++i) {
    const ServicePort& port = spec.ports[i];
    if (ports.emplace(port.protocol, port.port).second) continue;
    ServicePort key;
    key.protocol = port.protocol;
    key.port = port.port;
    out.Duplicate(path.Child("ports").Index(i), GoStruct(key));
  }
}

void ValidateSourceRanges(const Service& object, const FieldPath& path, Violations& out) {
  const ServiceSpec& spec = object.spec;
  if (!spec.load_balancer_source_ranges.empty()) {
    const FieldPath at = path.Child("LoadBalancerSourceRanges");
    if (spec.type != "LoadBalancer") out.Forbidden(at, kOnlyLoadBalancer);
    for (size_t i = 0; i < spec.load_balancer_source_ranges.size(); ++i) {
      const std::string range(WithoutBlanks(spec.load_balancer_source_ranges[i]));
      out.InvalidEach(at.Index(i), range, LegacyCidrErrors(range));
    }
    return;
  }
  const auto annotation = object.metadata.annotations.find(kSourceRanges);
  if (annotation == object.metadata.annotations.end()) return;
  const FieldPath at = FieldPath("metadata").Child("annotations").Key(kSourceRanges);
  if (spec.type != "LoadBalancer") out.Forbidden(at, kOnlyLoadBalancer);
  const std::string text(WithoutBlanks(annotation->second));
  for (size_t begin = 0; !text.empty() && begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string range(WithoutBlanks(std::string_view(text).substr(begin, end - begin)));
    out.InvalidEach(at, range, LegacyCidrErrors(range));
    begin = end + 1;
  }
}

void ValidateLoadBalancerClass(const ServiceSpec& spec, const FieldPath& path, Violations& out) {
  if (!spec.load_balancer_class) return;
  const FieldPath at = path.Child("loadBalancerClass");
  if (spec.type != "LoadBalancer") return out.Forbidden(at, kOnlyLoadBalancer);
  CheckFormat(LabelKeyErrors, *spec.load_balancer_class, at, out);
}

void ValidateLoadBalancer(const Service& object, const FieldPath& path, Violations& out) {
  const ServiceSpec& spec = object.spec;
  ValidateSourceRanges(object, path, out);
  const bool load_balancer = spec.type == "LoadBalancer";
  if (spec.allocate_load_balancer_node_ports && !load_balancer) {
    out.Forbidden(path.Child("allocateLoadBalancerNodePorts"), kOnlyLoadBalancer);
  }
  if (!spec.allocate_load_balancer_node_ports && load_balancer) {
    out.Required(FieldPath("allocateLoadBalancerNodePorts"));
  }
  ValidateLoadBalancerClass(spec, path, out);
}

void ValidateTraffic(const ServiceSpec& spec, const FieldPath& path, Violations& out) {
  const FieldPath external = path.Child("externalTrafficPolicy");
  if (!IsExternallyReachable(spec)) {
    if (!spec.external_traffic_policy.empty()) {
      out.Invalid(external, spec.external_traffic_policy,
                  "may only be set for externally-accessible services");
    }
  } else {
    RequireOneOf(spec.external_traffic_policy, {"Cluster", "Local"}, external, out);
  }
  const FieldPath health = path.Child("healthCheckNodePort");
  if (!NeedsHealthCheckNodePort(spec)) {
    if (spec.health_check_node_port != 0) {
      out.Invalid(health, spec.health_check_node_port,
                  "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is "
                  "'Local'");
    }
  } else if (spec.health_check_node_port == 0) {
    out.Required(health);
  } else {
    CheckPortNumber(spec.health_check_node_port, health, out);
  }
  const FieldPath internal = path.Child("internalTrafficPolicy");
  if (!spec.internal_traffic_policy && NeedsClusterIp(spec)) out.Required(internal);
  if (spec.internal_traffic_policy) {
    CheckOneOf(*spec.internal_traffic_policy, {"Cluster", "Local"}, internal, out);
  }
  if (spec.traffic_distribution) {
    CheckOneOf(*spec.traffic_distribution, {"PreferClose", "PreferSameZone", "PreferSameNode"},
               path.Child("trafficDistribution"), out);
  }
}

Json ListJson(const std::vector<std::string>& list) {
  return list.empty() ? Json(nullptr) : Json(list);
}

// Whether all but a leading and lonely "None" are addresses.
bool ValidateEachAddress(const std::vector<std::string>& ips, const FieldPath& path,
                         Violations& out) {
  bool valid = true;
  for (size_t i = 0; i < ips.size(); ++i) {
    if (i == 0 && ips[i] == kNone) {
      if (ips.size() == 1) continue;
      out.Invalid(path, ips, "'None' must be the first and only value");
      valid = false;
      continue;
    }
    const Messages errors = LegacyIpErrors(ips[i]);
    valid = valid && errors.empty();
    out.InvalidEach(path.Index(i), ips[i], errors);
  }
  return valid;
}

// One address of each family, in the order of the families.
void ValidateAddressList(const ServiceSpec& spec, const FieldPath& path, Violations& out) {
  const auto& ips = spec.cluster_ips;
  const bool valid = ValidateEachAddress(ips, path, out);
  if (ips.size() > 2) out.Invalid(path, ips, "may only hold up to 2 values");
  if (!valid || ips.size() > 2) return;
  std::set<bool> families;
  for (const std::string& ip : ips) {
    if (const auto address = ParseIp(ip)) families.insert(address->v6);
  }
  if (ips.size() == 2 && families.size() != 2) {
    out.Invalid(path, ips, "may specify no more than one IP for each IP family");
  }
  if (ips.front() == kNone || !out.empty()) return;
  for (size_t i = 0; i < std::min(ips.size(), spec.ip_families.size()); ++i) {
    const std::string& family = spec.ip_families[i];
    if ((family == "IPv6") == ParseIp(ips[i])->v6) continue;
    out.Invalid(
        path.Index(i), ips[i],
        "expected an " + family + " value as indicated by `ipFamilies[" + std::to_string(i) + "]`");
  }
}

// Addresses once given stay, except that a second one comes and goes with the policy.
void ValidateAddressChange(const ServiceSpec& spec, const ServiceSpec& old, Violations& out) {
  if (spec.type == "ExternalName" || old.type == "ExternalName") return;
  if (IsHeadless(spec) && IsHeadless(old)) return;
  const FieldPath path = FieldPath("spec").Child("clusterIPs");
  const auto& now = spec.cluster_ips;
  const auto& before = old.cluster_ips;
  const auto changed = [&](size_t i) {
    if (now[i] != before[i]) out.Invalid(path.Index(i), ListJson(now), "may not change once set");
  };
  if (now.size() == before.size()) {
    for (size_t i = 0; i < now.size(); ++i) changed(i);
  } else if (now.size() < before.size()) {
    if (now.empty()) {
      out.Invalid(path.Index(0), ListJson(now), "primary clusterIP can not be unset");
      return;
    }
    changed(0);
    if (spec.ip_family_policy != "SingleStack") {
      out.Invalid(FieldPath("spec").Child("ipFamilyPolicy"),
                  spec.ip_family_policy ? Json(*spec.ip_family_policy) : Json(nullptr),
                  "must be set to 'SingleStack' when releasing the secondary clusterIP");
    }
  } else if (!before.empty()) {
    changed(0);
  }
}

void ValidateFamilyChange(const ServiceSpec& spec, const ServiceSpec& old, Violations& out) {
  if (spec.type == "ExternalName" || old.type == "ExternalName") return;
  if (IsHeadless(spec) || IsHeadless(old)) return;
  const FieldPath path = FieldPath("spec").Child("ipFamilies");
  const auto& now = spec.ip_families;
  const auto& before = old.ip_families;
  if (before.empty()) return;
  if (now.empty()) {
    return out.Invalid(path.Index(0), ListJson(now), "primary ipFamily can not be unset");
  }
  if (now[0] != before[0]) {
    out.Invalid(path.Index(0), ListJson(now), "may not change once set");
  }
  if (now.size() < before.size() && spec.ip_family_policy != "SingleStack") {
    out.Invalid(FieldPath("spec").Child("ipFamilyPolicy"),
                spec.ip_family_policy ? Json(*spec.ip_family_policy) : Json(nullptr),
                "must be set to 'SingleStack' when releasing the secondary ipFamily");
  }
}

}  // namespace

void ValidateServiceClusterIps(const Service& object, Violations& out) {
  const ServiceSpec& spec = object.spec;
  if (spec.type == "ExternalName") return;
  const FieldPath path = FieldPath("spec").Child("clusterIPs");
  const auto& ips = spec.cluster_ips;
  if (!spec.cluster_ip.empty() && ips.empty()) {
    out.Required(path);
  } else if (!ips.empty() && spec.cluster_ip.empty()) {
    out.Invalid(path, ips, "must be empty when `clusterIP` is not specified");
  } else if (!ips.empty() && ips.front() != spec.cluster_ip) {
    out.Invalid(path, ips, "first value must match `clusterIP`");
  }
  std::set<std::string_view> families;
  for (size_t i = 0; i < spec.ip_families.size(); ++i) {
    const FieldPath at = FieldPath("spec").Child("ipFamilies").Index(i);
    CheckOneOf(spec.ip_families[i], {"IPv4", "IPv6"}, at, out);
    if (!families.insert(spec.ip_families[i]).second) out.Duplicate(at, spec.ip_families[i]);
  }
  if (spec.ip_family_policy) {
    CheckOneOf(*spec.ip_family_policy, {"PreferDualStack", "RequireDualStack", "SingleStack"},
               FieldPath("spec").Child("ipFamilyPolicy"), out);
  }
  if (!ips.empty()) ValidateAddressList(spec, path, out);
}

void ValidateService(const Service& object, Violations& out) {
  const ServiceSpec& spec = object.spec;
  const FieldPath path("spec");
  ValidateTopologyAnnotations(object, out);
  ValidateTypeFields(spec, path, out);
  std::set<std::string> names;
  for (size_t i = 0; i < spec.ports.size(); ++i) {
    ValidatePort(spec.ports[i], spec.ports.size() > 1, names, path.Child("ports").Index(i), out);
  }
  ValidateLabels(spec.selector, path.Child("selector"), out);
  ValidateAffinity(spec, path, out);
  ValidateServiceClusterIps(object, out);
  ValidateExternalIps(spec, path, out);
  RequireOneOf(spec.type, {"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"},
               path.Child("type"), out);
  ValidatePortUse(spec, path, out);
  ValidateLoadBalancer(object, path, out);
  ValidateTraffic(spec, path, out);
}

void ValidateServiceUpdate(const Service& object, const Service& old, Violations& out) {
  const FieldPath path("spec");
  ValidateAddressChange(object.spec, old.spec, out);
  ValidateFamilyChange(object.spec, old.spec, out);
  if (object.spec.type == "LoadBalancer" && old.spec.type == "LoadBalancer" &&
      object.spec.load_balancer_class != old.spec.load_balancer_class) {
    const auto& name = object.spec.load_balancer_class;
    out.Invalid(path.Child("loadBalancerClass"), name ? Json(*name) : Json(nullptr),
                "may not change once set");
  }
  ValidateLoadBalancerClass(object.spec, path, out);  // And with all the rest once more.
  if (NeedsHealthCheckNodePort(object.spec) && NeedsHealthCheckNodePort(old.spec) &&
      object.spec.health_check_node_port != old.spec.health_check_node_port) {
    out.Forbidden(path.Child("healthCheckNodePort"), "field is immutable");
  }
  ValidateService(object, out);
}

void ValidateServiceStatus(const Service& object, const Service&, Violations& out) {
  const FieldPath path = FieldPath("status").Child("loadBalancer").Child("ingress");
  const auto& ingress = object.status.load_balancer.ingress;
  if (!ingress.empty() && object.spec.type != "LoadBalancer") {
    return out.Forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'");
  }
  for (size_t i = 0; i < ingress.size(); ++i) {
    const FieldPath at = path.Index(i);
    if (!ingress[i].ip.empty()) CheckIp(ingress[i].ip, at.Child("ip"), out);
    const FieldPath mode = at.Child("ipMode");
    if (!ingress[i].ip_mode) {
      if (!ingress[i].ip.empty()) out.Required(mode, "must be specified when `ip` is set");
    } else if (ingress[i].ip.empty()) {
      out.Forbidden(mode, "may not be specified when `ip` is not set");
    } else {
      CheckOneOf(*ingress[i].ip_mode, {"Proxy", "VIP"}, mode, out);
    }
    const std::string& hostname = ingress[i].hostname;
    if (hostname.empty()) continue;
    CheckFormat(Dns1123SubdomainErrors, hostname, at.Child("hostname"), out);
    if (ParseIp(hostname)) {
      out.Invalid(at.Child("hostname"), hostname, "must be a DNS name, not an IP address");
    }
  }
}

}  // namespace skiff
