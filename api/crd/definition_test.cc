// Definitions as wholes; what their schemas may say is in rules_test.cc.
#include "api/crd/definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "api/codec/json.h"
#include "api/codec/typed.h"
#include "api/crd/definition_schema.h"
#include "api/crd/definition_structure.h"

namespace skiff::crd {
namespace {

using ::testing::ElementsAre;

CustomResourceDefinition WithSchema(const char* schema) {
  const Json document = {
      {"spec", {{"versions", {{{"name", "v1"},
                               {"schema", {{"openAPIV3Schema", Json::parse(schema)}}}}}}}}};
  return *FromJson<CustomResourceDefinition>(document);
}

std::vector<std::string> WarningsOf(const CustomResourceDefinition& definition,
                                    const CustomResourceDefinition* old = nullptr) {
  std::vector<std::string> out;
  WarnOfFormats(definition, old, out);
  return out;
}

std::string SchemaErrors(const char* schema) {
  Violations out;
  ValidateSchema(Json::parse(schema), {}, FieldPath("S"), out);
  return out.Text();
}

TEST(DefinitionTest, WhatNoSchemaMayHaveIsRefusedWhereverItStands) {
  EXPECT_EQ(SchemaErrors(R"({"type": "object", "additionalItems": {}})"),
            "S.additionalItems: Forbidden: additionalItems is not supported");
  EXPECT_EQ(SchemaErrors(R"({"type": "object", "dependencies": {}})"),
            "S.dependencies: Forbidden: dependencies is not supported");
  EXPECT_EQ(SchemaErrors(R"({"type": "object", "properties":
                {"a": {"type": "string", "$schema": "x"}}})"),
            "S: Invalid value: \"\": OpenAPIV3Schema 'schema' is not supported");
  EXPECT_EQ(SchemaErrors(R"({"type": "object", "definitions": {"d": {"id": "x"}}})"),
            "[S.definitions: Forbidden: definitions is not supported, S.definitions[d].id: "
            "Forbidden: id is not supported]");
  EXPECT_EQ(SchemaErrors(R"({"type": "object", "properties": {"l": {"type": "array",
                "items": []}}})"),
            "S.properties[l].items: Required value: must be specified");
}

TEST(DefinitionTest, MetadataOfResourcesHoldsNone) {
  const auto errors = [](const std::string& metadata) {
    return SchemaErrors((R"({"type": "object", "properties": {"e": {"type": "object",
        "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true,
        "properties": {"metadata": {"type": "object", "properties": {)" +
                         metadata + "}}}}}}")
                            .c_str());
  };
  EXPECT_EQ(errors(R"("x": {"type": "object", "x-kubernetes-embedded-resource": true,
                            "x-kubernetes-preserve-unknown-fields": true})"),
            "S.properties[e].properties[metadata].properties[x].x-kubernetes-embedded-resource: "
            "Forbidden: must not be used inside of resource meta");
  EXPECT_EQ(errors(R"("annotations": {"type": "object", "additionalProperties": {
                "type": "string", "default": "x"}})"),
            "S.properties[e].properties[metadata].properties[annotations].additionalProperties."
            "default: Forbidden: must not be set inside additionalProperties applying to object "
            "metadata");
  EXPECT_EQ(errors(R"("annotations": {"type": "object", "additionalProperties": {
                "type": "string"}})"),
            "[]");
}

TEST(DefinitionTest, WhatIntOrStringSpellsOutMayHaveRemarks) {
  EXPECT_EQ(SchemaErrors(R"({"type": "object", "properties": {"port": {
                "x-kubernetes-int-or-string": true, "anyOf": [
                {"type": "integer", "externalDocs": {"url": "x"}},
                {"type": "string", "example": 5}]}}})"),
            "[]");
}

