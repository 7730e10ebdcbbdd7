#include "api/crd/documents.h"

#include <gtest/gtest.h>

#include "api/codec/json.h"

namespace skiff::crd {
namespace {

SchemaPtr SchemaOf(const char* text) {
  return ReadSchema(Json::parse(text));
}

// What reading makes of it.
Json Completed(const Schema& schema, Json content) {
  if (Prune(schema, content, nullptr)) PruneNulls(schema, content);
  EXPECT_TRUE(CoerceEmbedded(schema, content, false, nullptr));
  ApplyDefaults(schema, content);
  return content;
}

constexpr char kLamp[] = R"({"type": "object", "properties": {
    "spec": {"type": "object", "properties": {
        "color": {"type": "string", "default": "red"},
        "name": {"type": "string"},
        "note": {"type": "string", "nullable": true},
        "bulbs": {"type": "array", "items": {"type": "object", "properties": {
            "watts": {"type": "integer", "default": 5}}}},
        "rooms": {"type": "object", "additionalProperties": {"type": "object", "properties": {
            "floor": {"type": "integer", "default": 1}}}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
            "known": {"type": "object", "properties": {"a": {"type": "string"}}}}}}},
    "zone": {"type": "string"}}})";

TEST(DocumentsTest, AreCompleteOnlyWhenNothingWouldChange) {
  const auto schema = SchemaOf(kLamp);
  for (const char* text : {
           R"({})",
           R"({"zone": "a"})",
           R"({"other": 1, "zone": "a"})",
           R"({"spec": {}})",
           R"({"spec": {"color": "red"}})",
           R"({"spec": {"color": "red", "alpha": 1}})",
           R"({"spec": {"color": "red", "zulu": 1}})",
           R"({"spec": {"color": "red", "bulbs": [{"watts": 1}, {"watts": 2}]}})",
           R"({"spec": {"color": "red", "bulbs": [{"watts": 1}, {}]}})",
           R"({"spec": {"color": "red", "bulbs": [{"watts": 1, "x": 1}]}})",
           R"({"spec": {"color": "red", "rooms": {"a": {"floor": 1}, "b": {"floor": 2}}}})",
           R"({"spec": {"color": "red", "rooms": {"a": {"floor": 1}, "b": {}}}})",
           R"({"spec": {"color": "red", "free": {"x": {"y": [1]}, "known": {"a": "b"}}}})",
           R"({"spec": {"color": "red", "free": {"known": {"a": "b", "c": 1}}}})",
           R"({"spec": "text"})",
           R"({"spec": {"color": "red", "bulbs": {"watts": 1}}})",
       }) {
    const Json content = Json::parse(text);
    EXPECT_EQ(IsSurelyComplete(*schema, content), Completed(*schema, content) == content) << text;
  }
}

TEST(DocumentsTest, WithNullsOrResourcesInThemAreForTheWalksThemselves) {
  const auto schema = SchemaOf(kLamp);
  EXPECT_FALSE(IsSurelyComplete(*schema, Json::parse(R"({"zone": null})")));
  EXPECT_FALSE(
      IsSurelyComplete(*schema, Json::parse(R"({"spec": {"color": "red", "note": null}})")));
  const auto holder = SchemaOf(R"({"type": "object", "properties": {"template": {
      "type": "object", "x-kubernetes-embedded-resource": true}}})");
  EXPECT_FALSE(IsSurelyComplete(*holder, Json::parse(R"({"template": {"metadata": {}}})")));
}

TEST(DocumentsTest, OfNullsOnlyThoseThatAreNeitherAllowedNorFilledInGo) {
  const auto schema = SchemaOf(kLamp);
  const Json content = Json::parse(R"({"zone": null, "spec": {"color": null, "name": null,
      "note": null, "free": {"x": null, "known": {"a": null}}}})");
  EXPECT_EQ(Completed(*schema, content),
            Json::parse(R"({"spec": {"color": "red", "note": null,
                                     "free": {"x": null, "known": {}}}})"));
}

TEST(DocumentsTest, WhatIsUnknownIsToldByItsPath) {
  const auto schema = SchemaOf(kLamp);
  Json content = Json::parse(R"({"z": 1, "spec": {"bulbs": [{}, {"volts": 1}], "": 2,
      "rooms": {"hall": {"door": 1}}, "free": {"known": {"": {"b": 1}}}}})");
  std::vector<std::string> unknown;
  Prune(*schema, content, &unknown);
  EXPECT_EQ(unknown, (std::vector<std::string>{"spec.", "spec.bulbs[1].volts", "spec.free.known.",
                                               "spec.rooms.hall.door", "z"}));
}

TEST(PropertySearchTest, FindsTheSameAsALookAtEach) {
  const auto schema = SchemaOf(R"({"properties": {"b": {}, "d": {}, "f": {}, "h": {}}})");
  for (int wanted = 0; wanted < 1 << 9; ++wanted) {  // Any of the names "a" to "i".
    PropertySearch search(*schema);
    for (int i = 0; i < 9; ++i) {
      const std::string name(1, static_cast<char>('a' + i));
      if ((wanted >> i & 1) == 0) continue;
      EXPECT_EQ(search.Find(name), schema->Property(name));
      EXPECT_EQ(schema->Property(name) != nullptr, i % 2 == 1 && i < 8) << name;
    }
  }
  EXPECT_EQ(PropertySearch().Find("a"), nullptr);
}

}  // namespace
}  // namespace skiff::crd
