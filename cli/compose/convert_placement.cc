// Where pods may run: platform, and deploy.placement.
#include <fmt/format.h>

#include "base/text.h"
#include "cli/compose/parts.h"
#include "cli/compose/scalars.h"
#include "cli/json_text.h"

namespace skiff::cli::compose {
namespace {

constexpr char kControlPlane[] = "node-role.kubernetes.io/control-plane";
constexpr char kHostName[] = "kubernetes.io/hostname";
constexpr std::string_view kNodeLabels = "node.labels.";

// "node.labels.disk == ssd"
struct Constraint {
  std::string subject;
  bool equal = true;
  std::string value;
};

Result<Constraint> ConstraintOf(const Node& node) {
  const std::string text = node.Text();
  size_t sign = text.find("==");
  const bool equal = sign != text.npos;
  if (!equal) sign = text.find("!=");
  if (sign == text.npos) {
    return Wrong(node, fmt::format("invalid constraint: {}: expected NAME == VALUE or "
                                   "NAME != VALUE", text));
  }
  const std::string_view view = text;
  return Constraint{std::string(WithoutBlanks(view.substr(0, sign), " ")), equal,
                    std::string(WithoutBlanks(view.substr(sign + 2), " "))};
}

// The node's label that it is about; "" when there is none.
std::string LabelOf(const std::string& subject) {
  if (subject == "node.hostname") return kHostName;
  if (subject == "node.platform.os") return "kubernetes.io/os";
  if (subject == "node.platform.arch") return "kubernetes.io/arch";
  if (subject.starts_with(kNodeLabels)) return subject.substr(kNodeLabels.size());
  return "";
}

Json ExpressionFor(const std::string& label, bool equal, const std::string& value) {
  return {{"key", label}, {"operator", equal ? "In" : "NotIn"}, {"values", {value}}};
}

void PutConstraints(const Scope& scope, const Node& constraints, Json& pod) {
  Json expressions = Json::array();
  for (const Node& item : constraints.items) {
    const auto constraint = scope.Sound(ConstraintOf(item));
    if (!constraint) continue;
    if (constraint->subject == "node.role") {
      const bool manager = (constraint->value == "manager") == constraint->equal;
      expressions.push_back(
          {{"key", kControlPlane}, {"operator", manager ? "Exists" : "DoesNotExist"}});
      if (!manager) continue;
      pod["tolerations"].push_back(
          {{"key", kControlPlane}, {"operator", "Exists"}, {"effect", "NoSchedule"}});
      continue;
    }
    const std::string label = LabelOf(constraint->subject);
    if (label.empty()) {
      scope.Note(item, "deploy.placement.constraints",
                 fmt::format("nodes have no {}", constraint->subject));
      continue;
    }
    expressions.push_back(ExpressionFor(label, constraint->equal, constraint->value));
  }
  if (expressions.empty()) return;
  pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = {
      {"nodeSelectorTerms", Json::array({{{"matchExpressions", std::move(expressions)}}})}};
}

void PutPreferences(const Scope& scope, const Node& preferences, Json& pod) {
  for (const Node& item : preferences.items) {
    for (const Member& member : item.members) {
      const std::string label = LabelOf(member.node.Text());
      if (member.key != "spread" || label.empty()) {
        scope.Note(item, "deploy.placement.preferences",
                   "pods are spread over the values of node.labels.NAME alone");
        continue;
      }
      pod["topologySpreadConstraints"].push_back(
          {{"maxSkew", 1},
           {"topologyKey", label},
           {"whenUnsatisfiable", "ScheduleAnyway"},
           {"labelSelector", {{"matchLabels", LabelsOf(scope.project, scope.service)}}}});
    }
  }
}

void PutMost(const Scope& scope, const Node& most, Json& pod) {
  if (!most.Says()) return;
  const int64_t count = scope.Sound(ReadInteger(most, 0, 100'000)).value_or(0);
  if (count == 0) return;
  if (count > 1) {
    return scope.Note(most, "deploy.placement.max_replicas_per_node",
                      "of pods that keep apart a node runs one, not several");
  }
  pod["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] =
      Json::array({{{"topologyKey", kHostName},
                    {"labelSelector", {{"matchLabels", LabelsOf(scope.project, scope.service)}}}}});
}

}  // namespace

void PutPlacement(const Scope& scope, Json& pod) {
  const Node& platform = scope.node["platform"];
  if (platform.Says()) {
    const std::vector<std::string> parts = Split(platform.Text(), '/');
    pod["nodeSelector"]["kubernetes.io/os"] = parts[0];
    if (parts.size() > 1) pod["nodeSelector"]["kubernetes.io/arch"] = parts[1];
    if (parts.size() > 2) {
      scope.Note(platform, "platform", "nodes do not say the variant of their processors");
    }
  }
  const Node& placement = scope.node["deploy"]["placement"];
  PutConstraints(scope, placement["constraints"], pod);
  PutPreferences(scope, placement["preferences"], pod);
  PutMost(scope, placement["max_replicas_per_node"], pod);
}

}  // namespace skiff::cli::compose