// Whatever else it is.
TEST(DefinitionTest, AnyOfMaySpellOutAnIntOrAStringAtTwoPlaces) {
  const auto errors = [](const std::string& port) {
    return SchemaErrors((R"({"type": "object", "properties": {"port": )" + port + "}}").c_str());
  };
  const std::string any = R"("anyOf": [{"type": "integer"}, {"type": "string"}])";
  EXPECT_EQ(errors(R"({"type": "string", )" + any + "}"), "[]");
  EXPECT_EQ(errors(R"({"type": "string", "allOf": [{)" + any + "}], " + any + "}"), "[]");
  EXPECT_EQ(errors("{" + any + "}"),
            "S.properties[port].type: Required value: must not be empty for specified object "
            "fields");
  const std::string deeper = errors(R"({"type": "string", "allOf": [{"allOf": [{)" + any + "}]}]}");
  EXPECT_THAT(deeper, ::testing::HasSubstr("S.properties[port].allOf[0].allOf[0].anyOf[0].type: "
                                           "Forbidden: must be empty to be structural"));
}

TEST(DefinitionTest, WhatIsWrongInADefaultIsBehindADot) {
  const auto errors = [](const Json& schema) {
    const Json root = {{"type", "object"}, {"properties", {{"d", schema}}}};
    return SchemaErrors(root.dump().c_str());
  };
  const Json text = {{"type", "string"}};
  EXPECT_EQ(errors({{"type", "array"}, {"items", text}, {"default", {"x", 1}}}),
            "S.properties[d].default.[1]: Invalid value: \"integer\": [1] in body must be of type "
            "string: \"integer\"");
  EXPECT_EQ(errors({{"type", "object"}, {"additionalProperties", text}, {"default", {{"k", 1}}}}),
            "S.properties[d].default.k: Invalid value: \"integer\": .k in body must be of type "
            "string: \"integer\"");
}

// As in kube-apiserver, which does not look for defaults there, and gives them in place of a null.
TEST(DefinitionTest, ADefaultOfAMapsValuesMayBeAnything) {
  EXPECT_EQ(SchemaErrors(R"({"type": "object", "properties": {"m": {"type": "object",
                "additionalProperties": {"type": "object", "default": "x"}}}})"),
            "[]");
}

// As in kube-apiserver, which refuses the objects that get it.
TEST(DefinitionTest, ADefaultOfAnIntegerOrTextMayBeAnything) {
  EXPECT_EQ(SchemaErrors(R"({"type": "object", "properties": {"port": {
                "x-kubernetes-int-or-string": true, "default": true}}})"),
            "[]");
  EXPECT_NE(SchemaErrors(R"({"type": "object", "properties": {"port": {"default": true,
                "x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"},
                {"type": "string"}]}}})"),
            "[]");
}

// As kube-apiserver v1.35.6 tells it: of a default any format counts, also those of numbers.
TEST(DefinitionTest, ADefaultIsHeldAgainstItsFormatWhicheverItIs) {
  const auto told = [](const char* type, const char* format, const Json& value) {
    const Json given = {{"type", type}, {"format", format}, {"default", value}};
    const Json schema = {{"type", "object"}, {"properties", {{"n", given}}}};
    const std::string text = SchemaErrors(schema.dump().c_str());
    const size_t at = text.find("must be of type");
    return at == text.npos ? text : text.substr(at);
  };
  EXPECT_EQ(told("integer", "int32", 1.5), R"(must be of type int32: "float64")");
  EXPECT_EQ(told("integer", "int64", true), R"(must be of type int64: "")");
  EXPECT_EQ(told("integer", "int32", "abc"), R"(must be of type integer: "string")");
  EXPECT_EQ(told("number", "double", Json::object()), R"(must be of type double: "")");
  EXPECT_EQ(told("boolean", "int64", 1), R"(must be of type boolean: "integer")");
  EXPECT_EQ(told("boolean", "int32", 1), R"(must be of type int32: "int64")");
  EXPECT_EQ(told("string", "date", "\a\x7f"), R"(must be of type date: "\a\x7f")");
  EXPECT_EQ(told("boolean", "int32", "abc"), "[]");
  EXPECT_EQ(told("object", "whatever", Json::array()), "[]");
}

TEST(DefinitionTest, WhatTheRootsAlternativesSayHasToBeDescribed) {
  EXPECT_EQ(SchemaErrors(R"({"type": "object", "properties": {"a": {"type": "object",
                "properties": {"b": {"type": "string"}}}}, "oneOf": [{"required": ["z"]},
                {"properties": {"a": {"properties": {"b": {"minLength": 1}}}}}]})"),
            "[]");
  EXPECT_EQ(SchemaErrors(R"({"type": "object", "not": {"items": {}}, "allOf": [{"anyOf": [
                {"properties": {"a": {"minLength": 1}}}]}]})"),
            "[S.items: Required value: because it is defined in S.not.items, S.properties[a]: "
            "Required value: because it is defined in S.allOf[0].anyOf[0].properties[a]]");
  EXPECT_EQ(SchemaErrors(R"({"type": "object", "properties": {"a": {"type": "string",
                "allOf": [{"items": {}}]}}})"),
            "[]");
}

