#include "api/crd/documents.h"

#include <gtest/gtest.h>

#include <memory>

#include "api/codec/json.h"

namespace skiff::crd {
namespace {

SchemaPtr SchemaOf(const std::string& text) {
  return ReadSchema(Json::parse(text));
}

// What reading makes of it.
Json Completed(const Schema& schema, Json content) {
  if (Prune(schema, content, nullptr)) PruneNulls(schema, content);
  EXPECT_TRUE(CoerceEmbedded(schema, content, false, nullptr));
  EXPECT_TRUE(ApplyDefaults(schema, content, 1 << 20));
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

// Looking finds what each of the walks that change something would have changed.
TEST(DocumentsTest, AreLookedThroughOnceForAllThatMayChange) {
  const auto schema = SchemaOf(R"({"type": "object", "properties": {
      "a": {"type": "integer", "default": 1},
      "n": {"type": "string", "nullable": true},
      "list": {"type": "array", "items": {"type": "object", "properties": {
          "b": {"type": "integer", "default": 1}}}},
      "any": {"type": "object", "additionalProperties": true},
      "map": {"type": "object", "additionalProperties": {"type": "array", "items": {
          "type": "object", "properties": {"c": {"type": "string", "default": "x"}}}}},
      "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {
          "rows": {"type": "array", "items": {"type": "object", "properties": {
              "d": {"type": "integer", "default": 1}}}}}},
      "opens": {"type": "array", "x-kubernetes-preserve-unknown-fields": true, "items": {
          "type": "object", "properties": {"e": {"type": "integer", "default": 1}}}}}})");
  const std::vector<std::string> members = {R"("a": 1)",
                                            R"("n": null)",
                                            R"("x": 1)",
                                            R"("list": [])",
                                            R"("list": [{"b": 2}])",
                                            R"("list": [{"b": 2}, {}])",
                                            R"("list": [{"b": 2, "y": 1}])",
                                            R"("list": [3, null])",
                                            R"("any": {"p": {}, "q": [1]})",
                                            R"("any": {"p": {"q": 1}})",
                                            R"("any": {"p": [{"q": 1}]})",
                                            R"("any": {"p": [null]})",
                                            R"("map": {"k": [{"c": "z"}], "l": []})",
                                            R"("map": {"k": [{}]})",
                                            R"("map": {"k": [{"c": "z", "z": 1}]})",
                                            R"("open": {"u": {"v": null}, "w": 1})",
                                            R"("open": {"rows": [{"d": 1}]})",
                                            R"("open": {"rows": [{"d": 1, "z": 1}]})",
                                            R"("open": {"rows": [{}]})",
                                            R"("opens": [{"e": 1, "z": {}}])",
                                            R"("opens": [{"z": 1}])",
                                            R"("opens": [null, 1])"};
  for (const std::string& one : members) {
    for (const std::string& other : members) {
      // Of what is there twice the second counts.
      const Json content = *ParseJson("{" + one + ", " + other + "}");
      const Findings found = Inspect(*schema, content);
      Json pruned = content;
      EXPECT_EQ(Prune(*schema, pruned, nullptr), found.nulls) << content;
      EXPECT_EQ(pruned != content, found.unknown) << content;
      EXPECT_EQ(LacksDefaults(*schema, content), found.lacks_defaults) << content;
    }
  }
}

TEST(DocumentsTest, OfAnObjectOnlyWhatHasADefaultIsMissed) {
  std::string properties = R"("d": {"type": "string", "default": "x"})";
  for (int i = 0; i < 1000; ++i) {
    properties += ", \"p" + std::to_string(i) + R"(": {"type": "string"})";
  }
  const auto schema = SchemaOf(R"({"type": "object", "properties": {)" + properties + "}}");
  ASSERT_EQ(schema->Defaulted().size(), 1u);
  EXPECT_EQ(schema->properties.at(schema->Defaulted().front()).first, "d");
}

// There may be 30,000 of them, and as many small objects in a list. Here they have no schemas at
// all: whoever looked at one would not come back.
TEST(DocumentsTest, PropertiesWithoutADefaultAreNotLookedAtForEachObject) {
  auto items = std::make_unique<Schema>();
  auto defaulted = std::make_unique<Schema>();
  defaulted->default_value = "x";
  for (const char* name : {"a", "b", "c"}) items->properties.emplace_back(name, nullptr);
  items->properties.emplace_back("d", SchemaPtr(defaulted.release()));
  items->properties.emplace_back("e", nullptr);
  items->defaulted = std::make_unique<const std::vector<uint32_t>>(1, 3);
  items->has_defaults = true;
  Schema list;
  list.has_defaults = true;
  list.items = SchemaPtr(items.release());
  EXPECT_TRUE(Inspect(list, Json::array({Json::object()})).lacks_defaults);
  EXPECT_FALSE(Inspect(list, Json::array({{{"d", "y"}}})).lacks_defaults);
  EXPECT_TRUE(LacksDefaults(list, Json::array({Json::object()})));
  EXPECT_FALSE(LacksDefaults(list, Json::array({{{"d", "y"}}})));
  Json filled = Json::array({Json::object(), {{"d", "y"}}});
  EXPECT_TRUE(ApplyDefaults(list, filled, 1 << 20));
  EXPECT_EQ(filled, Json::parse(R"([{"d": "x"}, {"d": "y"}])"));
}

