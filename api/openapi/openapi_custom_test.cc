// Of custom kinds, the documents that a kube-apiserver v1.35.6 has of the same definitions.
#include <gtest/gtest.h>

#include <algorithm>

#include "api/crd/custom_kind.h"
#include "api/openapi/openapi_v2.h"
#include "api/openapi/openapi_v3.h"
#include "api/openapi/recorded_documents.h"
#include "api/registry.h"

namespace skiff {
namespace {

// The definitions, and the parts of the documents that follow from them, without descriptions.
const Json& RecordedOfCustom() {
  static const Json kRecorded = RecordedDocuments("openapi_custom.json");
  return kRecorded;
}

Json OperationIds(const Json& paths) {
  Json out = Json::object();
  for (const auto& [path, item] : paths.items()) {
    for (const auto& [method, operation] : item.items()) {
      if (method != "parameters") out[path][method] = operation["operationId"];
    }
  }
  return out;
}

// Of those that are expected.
void ExpectEach(const Json& actual, const Json& expected) {
  for (const auto& [name, each] : expected.items()) {
    ExpectSame(WithoutProse(actual.value(name, Json())), each, name);
  }
}

class OpenApiCustomTest : public ::testing::Test {
 protected:
  OpenApiCustomTest() {
    for (Json definition : RecordedOfCustom()["definitions"]) {
      definition["status"] = {{"acceptedNames", definition["spec"]["names"]},
                              {"conditions", {{{"type", "Established"}, {"status", "True"}}}}};
      for (auto& kind : crd::MakeKinds(definition)) made_.push_back(std::move(kind));
    }
    for (const auto& kind : made_) kinds_.push_back(kind.get());
  }

  Json V3(std::string_view key) const {
    const auto text = OpenApiV3Document(kinds_, key);
    return text ? Json::parse(*text) : Json();
  }

  RuntimeKinds made_;
  std::vector<const KindInfo*> kinds_;
};

TEST_F(OpenApiCustomTest, DocumentsOfVersionsAreThoseOfKubernetes) {
  ASSERT_EQ(made_.size(), 16u);
  ASSERT_EQ(RecordedOfCustom()["v3"].size(), 5u);
  for (const auto& [key, expected] : RecordedOfCustom()["v3"].items()) {
    const Json document = V3(key);
    ASSERT_TRUE(document.is_object()) << key;
    EXPECT_EQ(document["info"], expected["info"]);
    ExpectSame(OperationIds(document["paths"]), expected["operations"], key);
    ExpectEach(document["paths"], expected["paths"]);
    Json parts = Json::array(), names = Json::array();
    for (const auto& [name, part] : document["components"].items()) parts.push_back(name);
    EXPECT_EQ(parts, expected["components"]);
    const Json& schemas = document["components"]["schemas"];
    for (const auto& [name, schema] : schemas.items()) names.push_back(name);
    ExpectSame(names, expected["names"], key);
    ExpectEach(schemas, expected["schemas"]);
  }
}

TEST_F(OpenApiCustomTest, NothingIsToldOfTheirGroupsAndOldVersions) {
  const std::vector<std::string> keys = OpenApiV3Keys(kinds_);
  EXPECT_EQ(std::count_if(keys.begin(), keys.end(),
                          [](const std::string& key) { return key.starts_with("apis/"); }),
            5);
  EXPECT_TRUE(V3("apis/cases.example.com").is_null());
  EXPECT_TRUE(V3("apis/cases.example.com/v1alpha1").is_null()) << "not served";
}

TEST_F(OpenApiCustomTest, VersionTwoSaysOfThemWhatKubernetesDoes) {
  const Json document = Json::parse(OpenApiV2Document(kinds_));
  const Json& expected = RecordedOfCustom()["v2"];
  Json paths = Json::object();
  for (const auto& [path, item] : document["paths"].items()) {
    if (path.starts_with("/apis/") && path != "/apis/") paths[path] = item;
  }
  ExpectSame(OperationIds(paths), expected["operations"], "v2");
  ExpectEach(paths, expected["paths"]);
  ExpectEach(document["definitions"], expected["schemas"]);
  for (const auto& [name, schema] : document["definitions"].items()) {
    EXPECT_TRUE(name.starts_with("io.k8s.api") || expected["schemas"].contains(name)) << name;
  }
}

TEST_F(OpenApiCustomTest, TheirDocumentsSayNothingOfCredentialsInProtobufEither) {
  const std::string key = "apis/cases.example.com/v1";
  const std::string message = *OpenApiV3Protobuf(kinds_, key);
  EXPECT_NE(message.find("com.example.cases.v1.GadgetCollection"), std::string::npos);
  EXPECT_EQ(message.find("BearerToken"), std::string::npos);
}

TEST_F(OpenApiCustomTest, WhatDefinitionsSayOfTheirFieldsIsShown) {
  const Json document = V3("apis/cases.example.com/v1");
  const Json& schemas = document["components"]["schemas"];
  const Json& gadget = schemas["com.example.cases.v1.Gadget"];
  EXPECT_EQ(gadget["description"], "Gadget is a thing.");
  EXPECT_EQ(gadget["properties"]["spec"]["description"], "What is wanted.");
  EXPECT_EQ(gadget["properties"]["spec"]["properties"]["open"]["description"], "open");
  const std::string version = gadget["properties"]["apiVersion"]["description"];
  EXPECT_TRUE(version.starts_with("APIVersion defines ")) << "not the definition's own words";
  EXPECT_EQ(schemas["com.example.cases.v1.GadgetCollection"]["description"],
            "GadgetCollection is a list of Gadget");
}

TEST_F(OpenApiCustomTest, OfADefinitionThatGoesAllIsToldUntilItIsGone) {
  Json definition = RecordedOfCustom()["definitions"][0];
  definition["status"] = {{"acceptedNames", definition["spec"]["names"]},
                          {"conditions",
                           {{{"type", "Established"}, {"status", "True"}},
                            {{"type", "Terminating"}, {"status", "True"}}}}};
  const RuntimeKinds going = crd::MakeKinds(definition);
  std::vector<const KindInfo*> kinds;
  for (const auto& kind : going) kinds.push_back(kind.get());
  const Json document = Json::parse(*OpenApiV3Document(kinds, "apis/cases.example.com/v1"));
  const std::string path = "/apis/cases.example.com/v1/namespaces/{namespace}/gadgets";
  EXPECT_TRUE(document["paths"][path].contains("post"));
}

}  // namespace
}  // namespace skiff
