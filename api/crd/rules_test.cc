// Rules of definitions, and what they say of objects, in the words of kube-apiserver v1.35.
#include <gtest/gtest.h>

#include <ctime>
#include <future>

#include "api/codec/json.h"
#include "api/codec/typed.h"
#include "api/crd/custom_kind.h"
#include "api/crd/definition.h"
#include "api/crd/definition_schema.h"
#include "api/crd/validate.h"
#include "api/crd/validate_rules.h"

namespace skiff::crd {
namespace {

Json Object(Json properties) {
  return {{"type", "object"}, {"properties", std::move(properties)}};
}

// A schema whose `spec` has these rules.
Json SchemaOf(Json properties, Json rules) {
  Json spec = Object(std::move(properties));
  spec[kRules] = std::move(rules);
  return Object({{"spec", std::move(spec)}});
}

// "": nothing is wrong.
std::string Told(const Violations& out) {
  return out.empty() ? "" : out.Text();
}

std::string SchemaErrors(const Json& schema) {
  Violations out;
  ValidateSchema(schema, {}, FieldPath("S"), out);
  return Told(out);
}

std::string RuleError(const std::string& rule, const std::string& why) {
  return "S.properties[spec].x-kubernetes-validations[0].rule: Invalid value: {\"Rule\":\"" + rule +
         "\",\"Message\":\"\",\"MessageExpression\":\"\",\"Reason\":null,\"FieldPath\":\"\","
         "\"OptionalOldSelf\":null}: " +
         why;
}

TEST(RuleDefinitionTest, RulesCompileAgainstTheSchemaTheyStandIn) {
  const Json properties = {{"a", {{"type", "integer"}}},
                           {"o", Object({{"x", Object({{"y", {{"type", "string"}}}})}})}};
  const auto errors = [&](const char* rule) {
    return SchemaErrors(SchemaOf(properties, {{{"rule", rule}}}));
  };
  EXPECT_EQ(errors("self.a > 1 && self.o.x.y.startsWith('a') && oldSelf.a < 3"), "");
  EXPECT_EQ(errors("self.z == 1"),
            RuleError("self.z == 1",
                      "compilation failed: ERROR: <input>:1:5: undefined field 'z'\n"
                      " | self.z == 1\n | ....^"));
  EXPECT_EQ(errors("self.a"), RuleError("self.a", "cel expression must evaluate to a bool"));
  // Nor is a message that holds one.
  EXPECT_EQ(errors("google.protobuf.BoolValue{value: true}"),
            RuleError("google.protobuf.BoolValue{value: true}",
                      "cel expression must evaluate to a bool"));
  EXPECT_EQ(errors("google.protobuf.BoolValue{value: true} == true"), "");
  // A type is called after the place that the rule stands at.
  EXPECT_EQ(errors("self.o.x == 1"),
            RuleError("self.o.x == 1",
                      "compilation failed: ERROR: <input>:1:10: found no matching overload for "
                      "'_==_' applied to '(selfType1.o.x, int)'\n | self.o.x == 1\n | .........^"));
}

TEST(RuleDefinitionTest, TheFormOfARuleIsCheckedBeforeItIsCompiled) {
  const Json properties = {{"a", {{"type", "integer"}}}};
  const std::string at = "S.properties[spec].x-kubernetes-validations[0].";
  const auto errors = [&](Json rule) { return SchemaErrors(SchemaOf(properties, {rule})); };
  EXPECT_EQ(errors({{"rule", "zz"}, {"reason", "No"}}),
            at + "reason: Unsupported value: \"No\": supported values: \"FieldValueDuplicate\", "
                 "\"FieldValueForbidden\", \"FieldValueInvalid\", \"FieldValueRequired\"");
  EXPECT_EQ(errors({{"rule", "true"}, {"fieldPath", ".b"}}),
            at + "fieldPath: Invalid value: \".b\": must be a valid path");
  EXPECT_EQ(errors({{"rule", "true"}, {"fieldPath", "['a']"}}), "");
  Json unstructured = SchemaOf({{"a", {{"$ref", "x"}}}}, {{{"rule", "true"}, {"fieldPath", ".b"}}});
  EXPECT_EQ(SchemaErrors(unstructured).find("must be a valid path"), std::string::npos);
  Json beside = SchemaOf(properties, {{{"rule", "true"}, {"fieldPath", ".b"}}});
  beside["properties"]["other"] = {{"$ref", "x"}};
  EXPECT_NE(SchemaErrors(beside).find("must be a valid path"), std::string::npos)
      << "what has no structure stands elsewhere";
  EXPECT_EQ(errors({{"rule", "true"}, {"messageExpression", " "}}),
            at + "messageExpression: Required value: messageExpression must be non-empty if "
                 "specified");
  EXPECT_EQ(errors({{"rule", "true"}, {"optionalOldSelf", true}}),
            at + "optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in "
                 "rule");
}

TEST(RuleDefinitionTest, OldValuesOfItemsAreKnownByKeysOnly) {
  Json list = {{"type", "array"},
               {"maxItems", 3},
               {"items", Object({{"k", {{"type", "string"}, {"maxLength", 5}}}})}};
  list["items"]["required"] = {"k"};
  list["items"][kRules] = {{{"rule", "self == oldSelf"}}};
  EXPECT_EQ(SchemaErrors(Object({{"l", list}})),
            "S.properties[l].items.x-kubernetes-validations[0].rule: Invalid value: \"self == "
            "oldSelf\": oldSelf cannot be used on the uncorrelatable portion of the schema within "
            "S.properties[l]");
  list["x-kubernetes-list-type"] = "map";
  list["x-kubernetes-list-map-keys"] = {"k"};
  EXPECT_EQ(SchemaErrors(Object({{"l", list}})), "");
}

TEST(RuleDefinitionTest, OldValuesWithinMapsOfATypeUnheardOfAreNotKnown) {
  Json map = Object({{"a", {{"type", "string"}, {kRules, {{{"rule", "self == oldSelf"}}}}}}});
  for (const char* known : {"granular", "atomic"}) {
    map["x-kubernetes-map-type"] = known;
    EXPECT_EQ(SchemaErrors(Object({{"m", map}})), "") << known;
  }
  map["x-kubernetes-map-type"] = "other";
  EXPECT_EQ(SchemaErrors(Object({{"m", map}})),
            "[S.properties[m].x-kubernetes-map-type: Unsupported value: \"other\": supported values: "
            "\"atomic\", \"granular\", S.properties[m].properties[a].x-kubernetes-validations[0]"
            ".rule: Invalid value: \"self == oldSelf\": oldSelf cannot be used on the "
            "uncorrelatable portion of the schema within S.properties[m]]");
}

TEST(RuleDefinitionTest, RulesMayCostNoMoreThanTheirLimits) {
  const Json unbounded = {{"type", "array"}, {"items", {{"type", "string"}}}};
  constexpr const char* kHint =
      "x (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, "
      "maps, and strings are declared)";
  const std::string at = "S.properties[spec].x-kubernetes-validations[0].rule: Forbidden: ";
  const std::string errors =
      SchemaErrors(SchemaOf({{"l", unbounded}}, {{{"rule", "self.l.all(x, x.contains('abc'))"}}}));
  EXPECT_NE(errors.find(at + "estimated rule cost exceeds budget by factor of more than 100" +
                        kHint),
            std::string::npos)
      << errors;
  EXPECT_NE(errors.find("S: Forbidden: x-kubernetes-validations estimated rule cost total for "
                        "entire OpenAPIv3 schema exceeds budget by factor of "),
            std::string::npos);
  EXPECT_NE(errors.find(at + "contributed to estimated rule cost total exceeding"),
            std::string::npos);
  const Json bounded = {{"type", "array"},
                        {"maxItems", 10},
                        {"items", {{"type", "string"}, {"maxLength", 10}}}};
  EXPECT_EQ(SchemaErrors(SchemaOf({{"l", bounded}}, {{{"rule", "self.l.all(x, x != 'a')"}}})), "");
}

TEST(RuleDefinitionTest, DefaultsSatisfyTheRules) {
  Json schema = SchemaOf({{"a", {{"type", "integer"}, {"default", 1}}}}, Json::array());
  schema["properties"]["spec"]["properties"]["a"][kRules] = {
      {{"rule", "self > 1"}, {"message", "too small"}}};
  EXPECT_EQ(SchemaErrors(schema),
            "S.properties[spec].properties[a].default: Invalid value: 1: too small");
}

CustomResourceDefinition Definition(const Json& schema) {
  const Json document = {
      {"metadata", {{"name", "as.b.io"}}},
      {"spec",
       {{"group", "b.io"},
        {"scope", "Namespaced"},
        {"names",
         {{"plural", "as"}, {"singular", "a"}, {"kind", "A"}, {"listKind", "AList"}}},
        {"versions",
         {{{"name", "v1"},
           {"served", true},
           {"storage", true},
           {"schema", {{"openAPIV3Schema", schema}}}}}}}},
      {"status", {{"storedVersions", {"v1"}}}}};
  return *FromJson<CustomResourceDefinition>(document);
}

TEST(RuleDefinitionTest, AStoredRuleThatNoLongerCompilesBlocksNoUpdate) {
  const Json broken = SchemaOf({{"a", {{"type", "integer"}}}}, {{{"rule", "self.gone == 1"}}});
  const CustomResourceDefinition old = Definition(broken);
  CustomResourceDefinition next = old;
  next.spec.names.short_names = {"x"};
  Violations kept;
  ValidateDefinitionUpdate(next, old, kept);
  EXPECT_EQ(Told(kept), "");
  // Who touches the schema answers for its rules.
  Json other = broken;
  other["description"] = "another";
  Violations changed;
  ValidateDefinitionUpdate(Definition(other), old, changed);
  EXPECT_NE(Told(changed).find("undefined field 'gone'"), std::string::npos) << Told(changed);
  // What else was right has to stay right.
  next.spec.scope = "Nowhere";
  Violations wrong;
  ValidateDefinitionUpdate(next, old, wrong);
  EXPECT_EQ(Told(wrong),
            "spec.scope: Unsupported value: \"Nowhere\": supported values: \"Cluster\", "
            "\"Namespaced\"");
}

// Rules beside the objects that they are asked of.
class RuleDocuments : public testing::Test {
 protected:
  void Use(const Json& schema) {
    ASSERT_EQ(SchemaErrors(schema), "");
    UseUnchecked(schema);
  }
  void UseUnchecked(const Json& schema) {
    schema_ = schema;
    RuleCompiler compiler(schema_);
    tree_ = MakeRuleTree(schema_, compiler);
    ASSERT_NE(tree_, nullptr);
  }
  std::string Create(const Json& document, RuleLimits limits = {}) const {
    Violations out;
    RuleRun(out, nullptr, limits).Validate(*tree_, document, nullptr, FieldPath());
    return Told(out);
  }
  std::string Update(const Json& document, const Json& old) {
    Violations out, ratcheted;
    const SchemaPtr schema = ReadSchema(schema_);
    const Unchanged unchanged(*schema, document, old);
    const RuleRun::Forgiven forgiven{ratcheted, unchanged};
    RuleRun(out, &forgiven).Validate(*tree_, document, &old, FieldPath());
    warnings_ = Told(ratcheted);
    return Told(out);
  }