// As in kube-apiserver, which lets a definition give a map's values any default.
TEST(DocumentsTest, GetNothingUnknownFromTheDefaultsOfAMapsValues) {
  const auto schema = SchemaOf(R"({"type": "object", "properties": {
      "m": {"type": "object", "additionalProperties": {
          "type": "object", "default": {"a": "x", "evil": {"deep": 1}},
          "properties": {"a": {"type": "string"}}}},
      "r": {"type": "object", "additionalProperties": {
          "type": "object", "x-kubernetes-embedded-resource": true,
          "x-kubernetes-preserve-unknown-fields": true,
          "default": {"apiVersion": "v1", "kind": 5, "own": 1, "metadata": {"name": 7}}}},
      "t": {"type": "object", "additionalProperties": {
          "type": "string", "default": {"a": "x"}}}}})");
  EXPECT_EQ(Completed(*schema, Json::parse(R"({"m": {"k": null, "l": {"a": "y"}}})")),
            Json::parse(R"({"m": {"k": {"a": "x"}, "l": {"a": "y"}}})"));
  EXPECT_EQ(Completed(*schema, Json::parse(R"({"r": {"k": null}})")),
            Json::parse(R"({"r": {"k": {"apiVersion": "v1", "metadata": {}, "own": 1}}})"));
  EXPECT_EQ(Completed(*schema, Json::parse(R"({"t": {"k": null}})")),
            Json::parse(R"({"t": {"k": {}}})"));
}

// Whichever part of the metadata they are for.
TEST(DocumentsTest, GetNothingFromDefaultsOfMetadataThatNoMetadataHas) {
  const auto schema = SchemaOf(R"({"type": "object", "properties": {
      "r": {"type": "object", "x-kubernetes-embedded-resource": true,
          "x-kubernetes-preserve-unknown-fields": true, "properties": {
              "kind": {"type": "string", "default": "X"},
              "metadata": {"type": "object", "default": {"name": "a", "zzz": 1}, "properties": {
                  "color": {"type": "string", "default": "red"},
                  "labels": {"type": "object", "default": {"a": "b"},
                      "additionalProperties": {"type": "string", "default": "x"}},
                  "ownerReferences": {"type": "array", "items": {
                      "type": "object", "properties": {
                          "color": {"type": "string", "default": "red"},
                          "controller": {"type": "boolean", "default": true}}}}}}}}}})");
  EXPECT_EQ(
      Completed(*schema, Json::parse(R"({"r": {}})")),
      Json::parse(R"({"r": {"kind": "X", "metadata": {"labels": {"a": "b"}, "name": "a"}}})"));
  const Json owned = Json::parse(R"({"r": {"kind": "Y", "metadata": {"labels": {"c": "d"},
      "ownerReferences": [{"apiVersion": "v1", "kind": "K", "name": "n", "uid": "u"}]}}})");
  Json expected = owned;
  expected["r"]["metadata"]["ownerReferences"][0]["controller"] = true;
  EXPECT_EQ(Completed(*schema, owned), expected);
  const Schema& labels = *schema->Property("r")->Property("metadata")->Property("labels");
  ASSERT_TRUE(labels.additional->default_value);
  EXPECT_EQ(*labels.additional->default_value, "x");
}

TEST(DocumentsTest, OfMetadataThatIsWrongThePartsThatAreRightStay) {
  const auto schema = SchemaOf(R"({"type": "object", "properties": {"r": {
      "type": "object", "x-kubernetes-embedded-resource": true,
      "x-kubernetes-preserve-unknown-fields": true}}})");
  EXPECT_EQ(Completed(*schema, Json::parse(R"({"r": {"metadata": {"zzz": 1, "name": 7,
                "creationTimestamp": "2024-01-01T00:00:00Z", "labels": {"a": "b"}}}})")),
            Json::parse(R"({"r": {"metadata": {
                "creationTimestamp": "2024-01-01T00:00:00Z", "labels": {"a": "b"}}}})"));
  const Json text = Json::parse(R"({"r": {"metadata": "x"}})");
  EXPECT_EQ(Completed(*schema, text), text);
}

