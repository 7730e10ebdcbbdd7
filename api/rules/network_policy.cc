// What the schema cannot say about a NetworkPolicy.
#include "api/gen/networking_v1.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"

namespace skiff {
namespace {

using networking_v1::NetworkPolicy;

void SetDefaults(NetworkPolicy& object) {
  auto& spec = object.spec;
  for (auto& rule : spec.ingress) {
    for (auto& port : rule.ports) Default(port.protocol, "TCP");
  }
  for (auto& rule : spec.egress) {
    for (auto& port : rule.ports) Default(port.protocol, "TCP");
  }
  if (spec.policy_types.empty()) {
    spec.policy_types = {"Ingress"};
    if (!spec.egress.empty()) spec.policy_types.emplace_back("Egress");
  }
}

}  // namespace

Rules NetworkPolicyRules() {
  return Erase<NetworkPolicy>({
      .set_defaults = SetDefaults,
      .prepare_create = PrepareCreate<NetworkPolicy>,
      .prepare_update = PrepareUpdate<NetworkPolicy>,
  });
}

}  // namespace skiff
