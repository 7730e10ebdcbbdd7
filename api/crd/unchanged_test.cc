#include "api/crd/unchanged.h"

#include <gtest/gtest.h>

#include <ctime>

#include "api/codec/json.h"
#include "api/crd/rule.h"
#include "api/crd/rule_tree.h"
#include "api/crd/validate.h"
#include "api/crd/validate_rules.h"

namespace skiff::crd {
namespace {

const Json kKeptSchema = Json::parse(R"json({"type": "object", "properties": {
    "keyed": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
              "items": {"type": "object", "properties": {
                  "k": {"type": "string"}, "v": {"type": "integer", "maximum": 5}}}},
    "plain": {"type": "array", "items": {"type": "integer", "maximum": 5}},
    "named": {"type": "object", "additionalProperties": {"type": "integer", "maximum": 5}},
    "known": {"type": "object", "maxProperties": 1, "properties": {
        "a": {"type": "integer"}, "b": {"type": "integer"}},
        "x-kubernetes-validations": [{"rule": "!has(self.b)", "message": "no b"}]},
    "loose": {"type": "object", "maxProperties": 1, "x-kubernetes-preserve-unknown-fields": true,
        "properties": {"a": {"type": "integer", "maximum": 5}, "b": {"type": "integer"}},
        "x-kubernetes-validations": [{"rule": "!has(self.b)", "message": "no b"}]}}})json");

std::string CausesIn(const Violations& out) {
  std::string text;
  for (const Cause& cause : out.causes()) {
    text += (text.empty() ? "" : "; ") + cause.field + ": " + cause.message;
  }
  return text;
}

// What is wrong with an update that leaves `document` as it is, but for "other".
std::string WrongIfKept(const char* text) {
  const SchemaPtr schema = ReadSchema(kKeptSchema);
  Json now = Json::parse(text), old = now;
  now["other"] = 1;
  const Unchanged unchanged(*schema, now, old);
  const Before before{&old, unchanged};
  Violations out;
  ValidateValue(*schema, now, &before, out);
  RuleCompiler compiler(kKeptSchema);
  const RuleNodePtr rules = MakeRuleTree(kKeptSchema, compiler);
  Violations ratcheted;
  const RuleRun::Forgiven forgiven{ratcheted, unchanged};
  RuleRun(out, &forgiven).Validate(*rules, now, &old, FieldPath());
  return CausesIn(out);
}

TEST(UnchangedTest, WhatIsKnownAgainMayStayWrong) {
  for (const char* text :
       {R"({"keyed": [{"k": "a", "v": 9}, {"k": "b", "v": 9}]})", R"({"plain": [9, null]})",
        R"({"named": {"a": 9, "b": null}})", R"({"known": {"a": 1, "b": 2}})",
        R"({"loose": {"a": 9}})", R"({"loose": {"a": 1, "b": 2}})"}) {
    EXPECT_EQ(WrongIfKept(text), "") << text;
  }
}

TEST(UnchangedTest, ItemsWithoutTheirKeysOrWithThoseOfAnotherAreNew) {
  const std::string nine = "Invalid value: 9: keyed[";
  const std::string why = "].v in body should be less than or equal to 5";
  EXPECT_EQ(WrongIfKept(R"({"keyed": [{"v": 9}]})"), "keyed[0].v: " + nine + "0" + why);
  EXPECT_EQ(WrongIfKept(R"({"keyed": [{"k": "a", "v": 1}, {"k": "a", "v": 9}]})"),
            "keyed[1].v: " + nine + "1" + why);
  EXPECT_EQ(WrongIfKept(R"({"keyed": [null]})"),
            "keyed[0]: Invalid value: \"null\": keyed[0] in body must be of type object: \"null\"");
}

