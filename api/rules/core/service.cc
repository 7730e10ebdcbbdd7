// What the schema cannot say about a Service. Its addresses and ports are given out by the server.
#include "api/gen/core_v1.h"
#include "api/rules/core/ip.h"
#include "api/rules/core/service_fields.h"
#include "api/rules/core/service_validation.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/names.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using core_v1::Service;

constexpr int32_t kSessionTimeoutSeconds = 10800;

void DefaultSessionAffinity(core_v1::ServiceSpec& spec) {
  Default(spec.session_affinity, "None");
  if (spec.session_affinity == "None") spec.session_affinity_config.reset();
  if (spec.session_affinity == "ClientIP") {
    auto& client_ip = spec.session_affinity_config.Ensure().client_ip.Ensure();
    Default(client_ip.timeout_seconds, kSessionTimeoutSeconds);
  }
}

void SetDefaults(Service& object) {
  auto& spec = object.spec;
  DefaultSessionAffinity(spec);
  Default(spec.type, "ClusterIP");
  for (auto& port : spec.ports) {
    Default(port.protocol, "TCP");
    if (port.target_port == IntOrString() || port.target_port == IntOrString(std::string())) {
      port.target_port = port.port;
    }
  }
  if (IsExternallyReachable(spec)) Default(spec.external_traffic_policy, "Cluster");
  if (spec.type == "ClusterIP" || spec.type == "NodePort" || spec.type == "LoadBalancer") {
    Default(spec.internal_traffic_policy, "Cluster");
  }
  if (spec.type != "LoadBalancer") return;
  Default(spec.allocate_load_balancer_node_ports, true);
  for (auto& ingress : object.status.load_balancer.ingress) {
    if (!ingress.ip.empty()) Default(ingress.ip_mode, "VIP");
  }
}

// Nothing is led anywhere by a name.
void DropPolicyOfName(Service& object) {
  if (object.spec.type == "ExternalName") object.spec.internal_traffic_policy.reset();
}

void Create(Service& object) {
  object.status = {};
  AlignClusterIps(object, nullptr);
  DropPolicyOfName(object);
}

void Update(Service& object, const Service& old) {
  object.status = old.status;
  KeepAllocatedFields(object, old);
  AlignClusterIps(object, &old);
  DropFieldsOfOldType(object, old);
  DropPolicyOfName(object);
}

void Warn(const Service& object, const Service*, std::vector<std::string>& out) {
  const auto& spec = object.spec;
  if (object.metadata.annotations.contains("service.kubernetes.io/topology-aware-hints")) {
    out.emplace_back(
        "annotation service.kubernetes.io/topology-aware-hints is deprecated, please use "
        "service.kubernetes.io/topology-mode instead");
  }
  const auto append = [&](const std::vector<std::string>& more) {
    out.insert(out.end(), more.begin(), more.end());
  };
  const FieldPath path("spec");
  for (size_t i = 0; spec.cluster_ip != "None" && i < spec.cluster_ips.size(); ++i) {
    append(LegacyIpWarnings(path.Child("clusterIPs").Index(i), spec.cluster_ips[i]));
  }
  if (spec.cluster_ip == "None") {
    if (!spec.load_balancer_ip.empty()) {
      out.emplace_back("spec.loadBalancerIP is ignored for headless services");
    }
    if (!spec.external_ips.empty()) {
      out.emplace_back("spec.externalIPs is ignored for headless services");
    }
    if (spec.session_affinity != "None") {
      out.emplace_back("spec.SessionAffinity is ignored for headless services");
    }
  }
  for (size_t i = 0; i < spec.external_ips.size(); ++i) {
    append(LegacyIpWarnings(path.Child("externalIPs").Index(i), spec.external_ips[i]));
  }
  if (!spec.load_balancer_ip.empty()) {
    append(LegacyIpWarnings(path.Child("loadBalancerIP"), spec.load_balancer_ip));
  }
  for (size_t i = 0; i < spec.load_balancer_source_ranges.size(); ++i) {
    append(LegacyCidrWarnings(path.Child("loadBalancerSourceRanges").Index(i),
                              spec.load_balancer_source_ranges[i]));
  }
  if (spec.type == "ExternalName" && !spec.external_ips.empty()) {
    out.emplace_back("spec.externalIPs is ignored when spec.type is \"ExternalName\"");
  }
  if (spec.type != "ExternalName" && !spec.external_name.empty()) {
    out.emplace_back("spec.externalName is ignored when spec.type is not \"ExternalName\"");
  }
  if (spec.traffic_distribution == "PreferClose") {
    out.emplace_back(
        "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"");
  }
}

}  // namespace

constexpr RulesOf<Service> kTypedServiceRules = {
    .set_defaults = SetDefaults,
    .prepare_create = Create,
    .prepare_update = Update,
    .prepare_status_update = KeepSpec<Service>,
    .validate = ValidateService,
    .validate_update = ValidateServiceUpdate,
    .validate_status_update = ValidateServiceStatus,
    .warnings = Warn,
    .status_warnings = WarnOfLoadBalancer<Service>,
    .validate_name = NameIsDns1035Label,
    .allow_create_on_update = true,
};
constinit const Rules kServiceRules = Erase<kTypedServiceRules>();

}  // namespace skiff
