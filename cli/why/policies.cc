// Network policies: who may come in to a pod, and where it may go. A pod that one of them selects
// is reached only by whom some policy of the same direction lets in.
#include <fmt/format.h>

#include <algorithm>

#include "cli/rollout.h"
#include "cli/why/explain.h"

namespace skiff::cli::why {
namespace {

enum class Direction : uint8_t { kIngress, kEgress };

// Where a policy names no directions it is about who comes in, and about where pods go if it says
// something of that.
bool IsAbout(const Json& policy, Direction direction) {
  const auto types = TextsAt(At(policy, "spec"), "policyTypes");
  const bool egress = direction == Direction::kEgress;
  if (types.empty()) return !egress || At(policy, "spec").contains("egress");
  return std::find(types.begin(), types.end(), egress ? "Egress" : "Ingress") != types.end();
}

const Json& RulesOf(const Json& policy, Direction direction) {
  return At(policy, "spec", direction == Direction::kEgress ? "egress" : "ingress");
}

std::vector<const Json*> PoliciesOf(const Facts& facts, const Json& pod, Direction direction) {
  std::vector<const Json*> found;
  for (const Json& policy : facts.Of("networkpolicies")) {
    if (NamespaceOf(policy) != NamespaceOf(pod) || !IsAbout(policy, direction)) continue;
    const Json& selector = At(policy, "spec", "podSelector");
    const bool all = SelectorText(selector).empty();
    if (all || Selects(selector, At(pod, "metadata", "labels"))) found.push_back(&policy);
  }
  return found;
}

// What bars the way on a real node bars nothing there.
void SayIsSimulated(Finding& finding) {
  finding.weight = Weight::kNote;
  finding.sentence +=
      ". That is what would hold: simulated nodes have no network, and enforce no policy";
}

// Whom a rule means, as people say it: "pods with role=front", "everybody".
std::string PeersText(const Json& rule, const char* field) {
  std::vector<std::string> peers;
  for (const Json& peer : At(rule, field)) {
    const std::string block = TextAt(peer, "ipBlock", "cidr");
    const std::string pods = SelectorText(At(peer, "podSelector"));
    const std::string namespaces = SelectorText(At(peer, "namespaceSelector"));
    std::string text = block;
    if (block.empty()) {
      text = pods.empty() ? "all pods" : "pods with " + pods;
      if (At(peer, "namespaceSelector").is_object()) {
        text += namespaces.empty() ? " of all namespaces" : " of namespaces with " + namespaces;
      }
    }
    peers.push_back(std::move(text));
  }
  return peers.empty() ? "everybody" : Some(peers);
}

// "8080", "http/UDP", "8000-8010"; "" for all ports.
std::string PortsOfRule(const Json& rule) {
  std::vector<std::string> ports;
  for (const Json& port : At(rule, "ports")) {
    std::string text = At(port, "port").is_null() ? "all" : PlainText(At(port, "port"));
    if (const int64_t end = IntAt(port, "endPort"); end > 0) text += fmt::format("-{}", end);
    const std::string protocol = TextAt(port, "protocol");
    if (!protocol.empty() && protocol != "TCP") text += "/" + protocol;
    ports.push_back(std::move(text));
  }
  return Some(ports);
}

// "closed lets nobody in", "open lets in pods with role=front on ports 8080"
std::string PolicyText(const Json& policy, Direction direction) {
  const bool egress = direction == Direction::kEgress;
  const Json& rules = RulesOf(policy, direction);
  if (rules.empty()) return egress ? "lets them reach nobody" : "lets nobody in";
  std::vector<std::string> parts;
  for (const Json& rule : rules) {
    const std::string ports = PortsOfRule(rule);
    parts.push_back(PeersText(rule, egress ? "to" : "from") +
                    (ports.empty() ? "" : " on port " + ports));
  }
  return (egress ? "lets them reach " : "lets in ") + Join(parts, "; ");
}

void AddPolicies(const std::vector<const Json*>& policies, Direction direction, Finding& finding) {
  constexpr size_t kShownMax = 5;
  for (size_t i = 0; i < std::min(policies.size(), kShownMax); ++i) {
    finding.Saw(PolicyText(*policies[i], direction), "networkpolicy/" + NameOf(*policies[i]));
  }
  if (policies.size() > kShownMax) {
    finding.Saw(fmt::format("{} more", policies.size() - kShownMax), "networkpolicies");
  }
}

std::string NamesText(const std::vector<const Json*>& policies) {
  std::vector<std::string> names;
  for (const Json* policy : policies) names.push_back(NameOf(*policy));
  return fmt::format("network {} {}", names.size() == 1 ? "policy" : "policies", Some(names));
}

// The number of the pod's port that a service's port leads to; 0 where none is declared so.
int64_t TargetOf(const Json& service_port, const Json& pod) {
  const Json& target = At(service_port, "targetPort");
  if (target.is_null()) return IntAt(service_port, "port");
  if (!target.is_string()) return IntOf(target);
  for (const Json& container : At(pod, "spec", "containers")) {
    for (const Json& port : At(container, "ports")) {
      if (TextAt(port, "name") == TextOf(target)) return IntAt(port, "containerPort");
    }
  }
  return 0;
}

std::string ProtocolOf(const Json& port) {
  const std::string protocol = TextAt(port, "protocol");
  return protocol.empty() ? "TCP" : protocol;
}

// Whether the rule is about that port, whoever may come.
bool IsOfPort(const Json& rule, const Json& service_port, const Json& pod) {
  const Json& ports = At(rule, "ports");
  if (ports.empty()) return true;
  const int64_t target = TargetOf(service_port, pod);
  return std::any_of(ports.begin(), ports.end(), [&](const Json& port) {
    if (ProtocolOf(port) != ProtocolOf(service_port)) return false;
    const Json& number = At(port, "port");
    if (number.is_null()) return true;
    if (number.is_string()) return TargetOf({{"targetPort", number}}, pod) == target;
    const int64_t end = std::max(IntAt(port, "endPort"), IntOf(number));
    return IntOf(number) <= target && target <= end;
  });
}

bool LetsSomebodyIn(const std::vector<const Json*>& policies, const Json& service_port,
                    const Json& pod) {
  for (const Json* policy : policies) {
    for (const Json& rule : RulesOf(*policy, Direction::kIngress)) {
      if (IsOfPort(rule, service_port, pod)) return true;
    }
  }
  return false;
}

}  // namespace

void ExplainPodPolicies(const Facts& facts, const Json& pod, Findings& out) {
  // One that has its node's network is the node to them.
  if (IsTrue(At(pod, "spec", "hostNetwork"))) return;
  for (const Direction direction : {Direction::kIngress, Direction::kEgress}) {
    const auto policies = PoliciesOf(facts, pod, direction);
    if (policies.empty()) continue;
    const bool closed = std::all_of(policies.begin(), policies.end(), [&](const Json* policy) {
      return RulesOf(*policy, direction).empty();
    });
    const bool egress = direction == Direction::kEgress;
    Finding finding;
    finding.weight = Weight::kNote;
    finding.cause = "NetworkPolicy";
    if (egress) {
      finding.sentence =
          closed ? fmt::format("{} reaches nobody, not even DNS: {} isolates it", Named(pod),
                               NamesText(policies))
                 : fmt::format("{} reaches only whom {} lets it reach", Named(pod),
                               NamesText(policies));
    } else {
      finding.sentence =
          closed ? fmt::format("nobody reaches {} but its node: {} isolates it", Named(pod),
                               NamesText(policies))
                 : fmt::format("only who {} lets in reaches {}", NamesText(policies), Named(pod));
    }
    if (IsSimulatedPod(pod)) SayIsSimulated(finding);
    AddPolicies(policies, direction, finding);
    finding.Try(CommandFor(pod, "describe networkpolicy " + NameOf(*policies[0])));
    out.push_back(std::move(finding));
  }
}

void ExplainServicePolicies(const Facts& facts, const Json& service,
                            const std::vector<const Json*>& ready, Findings& out) {
  for (const Json* pod : ready) {
    const auto policies = PoliciesOf(facts, *pod, Direction::kIngress);
    if (policies.empty() || IsTrue(At(*pod, "spec", "hostNetwork"))) continue;
    std::vector<std::string> closed;
    const Json& ports = At(service, "spec", "ports");
    for (const Json& port : ports) {
      if (LetsSomebodyIn(policies, port, *pod)) continue;
      closed.push_back(std::to_string(IntAt(port, "port")));
    }
    Finding finding;
    finding.weight = closed.empty() ? Weight::kNote : Weight::kWrong;
    finding.cause = "NetworkPolicy";
    finding.sentence =
        closed.empty()
            ? fmt::format("Only who {} lets in reaches {}", NamesText(policies), Named(service))
        : closed.size() == ports.size()
            ? fmt::format("{} reaches pods that {} lets nobody in to", Named(service),
                          NamesText(policies))
            : fmt::format("{}: port {} leads to pods where {} lets nobody in", Named(service),
                          Some(closed), NamesText(policies));
    if (IsSimulatedPod(*pod)) SayIsSimulated(finding);
    AddPolicies(policies, Direction::kIngress, finding);
    finding.Saw("isolated by them", Named(*pod));
    finding.Try(CommandFor(service, "describe networkpolicy " + NameOf(*policies[0])));
    const bool is_new = std::none_of(out.begin(), out.end(), [&](const Finding& each) {
      return each.sentence == finding.sentence;
    });
    if (is_new) out.push_back(std::move(finding));
  }
}

}  // namespace skiff::cli::why
