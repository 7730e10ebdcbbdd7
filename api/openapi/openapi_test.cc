#include <gtest/gtest.h>

#include <set>

#include "api/openapi/openapi_v2.h"
#include "api/openapi/openapi_v2_protobuf.h"
#include "api/openapi/openapi_v3.h"
#include "api/openapi/openapi_v3_protobuf.h"
#include "api/openapi/recorded_documents.h"
#include "api/registry.h"

namespace skiff {
namespace {

// Parts of the documents of a kube-apiserver v1.35.6, without descriptions.
const Json& Recorded() {
  static const Json kRecorded = RecordedDocuments("openapi.json");
  return kRecorded;
}

Json V3(std::string_view key) {
  const auto text = OpenApiV3Document(BuiltInKinds(), key);
  return text ? WithoutProse(Json::parse(*text)) : Json();
}

// Every "$ref" in the document.
void CollectReferences(const Json& document, std::set<std::string>& out) {
  if (document.is_object() && document.contains("$ref") && document["$ref"].is_string()) {
    out.insert(document["$ref"]);
  }
  if (!document.is_structured()) return;
  for (const Json& part : document) CollectReferences(part, out);
}

TEST(OpenApiV3Test, DocumentsAreThoseOfKubernetes) {
  ASSERT_EQ(Recorded()["v3"].size(), 9);
  for (const auto& [key, expected] : Recorded()["v3"].items()) ExpectSame(V3(key), expected, key);
}

TEST(OpenApiV3Test, PathsOfCoreAreThoseOfKubernetes) {
  const Json document = V3("api/v1");
  for (const auto& [path, expected] : Recorded()["v3_paths"].items()) {
    ExpectSame(document["paths"][path], expected, path);
  }
}

TEST(OpenApiV3Test, SchemasAreThoseOfKubernetes) {
  const Json document = V3("apis/apps/v1");
  for (const auto& [name, expected] : Recorded()["v3_schemas"].items()) {
    ExpectSame(document["components"]["schemas"][name], expected, name);
  }
}

TEST(OpenApiV3Test, EveryDocumentHasWhatItRefersTo) {
  const auto keys = OpenApiV3Keys(BuiltInKinds());
  EXPECT_EQ(keys.front(), ".well-known/openid-configuration");
  for (const std::string& key : keys) {
    const Json document = V3(key);
    ASSERT_FALSE(document["paths"].empty()) << key;
    std::set<std::string> references;
    CollectReferences(document, references);
    for (const std::string& reference : references) {
      EXPECT_TRUE(document.contains(Json::json_pointer(reference.substr(1)))) << reference;
    }
  }
  EXPECT_TRUE(V3("apis/none.example.com/v1").is_null());
}

TEST(OpenApiV3Test, TheIndexLeadsToTheDocuments) {
  EXPECT_EQ(OpenApiV3Index({{"api/v1", "AB"}, {"version", "CD"}}),
            R"({"paths":{"api/v1":{"serverRelativeURL":"/openapi/v3/api/v1?hash=AB"},)"
            R"("version":{"serverRelativeURL":"/openapi/v3/version?hash=CD"}}})");
}

TEST(OpenApiV3Test, CustomKindsHavePathsWithoutStrategicPatchesOrWatches) {
  constexpr std::string_view kVerbs[] = {"delete", "deletecollection", "get",    "list",
                                         "patch",  "create",           "update", "watch"};
  const Type type = {.shape = Shape::kStruct};
  RuntimeKind kind;
  kind.group = "stable.example.com";
  kind.version = "v1";
  kind.api_version = "stable.example.com/v1";
  kind.kind = "CronTab";
  kind.resource = "crontabs";
  kind.singular = "crontab";
  kind.verbs = kVerbs;
  kind.type = &type;
  const KindInfo* const kinds[] = {&kind};
  const Json document = Json::parse(*OpenApiV3Document(kinds, "apis/stable.example.com/v1"));
  const Json& item =
      document["paths"]["/apis/stable.example.com/v1/namespaces/{namespace}/crontabs/{name}"];
  EXPECT_EQ(item["get"]["operationId"], "readStableExampleComV1NamespacedCronTab");
  EXPECT_EQ(item["patch"]["requestBody"]["content"].size(), 3);
  EXPECT_TRUE(document["components"]["schemas"].contains("com.example.stable.v1.CronTab"));
  EXPECT_TRUE(document["components"]["schemas"].contains("com.example.stable.v1.CronTabList"));
  for (const auto& [path, operations] : document["paths"].items()) {
    EXPECT_EQ(path.find("/watch/"), std::string::npos) << path;
  }
  const Json v2 = Json::parse(OpenApiV2Document(kinds));
  EXPECT_TRUE(v2["definitions"].contains("com.example.stable.v1.CronTab"));
}

TEST(OpenApiV2Test, PathsDefinitionsAndParametersAreThoseOfKubernetes) {
  const Json document = WithoutProse(Json::parse(OpenApiV2Document(BuiltInKinds())));
  for (const auto& [path, expected] : Recorded()["v2_paths"].items()) {
    ExpectSame(document["paths"][path], expected, path);
  }
  for (const auto& [name, expected] : Recorded()["v2_definitions"].items()) {
    ExpectSame(document["definitions"][name], expected, name);
  }
  ExpectSame(document["parameters"], Recorded()["v2_parameters"], "parameters");
  std::set<std::string> references;
  CollectReferences(document, references);
  for (const std::string& reference : references) {
    EXPECT_TRUE(document.contains(Json::json_pointer(reference.substr(1)))) << reference;
  }
}

// What a client of old would not take.
TEST(OpenApiV2Test, DefinitionsHaveNothingThatVersionTwoLacks) {
  const Json document = Json::parse(OpenApiV2Document(BuiltInKinds()));
  for (const auto& [name, schema] : document["definitions"].items()) {
    const Json properties = schema.value("properties", Json::object());
    for (const auto& [key, property] : properties.items()) {
      for (const char* word : {"allOf", "oneOf", "anyOf", "default", "nullable"}) {
        EXPECT_FALSE(property.contains(word)) << name << " " << key;
        EXPECT_FALSE(property.value("items", Json::object()).contains(word)) << name << " " << key;
      }
      EXPECT_FALSE(property.contains("$ref") && property.contains("type")) << name << " " << key;
      EXPECT_EQ(property.value("type", "") == "array", property.contains("items")) << name;
    }
  }
}

// A reader of the protobuf wire format: the fields of a message, one after the other.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}

