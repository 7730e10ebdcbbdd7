#include "api/openapi/path_writer.h"

namespace skiff::openapi {
namespace {

std::string_view CodeText(int code) {
  return code == 200 ? "OK" : code == 201 ? "Created" : "Accepted";
}

}  // namespace

Json PathWriter::SchemaOf(const std::string& definition) const {
  if (definition.empty()) return {{"type", "string"}};
  return {{"$ref", Definitions::Reference(version_, definition)}};
}

Json PathWriter::ParameterHead(const Parameter& parameter) {
  Json out = {{"name", parameter.name},
              {"in", parameter.in_path ? "path" : "query"},
              {"description", parameter.doc}};
  if (parameter.in_path) out["required"] = true;
  return out;
}

Json PathWriter::OperationJson(const Operation& operation) {
  Json out = {
      {"tags", {operation.tag}}, {"description", operation.doc}, {"operationId", operation.id}};
  AddBody(operation, out);
  for (const Parameter& parameter : operation.parameters) {
    out["parameters"].push_back(ParameterJson(parameter));
  }
  Json& responses = out["responses"];
  for (const int code : operation.codes) {
    Json& response = responses[std::to_string(code)] = {{"description", CodeText(code)}};
    AddContent(operation, response);
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

Json PathWriter::Write(const Path& path) {
  Json out = Json::object();
  for (const Operation& operation : path.operations) {
    out[std::string(operation.method)] = OperationJson(operation);
    // Options that are read from the query have no definition.
    const bool custom = !operation.kind.kind.empty() && operation.action != "connect";
    definitions_.Add(operation.response, custom ? &operation.kind : nullptr);
    definitions_.Add(operation.body);
  }
  for (const Parameter& parameter : path.parameters) {
    out["parameters"].push_back(ParameterJson(parameter));
  }
  return out;
}

void AppendMember(std::string& text, const std::string& key, const Json& value) {
  if (text.back() != '{') text += ',';
  text += Json(key).dump() + ":" + value.dump();
}

}  // namespace skiff::openapi
