// What the schema cannot say about a Service. Its addresses and ports are given out by the server.
#include "api/gen/core_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/names.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/rules/service_fields.h"

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

void Update(Service& object, const Service& old) {
  object.status = old.status;
  DropFieldsOfOldType(object, old);
}

}  // namespace

Rules ServiceRules() {
  return Erase<Service>({
      .set_defaults = SetDefaults,
      .prepare_create = ClearStatus<Service>,
      .prepare_update = Update,
      .prepare_status_update = KeepSpec<Service>,
      .validate_name = NameIsDns1035Label,
      .allow_create_on_update = true,
  });
}

}  // namespace skiff