// What was written with a fraction is a float64 to Go, and no int64; and so are keys.
TEST(UnchangedTest, ANumberWithAFractionIsNotWhatItWas) {
  const SchemaPtr schema = ReadSchema(Json::parse(R"({"type": "object", "properties": {
      "n": {"type": "number", "maximum": 5}, "x": {"type": "integer"},
      "l": {"type": "array", "maxItems": 1, "items": {"type": "number"}},
      "m": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
            "items": {"type": "object", "properties": {
                "k": {"type": "number"}, "v": {"type": "string", "maxLength": 1}}}}}})"));
  const auto wrong = [&](const char* before, const char* after) {
    Json old = Json::parse(before), now = Json::parse(after);
    now["x"] = 1;
    const Unchanged unchanged(*schema, now, old);
    const Before was{&old, unchanged};
    Violations out;
    ValidateValue(*schema, now, &was, out);
    return !out.empty();
  };
  EXPECT_FALSE(wrong(R"({"n": 9})", R"({"n": 9})"));
  EXPECT_FALSE(wrong(R"({"n": 9.5})", R"({"n": 95e-1})"));
  EXPECT_TRUE(wrong(R"({"n": 9})", R"({"n": 9.0})"));
  EXPECT_FALSE(wrong(R"({"l": [1, 2]})", R"({"l": [1, 2]})"));
  EXPECT_TRUE(wrong(R"({"l": [1, 2]})", R"({"l": [1, 2.0]})"));
  EXPECT_FALSE(wrong(R"({"m": [{"k": 1, "v": "long"}]})", R"({"m": [{"k": 1, "v": "long"}]})"));
  EXPECT_TRUE(wrong(R"({"m": [{"k": 1, "v": "long"}]})", R"({"m": [{"k": 1.0, "v": "long"}]})"));
}

TEST(UnchangedTest, AnObjectWithUnknownFieldsIsNeverWhatItWas) {
  const std::string many = "loose: Too many: 2: must have at most 1 item";
  EXPECT_EQ(WrongIfKept(R"({"loose": {"x": 1, "y": 1}})"), many);
  EXPECT_EQ(WrongIfKept(R"({"loose": {"b": 1, "x": 1}})"), many + "; loose: Invalid value: no b");
  // What of it is known is.
  EXPECT_EQ(WrongIfKept(R"({"loose": {"a": 9, "x": null}})"), many);
}

// Each of them is held against the same item, with a long list in it.
TEST(UnchangedTest, ItemsGivenManyTimesTakeNoLongerForThat) {
  Json schema = Json::parse(R"({"x-kubernetes-list-map-keys": ["k"], "items": {"type": "object",
      "x-kubernetes-validations": [{"rule": "true"}], "properties": {"k": {"type": "integer"}}}})");
  schema["type"] = "array";
  schema["x-kubernetes-list-type"] = "map";
  Json outer = schema;
  outer["items"]["properties"]["inner"] = schema;
  Json long_list = Json::array();
  for (int i = 0; i < 100000; ++i) long_list.push_back({{"k", i}});
  const Json old = Json::array({{{"k", 1}, {"inner", std::move(long_list)}}});
  const Json item = {{"k", 1}, {"inner", Json::array({Json::object()})}};
  const Json now(std::vector<Json>(10000, item));
  const SchemaPtr read = ReadSchema(outer);
  RuleCompiler compiler(outer);
  const RuleNodePtr rules = MakeRuleTree(outer, compiler);
  const std::clock_t begin = std::clock();
  const Unchanged unchanged(*read, now, old);
  const Before before{&old, unchanged};
  Violations out;
  ValidateValue(*read, now, &before, out);
  RuleRun(out, nullptr).Validate(*rules, now, &old, FieldPath());
  EXPECT_LT(std::clock() - begin, 20 * CLOCKS_PER_SEC);  // Twenty minutes, list by list.
  EXPECT_EQ(CausesIn(out), "");
}

TEST(UnchangedTest, LooksAtEachPartOnce) {
  constexpr int kDeep = 2000;
  Json schema = {{"type", "array"}, {"items", {{"type", "integer"}}}};
  Json now(100000, 1);
  for (int i = 0; i < kDeep; ++i) {
    schema = {{"type", "object"},
              {"properties", {{"a", std::move(schema)}, {"z", Json::object()}}}};
    now = {{"a", std::move(now)}, {"z", 1}};
  }
  // All but the root is as it was where the innermost is looked at first.
  Json old = now;
  for (Json* at = &old; at->is_object(); at = &(*at)["a"]) (*at)["z"] = 2;
  const SchemaPtr read = ReadSchema(schema);
  const std::clock_t begin = std::clock();
  const Unchanged unchanged(*read, now, old);
  EXPECT_LT(std::clock() - begin, CLOCKS_PER_SEC / 2);
  EXPECT_FALSE(unchanged.Holds(now["a"], &old["a"]));
  const Json *value = &now, *was = &old;
  while (value->is_object()) value = &(*value)["a"], was = &(*was)["a"];
  EXPECT_TRUE(unchanged.Holds(*value, was));
}

}  // namespace
}  // namespace skiff::crd
