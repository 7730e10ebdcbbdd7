#include "api/openapi/openapi_v3.h"

#include "api/openapi/openapi_paths.h"
#include "api/openapi/openapi_schema.h"
#include "api/registry.h"

namespace skiff {
namespace {

using openapi::Definitions;
using openapi::Operation;
using openapi::Parameter;
using openapi::Path;
using openapi::Version;

Json SchemaOf(const std::string& definition) {
  if (definition.empty()) return {{"type", "string"}};
  return {{"$ref", Definitions::Reference(Version::kV3, definition)}};
}

Json Content(const std::vector<std::string_view>& types, const std::string& definition) {
  Json out = Json::object();
  for (const std::string_view type : types) {
    out[std::string(type)] = {{"schema", SchemaOf(definition)}};
  }
  return out;
}

Json ParameterJson(const Parameter& parameter) {
  Json out = {{"name", parameter.name},
              {"in", parameter.in_path ? "path" : "query"},
              {"description", parameter.doc},
              {"schema", {{"type", parameter.type}, {"uniqueItems", true}}}};
  if (parameter.in_path) out["required"] = true;
  return out;
}

Json ParametersJson(const std::vector<Parameter>& parameters) {
  Json out = Json::array();
  for (const Parameter& parameter : parameters) out.push_back(ParameterJson(parameter));
  return out;
}

std::string_view CodeText(int code) {
  return code == 200 ? "OK" : code == 201 ? "Created" : "Accepted";
}

Json OperationJson(const Operation& operation) {
  Json out = {
      {"tags", {operation.tag}}, {"description", operation.doc}, {"operationId", operation.id}};
  if (!operation.parameters.empty()) out["parameters"] = ParametersJson(operation.parameters);
  if (!operation.body.empty()) {
    const bool patch = operation.action == "patch";
    out["requestBody"]["content"] =
        Content(patch ? operation.consumes : std::vector<std::string_view>{"*/*"}, operation.body);
    if (operation.body_required) out["requestBody"]["required"] = true;
  }
  Json& responses = out["responses"];
  for (const int code : operation.codes) {
    responses[std::to_string(code)] = {
        {"description", CodeText(code)},
        {"content", Content(operation.produces, operation.response)}};
  }
  responses["401"] = {{"description", "Unauthorized"}};
  if (!operation.action.empty()) {
    out["x-kubernetes-action"] = operation.action;
    out["x-kubernetes-group-version-kind"] = {{"group", operation.kind.group},
                                              {"version", operation.kind.version},
                                              {"kind", operation.kind.kind}};
  }
  return out;
}

Json PathJson(const Path& path) {
  Json out = Json::object();
  for (const Operation& operation : path.operations) {
    out[std::string(operation.method)] = OperationJson(operation);
  }
  if (!path.parameters.empty()) out["parameters"] = ParametersJson(path.parameters);
  return out;
}

// "key":value, one by one, so that no document is held as a tree.
void AppendMember(std::string& text, const std::string& key, const Json& value) {
  if (text.back() != '{') text += ',';
  text += Json(key).dump() + ":" + value.dump();
}

// Whether the document is of a version that custom resources alone are of.
bool IsCustomDocument(KindList kinds, std::string_view key) {
  bool any = false;
  for (const KindInfo* kind : kinds) {
    if (key != "apis/" + std::string(kind->api_version)) continue;
    if (RuntimeKindOf(*kind) == nullptr) return false;
    any = true;
  }
  return any;
}

}  // namespace

std::vector<std::string> OpenApiV3Keys(KindList kinds) {
  return openapi::Keys(kinds);
}

std::optional<std::string> OpenApiV3Document(KindList kinds, std::string_view key) {
  const std::vector<Path> paths = openapi::PathsOf(kinds, key);
  if (paths.empty()) return std::nullopt;
  Definitions definitions(Version::kV3, kinds);
  std::string text = IsCustomDocument(kinds, key)
                         ? R"({"openapi":"3.0.0","info":{"title":"Kubernetes CRD Swagger",)"
                           R"("version":"v0.1.0"},"paths":{)"
                         : R"({"openapi":"3.0.0","info":{"title":"Kubernetes","version":"1.35"},)"
                           R"("paths":{)";
  for (const Path& path : paths) {
    AppendMember(text, path.path, PathJson(path));
    for (const Operation& operation : path.operations) {
      // Options that are read from the query have no definition.
      const bool custom = !operation.kind.kind.empty() && operation.action != "connect";
      definitions.Add(operation.response, custom ? &operation.kind : nullptr);
      definitions.Add(operation.body);
    }
  }
  text += R"(},"components":{)";
  if (!definitions.all().empty()) {
    text += R"("schemas":{)";
    for (const auto& [name, schema] : definitions.all()) AppendMember(text, name, schema);
    text += "},";
  }
  text += R"("securitySchemes":{"BearerToken":{"type":"apiKey","name":"authorization",)"
          R"("in":"header","description":"Bearer token"}}}})";
  return text;
}

std::string OpenApiV3Index(const std::vector<std::pair<std::string, std::string>>& hashes) {
  Json paths = Json::object();
  for (const auto& [key, hash] : hashes) {
    paths[key] = {{"serverRelativeURL", "/openapi/v3/" + key + "?hash=" + hash}};
  }
  return Json{{"paths", std::move(paths)}}.dump();
}

}  // namespace skiff
