#include "api/openapi/merge_v2.h"

#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "api/openapi/openapi_v2.h"

namespace skiff::openapi {
namespace {

Json RefTo(const std::string& name) {
  return {{"$ref", "#/definitions/" + name}};
}

// A path whose answer is of that definition.
Json PathOf(const std::string& definition) {
  Json path;
  path["get"]["responses"]["200"]["schema"] = RefTo(definition);
  return path;
}

Json KindNamed(const std::string& group) {
  return {{"group", group}, {"version", "v1"}, {"kind", "Options"}};
}

// Of a server of "g.io" that has a definition of each kind: its own, an equal one, another one of
// the same name, one that the caller has not.
Json OfAnother() {
  Json document;
  document["paths"]["/apis/g.io/v1/things"] = PathOf("Thing");
  document["paths"]["/apis/g.io/v1/things"]["parameters"] = {{{"$ref", "#/parameters/p"}}};
  document["paths"]["/apis/"] = PathOf("Groups");
  document["definitions"]["Thing"] = {
      {"properties", {{"meta", RefTo("Meta")}, {"status", RefTo("Status")}}}};
  document["definitions"]["Meta"] = {{"type", "object"}};
  document["definitions"]["Status"] = {{"type", "string"}};
  document["definitions"]["Groups"] = {{"type", "array"}};
  document["parameters"]["p"] = {{"name", "p"}, {"in", "query"}};
  return document;
}

Json Ours() {
  Json document;
  document["paths"]["/apis/"] = PathOf("Status");
  document["definitions"]["Meta"] = {{"type", "object"}};
  document["definitions"]["Status"] = {{"type", "object"}};
  document["parameters"]["p"] = {{"name", "p"}, {"in", "path"}};
  return document;
}

TEST(MergeV2Test, OfAnotherServerOnlyWhatIsBelowItsPathIsTaken) {
  const Json own = PathsBelow(OfAnother(), "/apis/g.io/v1/");
  EXPECT_EQ(own["paths"].size(), 1u);
  EXPECT_TRUE(own["definitions"].contains("Meta"));
  EXPECT_FALSE(own["definitions"].contains("Groups")) << "nothing leads there any more";
  for (const char* text : {"[]", "7", "{}", R"({"paths": []})"}) {
    EXPECT_TRUE(PathsBelow(Json::parse(text), "/apis/").is_null()) << text;
  }
  Json deep = OfAnother();
  Json* place = &deep["definitions"]["Thing"];
  for (int i = 0; i < kMergedDepthMax; ++i) place = &(*place)["items"];
  EXPECT_TRUE(PathsBelow(std::move(deep), "/apis/g.io/v1/").is_null());
}

TEST(MergeV2Test, WhatIsNoObjectIsNotTaken) {
  Json odd = OfAnother();
  odd["paths"]["/apis/g.io/v1/x"] = 5;
  odd["paths"]["/apis/g.io/v1/y"] = nullptr;
  odd["definitions"]["Meta"] = "text";
  const Json own = PathsBelow(std::move(odd), "/apis/g.io/v1/");
  EXPECT_EQ(own["paths"].size(), 1u);
  EXPECT_EQ(own["definitions"]["Meta"], Json::object());
}

TEST(MergeV2Test, DefaultsAreLeftOutAndPropertiesOfThatNameAreNot) {
  Json document = OfAnother();
  document["definitions"]["Thing"]["default"] = Json::object();
  document["definitions"]["Thing"]["properties"]["default"] = {{"type", "string"},
                                                               {"default", "x"}};
  document["definitions"]["Thing"]["allOf"] = {{{"default", 1}}};
  const Json own = PathsBelow(std::move(document), "/apis/g.io/v1/");
  const Json& thing = own["definitions"]["Thing"];
  EXPECT_FALSE(thing.contains("default"));
  EXPECT_EQ(thing["properties"]["default"], Json({{"type", "string"}}));
  EXPECT_EQ(thing["allOf"], Json::array({Json::object()}));
}

TEST(MergeV2Test, WhatIsCalledAlikeAndIsAnotherIsRenamed) {
  Json document = Ours();
  MergeInto(document, OfAnother());
  EXPECT_EQ(document["paths"]["/apis/"], PathOf("Status")) << "our own path stays";
  EXPECT_FALSE(document["definitions"].contains("Groups"));
  const Json& thing = document["definitions"]["Thing"];
  EXPECT_EQ(thing["properties"]["meta"], RefTo("Meta"));
  EXPECT_EQ(thing["properties"]["status"], RefTo("Status_v2"));
  EXPECT_EQ(document["definitions"]["Status"], Json({{"type", "object"}}));
  EXPECT_EQ(document["definitions"]["Status_v2"], Json({{"type", "string"}}));
  EXPECT_EQ(document["definitions"].size(), 4u);
  const Json& path = document["paths"]["/apis/g.io/v1/things"];
  EXPECT_EQ(path["get"]["responses"]["200"]["schema"], RefTo("Thing"));
  EXPECT_EQ(path["parameters"][0]["$ref"], "#/parameters/p_v2");
  EXPECT_EQ(document["parameters"]["p_v2"]["in"], "query");
  // A third server that says the same as the second shares its names.
  Json third;
  third["paths"]["/apis/h.io/v1/words"] = PathOf("Status");
  third["definitions"]["Status"] = {{"type", "string"}};
  MergeInto(document, std::move(third));
  EXPECT_EQ(document["definitions"].size(), 4u);
  EXPECT_EQ(document["paths"]["/apis/h.io/v1/words"], PathOf("Status_v2"));
}

TEST(MergeV2Test, KindsOfADefinitionThatAllShareAreAllNamed) {
  constexpr const char* kKinds = "x-kubernetes-group-version-kind";
  Json document = Ours(), other = OfAnother();
  document["definitions"]["Meta"][kKinds] = Json::array({KindNamed("b.io")});
  other["definitions"]["Meta"][kKinds] = Json::array({KindNamed("b.io"), KindNamed("a.io")});
  MergeInto(document, std::move(other));
  EXPECT_EQ(document["definitions"]["Meta"][kKinds],
            Json::array({KindNamed("a.io"), KindNamed("b.io")}));
  EXPECT_EQ(document["definitions"]["Thing"]["properties"]["meta"], RefTo("Meta"));
}

// One server takes the names that another's would get, and the other has much under its own.
TEST(MergeV2Test, WhatIsLargeIsNotCopiedForEachNameThatIsTaken) {
  constexpr int kTaken = 20'000, kWords = 100'000;
  Json document = Ours();
  for (int i = 2; i < kTaken; ++i) {
    document["definitions"]["Status_v" + std::to_string(i)] = {{"type", i}};
  }
  Json other = OfAnother();
  other["definitions"]["Status"] = {{"enum", Json::array_t(kWords, 0)}};
  const std::clock_t begin = std::clock();
  MergeInto(document, std::move(other));
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 5);
  EXPECT_TRUE(document["definitions"].contains("Status_v" + std::to_string(kTaken)));
}

NextDocument OneByOne(std::vector<Json> documents) {
  return [documents, next = size_t{0}]() mutable -> std::optional<Json> {
    if (next == documents.size()) return std::nullopt;
    return std::move(documents[next++]);
  };
}

TEST(MergeV2Test, TheDocumentOfThisServerTakesOthersIn) {
  const Json alone = Json::parse(OpenApiV2Document(BuiltInKinds()));
  const Json both =
      Json::parse(OpenApiV2Document(BuiltInKinds(), OneByOne({OfAnother(), Json(7)})));
  EXPECT_EQ(both["paths"].size(), alone["paths"].size() + 1);
  EXPECT_EQ(both["paths"]["/apis/"], alone["paths"]["/apis/"]);
  EXPECT_EQ(both["paths"]["/apis/g.io/v1/things"]["get"]["responses"]["200"]["schema"],
            RefTo("Thing"));
  EXPECT_EQ(both["definitions"].size(), alone["definitions"].size() + 3);
  EXPECT_EQ(both["parameters"].size(), alone["parameters"].size() + 1);
}

// Whatever others send, a message comes of it.
TEST(MergeV2Test, TheProtobufFormTakesAnythingThatIsJson) {
  for (const char* path : {"7", "[]", R"({"get": 1, "parameters": 3})",
                           R"({"get": {"parameters": [1, {"in": 2}, {"$ref": []}, {"in": "header"}],
                               "responses": [1], "tags": {"a": 1}, "description": 5}})"}) {
    Json document;
    document["paths"]["/apis/g.io/v1/x"] = Json::parse(path);
    document["definitions"] = {{"D", 1},
                               {"E", {{"properties", 1}, {"items", "x"}, {"type", 3}}},
                               {"F", {{"maxLength", 1e300}, {"maximum", "x"}}}};
    document["parameters"] = {{"p", 1}};
    const std::string bytes = OpenApiV2Protobuf(BuiltInKinds(), OneByOne({document}));
    EXPECT_NE(bytes.find("/apis/g.io/v1/x"), bytes.npos) << path;
  }
}

}  // namespace
}  // namespace skiff::openapi
