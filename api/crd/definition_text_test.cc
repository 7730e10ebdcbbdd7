#include "api/crd/definition_text.h"

#include <gtest/gtest.h>

#include "api/codec/json.h"

namespace skiff::crd {
namespace {

Json WithoutSchemas(Json definition) {
  for (Json& version : definition["spec"]["versions"]) {
    const auto schema = version.find("schema");
    if (schema != version.end() && schema->is_object()) schema->erase("openAPIV3Schema");
  }
  return definition;
}

TEST(DefinitionTextTest, SchemasAreCutOutAndNothingElse) {
  const std::string text = R"({"kind": "CustomResourceDefinition", "spec": {
      "group": "example.com", "versions": [
          {"name": "v1", "schema": {"openAPIV3Schema": {"type": "object", "x": "}]\"{"} , "more": 1},
           "selectableFields": [{"jsonPath": ".spec.a"}]},
          {"name": "v2"},
          {"name": "v3", "schema": {"openAPIV3Schema": null}},
          {"name": "v4", "schema": null},
          {"schema": {"openAPIV3Schema": {}}, "name": "v5"}],
      "scope": "Namespaced"}, "status": {"storedVersions": ["v1"]}})";
  const auto cut = CutDefinition(text);
  ASSERT_TRUE(cut) << cut.error().message;
  EXPECT_EQ(cut->document, WithoutSchemas(Json::parse(text)));
  const std::vector<std::string_view> schemas = {R"({"type": "object", "x": "}]\"{"})", "", "", "",
                                                 "{}"};
  EXPECT_EQ(cut->schemas, schemas);
  EXPECT_EQ(Json::parse(cut->spec), Json::parse(text)["spec"]);
}

TEST(DefinitionTextTest, WhatHasNoVersionsHasNoSchemas) {
  for (const char* text : {"{}", R"({"spec": null})", R"({"spec": {"versions": 5}})",
                           R"({"spec": {"versions": []}, "status": {}})"}) {
    const auto cut = CutDefinition(text);
    ASSERT_TRUE(cut) << text;
    EXPECT_EQ(cut->document, Json::parse(text));
    EXPECT_TRUE(cut->schemas.empty());
  }
  for (const char* text : {"", "[]", "5", R"({"spec": {"versions": [{"schema": {)"}) {
    EXPECT_FALSE(CutDefinition(text)) << text;
  }
}

}  // namespace
}  // namespace skiff::crd
