#include "api/openapi/openapi_v2.h"

#include "api/openapi/openapi_paths.h"
#include "api/openapi/openapi_schema.h"
#include "api/openapi/openapi_v2_protobuf.h"

namespace skiff {
namespace {

using openapi::Definitions;
using openapi::Operation;
using openapi::Parameter;
using openapi::Path;
using openapi::Version;

const std::string kMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.";

Json SchemaOf(const std::string& definition) {
  if (definition.empty()) return {{"type", "string"}};
  return {{"$ref", Definitions::Reference(Version::kV2, definition)}};
}

// Takes the parts of the document as they are made, and the shared parameters at the end.
class Maker {
 public:
  explicit Maker(KindList kinds) : kinds_(kinds) {}

  template <typename Sink>
  void Make(Sink& sink) {
    sink.BeginPaths();
    for (const std::string& key : openapi::Keys(kinds_)) {
      for (const Path& path : openapi::PathsOf(kinds_, key)) {
        sink.Path(path.path, PathJson(path));
        AddDefinitions(path);
      }
    }
    sink.BeginDefinitions();
    for (const auto& [name, schema] : definitions_.all()) sink.Definition(name, schema);
    sink.BeginParameters();
    for (const auto& [name, parameter] : shared_) sink.Parameter(name, parameter);
    sink.End();
  }

 private:
  // A reference to the shared parameter, or the parameter itself.
  Json Shared(std::string_view name, std::string_view suffix, Json parameter) {
    if (suffix.empty()) return parameter;
    const std::string key = std::string(name) + "-" + std::string(suffix);
    shared_[key] = std::move(parameter);
    return {{"$ref", "#/parameters/" + key}};
  }

  Json ParameterJson(const Parameter& parameter) {
    Json out = {{"name", parameter.name},
                {"in", parameter.in_path ? "path" : "query"},
                {"description", parameter.doc},
                {"type", parameter.type},
                {"uniqueItems", true}};
    if (parameter.in_path) out["required"] = true;
    return Shared(parameter.name, parameter.shared, std::move(out));
  }

  Json BodyJson(const Operation& operation) {
    Json out = {{"name", "body"}, {"in", "body"}, {"schema", SchemaOf(operation.body)}};
    if (operation.body_required) out["required"] = true;
    const std::string_view suffix = operation.body == kMeta + "DeleteOptions" ? "2Y1dVQaQ"
                                    : operation.body == kMeta + "Patch"       ? "78PwaGsr"
                                                                              : "";
    return Shared("body", suffix, std::move(out));
  }

  Json OperationJson(const Operation& operation) {
    Json out = {{"consumes", operation.consumes}, {"produces", operation.produces},
                {"schemes", {"https"}},           {"tags", {operation.tag}},
                {"description", operation.doc},   {"operationId", operation.id}};
    Json parameters = Json::array();
    if (!operation.body.empty()) parameters.push_back(BodyJson(operation));
    for (const Parameter& parameter : operation.parameters) {
      parameters.push_back(ParameterJson(parameter));
    }
    if (!parameters.empty()) out["parameters"] = std::move(parameters);
    Json& responses = out["responses"];
    for (const int code : operation.codes) {
      responses[std::to_string(code)] = {{"description", code == 200   ? "OK"
                                                         : code == 201 ? "Created"
                                                                       : "Accepted"},
                                         {"schema", SchemaOf(operation.response)}};
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
    for (const Parameter& parameter : path.parameters) {
      out["parameters"].push_back(ParameterJson(parameter));
    }
    return out;
  }

  void AddDefinitions(const Path& path) {
    for (const Operation& operation : path.operations) {
      const bool custom = !operation.kind.kind.empty() && operation.action != "connect";
      definitions_.Add(operation.response, custom ? &operation.kind : nullptr);
      definitions_.Add(operation.body);
    }
  }

  KindList kinds_;
  Definitions definitions_{Version::kV2, kinds_};
  std::map<std::string, Json> shared_;
};

// Writes JSON text part by part, so that the document is never held as a tree.
class JsonSink {
 public:
  void BeginPaths() {
    text = R"({"swagger":"2.0","info":{"title":"Kubernetes","version":"1.35"},"paths":{)";
  }
  void Path(const std::string& path, const Json& item) { Member(path, item); }
  void BeginDefinitions() { text += R"(},"definitions":{)"; }
  void Definition(const std::string& name, const Json& schema) { Member(name, schema); }
  void BeginParameters() { text += R"(},"parameters":{)"; }
  void Parameter(const std::string& name, const Json& parameter) { Member(name, parameter); }
  void End() {
    text += R"(},"securityDefinitions":{"BearerToken":{"type":"apiKey","name":"authorization",)"
            R"("in":"header","description":"Bearer token"}},"security":[{"BearerToken":[]}]})";
  }
  std::string text;

 private:
  void Member(const std::string& key, const Json& value) {
    if (text.back() != '{') text += ',';
    text += Json(key).dump() + ":" + value.dump();
  }
};

}  // namespace

std::string OpenApiV2Document(KindList kinds) {
  JsonSink sink;
  Maker(kinds).Make(sink);
  return std::move(sink.text);
}

std::string OpenApiV2Protobuf(KindList kinds) {
  openapi::ProtobufSink sink;
  Maker(kinds).Make(sink);
  return std::move(sink).Take();
}

}  // namespace skiff
