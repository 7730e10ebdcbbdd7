// What the schema cannot say about a NetworkPolicy.
#include "api/gen/networking_v1.h"
#include "api/rules/checks.h"
#include "api/rules/core/ip.h"
#include "api/rules/core/object_meta.h"
#include "api/rules/defaults.h"
#include "api/rules/kinds.h"
#include "api/rules/prepare.h"
#include "api/rules/rules.h"
#include "api/violations.h"

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

using networking_v1::IPBlock;
using networking_v1::NetworkPolicyPeer;
using networking_v1::NetworkPolicyPort;
using networking_v1::NetworkPolicySpec;

void ValidatePort(const NetworkPolicyPort& port, const FieldPath& path, Violations& out) {
  if (port.protocol) {
    CheckOneOf(*port.protocol, {"TCP", "UDP", "SCTP"}, path.Child("protocol"), out);
  }
  const FieldPath end = path.Child("endPort");
  if (!port.port) {
    if (port.end_port) {
      out.Invalid(end, *port.end_port, "may not be specified when `port` is not specified");
    }
  } else if (port.port->is_string()) {
    if (port.end_port) {
      out.Invalid(end, *port.end_port, "may not be specified when `port` is non-numeric");
    }
    CheckFormat(PortNameErrors, port.port->text(), path.Child("port"), out);
  } else {
    CheckPortNumber(port.port->value(), path.Child("port"), out);
    if (!port.end_port) return;
    if (*port.end_port < port.port->value()) {
      out.Invalid(end, port.port->value(), "must be greater than or equal to `port`");
    }
    CheckPortNumber(*port.end_port, end, out);
  }
}

void ValidateBlock(const IPBlock& block, const FieldPath& path, Violations& out) {
  if (block.cidr.empty()) return out.Required(path.Child("cidr"));
  const Messages errors = LegacyCidrErrors(block.cidr);
  if (!errors.empty()) return out.InvalidEach(path.Child("cidr"), block.cidr, errors);
  const auto cidr = ParseCidr(block.cidr);
  for (size_t i = 0; i < block.except.size(); ++i) {
    const FieldPath at = path.Child("except").Index(i);
    const Messages except_errors = LegacyCidrErrors(block.except[i]);
    out.InvalidEach(at, block.except[i], except_errors);
    if (!except_errors.empty()) continue;
    const auto except = ParseCidr(block.except[i]);
    if (!cidr->Contains(except->address) || except->prefix_length <= cidr->prefix_length) {
      out.Invalid(at, block.except[i], "must be a strict subset of `cidr`");
    }
  }
}

void ValidatePeer(const NetworkPolicyPeer& peer, const FieldPath& path, Violations& out) {
  const auto selector = [&](const Box<meta_v1::LabelSelector>& value, const char* field) {
    if (value) ValidateLabelSelector(*value, {}, path.Child(field), out);
  };
  selector(peer.pod_selector, "podSelector");
  selector(peer.namespace_selector, "namespaceSelector");
  if (peer.ip_block) ValidateBlock(*peer.ip_block, path.Child("ipBlock"), out);
  const bool selects = peer.pod_selector || peer.namespace_selector;
  if (!selects && !peer.ip_block) {
    out.Required(path, "must specify a peer");
  } else if (selects && peer.ip_block) {
    out.Forbidden(path, "may not specify both ipBlock and another peer");
  }
}

template <typename Peers>
void ValidateRule(const std::vector<NetworkPolicyPort>& ports, const Peers& peers,
                  const char* peers_field, const FieldPath& path, Violations& out) {
  for (size_t i = 0; i < ports.size(); ++i) {
    ValidatePort(ports[i], path.Child("ports").Index(i), out);
  }
  for (size_t i = 0; i < peers.size(); ++i) {
    ValidatePeer(peers[i], path.Child(peers_field).Index(i), out);
  }
}

void ValidateSpec(const NetworkPolicySpec& spec, Violations& out) {
  const FieldPath path("spec");
  ValidateLabelSelector(spec.pod_selector, {}, path.Child("podSelector"), out);
  for (size_t i = 0; i < spec.ingress.size(); ++i) {
    ValidateRule(spec.ingress[i].ports, spec.ingress[i].from, "from",
                 path.Child("ingress").Index(i), out);
  }
  for (size_t i = 0; i < spec.egress.size(); ++i) {
    ValidateRule(spec.egress[i].ports, spec.egress[i].to, "to", path.Child("egress").Index(i), out);
  }
  const FieldPath types = path.Child("policyTypes");
  if (spec.policy_types.size() > 2) {
    return out.Invalid(types, spec.policy_types, "may not specify more than two policyTypes");
  }
  for (size_t i = 0; i < spec.policy_types.size(); ++i) {
    CheckOneOf(spec.policy_types[i], {"Ingress", "Egress"}, types.Index(i), out);
  }
}

void Validate(const NetworkPolicy& object, Violations& out) {
  ValidateSpec(object.spec, out);
}

// The spec is looked at twice, and what is wrong with it is a cause twice.
void ValidateUpdate(const NetworkPolicy& object, const NetworkPolicy&, Violations& out) {
  Validate(object, out);
  ValidateSpec(object.spec, out);
}

void Warn(const NetworkPolicy& object, const NetworkPolicy*, std::vector<std::string>& out) {
  const auto append = [&](const std::vector<std::string>& more) {
    out.insert(out.end(), more.begin(), more.end());
  };
  const auto peers = [&](const std::vector<NetworkPolicyPeer>& list, const FieldPath& path) {
    for (size_t i = 0; i < list.size(); ++i) {
      if (!list[i].ip_block) continue;
      const FieldPath at = path.Index(i).Child("ipBlock");
      append(LegacyCidrWarnings(at.Child("cidr"), list[i].ip_block->cidr));
      const auto& except = list[i].ip_block->except;
      for (size_t j = 0; j < except.size(); ++j) {
        append(LegacyCidrWarnings(at.Child("except").Index(j), except[j]));
      }
    }
  };
  const FieldPath path("spec");
  for (size_t i = 0; i < object.spec.ingress.size(); ++i) {
    peers(object.spec.ingress[i].from, path.Child("ingress").Index(i).Child("from"));
  }
  for (size_t i = 0; i < object.spec.egress.size(); ++i) {
    peers(object.spec.egress[i].to, path.Child("egress").Index(i).Child("to"));
  }
}

}  // namespace

constexpr RulesOf<NetworkPolicy> kTypedNetworkPolicyRules = {
    .set_defaults = SetDefaults,
    .prepare_create = PrepareCreate<NetworkPolicy>,
    .prepare_update = PrepareUpdate<NetworkPolicy>,
    .validate = Validate,
    .validate_update = ValidateUpdate,
    .warnings = Warn,
};
constinit const Rules kNetworkPolicyRules = Erase<kTypedNetworkPolicyRules>();

}  // namespace skiff
