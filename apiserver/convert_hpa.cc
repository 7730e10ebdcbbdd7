#include "apiserver/convert_hpa.h"

#include <string>

#include "api/json.h"

namespace skiff {
namespace {

constexpr const char* kMetrics = "autoscaling.alpha.kubernetes.io/metrics";
constexpr const char* kCurrentMetrics = "autoscaling.alpha.kubernetes.io/current-metrics";
constexpr const char* kConditions = "autoscaling.alpha.kubernetes.io/conditions";
constexpr const char* kBehavior = "autoscaling.alpha.kubernetes.io/behavior";
constexpr int kDefaultCpuPercent = 80;

Json Member(const Json& object, const char* name) {
  return object.is_object() ? object.value(name, Json()) : Json();
}

void Set(Json& object, const char* name, Json value) {
  if (!value.is_null()) object[name] = std::move(value);
}

// The four kinds of metric under their names in both versions.
constexpr const char* kMetricKinds[] = {"object", "pods", "resource", "containerResource",
                                        "external"};

// One metric, or what is measured of it: `target` is "target" in a spec and "current" in a status.
Json MetricToV1(const Json& metric, const char* target, const std::string& prefix) {
  Json old = {{"type", Member(metric, "type")}};
  for (const char* kind : kMetricKinds) {
    const Json source = Member(metric, kind);
    if (!source.is_object()) continue;
    const Json amount = Member(source, target);
    const Json identity = Member(source, "metric");
    Json made = Json::object();
    const auto put = [&](const std::string& name, const Json& value) {
      std::string full = prefix + name;
      if (prefix.empty()) full[0] = static_cast<char>(full[0] | 0x20);
      Set(made, full.c_str(), value);
    };
    const std::string_view type = kind;
    if (type == "resource" || type == "containerResource") {
      made["name"] = Member(source, "name");
      Set(made, "container", Member(source, "container"));
      put("AverageUtilization", Member(amount, "averageUtilization"));
      put("AverageValue", Member(amount, "averageValue"));
    } else {
      Set(made, "metricName", Member(identity, "name"));
      if (type == "external") {
        Set(made, "metricSelector", Member(identity, "selector"));
        put("Value", Member(amount, "value"));
        put("AverageValue", Member(amount, "averageValue"));
      } else if (type == "pods") {
        Set(made, "selector", Member(identity, "selector"));
        put("AverageValue", Member(amount, "averageValue"));
      } else {
        made["target"] = Member(source, "describedObject");
        Set(made, "selector", Member(identity, "selector"));
        put("Value", amount.contains("value") ? amount["value"] : Json("0"));
        Set(made, "averageValue", Member(amount, "averageValue"));
      }
    }
    old[kind] = std::move(made);
  }
  return old;
}

Json MetricFromV1(const Json& old, const std::string& prefix, bool is_spec) {
  Json metric = {{"type", Member(old, "type")}};
  const auto field = [&](const char* name) {
    std::string full = prefix + name;
    if (prefix.empty()) full[0] = static_cast<char>(full[0] | 0x20);
    return full;
  };
  for (const char* kind : kMetricKinds) {
    const Json source = Member(old, kind);
    if (!source.is_object()) continue;
    const std::string_view type = kind;
    Json amount = Json::object();
    Set(amount, "averageUtilization", Member(source, field("AverageUtilization").c_str()));
    Set(amount, "averageValue", Member(source, field("AverageValue").c_str()));
    if (type == "object") Set(amount, "averageValue", Member(source, "averageValue"));
    Set(amount, "value", Member(source, field("Value").c_str()));
    Json made = Json::object();
    if (type == "resource" || type == "containerResource") {
      made["name"] = Member(source, "name");
      Set(made, "container", Member(source, "container"));
    } else {
      made["metric"] = {{"name", Member(source, "metricName")}};
      Set(made["metric"], "selector",
          Member(source, type == "external" ? "metricSelector" : "selector"));
      if (type == "object") made["describedObject"] = Member(source, "target");
    }
    if (is_spec) {
      const char* chosen = "Value";
      if (amount.contains("averageUtilization")) {
        chosen = "Utilization";
      } else if (type == "external" ? !amount.contains("value") : amount.contains("averageValue")) {
        chosen = "AverageValue";
      } else if (type == "resource" || type == "containerResource" || type == "pods") {
        chosen = "AverageValue";
      }
      amount["type"] = chosen;
    }
    made[is_spec ? "target" : "current"] = std::move(amount);
    metric[kind] = std::move(made);
  }
  return metric;
}

bool IsCpuUtilization(const Json& metric, const char* target) {
  const Json source = Member(metric, "resource");
  return Member(metric, "type") == "Resource" && Member(source, "name") == "cpu" &&
         Member(Member(source, target), "averageUtilization").is_number();
}

// Behaviour is kept under the names of Go's fields.
std::string Capital(std::string name) {
  name[0] = static_cast<char>(name[0] & ~0x20);
  return name;
}
std::string Small(std::string name) {
  name[0] = static_cast<char>(name[0] | 0x20);
  return name;
}
template <typename Rename>
Json RenameAll(const Json& value, Rename rename) {
  if (value.is_array()) {
    Json list = Json::array();
    for (const Json& item : value) list.push_back(RenameAll(item, rename));
    return list;
  }
  if (!value.is_object()) return value;
  Json object = Json::object();
  for (const auto& [name, member] : value.items()) object[rename(name)] = RenameAll(member, rename);
  return object;
}

Json Annotation(const Json& hpa, const char* name) {
  const Json text = Member(Member(Member(hpa, "metadata"), "annotations"), name);
  if (!text.is_string()) return Json();
  return ParseJson(text.get<std::string>()).value_or(Json());
}

void Annotate(Json& hpa, const char* name, const Json& value) {
  if (!value.empty()) hpa["metadata"]["annotations"][name] = value.dump();
}

}  // namespace

Json HpaV1FromV2(const Json& hpa) {
  Json old = hpa;
  Json others = Json::array();
  for (const Json& metric : Member(Member(hpa, "spec"), "metrics")) {
    if (!old["spec"].contains("targetCPUUtilizationPercentage") &&
        IsCpuUtilization(metric, "target")) {
      old["spec"]["targetCPUUtilizationPercentage"] =
          metric["resource"]["target"]["averageUtilization"];
    } else {
      others.push_back(MetricToV1(metric, "target", "target"));
    }
  }
  old["spec"].erase("metrics");
  Annotate(old, kMetrics, others);
  Annotate(old, kBehavior, RenameAll(Member(Member(hpa, "spec"), "behavior"), [](std::string name) {
             return Capital(std::move(name));
           }));
  old["spec"].erase("behavior");
  if (old.contains("status") && old["status"].is_object()) {
    Json current = Json::array();
    for (const Json& metric : Member(hpa["status"], "currentMetrics")) {
      current.push_back(MetricToV1(metric, "current", "current"));
      if (IsCpuUtilization(metric, "current")) {
        old["status"]["currentCPUUtilizationPercentage"] =
            metric["resource"]["current"]["averageUtilization"];
      }
    }
    Annotate(old, kCurrentMetrics, current);
    Annotate(old, kConditions, Member(hpa["status"], "conditions"));
    old["status"].erase("currentMetrics");
    old["status"].erase("conditions");
  }
  return old;
}

Json HpaV2FromV1(const Json& hpa) {
  Json made = hpa;
  Json metrics = Json::array();
  for (const Json& old : Annotation(hpa, kMetrics)) {
    metrics.push_back(MetricFromV1(old, "target", true));
  }
  const Json percent = Member(Member(hpa, "spec"), "targetCPUUtilizationPercentage");
  if (percent.is_number() || metrics.empty()) {
    metrics.push_back(
        {{"type", "Resource"},
         {"resource",
          {{"name", "cpu"},
           {"target",
            {{"type", "Utilization"},
             {"averageUtilization", percent.is_number() ? percent : Json(kDefaultCpuPercent)}}}}}});
  }
  made["spec"]["metrics"] = std::move(metrics);
  made["spec"].erase("targetCPUUtilizationPercentage");
  const Json behavior = Annotation(hpa, kBehavior);
  if (behavior.is_object()) {
    made["spec"]["behavior"] =
        RenameAll(behavior, [](std::string name) { return Small(std::move(name)); });
  }
  Json& status = made["status"];
  if (!status.is_object()) status = Json::object();
  Json current = Json::array();
  for (const Json& old : Annotation(hpa, kCurrentMetrics)) {
    current.push_back(MetricFromV1(old, "current", false));
  }
  const Json now = Member(status, "currentCPUUtilizationPercentage");
  if (current.empty() && now.is_number()) {
    current.push_back(
        {{"type", "Resource"},
         {"resource", {{"name", "cpu"}, {"current", {{"averageUtilization", now}}}}}});
  }
  status.erase("currentCPUUtilizationPercentage");
  if (!current.empty()) status["currentMetrics"] = std::move(current);
  const Json conditions = Annotation(hpa, kConditions);
  if (conditions.is_array()) status["conditions"] = conditions;
  if (auto annotations = made["metadata"].find("annotations");
      annotations != made["metadata"].end()) {
    for (const char* name : {kMetrics, kCurrentMetrics, kConditions, kBehavior}) {
      annotations->erase(name);
    }
    if (annotations->empty()) made["metadata"].erase(annotations);
  }
  return made;
}

}  // namespace skiff
