#include "api/openapi/openapi_v3_protobuf.h"

#include "api/openapi/protobuf_message.h"

namespace skiff::openapi {
namespace {

std::string SchemaMessageV3(const Json& schema);

std::string SchemaOrReference(const Json& schema) {
  return OrReference(schema, SchemaMessageV3);
}

void PlainSchema(std::string& out, uint32_t number, const Json& schema) {
  AppendBytes(out, number, SchemaMessageV3(schema));
}
void OneSchema(std::string& out, uint32_t number, const Json& schema) {
  AppendBytes(out, number, SchemaOrReference(schema));
}
void EachSchema(std::string& out, uint32_t number, const Json& list) {
  for (const Json& schema : list) OneSchema(out, number, schema);
}
// ItemsItem
void ItemsSchema(std::string& out, uint32_t number, const Json& schema) {
  AppendBytes(out, number, Wrapped(1, SchemaOrReference(schema)));
}
void NamedSchemas(std::string& out, uint32_t number, const Json& schemas) {
  AppendBytes(out, number, MapOf(schemas, 1, SchemaOrReference));
}
void AdditionalSchema(std::string& out, uint32_t number, const Json& value) {
  if (!value.is_boolean()) return ItemsSchema(out, number, value);
  AppendBytes(out, number, FlagChoice(value.get<bool>()));
}
// DefaultType has numbers, flags and texts, zeros too; any other value is an empty one.
void DefaultValue(std::string& out, uint32_t number, const Json& value) {
  std::string held;
  if (value.is_number()) Number(held, 1, value);
  if (value.is_number() && held.empty()) held = std::string("\x09\0\0\0\0\0\0\0\0", 9);
  if (value.is_boolean()) held = FlagChoice(value.get<bool>());
  if (value.is_string()) Text(held, 3, value);
  AppendBytes(out, number, held);
}

constexpr Member kSchemaV3[] = {
    {"nullable", 1, Flag},
    {"example", 7, AnyField},
    {"title", 9, Text},
    {"multipleOf", 10, Number},
    {"maximum", 11, Number},
    {"exclusiveMaximum", 12, Flag},
    {"minimum", 13, Number},
    {"exclusiveMinimum", 14, Flag},
    {"maxLength", 15, Integer},
    {"minLength", 16, Integer},
    {"pattern", 17, Text},
    {"maxItems", 18, Integer},
    {"minItems", 19, Integer},
    {"uniqueItems", 20, Flag},
    {"maxProperties", 21, Integer},
    {"minProperties", 22, Integer},
    {"required", 23, Texts},
    {"enum", 24, Anys},
    {"type", 25, Text},
    {"allOf", 26, EachSchema},
    {"oneOf", 27, EachSchema},
    {"anyOf", 28, EachSchema},
    {"not", 29, PlainSchema},
    {"items", 30, ItemsSchema},
    {"properties", 31, NamedSchemas},
    {"additionalProperties", 32, AdditionalSchema},
    {"default", 33, DefaultValue},
    {"description", 34, Text},
    {"format", 35, Text},
};
constexpr uint32_t kExtensionsOfSchemaV3 = 36;

std::string SchemaMessageV3(const Json& schema) {
  return Message(kSchemaV3, kExtensionsOfSchemaV3, schema);
}

constexpr Member kMediaType[] = {{"schema", 1, OneSchema}};

std::string MediaTypeMessage(const Json& type) {
  return Message(kMediaType, 5, type);
}

void MediaTypes(std::string& out, uint32_t number, const Json& types) {
  AppendBytes(out, number, MapOf(types, 1, MediaTypeMessage));
}

constexpr Member kParameterV3[] = {
    {"name", 1, Text},     {"in", 2, Text},           {"description", 3, Text},
    {"required", 4, Flag}, {"schema", 10, OneSchema},
};

std::string ParameterMessageV3(const Json& parameter) {
  return Message(kParameterV3, 14, parameter);
}

void ParametersV3(std::string& out, uint32_t number, const Json& list) {
  for (const Json& each : list) AppendBytes(out, number, OrReference(each, ParameterMessageV3));
}

constexpr Member kRequestBody[] = {
    {"description", 1, Text}, {"content", 2, MediaTypes}, {"required", 3, Flag}};

std::string RequestBodyMessage(const Json& body) {
  return Message(kRequestBody, 4, body);
}

void RequestBodyField(std::string& out, uint32_t number, const Json& body) {
  AppendBytes(out, number, OrReference(body, RequestBodyMessage));
}

constexpr Member kResponseV3[] = {{"description", 1, Text}, {"content", 3, MediaTypes}};

std::string ResponseOrReference(const Json& response) {
  return OrReference(response, [](const Json& each) { return Message(kResponseV3, 5, each); });
}

// Responses: those of a code are field 2.
void ResponsesV3(std::string& out, uint32_t number, const Json& responses) {
  AppendBytes(out, number, MapOf(responses, 2, ResponseOrReference));
}

constexpr Member kOperationV3[] = {
    {"tags", 1, Texts},
    {"description", 3, Text},
    {"operationId", 5, Text},
    {"parameters", 6, ParametersV3},
    {"requestBody", 7, RequestBodyField},
    {"responses", 8, ResponsesV3},
};

void OperationV3(std::string& out, uint32_t number, const Json& operation) {
  AppendBytes(out, number, Message(kOperationV3, 13, operation));
}

constexpr Member kPathItemV3[] = {
    {"get", 4, OperationV3},     {"put", 5, OperationV3},          {"post", 6, OperationV3},
    {"delete", 7, OperationV3},  {"options", 8, OperationV3},      {"head", 9, OperationV3},
    {"patch", 10, OperationV3},  {"parameters", 13, ParametersV3},
};

constexpr Member kSecurityScheme[] = {
    {"type", 1, Text}, {"description", 2, Text}, {"name", 3, Text}, {"in", 4, Text}};

std::string SecuritySchemeMessage(const Json& scheme) {
  return OrReference(scheme, [](const Json& each) { return Message(kSecurityScheme, 9, each); });
}

}  // namespace

void ProtobufSinkV3::Begin(std::string_view title, std::string_view version) {
  AppendBytes(info_, 1, title);
  AppendBytes(info_, 6, version);
}

void ProtobufSinkV3::Path(const std::string& path, const Json& item) {
  AppendBytes(paths_, 1, Named(path, Message(kPathItemV3, 14, item)));
}

void ProtobufSinkV3::Schema(const std::string& name, const Json& schema) {
  AppendBytes(schemas_, 1, Named(name, SchemaOrReference(schema)));
}

void ProtobufSinkV3::End(const Json& security_schemes) {
  std::string components;
  if (!schemas_.empty()) AppendBytes(components, 1, schemas_);
  if (!security_schemes.is_null()) {
    AppendBytes(components, 7, MapOf(security_schemes, 1, SecuritySchemeMessage));
  }
  AppendBytes(document_, 1, "3.0.0");
  AppendBytes(document_, 2, info_);
  AppendBytes(document_, 4, paths_);
  AppendBytes(document_, 5, components);
}

}  // namespace skiff::openapi
