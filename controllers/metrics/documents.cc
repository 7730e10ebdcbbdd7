#include "controllers/metrics/documents.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/text/time_text.h"

namespace skiff::metrics {
namespace {

Json AmountsOf(const Usage& usage) {
  const auto cpu = Quantity::Parse(fmt::format("{}n", usage.nano_cores));
  return {{"cpu", cpu ? cpu->Text() : "0"},
          {"memory", Quantity::FromValue(usage.memory_bytes, /*binary_suffix=*/true).Text()}};
}

Json BeginOf(const Described& object, const Usage& usage, TimePoint now) {
  Json metadata = {{"name", object.name}, {"creationTimestamp", Time(now).Rfc3339()}};
  if (!object.name_space.empty()) metadata["namespace"] = object.name_space;
  if (!object.labels.empty()) metadata["labels"] = object.labels;
  return {{"metadata", std::move(metadata)},
          {"timestamp", Time(usage.at).Rfc3339()},
          {"window", FormatGoDuration(usage.window.count())}};
}

Json ResourceOf(const char* name, const char* kind, bool namespaced) {
  return {{"name", name},
          {"singularName", ""},
          {"namespaced", namespaced},
          {"kind", kind},
          {"verbs", {"get", "list"}}};
}

Json KindExtension(const std::string& kind) {
  return {{"group", kGroup}, {"kind", kind}, {"version", kVersion}};
}

Json OperationOf(const std::string& kind, const char* action, const std::string& answer) {
  const Json schema = {{"$ref", "#/components/schemas/" + answer}};
  return {{"tags", {"metrics_v1beta1"}},
          {"responses",
           {{"200",
             {{"description", "OK"},
              {"content", {{"application/json", {{"schema", schema}}}}}}}}},
          {"x-kubernetes-action", action},
          {"x-kubernetes-group-version-kind", KindExtension(kind)}};
}

Json ParameterOf(const char* name, const char* place) {
  return {{"name", name},
          {"in", place},
          {"required", std::string_view(place) == "path"},
          {"schema", {{"type", "string"}, {"uniqueItems", true}}}};
}

constexpr const char* kSchemas = "io.k8s.metrics.pkg.apis.metrics.v1beta1.";

// The schema, and what `kubectl explain` says of it.
Json Told(Json schema, const char* what) {
  schema["description"] = what;
  return schema;
}

const Json& TextSchema() {
  static const Json kText = {{"type", "string"}};
  return kText;
}

// The fields that objects and lists have.
Json FieldsOfAll() {
  return {
      {"apiVersion", Told(TextSchema(), "Always `metrics.k8s.io/v1beta1`.")},
      {"kind", Told(TextSchema(), "What this is. Set by the server.")},
      {"metadata", Told({{"type", "object"}}, "Name, namespace and labels of what was measured.")}};
}

// A kind, and the list of it.
void AddSchemas(const std::string& kind, const char* about, Json fields, Json& schemas) {
  const std::string name = kSchemas + kind;
  fields.update(FieldsOfAll());
  fields["timestamp"] = Told({{"type", "string"}, {"format", "date-time"}},
                             "When it was measured: the end of `window`.");
  fields["window"] =
      Told(TextSchema(), "How long it was measured, as in `15s`: CPU is the mean of that time.");
  schemas[name] = {{"type", "object"},
                   {"description", about},
                   {"properties", std::move(fields)},
                   {"x-kubernetes-group-version-kind", Json::array({KindExtension(kind)})}};
  const Json item = {{"$ref", "#/components/schemas/" + name}};
  Json of_list = FieldsOfAll();
  of_list["metadata"] = Told({{"type", "object"}}, "Empty: what is measured has no history.");
  of_list["items"] = Told({{"type", "array"}, {"items", item}}, "One for each that was measured.");
  schemas[name + "List"] = {
      {"type", "object"},
      {"properties", std::move(of_list)},
      {"x-kubernetes-group-version-kind", Json::array({KindExtension(kind + "List")})}};
}

void AddPaths(const std::string& resource, const std::string& kind, bool namespaced, Json& paths) {
  const std::string root = fmt::format("/apis/{}", kApiVersion);
  const std::string space = namespaced ? "/namespaces/{namespace}" : "";
  const std::string answer = kSchemas + kind;
  const Json parameters = namespaced ? Json::array({ParameterOf("namespace", "path")})
                                     : Json::array();
  const Json list = OperationOf(kind, "list", answer + "List");
  const Json selectors =
      Json::array({ParameterOf("labelSelector", "query"), ParameterOf("fieldSelector", "query")});
  const auto with = [](Json some, const Json& more) {
    some.insert(some.end(), more.begin(), more.end());
    return some;
  };
  paths[root + "/" + resource] = {{"get", list}, {"parameters", selectors}};
  if (namespaced) {
    paths[root + space + "/" + resource] = {{"get", list},
                                            {"parameters", with(parameters, selectors)}};
  }
  paths[root + space + "/" + resource + "/{name}"] = {
      {"get", OperationOf(kind, "get", answer)},
      {"parameters", with(parameters, Json::array({ParameterOf("name", "path")}))}};
}

}  // namespace

Json NodeMetricsOf(const Described& node, const Usage& usage, TimePoint now) {
  Json item = BeginOf(node, usage, now);
  item["usage"] = AmountsOf(usage);
  return item;
}

Json PodMetricsOf(const Described& pod, const std::map<std::string, Usage>& containers,
                  TimePoint now) {
  const auto earliest =
      std::min_element(containers.begin(), containers.end(), [](const auto& a, const auto& b) {
        return a.second.at < b.second.at;
      });
  Json item = BeginOf(pod, earliest == containers.end() ? Usage() : earliest->second, now);
  item["containers"] = Json::array();
  for (const auto& [name, usage] : containers) {
    item["containers"].push_back({{"name", name}, {"usage", AmountsOf(usage)}});
  }
  return item;
}

Json ListOf(const std::string& kind, Json items) {
  return {{"kind", kind + "List"},
          {"apiVersion", kApiVersion},
          {"metadata", Json::object()},
          {"items", std::move(items)}};
}

Json SingleOf(const std::string& kind, Json item) {
  item["kind"] = kind;
  item["apiVersion"] = kApiVersion;
  return item;
}

Json ResourceList() {
  return {{"kind", "APIResourceList"},
          {"apiVersion", "v1"},
          {"groupVersion", kApiVersion},
          {"resources", Json::array({ResourceOf("nodes", "NodeMetrics", false),
                                     ResourceOf("pods", "PodMetrics", true)})}};
}

Json OpenApiDocument() {
  const Json amounts =
      Told({{"type", "object"}, {"additionalProperties", TextSchema()}},
           "What was used: `cpu` in cores (`250m` is a quarter of one) and `memory` "
           "in bytes, without what could be given back at once.");
  Json schemas = Json::object();
  AddSchemas("NodeMetrics", "What a node uses of CPU and memory. It can be read, not watched.",
             {{"usage", amounts}}, schemas);
  const Json container = {
      {"type", "object"},
      {"required", {"name", "usage"}},
      {"properties",
       {{"name", Told(TextSchema(), "Name of the container in its pod.")}, {"usage", amounts}}}};
  const Json containers = Told({{"type", "array"}, {"items", container}},
                               "What each container uses that runs and has been measured.");
  AddSchemas("PodMetrics",
             "What the containers of a pod use of CPU and memory. It can be read, not watched.",
             {{"containers", containers}}, schemas);
  Json paths = Json::object();
  AddPaths("nodes", "NodeMetrics", false, paths);
  AddPaths("pods", "PodMetrics", true, paths);
  return {{"openapi", "3.0.0"},
          {"info", {{"title", "Kubernetes"}, {"version", "v1.35.0"}}},
          {"paths", std::move(paths)},
          {"components", {{"schemas", std::move(schemas)}}}};
}

}  // namespace skiff::metrics