  // The next field of a number; nullopt at the end. Only strings and messages.
  std::optional<std::string_view> Next(uint32_t wanted) {
    while (!rest_.empty()) {
      const uint64_t tag = Varint();
      if ((tag & 7) == 0) {
        Varint();
        continue;
      }
      if ((tag & 7) == 1) {
        rest_.remove_prefix(std::min<size_t>(8, rest_.size()));
        continue;
      }
      EXPECT_EQ(tag & 7, 2u);
      const size_t size = Varint();
      EXPECT_LE(size, rest_.size());
      const std::string_view bytes = rest_.substr(0, size);
      rest_.remove_prefix(std::min(size, rest_.size()));
      if (tag >> 3 == wanted) return bytes;
    }
    return std::nullopt;
  }

 private:
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_[0]);
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value;
  }
  std::string_view rest_;
};

TEST(OpenApiV2Test, TheProtobufFormHasThePathsAndDefinitions) {
  const Json document = Json::parse(OpenApiV2Document(BuiltInKinds()));
  const std::string bytes = OpenApiV2Protobuf(BuiltInKinds());
  EXPECT_EQ(*WireReader(bytes).Next(1), "2.0");
  WireReader paths(*WireReader(bytes).Next(8));
  size_t count = 0;
  while (const auto path = paths.Next(2)) {
    EXPECT_TRUE(document["paths"].contains(std::string(*WireReader(*path).Next(1))));
    ++count;
  }
  EXPECT_EQ(count, document["paths"].size());
  WireReader definitions(*WireReader(bytes).Next(9));
  count = 0;
  while (const auto definition = definitions.Next(1)) {
    ++count;
    const std::string name(*WireReader(*definition).Next(1));
    const std::string_view schema = *WireReader(*definition).Next(2);
    WireReader properties(WireReader(schema).Next(25).value_or(""));
    size_t property_count = 0;
    while (properties.Next(1)) ++property_count;
    EXPECT_EQ(property_count,
              document["definitions"][name].value("properties", Json::object()).size());
    if (name != "io.k8s.api.core.v1.Pod") continue;
    const std::string_view kind = *WireReader(schema).Next(31);
    EXPECT_EQ(*WireReader(kind).Next(1), "x-kubernetes-group-version-kind");
    EXPECT_EQ(*WireReader(*WireReader(kind).Next(2)).Next(2),
              R"([{"group":"","kind":"Pod","version":"v1"}])");
  }
  EXPECT_EQ(count, document["definitions"].size());
}

TEST(OpenApiV2Test, TheProtobufFormOfASchemaSaysAllOfIt) {
  openapi::ProtobufSink sink;
  sink.Definition("S", Json::parse(R"({"type": "object", "maxLength": 5, "minimum": -1.5,
      "pattern": "^a$", "exclusiveMaximum": true, "additionalProperties": false, "minItems": 0,
      "allOf": [{"format": "byte"}], "default": {"a": 1}})"));
  sink.End();
  const std::string bytes = std::move(sink).Take();
  const std::string_view named = *WireReader(*WireReader(bytes).Next(9)).Next(1);
  EXPECT_EQ(*WireReader(named).Next(1), "S");
  const std::string_view schema = *WireReader(named).Next(2);
  EXPECT_EQ(*WireReader(*WireReader(schema).Next(5)).Next(2), R"({"a":1})");
  EXPECT_EQ(*WireReader(schema).Next(13), "^a$");
  EXPECT_EQ(*WireReader(schema).Next(21), std::string("\x10\0", 2)) << "additionalProperties";
  EXPECT_EQ(*WireReader(*WireReader(schema).Next(22)).Next(1), "object");
  EXPECT_EQ(*WireReader(*WireReader(schema).Next(24)).Next(2), "byte");
  const auto has = [&](std::string_view part) { return schema.find(part) != schema.npos; };
  EXPECT_TRUE(has({"\x40\x01\x49\0\0\0\0\0\0\xf8\xbf\x58\x05", 13}))
      << "exclusiveMaximum, minimum, maxLength";
}

