// Budgets, quotas, limits, priorities, autoscalers and storage classes.
#include <algorithm>
#include <set>

#include "cli/describe.h"
#include "cli/json_text.h"
#include "cli/rollout.h"

namespace skiff::cli {
namespace {

std::string SelectorOrUnset(const std::string& text) {
  return text.empty() ? "<unset>" : text;
}

}  // namespace

const char* ScopeHelp(const std::string& scope) {
  if (scope == "Terminating") {
    return "Matches all pods that have an active deadline. These pods have a limited "
           "lifespan on a node before being actively terminated by the system.";
  }
  if (scope == "NotTerminating") {
    return "Matches all pods that do not have an active deadline. These pods usually "
           "include long running pods whose container command is not expected to "
           "terminate.";
  }
  if (scope == "BestEffort") {
    return "Matches all pods that do not have resource requirements set. These pods have a "
           "best effort quality of service.";
  }
  if (scope == "NotBestEffort") {
    return "Matches all pods that have at least one resource requirement set. These pods "
           "have a burstable or guaranteed quality of service.";
  }
  return "";
}

namespace {

// "current / target" of a metric of an autoscaler.
struct MetricText {
  std::string name;
  std::string value;
};

const Json& CurrentMetric(const Json& object, size_t index, const char* source) {
  const Json& all = At(object, "status", "currentMetrics");
  return all.is_array() && index < all.size() ? At(all[index], source, "current") : At(Json(), "");
}

MetricText DescribeMetric(const Json& object, size_t index) {
  const Json& metric = At(object, "spec", "metrics")[index];
  const std::string type = TextAt(metric, "type");
  const char* source = type == "Resource"            ? "resource"
                       : type == "ContainerResource" ? "containerResource"
                       : type == "Pods"              ? "pods"
                       : type == "Object"            ? "object"
                                                     : "external";
  const Json& spec = At(metric, source);
  const Json& target = At(spec, "target");
  const Json& now = CurrentMetric(object, index, source);
  const auto amount = [&](const char* field) {
    const std::string text = PlainText(At(now, field));
    return (text.empty() ? "<unknown>" : text) + " / " + PlainText(At(target, field));
  };
  if (type == "Resource" || type == "ContainerResource") {
    const std::string where =
        type == "Resource" ? "on pods"
                           : fmt::format("of container \"{}\" on pods", TextAt(spec, "container"));
    if (!At(target, "averageValue").is_null()) {
      return {fmt::format("resource {} {}", TextAt(spec, "name"), where), amount("averageValue")};
    }
    std::string current = "<unknown>";
    if (const Json& used = At(now, "averageUtilization"); !used.is_null()) {
      current = fmt::format("{}% ({})", IntOf(used), PlainText(At(now, "averageValue")));
    }
    return {
        fmt::format("resource {} {}  (as a percentage of request)", TextAt(spec, "name"), where),
        fmt::format("{} / {}%", current, IntAt(target, "averageUtilization"))};
  }
  const std::string name = fmt::format("\"{}\"", TextAt(spec, "metric", "name"));
  const bool average = TextAt(target, "type") == "AverageValue";
  const std::string value = amount(average ? "averageValue" : "value");
  if (type == "Pods") return {name + " on pods", amount("averageValue")};
  const std::string form = average ? "(target average value)" : "(target value)";
  if (type == "External") return {name + " " + form, value};
  return {fmt::format("{} on {}/{} {}", name, TextAt(spec, "describedObject", "kind"),
                      TextAt(spec, "describedObject", "name"), form),
          value};
}

void WriteScalingRules(DescribeWriter& out, const char* title, const Json& rules) {
  if (!rules.is_object()) return;
  out.Line(1, std::string(title) + ":");
  if (const Json& window = At(rules, "stabilizationWindowSeconds"); !window.is_null()) {
    out.Line(2, fmt::format("Stabilization Window: {} seconds", IntOf(window)));
  }
  const Json& policies = At(rules, "policies");
  if (!policies.is_array() || policies.empty()) return;
  const std::string choice = TextAt(rules, "selectPolicy");
  out.Line(2, "Select Policy: " + (choice.empty() ? "Max" : choice));
  out.Line(2, "Policies:");
  for (const Json& policy : policies) {
    out.Line(3, fmt::format("- Type: {}\tValue: {}\tPeriod: {} seconds", TextAt(policy, "type"),
                            IntAt(policy, "value"), IntAt(policy, "periodSeconds")));
  }
}

}  // namespace

void WriteLimits(DescribeWriter& out, const std::string& indent, const Json& range) {
  for (const Json& limit : At(range, "spec", "limits")) {
    std::set<std::string> names;
    for (const char* field : {"min", "max", "default", "defaultRequest", "maxLimitRequestRatio"}) {
      const Json& amounts = At(limit, field);
      if (!amounts.is_object()) continue;
      for (const auto& [name, amount] : amounts.items()) names.insert(name);
    }
    for (const std::string& name : names) {
      const auto cell = [&](const char* field) {
        const std::string text = PlainText(At(limit, field, name));
        return text.empty() ? std::string("-") : text;
      };
      out.Line(0, fmt::format("{}{}\t{}\t{}\t{}\t{}\t{}\t{}", indent, TextAt(limit, "type"), name,
                              cell("min"), cell("max"), cell("defaultRequest"), cell("default"),
                              cell("maxLimitRequestRatio")));
    }
  }
}

void DescribeLimitRange(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  out.Field(0, "Name", NameOf(object));
  out.Field(0, "Namespace", NamespaceOf(object));
  out.Line(0, "Type\tResource\tMin\tMax\tDefault Request\tDefault Limit\tMax Limit/Request Ratio");
  out.Line(0, "----\t--------\t---\t---\t---------------\t-------------\t-----------------------");
  WriteLimits(out, "", object);
}

void DescribeQuota(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  out.Field(0, "Name", NameOf(object));
  out.Field(0, "Namespace", NamespaceOf(object));
  auto scopes = TextsAt(At(object, "spec"), "scopes");
  std::sort(scopes.begin(), scopes.end());
  if (!scopes.empty()) {
    out.Field(0, "Scopes", Join(scopes, ", "));
    for (const std::string& scope : scopes) {
      const std::string help = ScopeHelp(scope);
      if (!help.empty()) out.Line(0, " * " + help);
    }
  }
  out.Line(0, "Resource\tUsed\tHard");
  out.Line(0, "--------\t----\t----");
  const Json& hard = At(object, "status", "hard");
  if (!hard.is_object()) return;
  for (const auto& [name, amount] : hard.items()) {
    out.Line(0, fmt::format("{}\t{}\t{}", name, PlainText(At(object, "status", "used", name)),
                            PlainText(amount)));
  }
}

void DescribeBudget(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  const Json& spec = At(object, "spec");
  const Json& status = At(object, "status");
  out.Field(0, "Name", NameOf(object));
  out.Field(0, "Namespace", NamespaceOf(object));
  if (const Json& least = At(spec, "minAvailable"); !least.is_null()) {
    out.Field(0, "Min available", PlainText(least));
  } else if (const Json& most = At(spec, "maxUnavailable"); !most.is_null()) {
    out.Field(0, "Max unavailable", PlainText(most));
  }
  out.Field(0, "Selector", SelectorOrUnset(SelectorText(At(spec, "selector"))));
  out.Line(0, "Status:");
  out.Field(2, "Allowed disruptions", std::to_string(IntAt(status, "disruptionsAllowed")));
  out.Field(2, "Current", std::to_string(IntAt(status, "currentHealthy")));
  out.Field(2, "Desired", std::to_string(IntAt(status, "desiredHealthy")));
  out.Field(2, "Total", std::to_string(IntAt(status, "expectedPods")));
}

void DescribePriorityClass(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  out.Field(0, "Name", NameOf(object));
  out.Field(0, "Value", std::to_string(IntAt(object, "value")));
  out.Field(0, "GlobalDefault", IsTrue(At(object, "globalDefault")) ? "true" : "false");
  out.Field(0, "PreemptionPolicy", TextAt(object, "preemptionPolicy"));
  out.Field(0, "Description", TextAt(object, "description"));
  out.Field(0, "Annotations", PairsText(At(object, "metadata", "annotations")));
}

void DescribeIngressClass(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  const Json& spec = At(object, "spec");
  out.Field(0, "Name", NameOf(object));
  out.Labels("Labels", At(object, "metadata", "labels"));
  out.Annotations(At(object, "metadata", "annotations"));
  out.Field(0, "Controller", TextAt(spec, "controller"));
  const Json& parameters = At(spec, "parameters");
  if (!parameters.is_object()) return;
  out.Line(0, "Parameters:");
  out.FieldIf(1, "APIGroup", TextAt(parameters, "apiGroup"));
  out.Field(1, "Kind", TextAt(parameters, "kind"));
  out.Field(1, "Name", TextAt(parameters, "name"));
}

void DescribeStorageClass(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  const Json& annotations = At(object, "metadata", "annotations");
  const bool is_default =
      TextAt(annotations, "storageclass.kubernetes.io/is-default-class") == "true" ||
      TextAt(annotations, "storageclass.beta.kubernetes.io/is-default-class") == "true";
  out.Field(0, "Name", NameOf(object));
  out.Field(0, "IsDefaultClass", is_default ? "Yes" : "No");
  out.Field(0, "Annotations", PairsText(annotations));
  out.Field(0, "Provisioner", TextAt(object, "provisioner"));
  out.Field(0, "Parameters", PairsText(At(object, "parameters")));
  const Json& expands = At(object, "allowVolumeExpansion");
  out.Field(0, "AllowVolumeExpansion",
            expands.is_null() ? "<unset>"
            : IsTrue(expands) ? "True"
                              : "False");
  const auto options = TextsAt(object, "mountOptions");
  if (options.empty()) {
    out.Field(0, "MountOptions", "<none>");
  } else {
    out.Line(0, "MountOptions:");
    for (const std::string& option : options) out.Line(1, option);
  }
  out.FieldIf(0, "ReclaimPolicy", TextAt(object, "reclaimPolicy"));
  out.FieldIf(0, "VolumeBindingMode", TextAt(object, "volumeBindingMode"));
  const Json& topologies = At(object, "allowedTopologies");
  if (!topologies.is_array() || topologies.empty()) return;
  out.Line(0, "AllowedTopologies:\t");
  for (size_t i = 0; i < topologies.size(); ++i) {
    std::string text;
    for (const Json& term : At(topologies[i], "matchLabelExpressions")) {
      text += fmt::format("{}{} in [{}]", text.empty() ? "" : "\n\t", TextAt(term, "key"),
                          Join(TextsAt(term, "values"), ", "));
    }
    out.Field(1, fmt::format("Term {}", i), text.empty() ? "<none>" : text);
  }
}

void DescribeAutoscaler(DescribeWriter& out, DescribeContext& /*context*/, const Json& object) {
  const Json& spec = At(object, "spec");
  const Json& status = At(object, "status");
  out.Head(object);
  out.Field(0, "CreationTimestamp", DescribeTime(TextAt(object, "metadata", "creationTimestamp")));
  const std::string kind = TextAt(spec, "scaleTargetRef", "kind");
  out.Field(0, "Reference", kind + "/" + TextAt(spec, "scaleTargetRef", "name"));
  const Json& metrics = At(spec, "metrics");
  out.Line(0, "Metrics:\t( current / target )");
  for (size_t i = 0; metrics.is_array() && i < metrics.size(); ++i) {
    const MetricText text = DescribeMetric(object, i);
    out.Field(1, text.name, text.value);
  }
  const Json& least = At(spec, "minReplicas");
  out.Field(0, "Min replicas", least.is_null() ? "<unset>" : PlainText(least));
  out.Field(0, "Max replicas", PlainText(At(spec, "maxReplicas")));
  if (const Json& behavior = At(spec, "behavior"); behavior.is_object()) {
    out.Line(0, "Behavior:");
    WriteScalingRules(out, "Scale Up", At(behavior, "scaleUp"));
    WriteScalingRules(out, "Scale Down", At(behavior, "scaleDown"));
  }
  out.Line(0, fmt::format("{} pods:\t{} current / {} desired", kind,
                          IntAt(status, "currentReplicas"), IntAt(status, "desiredReplicas")));
  const Json& conditions = At(status, "conditions");
  if (!conditions.is_array() || conditions.empty()) return;
  out.Line(0, "Conditions:");
  out.Line(1, "Type\tStatus\tReason\tMessage");
  out.Line(1, "----\t------\t------\t-------");
  for (const Json& condition : conditions) {
    out.Line(1,
             fmt::format("{}\t{}\t{}\t{}", TextAt(condition, "type"), TextAt(condition, "status"),
                         TextAt(condition, "reason"), TextAt(condition, "message")));
  }
}

}  // namespace skiff::cli
