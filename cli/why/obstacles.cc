#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "api/pods/host_ports.h"
#include "api/select/node_selector.h"
#include "api/select/tolerations.h"
#include "cli/why/scheduling.h"

namespace skiff::cli::why {
namespace {

constexpr char kCordonTaint[] = "node.kubernetes.io/unschedulable";

std::string TaintText(const core_v1::Taint& taint) {
  return fmt::format("{}{}{}:{}", taint.key, taint.value.empty() ? "" : "=", taint.value,
                     taint.effect);
}

const core_v1::Taint* TaintAgainst(const core_v1::PodSpec& pod, const core_v1::Node& node) {
  for (const core_v1::Taint& taint : node.spec.taints) {
    const bool keeps_off = taint.effect == "NoSchedule" || taint.effect == "NoExecute";
    if (keeps_off && !AnyTolerates(pod.tolerations, taint)) return &taint;
  }
  return nullptr;
}

bool ToleratesCordon(const core_v1::PodSpec& pod) {
  core_v1::Taint cordon;
  cordon.key = kCordonTaint;
  cordon.effect = "NoSchedule";
  return AnyTolerates(pod.tolerations, cordon);
}

// "disk in (ssd)", "!old", "cores gt 4"
std::string RequirementText(const core_v1::NodeSelectorRequirement& each) {
  const std::string values = fmt::format("{}", fmt::join(each.values, ","));
  if (each.operator_ == "Exists") return each.key;
  if (each.operator_ == "DoesNotExist") return "!" + each.key;
  if (each.operator_ == "In" && each.values.size() == 1) return each.key + "=" + values;
  if (each.operator_ == "In") return fmt::format("{} in ({})", each.key, values);
  if (each.operator_ == "NotIn") return fmt::format("{} not in ({})", each.key, values);
  return fmt::format("{} {} {}", each.key, each.operator_ == "Gt" ? ">" : "<", values);
}

// What its affinity asks of nodes; nullptr: nothing.
const core_v1::NodeSelector* RequiredOf(const core_v1::PodSpec& pod) {
  if (!pod.affinity || !pod.affinity->node_affinity) return nullptr;
  const auto& required =
      pod.affinity->node_affinity->required_during_scheduling_ignored_during_execution;
  return required ? &*required : nullptr;
}

std::string AffinityText(const core_v1::PodSpec& pod) {
  const core_v1::NodeSelector* required = RequiredOf(pod);
  return required ? ": " + NodeSelectorText(*required) : "";
}

// Labels that nodeSelector asks for and the node has not, with what it has.
std::string SelectorGap(const core_v1::PodSpec& pod, const core_v1::Node& node) {
  for (const auto& [key, value] : pod.node_selector) {
    const auto found = node.metadata.labels.find(key);
    if (found == node.metadata.labels.end() || found->second != value) {
      return fmt::format("has no label {}={}, as nodeSelector asks for", key, value);
    }
  }
  return "does not match the pod's required node affinity" + AffinityText(pod);
}

std::string PortTaken(const core_v1::PodSpec& pod, const Load& load) {
  const auto wanted = HostPortsOf(pod);
  for (const core_v1::PodSpec& other : load.with_ports) {
    for (const PodHostPort& held : HostPortsOf(other)) {
      const auto taken = std::find_if(wanted.begin(), wanted.end(), [&](const PodHostPort& port) {
        return Conflict(port, held);
      });
      if (taken != wanted.end()) {
        return fmt::format("has its port {}/{} taken already (hostPort)", taken->port,
                           taken->protocol);
      }
    }
  }
  return "";
}

void AddShortage(const std::string& resource, int64_t wanted, int64_t whole, int64_t asked,
                 std::vector<Shortage>& out) {
  const int64_t free = std::max<int64_t>(SaturatedDifference(whole, asked), 0);
  if (wanted > 0 && wanted > free) out.push_back({resource, wanted, free, whole});
}

std::vector<Shortage> ShortagesOn(const core_v1::PodSpec& pod, const core_v1::Node& node,
                                  const Load* load) {
  const Resources wanted = PodRequests(pod);
  const Resources whole = Resources::From(node.status.allocatable);
  const Resources asked = load ? load->asked : Resources();
  std::vector<Shortage> out;
  AddShortage("cpu", wanted.milli_cpu, whole.milli_cpu, asked.milli_cpu, out);
  AddShortage("memory", wanted.memory, whole.memory, asked.memory, out);
  AddShortage("ephemeral-storage", wanted.ephemeral_storage, whole.ephemeral_storage,
              asked.ephemeral_storage, out);
  for (const auto& [name, amount] : wanted.scalar) {
    const auto of = [&](const Resources& from) {
      const auto found = from.scalar.find(name);
      return found == from.scalar.end() ? 0 : found->second;
    };
    AddShortage(name, amount, of(whole), of(asked), out);
  }
  const auto places = node.status.allocatable.find("pods");
  if (places != node.status.allocatable.end() && load) {
    AddShortage("pods", 1, places->second.Value(), load->pods, out);
  }
  return out;
}

}  // namespace

std::string NodeSelectorText(const core_v1::NodeSelector& selector) {
  constexpr size_t kTermsMax = 3;
  std::vector<std::string> texts;
  for (const auto& term : selector.node_selector_terms) {
    std::vector<std::string> all;
    for (const auto& each : term.match_expressions) all.push_back(RequirementText(each));
    for (const auto& each : term.match_fields) all.push_back(RequirementText(each));
    if (texts.size() == kTermsMax) {
      texts.emplace_back("others");
      break;
    }
    texts.push_back(fmt::format("{}", fmt::join(all, " and ")));
  }
  return fmt::format("{}", fmt::join(texts, ", or "));
}

std::string NodeOfDaemon(const core_v1::PodSpec& pod) {
  const core_v1::NodeSelector* required = RequiredOf(pod);
  if (!required) return "";
  std::set<std::string> names;
  for (const auto& term : required->node_selector_terms) {
    const auto own =
        std::find_if(term.match_fields.begin(), term.match_fields.end(), [](const auto& each) {
          return each.key == "metadata.name" && each.operator_ == "In" && each.values.size() == 1;
        });
    if (own == term.match_fields.end()) return "";
    names.insert(own->values[0]);
  }
  return names.size() == 1 ? *names.begin() : "";
}

bool ContendForPort(const core_v1::PodSpec& pod, const core_v1::PodSpec& other) {
  Load load;
  load.with_ports = {other};
  return !PortTaken(pod, load).empty();
}

std::string AmountText(const std::string& resource, int64_t amount) {
  if (resource == "cpu") return Quantity::FromMilli(amount).Text();
  const bool bytes =
      resource == "memory" || resource == "ephemeral-storage" || resource.starts_with("hugepages-");
  if (!bytes) return std::to_string(amount);
  constexpr std::pair<int64_t, const char*> kUnits[] = {
      {1LL << 40, "Ti"}, {1LL << 30, "Gi"}, {1LL << 20, "Mi"}, {1LL << 10, "Ki"}};
  for (const auto& [unit, suffix] : kUnits) {
    if (amount < unit) continue;
    const double count = static_cast<double>(amount) / static_cast<double>(unit);
    return amount % unit == 0 ? fmt::format("{}{}", amount / unit, suffix)
                              : fmt::format("{:.1f}{}", count, suffix);
  }
  return std::to_string(amount);
}

Obstacle ObstacleOn(const core_v1::PodSpec& pod, const core_v1::Node& node, const Load* load) {
  if (node.spec.unschedulable && !ToleratesCordon(pod)) {
    return {"Cordoned", "is cordoned", {}};
  }
  if (const core_v1::Taint* taint = TaintAgainst(pod, node)) {
    return {
        "Taint", fmt::format("has a taint that it does not tolerate: {}", TaintText(*taint)), {}};
  }
  if (!MatchesNodeSelection(pod, node)) return {"NodeAffinity", SelectorGap(pod, node), {}};
  if (load) {
    if (std::string taken = PortTaken(pod, *load); !taken.empty()) {
      return {"HostPort", std::move(taken), {}};
    }
  }
  auto shortages = ShortagesOn(pod, node, load);
  if (shortages.empty()) return {};
  std::string text = "has too little ";
  for (size_t i = 0; i < shortages.size(); ++i) {
    text += (i == 0 ? "" : " and ") + shortages[i].resource;
  }
  return {"Resources", std::move(text), std::move(shortages)};
}

Obstacle ObstacleBehind(const core_v1::PodSpec& pod, core_v1::Node node, const Load* load,
                        const Obstacle& first) {
  auto& taints = node.spec.taints;
  if (first.cause == "Cordoned") {
    node.spec.unschedulable = false;
    std::erase_if(taints, [](const core_v1::Taint& each) { return each.key == kCordonTaint; });
  } else if (const core_v1::Taint* taint = TaintAgainst(pod, node);
             first.cause == "Taint" && taint != nullptr) {
    taints.erase(taints.begin() + (taint - taints.data()));
  } else {
    return {};
  }
  return ObstacleOn(pod, node, load);
}

}  // namespace skiff::cli::why