TEST(DocumentsTest, LackDefaultsWhereSomeWouldBeFilledIn) {
  const auto schema = SchemaOf(kLamp);
  for (const char* text : {
           R"({})",
           R"({"zone": null})",
           R"({"spec": null})",
           R"({"spec": {}})",
           R"({"spec": {"color": "red"}})",
           R"({"spec": {"color": null}})",
           R"({"spec": {"color": "red", "note": null, "bulbs": null}})",
           R"({"spec": {"color": "red", "bulbs": [null, {"watts": 1}]}})",
           R"({"spec": {"color": "red", "bulbs": [{"watts": 1}, {"watts": null}]}})",
           R"({"spec": {"color": "red", "rooms": {"a": {"floor": 1}, "b": {}}}})",
           R"({"spec": {"color": "red", "free": {"known": {"a": null}}}})",
           R"({"spec": "text"})",
       }) {
    const Json content = Json::parse(text);
    Json filled = content;
    EXPECT_TRUE(ApplyDefaults(*schema, filled, 1 << 20));
    EXPECT_EQ(LacksDefaults(*schema, content), filled != content) << text;
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

// One name may be as long as the document, and stand before each of very many fields.
TEST(DocumentsTest, LongPathsOfWhatIsUnknownAreFew) {
  const std::string name(1 << 19, 'k');
  const auto mapped = SchemaOf(R"({"type": "object", "additionalProperties": {"type": "object"}})");
  Json content = Json::object();
  for (int i = 0; i < 50; ++i) content[name]["field" + std::to_string(i)] = 1;
  std::vector<std::string> unknown;
  Prune(*mapped, content, &unknown);
  EXPECT_EQ(unknown.size(), 2u);
  EXPECT_TRUE(content[name].empty());

  const auto holder = SchemaOf(R"({"type": "object", "additionalProperties": {"type": "array",
      "items": {"type": "object", "x-kubernetes-embedded-resource": true}}})");
  Json resources = Json::object();
  resources["short"] = Json::array({Json::parse(R"({"metadata": {"name": "a", "x": 1}})")});
  unknown.clear();
  EXPECT_TRUE(CoerceEmbedded(*holder, resources, true, &unknown));
  EXPECT_EQ(unknown, std::vector<std::string>{"[short][0].metadata.x"});
  EXPECT_EQ(resources["short"][0]["metadata"], Json::parse(R"({"name": "a"})"));
  for (int i = 0; i < 50; ++i) {
    resources[name].push_back(Json::parse(R"({"metadata": {"x": 1}})"));
  }
  unknown.clear();
  EXPECT_TRUE(CoerceEmbedded(*holder, resources, true, &unknown));
  EXPECT_EQ(unknown.size(), 2u);
  EXPECT_TRUE(resources[name][49]["metadata"].empty());
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

// A short object whose items each lack a long text.
TEST(DocumentsTest, DefaultsAreFilledInTogetherOrNotAtAll) {
  const SchemaPtr schema = SchemaOf(R"({"type": "object", "properties": {
      "named": {"type": "object", "default": {}, "properties": {
          "a": {"type": "string", "default": "b"}}},
      "instead": {"type": "string", "default": "of null"},
      "items": {"type": "array", "items": {"type": "object", "properties": {
          "p": {"type": "string", "default": "0123456789"}}}}}})");
  Json given = {{"instead", nullptr}, {"items", Json::array()}};
  for (int i = 0; i < 100; ++i) given["items"].push_back({{"q", i}});
  Json filled = given;
  ASSERT_TRUE(ApplyDefaults(*schema, filled, 1 << 20));
  EXPECT_EQ(filled["named"], Json({{"a", "b"}}));
  EXPECT_EQ(filled["instead"], "of null");
  EXPECT_EQ(filled["items"][99], Json({{"p", "0123456789"}, {"q", 99}}));
  const size_t longer = DumpJson(filled).size() - DumpJson(given).size();
  Json with_little_room = given;
  EXPECT_FALSE(ApplyDefaults(*schema, with_little_room, longer - 20));
  EXPECT_EQ(with_little_room, given) << "as it was, nulls too";
  EXPECT_TRUE(ApplyDefaults(*schema, with_little_room, longer + 20));
  EXPECT_EQ(with_little_room, filled);
}

TEST(DocumentsTest, SchemasBelowAllOfAreAsDeepAsOthers) {
  for (const char* word : {"allOf", "anyOf", "oneOf", "not", "items", "additionalProperties"}) {
    const bool is_list = std::string_view(word).ends_with("Of");
    Json schema = {{"maxLength", 5}};
    for (int i = 0; i < 40; ++i) {
      Json outer;
      outer[word] = is_list ? Json::array({std::move(schema)}) : std::move(schema);
      schema = std::move(outer);
    }
    EXPECT_GE(SchemaDepth(schema), 40) << word;
  }
}

}  // namespace
}  // namespace skiff::crd