TEST(DefinitionTest, AWordOfListsIsLookedAtWhateverTheType) {
  EXPECT_EQ(SchemaErrors(R"({"type": "object", "x-kubernetes-list-type": "x"})"),
            "[S.type: Invalid value: \"object\": must be array if x-kubernetes-list-type is "
            "specified, S.x-kubernetes-list-type: Unsupported value: \"x\": supported values: "
            "\"atomic\", \"set\", \"map\"]");
  EXPECT_EQ(SchemaErrors(R"({"type": "object", "properties": {"s": {"type": "string",
                "x-kubernetes-map-type": "x"}}})"),
            "[S.properties[s].type: Invalid value: \"string\": must be object if "
            "x-kubernetes-map-type is specified, S.properties[s].x-kubernetes-map-type: "
            "Unsupported value: \"x\": supported values: \"atomic\", \"granular\"]");
}

TEST(DefinitionTest, ARuleCostsWhatItsTextsMayHold) {
  const std::string errors = SchemaErrors(R"j({"type": "object", "properties": {"s": {
      "type": "string", "maxLength": 99999999999,
      "x-kubernetes-validations": [{"rule": "self.contains('a')"}]}}})j");
  EXPECT_THAT(errors, ::testing::HasSubstr("estimated rule cost exceeds budget"));
}

TEST(DefinitionTest, FormatsThatNobodyChecksAreWarnedOfWhereverASchemaStands) {
  EXPECT_THAT(WarningsOf(WithSchema(R"j({"type": "object", "properties": {
                  "default": {"type": "string", "format": "a"},
                  "list": {"items": {"type": "string", "format": "b"}},
                  "map": {"additionalProperties": {"type": "string", "format": "c"}},
                  "any": {"anyOf": [{"type": "string", "format": "d"}],
                          "not": {"type": "string", "format": "e"}},
                  "fine": {"type": "string", "format": "date-time"},
                  "text": {"type": "string", "format": "int32"},
                  "number": {"type": "integer", "format": "f"}}})j")),
              ElementsAre("unrecognized format \"a\"", "unrecognized format \"b\"",
                          "unrecognized format \"c\"", "unrecognized format \"d\"",
                          "unrecognized format \"e\"", "unrecognized format \"int32\""));
}

TEST(DefinitionTest, ValuesThatLookLikeSchemasAreNoSchemas) {
  EXPECT_THAT(WarningsOf(WithSchema(R"j({"type": "object", "properties": {"a": {
                  "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                  "default": {"type": "string", "format": "weird"},
                  "example": {"properties": {"b": {"type": "string", "format": "weird"}}},
                  "enum": [{"type": "string", "format": "weird"}]}}})j")),
              ElementsAre());
}

TEST(DefinitionTest, AFormatThatWasThereIsNotWarnedOfAgain) {
  const auto old = WithSchema(R"j({"type": "string", "format": "weird"})j");
  const auto next = WithSchema(R"j({"properties": {"a": {"type": "string", "format": "weird"},
                                                   "b": {"type": "string", "format": "odd"}}})j");
  EXPECT_THAT(WarningsOf(next, &old), ElementsAre("unrecognized format \"odd\""));
}

// What is wrong with a definition of this schema, these fields and names beside the usual ones.
std::string Wrong(const Json& schema, const Json& fields = Json::array(),
                  const Json& names = Json::object(), bool keeps_unknown = false) {
  Json document = {
      {"metadata", {{"name", "lamps.example.com"}}},
      {"spec",
       {{"group", "example.com"},
        {"scope", "Namespaced"},
        {"preserveUnknownFields", keeps_unknown},
        {"names",
         {{"plural", "lamps"}, {"singular", "lamp"}, {"kind", "Lamp"}, {"listKind", "LampList"}}},
        {"versions",
         {{{"name", "v1"},
           {"served", true},
           {"storage", true},
           {"schema", {{"openAPIV3Schema", schema}}},
           {"selectableFields", fields}}}}}},
      {"status", {{"storedVersions", {"v1"}}}}};
  document["spec"]["names"].update(names);
  Violations out;
  ValidateDefinition(*FromJson<CustomResourceDefinition>(document), out);
  std::string text;
  for (const Cause& cause : out.causes()) {
    text += (text.empty() ? "" : "; ") + cause.field + ": " + cause.message;
  }
  return text;
}

