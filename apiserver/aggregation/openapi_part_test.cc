#include "apiserver/aggregation/openapi_part.h"

#include <gtest/gtest.h>

#include "api/values.h"

namespace skiff {
namespace {

std::string PartOf(std::string_view text) {
  const auto part = OpenApiPart(text, "/apis/g/v1/");
  return part ? *part : part.error().message;
}

TEST(OpenApiPart, HasThePathsOfAVersionAndWhatTheyLeadTo) {
  const std::string text = R"({"info": {"title": "x"}, "paths": {
      "/apis/g/v1/things": {"get": {"a": {"$ref": "#/definitions/a"}, "p": {"$ref" :
                            "#/parameters/p"}}},
      "/apis/g/v2/things": {"get": {"$ref": "#/definitions/b"}}},
    "definitions": {"a": {"x": {"$ref": "#/definitions/c"}, "y": {"$ref": "#/definitions/gone"}},
                    "b": {"$ref": "#/definitions/a"},
                    "c": {"again": {"$ref": "#/definitions/a"}, "of": "\"$ref\": \"#/b\""}},
    "parameters": {"p": {"in": "query"}, "q": {"in": "path"}}})";
  const Json part = Json::parse(PartOf(text));
  EXPECT_EQ(part["paths"].size(), 1u);
  EXPECT_EQ(part["definitions"].size(), 2u);
  EXPECT_EQ(part["definitions"]["c"]["of"], "\"$ref\": \"#/b\"");
  EXPECT_EQ(part["parameters"], Json::parse(R"({"p": {"in": "query"}})"));
  EXPECT_EQ(part.size(), 3u);
}

TEST(OpenApiPart, OfWhatHasNothingOfItThereIsNothing) {
  EXPECT_EQ(PartOf("{}"), R"({"paths":{}})");
  EXPECT_EQ(PartOf(R"({"paths": 7, "definitions": [1, {"a": 2}]})"), R"({"paths":{}})");
  EXPECT_EQ(PartOf(R"({"paths": {"/apis/g/v1/\n": 1}})"), R"({"paths":{"/apis/g/v1/\n":1}})");
}

// Each "<" used to be six bytes, in a text that may be all of them.
TEST(OpenApiPart, KeysAreAsTheyAreWritten) {
  const std::string key(1'000, '<');
  const std::string text = R"({"paths":{"/apis/g/v1/)" + key + R"(":{"$ref":"#/definitions/)" +
                           key + R"("}},"definitions":{")" + key + R"(":{},"\u003c" : {},"":1}})";
  const auto part = OpenApiPart(text, "/apis/g/v1/");
  ASSERT_TRUE(part);
  EXPECT_EQ(*part, R"({"paths":{"/apis/g/v1/)" + key + R"(":{"$ref":"#/definitions/)" + key +
                       R"("}},"definitions":{")" + key + R"(":{}}})");
  EXPECT_LT(part->capacity(), text.size() + 100);
  EXPECT_EQ(
      PartOf(R"({"paths": { "\u002fapis/g/v1/\"a\"" : {"$ref": "#/definitions/\u003c"} ,
                      "/apis/g/v1/b":2}, "definitions": {"\u003c":3}})"),
      R"({"paths":{"/apis/g/v1/b":2,"\u002fapis/g/v1/\"a\"":{"$ref": "#/definitions/\u003c"}})"
      R"(,"definitions":{"\u003c":3}})");
}

TEST(OpenApiPart, WhatIsNoDocumentIsNotRead) {
  for (const char* text :
       {"", "[]", "7", "null", "{", "{} x", R"({"paths": {"/x": }})", R"({"x": [1,]})"}) {
    EXPECT_FALSE(OpenApiPart(text, "/")) << text;
  }
  std::string many = R"({"definitions":{)";
  for (size_t i = 0; i <= kPartsMax; ++i) many += "\"" + std::to_string(i) + "\":0,";
  EXPECT_FALSE(OpenApiPart(many + "\"x\":0}}", "/"));
}

}  // namespace
}  // namespace skiff
