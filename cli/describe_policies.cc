// Budgets, quotas, limits, priorities, autoscalers and storage classes.
#include <algorithm>
#include <set>

#include "cli/describe.h"
#include "cli/json_text.h"
#include "cli/rollout.h"

namespace skiff::cli {

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

// An amount as Go writes one that may not be there.
std::string AmountOrNil(const Json& amount) {
  return amount.is_null() ? "<nil>" : PlainText(amount);
}

// What a metric was found to be; `found` is null where the autoscaler has not seen it yet.
std::string CurrentText(const Json& found, const char* field) {
  return found.is_object() ? AmountOrNil(At(found, "current", field)) : "<unknown>";
}

// Of a metric that the node agents have: of pods, or of one of their containers.
void WriteResourceMetric(DescribeWriter& out, const std::string& what, const Json& target,
                         const Json& found) {
  if (!At(target, "averageValue").is_null()) {
    out.Field(1, what,
              fmt::format("{} / {}", CurrentText(found, "averageValue"),
                          PlainText(At(target, "averageValue"))));
    return;
  }
  const Json& used = At(found, "current", "averageUtilization");
  const Json& wanted = At(target, "averageUtilization");
  out.Field(1, what + "  (as a percentage of request)",
            fmt::format("{} / {}",
                        used.is_null() ? "<unknown>"
                                       : fmt::format("{}% ({})", IntOf(used),
                                                     CurrentText(found, "averageValue")),
                        wanted.is_null() ? "<auto>" : fmt::format("{}%", IntOf(wanted))));
}

// "current / target" of a metric of an autoscaler.
void WriteMetric(DescribeWriter& out, const Json& object, size_t index) {
  const Json& metric = At(object, "spec", "metrics")[index];
  const Json& all = At(object, "status", "currentMetrics");
  const auto found_of = [&](const char* source) -> const Json& {
    return all.is_array() && index < all.size() ? At(all[index], source) : At(Json(), source);
  };
  const std::string type = TextAt(metric, "type");
  if (type == "Resource") {
    const Json& spec = At(metric, "resource");
    return WriteResourceMetric(out, fmt::format("resource {} on pods", TextAt(spec, "name")),
                               At(spec, "target"), found_of("resource"));
  }
  if (type == "ContainerResource") {
    const Json& spec = At(metric, "containerResource");
    return WriteResourceMetric(out,
                               fmt::format("resource {} of container \"{}\" on pods",
                                           TextAt(spec, "name"), TextAt(spec, "container")),
                               At(spec, "target"), found_of("containerResource"));
  }
  const char* source = type == "Pods" ? "pods" : type == "Object" ? "object" : "external";
  const Json& spec = At(metric, source);
  const Json& target = At(spec, "target");
  const Json& found = found_of(source);
  const std::string name = fmt::format("\"{}\"", TextAt(spec, "metric", "name"));
  const bool is_external = type == "External";
  const bool average = is_external ? !At(target, "averageValue").is_null()
                                   : type == "Pods" || TextAt(target, "type") == "AverageValue";
  const char* field = average ? "averageValue" : "value";
  std::string now = CurrentText(found, field);
  if (is_external && average && now == "<nil>") now = "<unknown>";
  const std::string value = fmt::format("{} / {}", now, AmountOrNil(At(target, field)));
  const std::string form = average ? "(target average value)" : "(target value)";
  if (type == "Pods") return out.Field(1, name + " on pods", value);
  if (is_external) return out.Field(1, name + " " + form, value);
  if (type != "Object") return out.Line(1, fmt::format("<unknown metric type \"{}\">", type));
  out.Field(1,
            fmt::format("{} on {}/{} {}", name, TextAt(spec, "describedObject", "kind"),
                        TextAt(spec, "describedObject", "name"), form),
            value);
}

// The version that knows of no metric but the processor's, of servers that have no other.
void WriteOldMetric(DescribeWriter& out, const Json& object) {
  const Json& target = At(object, "spec", "targetCPUUtilizationPercentage");
  if (target.is_null()) return;
  const Json& now = At(object, "status", "currentCPUUtilizationPercentage");
  out.Field(0, "Target CPU utilization", PlainText(target) + "%");
  out.Field(0, "Current CPU utilization", (now.is_null() ? "<unknown>" : PlainText(now)) + "%");
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

namespace {

// In the suffixes of what there may be.
std::string UsedText(const Json& used, const Json& hard) {
  const auto amount = Quantity::Parse(used.is_null() ? "0" : PlainText(used));
  const auto most = Quantity::Parse(PlainText(hard));
  return amount && most ? amount->InFormatOf(*most).Text() : PlainText(used);
}

}  // namespace

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
    out.Line(0,
             fmt::format("{}\t{}\t{}", name, UsedText(At(object, "status", "used", name), amount),
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
  // One that is there and empty means all pods.
  const Json& selector = At(spec, "selector");
  const std::string pods = SelectorText(selector);
  out.Field(0, "Selector", selector.is_null() ? "<unset>" : pods.empty() ? "<none>" : pods);
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
  if (TextAt(object, "apiVersion") == "autoscaling/v1") {
    WriteOldMetric(out, object);
  } else {
    const Json& metrics = At(spec, "metrics");
    out.Line(0, "Metrics:\t( current / target )");
    for (size_t i = 0; metrics.is_array() && i < metrics.size(); ++i) WriteMetric(out, object, i);
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