const Json kLampSchema = Json::parse(R"j({"type": "object", "properties": {
    "spec": {"type": "object", "properties": {
        "a": {"type": "string"}, "n": {"type": "number"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}}}}}})j");

TEST(DefinitionTest, AllThatIsWrongWithANameIsOneError) {
  const std::string name(70, 'B');
  const std::string wrong = Wrong(kLampSchema, Json::array(), {{"categories", {"all", name}}});
  EXPECT_EQ(wrong.find("; "), wrong.npos) << wrong;
  EXPECT_TRUE(wrong.starts_with("spec.names.categories[1]: Invalid value: \"" + name + "\": "))
      << wrong;
  EXPECT_NE(wrong.find("must be no more than 63 characters"), wrong.npos) << wrong;
  EXPECT_NE(wrong.find("a DNS-1035 label must consist of"), wrong.npos) << wrong;
}

TEST(DefinitionTest, SelectableFieldsAreFoundAsKubernetesFindsThem) {
  const auto of = [](const char* path) { return Wrong(kLampSchema, {{{"jsonPath", path}}}); };
  const std::string at = "spec.selectableFields[0].jsonPath: Invalid value: ";
  const auto wrong = [&](const std::string& path, const std::string& why) {
    return at + "\"" + path + "\": is an invalid path: " + why;
  };
  EXPECT_EQ(of(".spec.a"), "");
  EXPECT_EQ(of(".spec.labels.x"), "");
  EXPECT_EQ(of("spec.a"), wrong("spec.a", "expected [ or . but got: spec"));
  EXPECT_EQ(of(".spec.a]"), wrong(".spec.a]", "expected [ or . but got: ]"));
  EXPECT_EQ(of("."), wrong(".", "unexpected end of JSON path"));
  EXPECT_EQ(of(".spec.gone."), wrong(".spec.gone.", "does not refer to a valid field"));
  EXPECT_EQ(of(".spec..a"), wrong(".spec..a", "does not refer to a valid field"));
  EXPECT_EQ(of(".spec.labels['x']"), wrong(".spec.labels['x']", "array notation is not allowed"));
  EXPECT_EQ(of(".spec.n"),
            at + "\".spec.n\": must point to a field of type string, boolean or integer. Enum "
                 "string fields and strings with formats are allowed.");
}

TEST(DefinitionTest, FieldsOfAllVersionsSelectInASchemaOfAllVersions) {
  const auto wrong = [](const char* type_in_second) {
    const auto version = [](const char* name, const char* type) {
      return Json{{"name", name},
                  {"served", true},
                  {"storage", std::string(name) == "v1"},
                  {"selectableFields", {{{"jsonPath", ".a"}}}},
                  {"schema",
                   {{"openAPIV3Schema",
                     {{"type", "object"}, {"properties", {{"a", {{"type", type}}}}}}}}}};
    };
    Json document = {{"metadata", {{"name", "lamps.example.com"}}},
                     {"spec",
                      {{"group", "example.com"},
                       {"scope", "Namespaced"},
                       {"names",
                        {{"plural", "lamps"},
                         {"singular", "lamp"},
                         {"kind", "Lamp"},
                         {"listKind", "LampList"}}},
                       {"versions", {version("v1", "string"), version("v2", type_in_second)}}}},
                     {"status", {{"storedVersions", {"v1"}}}}};
    Violations out;
    ValidateDefinition(*FromJson<CustomResourceDefinition>(document), out);
    return out.empty() ? "" : out.causes()[0].field + ": " + out.causes()[0].message;
  };
  EXPECT_EQ(wrong("string"), "");
  EXPECT_EQ(wrong("integer"),
            "spec.selectableFields: Invalid value: \"\": may only be set when validations.schema is "
            "included");
}

