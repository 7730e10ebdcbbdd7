#include "api/openapi/openapi_v2_protobuf.h"

#include <string_view>

#include "api/codec/document.h"
#include "api/openapi/protobuf_message.h"

namespace skiff::openapi {
namespace {

std::string Schema(const Json& schema);

void SchemaField(std::string& out, uint32_t number, const Json& schema) {
  AppendBytes(out, number, Schema(schema));
}
// SchemaItem, AdditionalPropertiesItem and ItemsItem hold a schema as their field 1.
void WrappedSchema(std::string& out, uint32_t number, const Json& schema) {
  AppendBytes(out, number, Wrapped(1, Schema(schema)));
}
void EachSchemaField(std::string& out, uint32_t number, const Json& list) {
  for (const Json& schema : list) SchemaField(out, number, schema);
}
void AdditionalField(std::string& out, uint32_t number, const Json& value) {
  if (!value.is_boolean()) return WrappedSchema(out, number, value);
  AppendBytes(out, number, FlagChoice(value.get<bool>()));
}
// TypeItem
void TypeField(std::string& out, uint32_t number, const Json& type) {
  std::string names;
  Texts(names, 1, type);
  AppendBytes(out, number, names);
}
// Properties
void SchemasField(std::string& out, uint32_t number, const Json& properties) {
  AppendBytes(out, number, MapOf(properties, 1, Schema));
}

constexpr Member kSchema[] = {
    {"$ref", 1, Text},
    {"format", 2, Text},
    {"title", 3, Text},
    {"description", 4, Text},
    {"default", 5, AnyField},
    {"multipleOf", 6, Number},
    {"maximum", 7, Number},
    {"exclusiveMaximum", 8, Flag},
    {"minimum", 9, Number},
    {"exclusiveMinimum", 10, Flag},
    {"maxLength", 11, Integer},
    {"minLength", 12, Integer},
    {"pattern", 13, Text},
    {"maxItems", 14, Integer},
    {"minItems", 15, Integer},
    {"uniqueItems", 16, Flag},
    {"maxProperties", 17, Integer},
    {"minProperties", 18, Integer},
    {"required", 19, Texts},
    {"enum", 20, Anys},
    {"additionalProperties", 21, AdditionalField},
    {"type", 22, TypeField},
    {"items", 23, WrappedSchema},
    {"allOf", 24, EachSchemaField},
    {"properties", 25, SchemasField},
    {"example", 30, AnyField},
};
constexpr uint32_t kSchemaExtensions = 31;

std::string Schema(const Json& schema) {
  return Message(kSchema, kSchemaExtensions, schema);
}

constexpr Member kBodyParameter[] = {
    {"description", 1, Text}, {"name", 2, Text},          {"in", 3, Text},
    {"required", 4, Flag},    {"schema", 5, SchemaField},
};
// Those of forms too.
constexpr Member kQueryParameter[] = {
    {"required", 1, Flag}, {"in", 2, Text},   {"description", 3, Text},
    {"name", 4, Text},     {"type", 6, Text}, {"uniqueItems", 20, Flag},
};
// Those of headers too.
constexpr Member kPathParameter[] = {
    {"required", 1, Flag}, {"in", 2, Text},   {"description", 3, Text},
    {"name", 4, Text},     {"type", 5, Text}, {"uniqueItems", 19, Flag},
};

// Parameter: field 1 is a body, field 2 a NonBodyParameter.
std::string ParameterMessage(const Json& parameter) {
  const Json* in = FindPath(parameter, "in");
  const std::string place = in != nullptr && in->is_string() ? in->get<std::string>() : "";
  if (place == "body") return Wrapped(1, Message(kBodyParameter, 6, parameter));
  if (place == "header") return Wrapped(2, Wrapped(1, Message(kPathParameter, 22, parameter)));
  if (place == "formData") return Wrapped(2, Wrapped(2, Message(kQueryParameter, 23, parameter)));
  if (place == "path") return Wrapped(2, Wrapped(4, Message(kPathParameter, 22, parameter)));
  return Wrapped(2, Wrapped(3, Message(kQueryParameter, 23, parameter)));
}

void Parameters(std::string& out, uint32_t number, const Json& list) {
  for (const Json& item : list) AppendBytes(out, number, OrReference(item, ParameterMessage));
}

constexpr Member kResponse[] = {{"description", 1, Text}, {"schema", 2, WrappedSchema}};

std::string ResponseValue(const Json& response) {
  return Wrapped(1, Message(kResponse, 5, response));
}

void Responses(std::string& out, uint32_t number, const Json& responses) {
  AppendBytes(out, number, MapOf(responses, 1, ResponseValue));
}

constexpr Member kOperation[] = {
    {"tags", 1, Texts},     {"description", 3, Text},    {"operationId", 5, Text},
    {"produces", 6, Texts}, {"consumes", 7, Texts},      {"parameters", 8, Parameters},
    {"schemes", 10, Texts}, {"responses", 9, Responses},
};

void OperationField(std::string& out, uint32_t number, const Json& operation) {
  AppendBytes(out, number, Message(kOperation, 13, operation));
}

constexpr Member kPathItem[] = {
    {"get", 2, OperationField},    {"put", 3, OperationField},     {"post", 4, OperationField},
    {"delete", 5, OperationField}, {"options", 6, OperationField}, {"head", 7, OperationField},
    {"patch", 8, OperationField},  {"parameters", 9, Parameters},
};

}  // namespace

void ProtobufSink::Path(const std::string& path, const Json& item) {
  AppendBytes(paths_, 2, Named(path, Message(kPathItem, 10, item)));
}

void ProtobufSink::Definition(const std::string& name, const Json& schema) {
  AppendBytes(definitions_, 1, Named(name, Schema(schema)));
}

void ProtobufSink::Parameter(const std::string& name, const Json& parameter) {
  AppendBytes(parameters_, 1, Named(name, ParameterMessage(parameter)));
}

void ProtobufSink::End() {
  std::string info, token;
  AppendBytes(info, 1, "Kubernetes");
  AppendBytes(info, 2, "1.35");
  AppendBytes(token, 1, "apiKey");
  AppendBytes(token, 2, "authorization");
  AppendBytes(token, 3, "header");
  AppendBytes(token, 4, "Bearer token");
  AppendBytes(document_, 1, "2.0");
  AppendBytes(document_, 2, info);
  AppendBytes(document_, 8, paths_);
  AppendBytes(document_, 9, definitions_);
  AppendBytes(document_, 10, parameters_);
  // An ApiKeySecurity is field 2 of its item; the requirement names no scopes.
  AppendBytes(document_, 12, Wrapped(1, Named("BearerToken", "")));
  AppendBytes(document_, 13, Wrapped(1, Named("BearerToken", Wrapped(2, token))));
}

}  // namespace skiff::openapi