size_t CountOf(std::string_view message, uint32_t number) {
  WireReader reader(message);
  size_t count = 0;
  while (reader.Next(number)) ++count;
  return count;
}

TEST(OpenApiV3Test, TheProtobufFormHasThePathsAndSchemas) {
  const Json document = Json::parse(*OpenApiV3Document(BuiltInKinds(), "apis/apps/v1"));
  const std::string bytes = *OpenApiV3Protobuf(BuiltInKinds(), "apis/apps/v1");
  EXPECT_EQ(*WireReader(bytes).Next(1), "3.0.0");
  EXPECT_EQ(*WireReader(*WireReader(bytes).Next(2)).Next(6), "1.35");
  WireReader paths(*WireReader(bytes).Next(4));
  size_t count = 0;
  while (const auto path = paths.Next(1)) {
    ++count;
    const std::string name(*WireReader(*path).Next(1));
    ASSERT_TRUE(document["paths"].contains(name)) << name;
    const Json& item = document["paths"][name];
    const std::string_view message = *WireReader(*path).Next(2);
    EXPECT_EQ(CountOf(message, 13), item.value("parameters", Json::array()).size());
    if (!item.contains("patch")) continue;
    const std::string_view patch = *WireReader(message).Next(10);
    EXPECT_EQ(*WireReader(patch).Next(5), item["patch"]["operationId"]);
    const std::string_view body = *WireReader(*WireReader(patch).Next(7)).Next(1);
    EXPECT_EQ(CountOf(*WireReader(body).Next(2), 1),
              item["patch"]["requestBody"]["content"].size());
    EXPECT_EQ(CountOf(*WireReader(patch).Next(8), 2), item["patch"]["responses"].size());
  }
  EXPECT_EQ(count, document["paths"].size());
  const std::string_view components = *WireReader(bytes).Next(5);
  EXPECT_EQ(CountOf(*WireReader(components).Next(1), 1), document["components"]["schemas"].size());
  EXPECT_EQ(CountOf(*WireReader(components).Next(7), 1), 1u);
}

TEST(OpenApiV3Test, TheProtobufFormOfASchemaSaysAllOfIt) {
  openapi::ProtobufSinkV3 sink;
  sink.Begin("t", "v");
  sink.Schema("S", Json::parse(R"({"type": "object", "nullable": true, "maxLength": 5,
      "additionalProperties": false, "default": {}, "minimum": -1.5,
      "allOf": [{"$ref": "#/components/schemas/T"}], "properties": {"a": {"default": 0}},
      "items": {"type": "string", "default": "x"}, "x-more": ["y"]})"));
  sink.End(Json::object());
  const std::string bytes = std::move(sink).Take();
  const std::string_view components = *WireReader(bytes).Next(5);
  const std::string_view named = *WireReader(*WireReader(components).Next(1)).Next(1);
  EXPECT_EQ(*WireReader(named).Next(1), "S");
  const std::string_view schema = *WireReader(*WireReader(named).Next(2)).Next(1);
  EXPECT_EQ(schema.substr(0, 2), "\x08\x01") << "nullable";
  EXPECT_EQ(schema.substr(2, 9), std::string("\x69\0\0\0\0\0\0\xf8\xbf", 9)) << "minimum";
  EXPECT_EQ(schema.substr(11, 2), "\x78\x05") << "maxLength";
  EXPECT_EQ(*WireReader(schema).Next(25), "object");
  const std::string_view all_of = *WireReader(schema).Next(26);
  EXPECT_EQ(*WireReader(*WireReader(all_of).Next(2)).Next(1), "#/components/schemas/T");
  const std::string_view item = *WireReader(*WireReader(schema).Next(30)).Next(1);
  const std::string_view of_item = *WireReader(item).Next(1);
  EXPECT_EQ(*WireReader(*WireReader(of_item).Next(33)).Next(3), "x");
  const std::string_view property = *WireReader(*WireReader(schema).Next(31)).Next(1);
  const std::string_view of_property = *WireReader(*WireReader(property).Next(2)).Next(1);
  EXPECT_EQ(*WireReader(of_property).Next(33), std::string("\x09\0\0\0\0\0\0\0\0", 9));
  EXPECT_EQ(*WireReader(schema).Next(32), std::string("\x10\0", 2)) << "additionalProperties";
  EXPECT_EQ(*WireReader(schema).Next(33), "") << "Kubernetes has no form for other defaults";
  const std::string_view extension = *WireReader(schema).Next(36);
  EXPECT_EQ(*WireReader(extension).Next(1), "x-more");
  EXPECT_EQ(*WireReader(*WireReader(extension).Next(2)).Next(2), R"(["y"])");
}

}  // namespace
}  // namespace skiff