TEST(DefinitionTest, ADefaultOfTheRootWouldHaveToBeAWholeResource) {
  Json schema = kLampSchema;
  schema["default"] = Json::object();
  EXPECT_EQ(Wrong(schema),
            "spec.validation.openAPIV3Schema.default.apiVersion: Required value; "
            "spec.validation.openAPIV3Schema.default.kind: Required value");
  schema["default"] = {{"apiVersion", "example.com/v1"}, {"kind", "Lamp"}};
  EXPECT_EQ(Wrong(schema), "");
}

// As kube-apiserver v1.35.6 tells it.
TEST(DefinitionTest, DefaultsOfResourcesAreJudgedAsKubernetesDoes) {
  Json schema = kLampSchema;
  schema["default"] = {{"zzz", 1}};
  EXPECT_EQ(Wrong(schema),
            "spec.validation.openAPIV3Schema.default: Invalid value: {\"zzz\":1}: must not have "
            "unknown fields; spec.validation.openAPIV3Schema.default.apiVersion: Required value; "
            "spec.validation.openAPIV3Schema.default.kind: Required value");
  schema = kLampSchema;
  schema["properties"]["metadata"] = {
      {"type", "object"}, {"properties", {{"name", {{"type", "string"}, {"default", "x"}}}}}};
  EXPECT_EQ(Wrong(schema),
            "spec.validation.openAPIV3Schema.properties[metadata].properties[name].default: "
            "Forbidden: must not be set in top-level metadata");
  schema["properties"]["metadata"] = {{"type", "object"}, {"default", Json::object()}};
  EXPECT_EQ(Wrong(schema),
            "spec.validation.openAPIV3Schema.properties[metadata].default: Forbidden: must not be "
            "set in top-level metadata");
  schema["properties"]["metadata"]["default"] = "x";
  schema["properties"]["kind"] = {{"type", "string"}, {"default", ""}};
  EXPECT_EQ(Wrong(schema),
            "spec.validation.openAPIV3Schema.properties[kind].default: Invalid value: \"\": must "
            "result in valid metadata: kind: Invalid value: \"\": must not be empty; "
            "spec.validation.openAPIV3Schema.properties[metadata].default: Invalid value: \"x\": "
            "must result in valid metadata: metadata: Invalid value: \"x\": json: cannot unmarshal "
            "string into Go value of type v1.ObjectMeta; "
            "spec.validation.openAPIV3Schema.properties[kind].default: Forbidden: must not be set "
            "in top-level kind; spec.validation.openAPIV3Schema.properties[metadata].default: "
            "Forbidden: must not be set in top-level metadata");
  schema = kLampSchema;
  const Json metadata = {{"name", "-bad-"}, {"labels", {{"a", 1}}}};
  schema["properties"]["inner"] = {
      {"type", "object"},
      {"x-kubernetes-embedded-resource", true},
      {"x-kubernetes-preserve-unknown-fields", true},
      {"default", {{"apiVersion", "v1"}, {"kind", "X"}, {"metadata", metadata}}}};
  EXPECT_EQ(Wrong(schema),
            "spec.validation.openAPIV3Schema.properties[inner].default.metadata: Invalid value: "
            "{\"labels\":{\"a\":1},\"name\":\"-bad-\"}: json: cannot unmarshal number into Go "
            "struct field ObjectMeta.labels of type string");
}

