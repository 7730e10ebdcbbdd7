#include "api/openapi/openapi_v2.h"

#include "api/openapi/kinds_by_document.h"
#include "api/openapi/merge_v2.h"
#include "api/openapi/openapi_paths.h"
#include "api/openapi/openapi_v2_protobuf.h"
#include "api/openapi/path_parts.h"
#include "api/openapi/path_writer.h"

namespace skiff {
namespace {

using openapi::Operation;
using openapi::Parameter;
using openapi::Path;

class PathWriterV2 final : public openapi::PathWriter {
 public:
  explicit PathWriterV2(KindList kinds) : PathWriter(openapi::Version::kV2, kinds) {}

  // What paths refer to instead of saying it each time.
  std::map<std::string, Json> TakeShared() { return std::move(shared_); }

 private:
  // A reference to the shared parameter, or the parameter itself.
  Json Shared(std::string_view name, std::string_view suffix, Json parameter) {
    if (suffix.empty()) return parameter;
    const std::string key = std::string(name) + "-" + std::string(suffix);
    shared_[key] = std::move(parameter);
    return {{"$ref", "#/parameters/" + key}};
  }

  Json ParameterJson(const Parameter& parameter) override {
    Json out = ParameterHead(parameter);
    out["type"] = parameter.type;
    out["uniqueItems"] = true;
    return Shared(parameter.name, parameter.shared, std::move(out));
  }

  void AddBody(const Operation& operation, Json& out) override {
    if (!operation.consumes.empty()) out["consumes"] = operation.consumes;
    out["produces"] = operation.produces;
    out["schemes"] = {"https"};
    if (operation.body.empty()) return;
    Json body = {{"name", "body"}, {"in", "body"}, {"schema", SchemaOf(operation.body)}};
    if (operation.body_required) body["required"] = true;
    const auto is = [&](const char* type) {
      return operation.body == openapi::MetaDefinition(type);
    };
    const char* suffix = is("DeleteOptions") ? "2Y1dVQaQ" : is("Patch") ? "78PwaGsr" : "";
    out["parameters"].push_back(Shared("body", suffix, std::move(body)));
  }

  void AddContent(const Operation& operation, Json& response) override {
    response["schema"] = SchemaOf(operation.response);
  }

  std::map<std::string, Json> shared_;
};

Json ObjectOf(std::map<std::string, Json> members) {
  Json::object_t object;
  for (auto& [name, value] : members) object.emplace_hint(object.end(), name, std::move(value));
  return object;
}

// Hands a sink the parts of the document: our own paths as they are made, then what others have,
// and at the end the definitions and parameters of all of them.
template <typename Sink>
void MakeV2(KindList kinds, const NextDocument& others, Sink& sink) {
  PathWriterV2 writer(kinds);
  std::map<std::string, Json> written;
  sink.BeginPaths();
  const KindsByDocument by_document(kinds);
  for (const std::string& key : openapi::Keys(kinds)) {
    for (const Path& path : openapi::PathsOf(by_document.Of(key), key)) {
      sink.Path(path.path, writer.Write(path));
      written[path.path] = nullptr;
    }
  }
  Json document = Json::object();
  document["paths"] = ObjectOf(std::move(written));
  document["definitions"] = ObjectOf(writer.TakeDefinitions());
  document["parameters"] = ObjectOf(writer.TakeShared());
  while (others) {
    auto other = others();
    if (!other) break;
    openapi::MergeInto(document, *std::move(other));
  }
  for (const auto& [path, item] : document["paths"].items()) {
    if (!item.is_null()) sink.Path(path, item);
  }
  sink.BeginDefinitions();
  for (const auto& [name, schema] : document["definitions"].items()) sink.Definition(name, schema);
  sink.BeginParameters();
  for (const auto& [name, parameter] : document["parameters"].items()) {
    sink.Parameter(name, parameter);
  }
  sink.End();
}

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
    openapi::AppendMember(text, key, value);
  }
};

}  // namespace

std::string OpenApiV2Document(KindList kinds, const NextDocument& others) {
  JsonSink sink;
  MakeV2(kinds, others, sink);
  return std::move(sink.text);
}

std::string OpenApiV2Protobuf(KindList kinds, const NextDocument& others) {
  openapi::ProtobufSink sink;
  MakeV2(kinds, others, sink);
  return std::move(sink).Take();
}

}  // namespace skiff