  Json schema_;
  RuleNodePtr tree_;
  std::string warnings_;
};

TEST_F(RuleDocuments, AFailureSaysWhatItsRuleSays) {
  const Json integer = {{"type", "integer"}};
  Use(SchemaOf({{"a", integer}, {"b", integer}, {"m", {{"type", "object"},
                                                       {"maxProperties", 5},
                                                       {"additionalProperties", integer}}}},
               {{{"rule", " self.a < self.b "}},
                {{"rule", "self.a < self.b"}, {"message", " a before b "}},
                {{"rule", "self.a < self.b"},
                 {"messageExpression", "self.a > 2 ? ' too large ' : 'too small'"},
                 {"reason", "FieldValueForbidden"},
                 {"fieldPath", ".a"}},
                {{"rule", "self.a < self.b"},
                 {"message", "plain"},
                 {"messageExpression", "string(1 / (self.a - self.a))"},
                 {"reason", "FieldValueRequired"},
                 {"fieldPath", ".m['k']"}}}));
  EXPECT_EQ(Create({{"spec", {{"a", 1}, {"b", 2}}}}), "");
  EXPECT_EQ(Create({{"spec", {{"a", 3}, {"b", 2}}}}),
            "[spec: Invalid value: failed rule: self.a < self.b, spec: Invalid value: a before b, "
            "spec.a: Forbidden: too large, spec.m[k]: Required value: plain]");
  EXPECT_NE(Create({{"spec", {{"a", 3}}}})
                .find("[spec: Invalid value: \"object\": no such key: b evaluating rule: self.a < "
                      "self.b, spec: "),
            std::string::npos);
  EXPECT_EQ(Create({{"spec", nullptr}}), "");
}

TEST_F(RuleDocuments, ScalarsAreShown) {
  Json value = {{"type", "integer"}};
  value[kRules] = {{{"rule", "self > 5"}, {"message", "more"}},
                   {{"rule", "self > 6"}, {"reason", "FieldValueDuplicate"}}};
  Use(Object({{"n", value}}));
  EXPECT_EQ(Create({{"n", 2}}), "[n: Invalid value: 2: more, n: Duplicate value: 2]");
}

TEST_F(RuleDocuments, RulesAboutAChangeWaitForOne) {
  Json item = Object({{"k", {{"type", "string"}, {"maxLength", 3}}}, {"v", {{"type", "integer"}}}});
  item["required"] = {"k"};
  item[kRules] = {{{"rule", "self.v >= oldSelf.v"}, {"message", "only up"}}};
  Json list = {{"type", "array"}, {"maxItems", 9}, {"items", item}};
  list["x-kubernetes-list-type"] = "map";
  list["x-kubernetes-list-map-keys"] = {"k"};
  Json once = {{"type", "integer"}};
  once[kRules] = {{{"rule", "!oldSelf.hasValue()"},
                   {"optionalOldSelf", true},
                   {"message", "set once"}}};
  Use(Object({{"l", list}, {"once", once}}));
  const auto one = [](const char* key, int value) { return Json{{"k", key}, {"v", value}}; };
  const Json old = {{"l", {one("a", 1), one("b", 5)}}};
  EXPECT_EQ(Create({{"l", {one("a", 1)}}, {"once", 1}}), "");
  // Items are told apart by their keys, wherever they stand.
  EXPECT_EQ(Update({{"l", {one("b", 4), one("c", 0), one("a", 2)}}, {"once", 1}}, old),
            "l[0]: Invalid value: only up");
  EXPECT_EQ(Update({{"once", 2}}, {{"once", 1}}), "once: Invalid value: 2: set once");
}

TEST_F(RuleDocuments, AMessageSeesWhatWasThereWhereSomeRuleDoes) {
  const Json integer = {{"type", "integer"}};
  const Json rule = {{"rule", "self.a < 2"},
                     {"messageExpression", "'it was ' + string(oldSelf.a)"}};
  UseUnchecked(SchemaOf({{"a", integer}}, {rule}));
  const Json old = {{"spec", {{"a", 1}}}}, now = {{"spec", {{"a", 3}}}};
  EXPECT_EQ(Update(now, old), "spec: Invalid value: failed rule: self.a < 2");
  UseUnchecked(SchemaOf({{"a", integer}}, {rule, {{"rule", "oldSelf.a == 1"}}}));
  EXPECT_EQ(Update(now, old), "spec: Invalid value: it was 1");
  EXPECT_EQ(Create(now), "spec: Invalid value: failed rule: self.a < 2");
}

TEST_F(RuleDocuments, WhatIsNoWorseThanItWasIsWarnedOf) {
  Json item = {{"type", "integer"}};
  item[kRules] = {{{"rule", "self > 5"}, {"message", "more"}}};
  Use(Object({{"n", item},
              {"l", {{"type", "array"}, {"maxItems", 9}, {"items", item}}},
              {"x", {{"type", "integer"}}}}));
  const Json old = {{"n", 1}, {"l", {1, 9}}};
  EXPECT_EQ(Update({{"n", 1}, {"l", {1, 9}}, {"x", 1}}, old), "");
  EXPECT_EQ(warnings_, "[l[0]: Invalid value: 1: more, n: Invalid value: 1: more]");
  // Of a list without keys nobody knows which item was which, once anything in it changes.
  EXPECT_EQ(Update({{"n", 2}, {"l", {1}}}, old),
            "[l[0]: Invalid value: 1: more, n: Invalid value: 2: more]");
  EXPECT_EQ(warnings_, "");
}

TEST_F(RuleDocuments, NothingRunsWithoutEnd) {
  Json item = {{"type", "integer"}};
  item[kRules] = {{{"rule", "true"}}};
  Json list = {{"type", "array"}, {"maxItems", 1000}, {"items", item}};
  list[kRules] = {{{"rule", "self.all(x, self.all(y, x <= y || y <= x))"}, {"message", "pairs"}}};
  Use(Object({{"l", list}}));
  Json document = {{"l", Json::array()}};
  for (int i = 0; i < 100; ++i) document["l"].push_back(i);
  EXPECT_EQ(Create(document), "");
  constexpr const char* kSpent =
      "validation failed due to running out of cost budget, no further validation rules will be "
      "run";
  EXPECT_EQ(Create(document, {.cost = 1000}),
            std::string("l: Invalid value: \"array\": ") + kSpent);
  // Even of what costs nothing.
  EXPECT_EQ(Create(document, {.runs = 3}),
            std::string("l[2]: Invalid value: \"integer\": ") + kSpent);
  for (int i = 0; i < 500; ++i) document["l"].push_back(i);
  EXPECT_EQ(Create(document),
            "l: Invalid value: \"array\": 'operation cancelled: actual cost limit exceeded': no "
            "further validation rules will be run due to call cost exceeds limit for rule: pairs");
}

TEST_F(RuleDocuments, ManyFailuresEndTheWalk) {
  Json item = {{"type", "integer"}};
  item[kRules] = {{{"rule", "self > 5"}}};
  Use(Object({{"l", {{"type", "array"}, {"maxItems", 9}, {"items", item}}}}));
  Json document = {{"l", Json::array()}};
  for (int i = 0; i < 100000; ++i) document["l"].push_back(1);
  const std::clock_t begin = std::clock();
  EXPECT_LT(Create(document).size(), size_t{2} << 20);
  EXPECT_LT(std::clock() - begin, CLOCKS_PER_SEC);
}

// One that was stored before rules were compiled.
TEST_F(RuleDocuments, RulesThatDoNotCompileEndTheWalk) {
  Json item = {{"type", "integer"}};
  item[kRules] = {{{"rule", "self >"}}};
  UseUnchecked(Object({{std::string(100'000, 'n'), {{"type", "array"}, {"items", item}}}}));
  Json document;
  for (int i = 0; i < 1000; ++i) document[std::string(100'000, 'n')].push_back(1);
  const std::string told = Create(document);
  EXPECT_NE(told.find("rule compile error: "), std::string::npos);
  EXPECT_LT(told.size(), size_t{2} << 20);
}

// Each was compared with each, within what one comparison costs.
TEST_F(RuleDocuments, LargeSetsOfObjectsAreComparedAtOnce) {
  const Json set = {{"type", "array"},
                    {"x-kubernetes-list-type", "set"},
                    {"items",
                     {{"type", "object"},
                      {"x-kubernetes-map-type", "atomic"},
                      {"properties", {{"a", {{"type", "integer"}}}}}}}};
  Use(SchemaOf({{"s", set}}, {{{"rule", "self.s == oldSelf.s"}}}));
  Json items = Json::array(), reversed = Json::array();
  for (int i = 0; i < 100000; ++i) items.push_back({{"a", i}});
  for (int i = 100000; i-- > 0;) reversed.push_back({{"a", i}});
  const Json before = {{"spec", {{"s", items}}}};
  EXPECT_EQ(Update({{"spec", {{"s", reversed}}}}, before), "");
  reversed[5]["a"] = -1;
  EXPECT_EQ(Update({{"spec", {{"s", reversed}}}}, before),
            "spec: Invalid value: failed rule: self.s == oldSelf.s");
}

TEST(ValidateTest, TextsThatNobodyReadsAreNotMade) {
  Json words = Json::array();
  for (int i = 0; i < 2000; ++i) words.push_back("word" + std::to_string(i));
  const Json item = {{"type", "string"}, {"enum", words}};
  const Json inside = {{"allOf", {{{"enum", words}}}}};
  for (const Json& each : {item, inside}) {
    const SchemaPtr schema = ReadSchema({{"type", "array"}, {"items", each}});
    const std::clock_t begin = std::clock();
    Violations out;
    ValidateValue(*schema, Json(100000, "x"), nullptr, out);
    EXPECT_LT(std::clock() - begin, CLOCKS_PER_SEC);
    EXPECT_EQ(out.causes().back().message, "Too many: this error and those after it are not listed");
  }
}

TEST(ValidateTest, NoTextIsHeldAgainstAPatternForLong) {
  std::string text;
  for (uint32_t i = 0, seed = 1; i < (3u << 20); ++i) text += "ab"[(seed = seed * 69069 + 1) >> 31];
  const std::string slow = "(a|b)*a(a|b){200}c";
  const auto told = [](const Json& schema, const Json& value) {
    Violations out;
    const std::clock_t begin = std::clock();
    ValidateValue(*ReadSchema(schema), value, nullptr, out);
    EXPECT_LT(std::clock() - begin, 10 * CLOCKS_PER_SEC);  // Minutes, were there no bound.
    return out.causes().empty() ? "" : out.causes().back().message;
  };
  const Json one = {{"type", "string"}, {"pattern", slow}};
  EXPECT_NE(told(one, text).find("is too long for its pattern, which takes "), std::string::npos);
  EXPECT_NE(told(one, "abc").find("should match '"), std::string::npos);
  EXPECT_EQ(told({{"type", "string"}, {"pattern", "^[a-z]*$"}}, text), "");
  Json many = Json::array();
  for (size_t at = 0; at + 50000 < text.size(); at += 50000) many.push_back(text.substr(at, 50000));
  EXPECT_NE(told({{"type", "array"}, {"items", one}}, many)
                .find("the patterns of the object take too long together"),
            std::string::npos);
}

// Each item of a list may be held against all that a definition has room for.
TEST(ValidateTest, NoListIsHeldAgainstManySchemasForLong) {
  Json words = Json::array(), branches = Json::array(), keys = Json::array();
  for (int i = 0; i < 20000; ++i) {
    words.push_back(i);
    branches.push_back({{"enum", {i}}});
    keys.push_back("key" + std::to_string(i));
  }
  const Json last(100000, 19999), blank(100000, Json::object());
  const std::string too_long = "the schemas of the object take too long together";
  const Json wanting = {{"required", keys}};
  const std::tuple<Json, Json, std::string> cases[] = {
      {{{"enum", words}}, last, too_long},
      {{{"anyOf", branches}}, last, too_long},
      {{{"oneOf", branches}}, last, too_long},
      {{{"anyOf", {wanting, Json::object()}}}, blank, too_long},
      {{{"allOf", {{{"enum", words}}}}}, last, too_long},
      {{{"not", {{"enum", words}}}}, Json(100000, -1), too_long},
  };
  for (const auto& [item, list, why] : cases) {
    const SchemaPtr schema = ReadSchema({{"type", "array"}, {"items", item}});
    Violations out;
    const std::clock_t begin = std::clock();
    ValidateValue(*schema, list, nullptr, out);
    EXPECT_LT(std::clock() - begin, 20 * CLOCKS_PER_SEC);  // Many minutes, were there no bound.
    ASSERT_FALSE(out.causes().empty()) << item.begin().key();
    EXPECT_TRUE(std::any_of(out.causes().begin(), out.causes().end(), [&](const Cause& cause) {
      return cause.message.find(why) != std::string::npos;
    })) << item.begin().key();
  }
  const SchemaPtr keyed = ReadSchema({{"type", "array"},
                                      {"x-kubernetes-list-type", "map"},
                                      {"x-kubernetes-list-map-keys", keys},
                                      {"items", {{"type", "object"}}}});
  Violations out;
  ValidateLists(*keyed, blank, nullptr, out);
  ASSERT_EQ(out.causes().size(), 1u);
  EXPECT_EQ(out.causes()[0].message, "Invalid value: has too many items for so many keys");
}

// What one schema of several says of a value is made with its path, whether anybody hears of it.
TEST(ValidateTest, LongPathsOfManyValuesTakeLong) {
  const Json item = {{"anyOf", {{{"type", "integer"}}, {{"type", "string"}}}}};
  const SchemaPtr schema = ReadSchema(
      {{"type", "object"}, {"additionalProperties", {{"type", "array"}, {"items", item}}}});
  const auto told = [&](size_t length, size_t count) {
    Violations out;
    ValidateValue(*schema, {{std::string(length, 'k'), Json(count, "a")}}, nullptr, out);
    return out.causes().empty() ? "" : out.causes().back().message;
  };
  EXPECT_EQ(told(300, 5000), "");
  EXPECT_NE(told(1 << 20, 5000).find("the schemas of the object take too long together"),
            std::string::npos);
}

// Which items of a set, or one key alone of a list of type map, are there twice.
TEST(ValidateTest, NumbersOfASetAreToldApartByHowTheyAreWritten) {
  const auto twice = [](const Json& schema, const char* list) {
    Violations out;
    ValidateLists(*ReadSchema(schema), *ParseJson(list), nullptr, out);
    std::string text;
    for (const Cause& cause : out.causes()) text += cause.field + " " + cause.message + ";";
    return text;
  };
  const Json set = {{"type", "array"},
                    {"x-kubernetes-list-type", "set"},
                    {"items", {{"x-kubernetes-preserve-unknown-fields", true}}}};
  EXPECT_EQ(twice(set, "[1, 1.0, 0, -0.0, \"1\", null, true]"), "");
  EXPECT_EQ(twice(set, "[9007199254740993, 9007199254740992.0]"), "");
  EXPECT_EQ(twice(set, "[1, 1]"), "[1] Duplicate value: 1;");
  EXPECT_EQ(twice(set, "[1.0, 1, 1e0]"), "[2] Duplicate value: 1;");
  EXPECT_EQ(twice(set, "[0.0, -0.0]"), "[1] Duplicate value: -0;");
  EXPECT_EQ(twice(set, "[null, null]"), "[1] Duplicate value: null;");
  EXPECT_EQ(twice(set, "[9223372036854775808, 9223372036854775808.0]"),
            "[1] Duplicate value: 9.223372036854776e+18;");
  // What is made of several is told apart by its text.
  EXPECT_EQ(twice(set, "[[1], [1.0]]"), "[1] Duplicate value: [1];");
  EXPECT_EQ(twice(set, "[{\"a\": 1}, {\"a\": 1.0}]"), "[1] Duplicate value: {\"a\":1};");
  Json map = {{"type", "array"},
              {"x-kubernetes-list-type", "map"},
              {"x-kubernetes-list-map-keys", {"k"}},
              {"items", {{"type", "object"}}}};
  EXPECT_EQ(twice(map, "[{\"k\": 1}, {\"k\": 1.0}, {}, {\"k\": null}]"), "");
  EXPECT_EQ(twice(map, "[{}, {}]"), "[1] Duplicate value: {};");
  map["x-kubernetes-list-map-keys"] = {"k", "l"};
  EXPECT_EQ(twice(map, "[{\"k\": 1}, {\"k\": 1.0}]"), "[1] Duplicate value: {\"k\":1};");
}

// What nobody has found out may hold.
TEST(ValidateTest, WhatIsRefusedDoesNotPassANot) {
  std::string text(3 << 20, 'a');
  const Json slow = {{"pattern", "(a|b)*a(a|b){200}c"}};
  for (const Json& schema : {Json{{"type", "string"}, {"not", slow}},
                             Json{{"type", "string"}, {"not", {{"not", {{"not", slow}}}}}},
                             Json{{"type", "string"}, {"oneOf", {slow, Json::object()}}},
                             Json{{"type", "string"}, {"not", {{"oneOf", {slow, slow}}}}}}) {
    Violations out;
    ValidateValue(*ReadSchema(schema), text, nullptr, out);
    EXPECT_FALSE(out.causes().empty()) << DumpJson(schema);
  }
}

// Whoever may write a status gets no other resource's path, and so nobody's rights to it.
TEST(CustomKindTest, IsServedUnderTheNameOfItsDefinition) {
  const Json definition = Json::parse(R"({
      "spec": {"group": "example.com", "scope": "Namespaced",
               "names": {"plural": "lamps", "singular": "lamp", "kind": "Lamp",
                         "listKind": "LampList"},
               "versions": [{"name": "v1", "served": true, "storage": true,
                             "schema": {"openAPIV3Schema": {"type": "object"}}}]},
      "status": {"acceptedNames": {"plural": "others", "singular": "lamp", "kind": "Lamp",
                                   "listKind": "LampList"},
                 "conditions": [{"type": "Established", "status": "True"}]}})");
  const auto kinds = MakeKinds(definition);
  ASSERT_EQ(kinds.size(), 1u);
  EXPECT_EQ(kinds[0]->resource, "lamps");
}

TEST(RuleTreeTest, IsMadeOnceForAllThreads) {
  const Json schema = SchemaOf({{"a", {{"type", "integer"}}}}, {{{"rule", "self.a > 1"}}});
  const VersionSchema version("Lamp", "example.com/v1", DumpJson(schema));
  std::vector<std::future<const RuleNode*>> asked;
  for (int i = 0; i < 4; ++i) {
    asked.push_back(std::async(std::launch::async, [&] { return version.rules(); }));
  }
  for (auto& each : asked) EXPECT_EQ(each.get(), version.rules());
  EXPECT_NE(version.rules(), nullptr);
}

// A chain of schemas in one another, each with a default and a rule.
Json Chain(int depth) {
  Json schema = Object({{"leaf", {{"type", "integer"}}}});
  for (int i = 0; i < depth; ++i) {
    schema = Object({{"a", std::move(schema)}});
    schema["default"] = Json::object();
    schema[kRules] = {{{"rule", "has(self.a) || true"}}};
  }
  return Object({{"spec", std::move(schema)}});
}

TEST(RuleDefinitionTest, ADeepSchemaIsReadOnce) {
  const Json schema = Chain(400);
  const std::clock_t begin = std::clock();
  EXPECT_EQ(SchemaErrors(schema), "");
  EXPECT_LT(std::clock() - begin, CLOCKS_PER_SEC);
}

// Each of the levels has a rule whose path is looked for where all below has a structure.
TEST(RuleDefinitionTest, OneWalkTellsWhereAllHasAStructure) {
  Json wide = Json::object();
  for (int i = 0; i < 20'000; ++i) wide["p" + std::to_string(i)] = {{"type", "string"}};
  Json schema = Object(std::move(wide));
  for (int i = 0; i < 1000; ++i) {
    Json outer = Object({{"a", std::move(schema)}});
    outer[kRules] = {{{"rule", "true"}, {"fieldPath", ".a"}}};
    schema = std::move(outer);
  }
  schema["$schema"] = "x";
  const std::clock_t begin = std::clock();
  EXPECT_EQ(SchemaErrors(schema),
            "S: Invalid value: \"\": OpenAPIV3Schema 'schema' is not supported");
  EXPECT_LT(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC, 0.8);
}

}  // namespace
}  // namespace skiff::crd