// In what an embedded resource is called, a default is judged by the resource that it makes.
TEST(DefinitionTest, DefaultsInTheMetadataOfEmbeddedResourcesAreJudgedByWhatTheyMake) {
  const auto wrong = [](const std::string& name, const Json& property) {
    Json schema = kLampSchema;
    schema["properties"]["inner"] = {{"type", "object"},
                                     {"x-kubernetes-embedded-resource", true},
                                     {"x-kubernetes-preserve-unknown-fields", true},
                                     {"properties", Json::object()}};
    schema["properties"]["inner"]["properties"][name] = property;
    return Wrong(schema);
  };
  const std::string at = "spec.validation.openAPIV3Schema.properties[inner].properties";
  const auto named = [](const std::string& name) -> Json {
    return {{"type", "object"},
            {"properties", {{"name", {{"type", "string"}, {"default", name}}}}}};
  };
  EXPECT_EQ(wrong("metadata", named("a")), "");
  EXPECT_EQ(wrong("metadata", named("a/b")),
            at +
                "[metadata].properties[name].default: Invalid value: \"a/b\": must result in valid "
                "metadata: metadata.name: Invalid value: \"a/b\": may not contain '/'");
  EXPECT_EQ(wrong("apiVersion", {{"type", "string"}, {"default", "a/b/c"}}),
            at + "[apiVersion].default: Invalid value: \"a/b/c\": must result in valid metadata: "
                 "apiVersion: Invalid value: \"a/b/c\": unexpected GroupVersion string: a/b/c");
  // Nor is such a default told of fields that it does not know.
  EXPECT_EQ(wrong("metadata", {{"type", "object"}, {"default", {{"zzz", 1}}}}), "");
  EXPECT_EQ(wrong("metadata", {{"type", "object"}, {"default", {{"labels", {{"a", 1}}}}}}),
            at +
                "[metadata].default: Invalid value: {\"labels\":{\"a\":1}}: must result in valid "
                "metadata: metadata: Invalid value: {\"labels\":{\"a\":1}}: json: cannot unmarshal "
                "number into Go struct field ObjectMeta.labels of type string");
}

TEST(DefinitionTest, ManyKeysOfAListAreLookedUpAtOnce) {
  Json item = {{"type", "object"}}, keys = Json::array();
  for (int i = 0; i < 30000; ++i) {
    keys.push_back("key" + std::to_string(i));
    item["properties"][keys.back().get<std::string>()] = {{"type", "string"}};
  }
  item["required"] = keys;
  const Json list = {{"type", "array"},
                     {"items", item},
                     {"x-kubernetes-list-type", "map"},
                     {"x-kubernetes-list-map-keys", keys}};
  const std::clock_t begin = std::clock();
  EXPECT_EQ(Wrong({{"type", "object"}, {"properties", {{"list", list}}}}), "");
  EXPECT_LT(std::clock() - begin, 3 * CLOCKS_PER_SEC);  // Ten seconds, one after the other.
}

// Seconds are a machine's own, and what it is busy with: what takes long is compared with what does
// the same for a short name.
std::clock_t MostLike(std::clock_t of_short_name) {
  return 10 * of_short_name + CLOCKS_PER_SEC / 2;
}

