#include "api/openapi/openapi_v3.h"

#include <algorithm>

#include "api/openapi/kinds_by_document.h"
#include "api/openapi/openapi_paths.h"
#include "api/openapi/openapi_v3_protobuf.h"
#include "api/openapi/path_writer.h"
#include "api/registry.h"

namespace skiff {
namespace {

using openapi::Operation;
using openapi::Parameter;
using openapi::Path;

class PathWriterV3 final : public openapi::PathWriter {
 public:
  PathWriterV3(KindList kinds, openapi::Scheme scheme)
      : PathWriter(openapi::Version::kV3, kinds, scheme) {}

 private:
  Json Content(const std::vector<std::string_view>& types, const std::string& definition) const {
    Json out = Json::object();
    for (const std::string_view type : types) {
      out[std::string(type)] = {{"schema", SchemaOf(definition)}};
    }
    return out;
  }

  Json ParameterJson(const Parameter& parameter) override {
    Json out = ParameterHead(parameter);
    out["schema"] = {{"type", parameter.type}, {"uniqueItems", true}};
    return out;
  }

  void AddBody(const Operation& operation, Json& out) override {
    if (operation.body.empty()) return;
    Json& body = out["requestBody"];
    body["content"] = Content(operation.consumes, operation.body);
    if (operation.body_required) body["required"] = true;
  }

  void AddContent(const Operation& operation, Json& response) override {
    response["content"] = Content(operation.produces, operation.response);
  }
};

class JsonSinkV3 {
 public:
  void Begin(std::string_view title, std::string_view version) {
    text_ = R"({"openapi":"3.0.0","info":{"title":")" + std::string(title) + R"(","version":")" +
            std::string(version) + R"("},"paths":{)";
  }
  void Path(const std::string& path, const Json& item) { openapi::AppendMember(text_, path, item); }
  void BeginSchemas() { text_ += R"(},"components":{)"; }
  void Schema(const std::string& name, const Json& schema) {
    if (text_.ends_with(R"("components":{)")) text_ += R"("schemas":{)";
    openapi::AppendMember(text_, name, schema);
    has_schemas_ = true;
  }
  // Null: nothing is said of how clients show who they are.
  void End(const Json& security_schemes) {
    if (has_schemas_) text_ += "}";
    if (!security_schemes.is_null()) {
      if (has_schemas_) text_ += ",";
      text_ += R"("securitySchemes":)" + security_schemes.dump();
    }
    text_ += "}}";
  }
  std::string Take() && { return std::move(text_); }

 private:
  std::string text_;
  bool has_schemas_ = false;
};

bool IsCustom(const KindInfo* kind) {
  return RuntimeKindOf(*kind) != nullptr;
}

template <typename Sink>
std::optional<std::string> MakeV3(KindList all, std::string_view key) {
  std::vector<const KindInfo*> kinds = KindsOfDocument(all, key);
  const bool custom = !kinds.empty() && std::ranges::all_of(kinds, IsCustom);
  // Where the version is built in, custom resources of it are not served.
  if (!custom) std::erase_if(kinds, IsCustom);
  const std::vector<Path> paths = openapi::PathsOf(kinds, key);
  if (paths.empty()) return std::nullopt;
  Sink sink;
  if (custom) {
    sink.Begin("Kubernetes CRD Swagger", "v0.1.0");
  } else {
    sink.Begin("Kubernetes", "1.35");
  }
  PathWriterV3 writer(kinds, custom ? openapi::Scheme::kClients : openapi::Scheme::kServers);
  for (const Path& path : paths) sink.Path(path.path, writer.Write(path));
  sink.BeginSchemas();
  for (const auto& [name, schema] : writer.TakeDefinitions()) sink.Schema(name, schema);
  const Json bearer = {{"type", "apiKey"},
                       {"name", "authorization"},
                       {"in", "header"},
                       {"description", "Bearer token"}};
  sink.End(custom ? Json() : Json{{"BearerToken", bearer}});
  return std::move(sink).Take();
}

}  // namespace

std::vector<std::string> OpenApiV3Keys(KindList kinds) {
  return openapi::Keys(kinds);
}

std::optional<std::string> OpenApiV3Document(KindList kinds, std::string_view key) {
  return MakeV3<JsonSinkV3>(kinds, key);
}

std::optional<std::string> OpenApiV3Protobuf(KindList kinds, std::string_view key) {
  return MakeV3<openapi::ProtobufSinkV3>(kinds, key);
}

std::string OpenApiV3Index(const std::vector<std::pair<std::string, std::string>>& hashes) {
  Json paths = Json::object();
  for (const auto& [key, hash] : hashes) {
    paths[key] = {{"serverRelativeURL", "/openapi/v3/" + key + "?hash=" + hash}};
  }
  return Json{{"paths", std::move(paths)}}.dump();
}

}  // namespace skiff