// Paths shared nothing: a definition of 150 kB made 3,000 of 100 kB, several times each.
TEST(DefinitionTest, ALongNameCostsItsLengthOnce) {
  Json below = {{"type", "object"}};
  for (int i = 0; i < 3000; ++i) {
    below["properties"]["p" + std::to_string(i)] = {
        {"type", "object"},
        {"properties", {{"a", {{"type", "string"}, {"default", "b"}, {"pattern", "^b$"}}}}}};
  }
  const auto cost = [&](size_t length) {
    const Json schema = {{"type", "object"}, {"properties", {{std::string(length, 'n'), below}}}};
    const std::clock_t begin = std::clock();
    EXPECT_EQ(Wrong(schema), "");
    return std::clock() - begin;
  };
  const std::clock_t of_short_name = cost(1);
  EXPECT_LT(cost(500'000), MostLike(of_short_name));
}

// Of what is wrong with the structure there is no end, and each error holds a whole path.
TEST(DefinitionTest, ErrorsOfTheStructureAreKeptUpToABound) {
  std::clock_t cost = 0;
  const auto wrong = [&](const std::string& name, int count) {
    Json below = {{"type", "object"}};
    for (int i = 0; i < count; ++i) below["properties"]["p" + std::to_string(i)] = Json::object();
    Violations out;
    const std::clock_t begin = std::clock();
    ValidateStructure({{"type", "object"}, {"properties", {{name, below}}}}, FieldPath("S"),
                      PatternBounds::kOurs, out);
    cost = std::clock() - begin;
    return out;
  };
  EXPECT_EQ(wrong("few", 50).causes().size(), 50u);
  EXPECT_LE(wrong("n", 20'000).causes().size(), 10'000u);
  const std::clock_t of_short_name = cost;
  EXPECT_LE(wrong(std::string(100'000, 'n'), 20'000).causes().size(), 50u);
  EXPECT_LT(cost, MostLike(of_short_name));
}

TEST(DefinitionTest, DefaultsAndUnknownFieldsDoNotGoTogether) {
  const std::string at = "spec.preserveUnknownFields: Invalid value: true: ";
  const std::string refused = at + "cannot set to true, set x-kubernetes-preserve-unknown-fields to "
                                   "true in spec.versions[*].schema instead";
  Json schema = kLampSchema;
  EXPECT_EQ(Wrong(schema, Json::array(), Json::object(), true), refused);
  schema["properties"]["spec"]["properties"]["a"]["default"] = "b";
  EXPECT_EQ(Wrong(schema, Json::array(), Json::object(), true),
            at + "must be false in order to use defaults in the schema; " + refused);
  EXPECT_EQ(Wrong(schema), "");
}

TEST(DefinitionTest, ASchemaOfAllVersionsSuitsTheStatusOfAny) {
  const Json schema = {{"openAPIV3Schema", {{"type", "object"}, {"minProperties", 1}}}};
  Json first = {{"name", "v1"}, {"schema", schema}}, second = {{"name", "v2"}, {"schema", schema}};
  const auto is_told = [&] {
    Violations out;
    ValidateDefinition(*FromJson<CustomResourceDefinition>(
                           Json{{"spec", {{"versions", Json::array({first, second})}}}}),
                       out);
    return std::ranges::any_of(out.causes(), [](const Cause& cause) {
      return cause.message.find("if the status subresource is enabled") != std::string::npos;
    });
  };
  EXPECT_FALSE(is_told());
  second["subresources"] = {{"status", Json::object()}};
  EXPECT_TRUE(is_told());
}

TEST(DefinitionTest, WhatKeepsUnknownFieldsIsNotConverted) {
  CustomResourceDefinition definition;
  definition.spec.preserve_unknown_fields = true;
  definition.spec.conversion.emplace().strategy = "Webhook";
  const auto is_told = [&] {
    Violations out;
    ValidateDefinition(definition, out);
    return std::ranges::any_of(out.causes(), [](const Cause& cause) {
      return cause.field == "spec.conversion.strategy" &&
             cause.message ==
                 "Invalid value: \"Webhook\": must be None if "
                 "spec.preserveUnknownFields is true";
    });
  };
  EXPECT_TRUE(is_told());
  definition.spec.preserve_unknown_fields = false;
  EXPECT_FALSE(is_told());
}

TEST(DefinitionTest, PatternsAreNotLargerThanTheyMayBe) {
  const auto with = [](const std::string& pattern, int times = 1) {
    Json schema = {{"type", "object"}};
    for (int i = 0; i < times; ++i) {
      schema["properties"]["p" + std::to_string(i)] = {
          {"type", "string"}, {"pattern", pattern + std::string(i % 7, 'x')}};
    }
    return Wrong(schema);
  };
  // Of cert-manager, the Prometheus operator, Istio and the Gateway API.
  for (const char* used :
       {"^([0-9]{1,5}(h|m|s|ms)){1,4}$", "(^$|^[a-f0-9]{64}$)",
        "^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)"
        "$",
        "^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+("
        "\\.[0-9]*)?)|(\\.[0-9]+))))?$",
        "^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
        "^(([^:/?#]+):)(//([^/?#]*))([^?#]*)(\\?([^#]*))?(#(.*))?", "^.{0,1000}$"}) {
    EXPECT_EQ(with(used), "") << used;
  }
  const std::string large = ".{0,1000}.{0,1000}.{0,1000}.{0,1000}.{0,1000}";
  EXPECT_NE(with(large).find("must not be larger than 32768"), std::string::npos);
  EXPECT_NE(with(".{0,1000}", 200).find("together with the patterns before it"),
            std::string::npos);
  // One that is no pattern as it is too large took as long as the largest that is one. Behind the
  // last of those that are too many none is looked at.
  Json schema = {{"type", "object"}};
  for (int i = 0; i < 300; ++i) {
    schema["properties"]["p" + std::to_string(i)] = {
        {"type", "string"}, {"pattern", "(\\pL{1,100}" + std::to_string(i) + "){1,9}"}};
  }
  const std::string wrong = Wrong(schema);
  const std::string_view invalid = "expression too large";
  size_t count = 0;
  for (size_t at = 0; (at = wrong.find(invalid, at)) != wrong.npos; at += invalid.size()) ++count;
  EXPECT_EQ(count, 33u);
}

}  // namespace
}  // namespace skiff::crd
