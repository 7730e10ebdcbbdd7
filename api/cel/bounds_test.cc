// What no expression may do, whoever wrote it: read what is not its, fill the memory, or go on
// after its budget is spent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>

#include "api/cel/limits.h"
#include "api/cel/program.h"
#include "api/cel/schema_type.h"
#include "api/text/patterns.h"

namespace skiff::cel {
namespace {

// Of a document of that schema; without one, of plain JSON. An error's text where there is one.
std::string TextWith(const Json& self, const Json* schema, std::string_view expression,
                     const Json* old = nullptr) {
  const TypeRef type = schema == nullptr ? types::Dyn() : TypeOfSchema(*schema, "self", false);
  const auto program =
      Compile(expression, Environment::Kubernetes({{"self", type}, {"oldSelf", type}}));
  if (!program) return program.error().message;
  const Type* seen = schema == nullptr ? nullptr : type.get();
  const Value bindings[] = {Value::Document(self, seen),
                            Value::Document(old == nullptr ? self : *old, seen)};
  const Outcome outcome = (*program)->Eval(bindings, kCallCostMax);
  if (outcome.failed()) return "error: " + std::string(outcome.value.text());
  return KeyText(outcome.value);
}

std::string TextOfPlain(std::string_view expression, const Json& self = nullptr) {
  return TextWith(self, nullptr, expression);
}

TEST(CelBoundsTest, OnlyKeysAreLookedUp) {
  for (const char* key :
       {"timestamp('2000-01-01T00:00:00.000000001Z')", "duration('1s')", "[1]", "{'a': 1}", "null",
        "int", "optional.of(1)", "optional.none()", "ip('1.2.3.4')", "quantity('1')", "b'a'"}) {
    const std::string given = "dyn(" + std::string(key) + ")";
    const Json self = {{"a", 1}};
    for (const std::string map : {"dyn({'a': 1})", "dyn({true: 1})", "dyn({1: 1})", "self"}) {
      EXPECT_EQ(TextOfPlain(given + " in " + map, self), "false") << key;
      // What is written out is refused before it is run.
      const auto refused = testing::HasSubstr(": invalid qualifier type: ");
      EXPECT_THAT(TextOfPlain(map + "[" + given + "]", self), refused) << key;
      EXPECT_THAT(TextOfPlain(map + "[?" + given + "]", self), refused) << key;
    }
  }
  EXPECT_EQ(TextOfPlain("{'a': 1}[dyn(timestamp('2000-01-01T00:00:00.5Z'))]"),
            "program instantiation failed: invalid qualifier type: types.Timestamp");
  EXPECT_EQ(TextOfPlain("{'a': 1}[self]"), "error: invalid qualifier type: types.Null");
  EXPECT_EQ(TextOfPlain("dyn(1.0) in {1: 2} && {1u: 2}[dyn(1)] == 2"), "true");
}

TEST(CelBoundsTest, ItemsWithoutKeysEqualNothing) {
  const Json schema = {
      {"type", "object"},
      {"properties",
       {{"l",
         {{"type", "array"},
          {"x-kubernetes-list-type", "map"},
          {"x-kubernetes-list-map-keys", {"k"}},
          {"items",
           {{"type", "object"}, {"properties", {{"k", {{"type", "string"}}}}}}}}}}}};
  const Json good = {{"l", {{{"k", "a"}}}}};
  EXPECT_EQ(TextWith(good, &schema, "self.l == oldSelf.l"), "true");
  for (const char* item : {"null", "1", "\"aaa\"", "[]", "true", "1.5"}) {
    const Json bad = {{"l", Json::array({Json::parse(item)})}};
    EXPECT_EQ(TextWith(good, &schema, "self.l == oldSelf.l", &bad), "false") << item;
    EXPECT_EQ(TextWith(bad, &schema, "self.l == oldSelf.l", &good), "false") << item;
    EXPECT_EQ(TextWith(bad, &schema, "self.l == oldSelf.l"), "false") << item;
    EXPECT_EQ(TextWith(bad, &schema, "(self.l + oldSelf.l).size() >= 1"), "true") << item;
    EXPECT_EQ(TextWith(good, &schema, "self.l == dyn([1]) || true"), "true");
  }
}

TEST(CelBoundsTest, AFieldThatIsNullIsAKeyWithoutAValue) {
  const Json schema = {
      {"type", "object"},
      {"properties",
       {{"a", {{"type", "string"}}}, {"b", {{"type", "string"}, {"nullable", true}}}}}};
  const Json self = {{"a", "x"}, {"b", nullptr}};
  EXPECT_EQ(TextWith(self, &schema, "dyn(self).map(k, k) == ['a', 'b']"), "true");
  EXPECT_EQ(TextWith(self, &schema, "dyn(self).transformList(k, v, [k, v]).size()"),
            "error: no such key: b");
  EXPECT_EQ(TextWith(self, &schema, "dyn(self).transformList(k, v, k == 'a', v) == ['x']"), "true");
}

TEST(CelBoundsTest, ACallThatNobodyTakesNamesItsArguments) {
  const auto said = [](const char* expression, const std::string& what) {
    EXPECT_EQ(TextOfPlain(expression), "error: no such overload" + what) << expression;
  };
  EXPECT_EQ(TextOfPlain("string(dyn({'a': 1}))"),
            "program instantiation failed: no such overload: string(map)");
  EXPECT_EQ(TextOfPlain("int(dyn(true))"),
            "program instantiation failed: no such overload: int(bool)");
  said("dyn(1).getFullYear()", ": getFullYear(int)");
  said("dyn('a').isLessThan(quantity('1'))", ": isLessThan(string, kubernetes.Quantity)");
  said("size(dyn(1))", ": size");
  said("dyn(1).contains('x')", "");
  said("dyn(1).find('x')", "");
  said("-dyn('a')", "");
  said("dyn('a') + dyn(1)", "");
  said("1 in dyn('a')", "");
}

TEST(CelBoundsTest, WhatKubernetesAddsIsComparedWithItsLikeAlone) {
  const std::string refused = "error: no such overload";
  EXPECT_EQ(TextOfPlain("quantity('1') == dyn(1)"), refused);
  EXPECT_EQ(TextOfPlain("ip('192.0.2.1') == dyn('x')"), refused);
  EXPECT_EQ(TextOfPlain("dyn(quantity('1')) == dyn(url('http://a'))"), refused);
  EXPECT_EQ(TextOfPlain("quantity('1') != dyn(1)"), "true") << "which never fails";
  EXPECT_EQ(TextOfPlain("ip('192.0.2.1') != dyn('x')"), "true");
  EXPECT_EQ(TextOfPlain("[1] != dyn('x')"), "true");
  EXPECT_EQ(TextOfPlain("quantity('1') != quantity('1')"), "false");
  EXPECT_EQ(TextOfPlain("quantity('1') == dyn(null)"), "false");
  EXPECT_EQ(TextOfPlain("dyn(1) == dyn(quantity('1'))"), "false");
  EXPECT_EQ(TextOfPlain("dyn(1) in [dyn(quantity('1'))]"), "false");
  EXPECT_EQ(TextOfPlain("dyn(1).orValue(2)"), "1");
}

TEST(CelBoundsTest, SumsAreOfOneKind) {
  const std::string mixed = "error: no such overload";
  const std::string text(60, 'a');
  EXPECT_EQ(TextOfPlain("self.sum()", {0, text}), mixed);
  EXPECT_EQ(TextOfPlain("self.sum()", {0.5, text}), mixed);
  EXPECT_EQ(TextOfPlain("self.sum()", {0, 1.5}), mixed);
  EXPECT_EQ(TextOfPlain("self.sum()", {0, nullptr}), mixed);
  EXPECT_EQ(TextOfPlain("[dyn(0u), dyn('a')].sum()"), mixed);
  EXPECT_EQ(TextOfPlain("[dyn(0), dyn(1u)].sum()"), mixed);
  EXPECT_EQ(TextOfPlain("[dyn(duration('1s')), dyn(1)].sum()"), mixed);
  EXPECT_EQ(TextOfPlain("[dyn(1), dyn(duration('1s'))].sum()"), mixed);
  EXPECT_EQ(TextOfPlain("self.sum()", {1, 2}), "3");
  EXPECT_EQ(TextOfPlain("[duration('1s'), duration('2s')].sum()"), "3s");
  EXPECT_EQ(TextOfPlain("[1u, 2u].sum()"), "3");
  EXPECT_EQ(TextOfPlain("[0.5, 1.0].sum()"), "1.5");
}

// What an evaluation that must not go on says: its budget is spent, long before a test is over.
Outcome SpentBy(const std::string& expression, const Json& self = nullptr) {
  const auto program =
      Compile(expression, Environment::Kubernetes({{"self", types::Dyn()}}));
  EXPECT_TRUE(program) << program.error().message;
  if (!program) return {};
  const Value bindings[] = {Value::Document(self)};
  const std::clock_t begin = std::clock();
  Outcome outcome = (*program)->Eval(bindings, kCallCostMax);
  EXPECT_LT(std::clock() - begin, 60 * CLOCKS_PER_SEC) << expression;
  return outcome;
}

// Lists that hold one list twice, which holds one list twice: short to write, and endless to read.
std::string Doubled(int times) {
  std::string out = "[1]";
  for (int i = 0; i < times; ++i) out += ".map(a, [a, a])";
  return out;
}

TEST(CelBoundsTest, OneCallEndsWithTheBudget) {
  const std::string endless = Doubled(60);
  for (const char* reads :
       {".all(z, z == z)", ".all(z, [z, z].distinct().size() == 1)", ".all(z, [z].indexOf(z) == 0)",
        ".all(z, [z].lastIndexOf(z) == 0)", ".flatten(100).size() == 1",
        ".all(z, z in [z])", ".all(z, {'a': z} == {'a': z})",
        ".all(z, optional.of(z) == optional.of(z))"}) {
    EXPECT_TRUE(SpentBy(endless + reads).over_budget) << reads;
  }
  for (const char* sets : {"sets.contains", "sets.intersects", "sets.equivalent"}) {
    EXPECT_TRUE(SpentBy(std::string(sets) + "(" + endless + ", " + endless + ")").over_budget)
        << sets;
  }
  EXPECT_EQ(SpentBy(endless + ".all(z, z == z)").value.text(),
            "operation cancelled: actual cost limit exceeded");
  EXPECT_EQ(TextOfPlain(Doubled(8) + ".all(z, z == z)"), "true");
}

// What is written of it costs, and not only what is left once it is too long.
TEST(CelBoundsTest, TextsOfListsEndWithTheBudget) {
  const std::string endless = Doubled(40);
  for (const char* shown : {"z", "{'a': z}", "{'a': {'b': z}}"}) {
    const std::string text = ".all(z, '%s'.format([" + std::string(shown) + "]).size() > 0)";
    EXPECT_TRUE(SpentBy(endless + text).over_budget) << shown;
  }
  // One text of each level's is as long as all that is below.
  std::string deep = "[self.t]";
  for (int i = 0; i < 120; ++i) deep = "[" + deep + "]";
  const Json self = {{"t", std::string(4 << 20, 'a')}};
  EXPECT_TRUE(SpentBy("'%s'.format([" + deep + "]).size() > 0", self).over_budget);
  EXPECT_TRUE(SpentBy("'%s'.format([lists.range(300000)]).size() > 300000").value.IsTrue());
}

TEST(CelBoundsTest, SearchesAndSortsOfLongTextsCount) {
  const Json self = {{"t", std::string(2 << 20, 'a')}, {"s", std::string(1 << 18, 'a')}};
  EXPECT_TRUE(SpentBy("self.s.findAll('a.*z|a').size() > 0", self).over_budget);
  EXPECT_TRUE(SpentBy("lists.range(690).map(i, self.t).sort().size() > 0", self).over_budget);
  EXPECT_TRUE(SpentBy("lists.range(3000).map(i, self.t).max() == self.t", self).over_budget);
  EXPECT_TRUE(SpentBy("lists.range(3000).map(i, self.t).isSorted()", self).over_budget);
}

// Nobody can interrupt a search: one that could take long is not begun.
TEST(CelBoundsTest, SearchesThatTakeLongAreRefused) {
  const Json self = {{"t", std::string(3 << 20, 'a')}, {"s", std::string(1000, 'a')}};
  const std::string pattern = "'(((a|b)?){20}){40}c'";
  const std::clock_t begin = std::clock();
  for (const std::string call : {".matches(", ".find(", ".findAll("}) {
    const Outcome outcome = SpentBy("self.t" + call + pattern + ") == dyn(1)", self);
    EXPECT_THAT(std::string(outcome.value.text()),
                testing::AnyOf("operation cancelled: actual cost limit exceeded",
                               testing::HasSubstr("is too long for a regular expression of")))
        << call;
    // Of a text of usual length it is searched.
    EXPECT_FALSE(SpentBy("self.s" + call + pattern + ") == dyn(1)", self).failed()) << call;
  }
  EXPECT_LT(std::clock() - begin, 5 * CLOCKS_PER_SEC);
  EXPECT_EQ(TextOfPlain("self.t.matches('[^a]{999}')", self),
            "error: text of 3145728 bytes is too long for a regular expression of " +
                std::to_string(TakePattern("[^a]{999}").compiled->ProgramSize()) +
                " instructions");
  EXPECT_EQ(TextOfPlain("self.t.matches('b$')", self), "false");
  // Many that are each allowed add up.
  EXPECT_TRUE(SpentBy("lists.range(9000).all(i, !self.s.matches('(a|b){90}c'))", self).over_budget);
}

TEST(CelBoundsTest, PatternsOfOneExpressionAreCompiledInBoundedTime) {
  std::string all = "true";
  for (int i = 0; i < 300; ++i) {
    all += " || 'a'." + std::string(i % 2 == 0 ? "matches" : "find") + "('\\\\pL{400}" +
           std::to_string(i) + "') != dyn(1)";
  }
  const std::clock_t begin = std::clock();
  EXPECT_FALSE(Compile(all, Environment::Kubernetes({})));
  EXPECT_LT(std::clock() - begin, 15 * CLOCKS_PER_SEC);
  // Nothing is compiled within a budget that is spent.
  const LookScope scope(1);
  (void)Look(1000);
  const auto program = Compile("true", Environment::Kubernetes({}));
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().message,
            "program instantiation failed: operation cancelled: actual cost limit exceeded");
}

TEST(CelBoundsTest, LiteralsOfVariablesCount) {
  std::string ones, entries;
  for (int i = 0; i < 20000; ++i) {
    ones += ", 1";
    if (i < 8000) entries += ", " + std::to_string(i) + ": 1";
  }
  EXPECT_TRUE(SpentBy("lists.range(2000).map(i, [i" + ones + "]).size() > 0").over_budget);
  EXPECT_TRUE(SpentBy("lists.range(2000).all(i, [i" + ones + "].size() > 0)").over_budget);
  EXPECT_TRUE(SpentBy("lists.range(2000).map(i, {i + 20000: 1" + entries + "}).size() > 0")
                  .over_budget);
  // Of one evaluation alone there may be so many.
  EXPECT_TRUE(SpentBy("lists.range(9).all(i, [i" + ones + "].size() > 1)").value.IsTrue());
}

TEST(CelBoundsTest, WhatMessagesAreMadeOfIsBounded) {
  const Json self = {{"l", std::vector<int>(100000, 7)}, {"m", {{"b", std::string(1 << 20, 'x')}}}};
  EXPECT_TRUE(SpentBy("google.protobuf.ListValue{values: self.l}.size() == 100000", self)
                  .value.IsTrue());
  const std::string often = "lists.range(200).all(i, ";
  EXPECT_TRUE(SpentBy(often + "google.protobuf.ListValue{values: self.l}.size() > 0)", self)
                  .over_budget);
  EXPECT_TRUE(SpentBy(often + "google.protobuf.Struct{fields: {'l': self.l}}.size() > 0)", self)
                  .over_budget);
  EXPECT_TRUE(SpentBy(often + "google.protobuf.Value{list_value: [bytes(self.m.b)]}[0] != '')",
                      self)
                  .over_budget);
  // A document may be deeper than what expressions make of it.
  Json deep = 1;
  for (int i = 0; i < kValueDepthMax + 5; ++i) deep = {{"a", std::move(deep)}};
  EXPECT_EQ(SpentBy("google.protobuf.Struct{fields: self}.size() > 0", deep).value.text(),
            "field type conversion error for google.protobuf.Struct.fields value type: "
            "value is nested too deeply");
}

// To look a long key up is to compare it with those that are there.
TEST(CelBoundsTest, KeysCountByTheirLength) {
  const std::string key(1 << 20, 'k');
  const Json self = {{"big", key}, {"m", {{key, 1}}}};
  const std::string often = "lists.range(10000).all(i, ";
  EXPECT_TRUE(SpentBy(often + "self.m[self.big] == 1)", self).over_budget);
  EXPECT_TRUE(SpentBy(often + "{dyn(self.big): 1, dyn(self.big): 2}.size() == 1)", self).over_budget);
  EXPECT_TRUE(SpentBy("self.m[self.big] == 1", self).value.IsTrue());
}

// What one call takes of a value that it was given, by however little it costs in Kubernetes.
TEST(CelBoundsTest, PartsOfLongUrlsAndVersionsCount) {
  std::string pairs, parts;
  for (int i = 0; i < 100000; ++i) {
    pairs += "a&";
    parts += "a.";
  }
  const Json self = {{"q", "http://h/?" + pairs},
                     {"h", "http://" + std::string(1 << 20, 'a')},
                     {"v", "1.2.3-" + parts + "a"}};
  const auto asks = [&](const std::string& value, int times, const std::string& what) {
    return SpentBy(
        "[" + value + "].all(x, lists.range(" + std::to_string(times) + ").all(i, " + what + "))",
        self);
  };
  EXPECT_TRUE(asks("url(self.q)", 10, "x.getQuery().size() == 1").over_budget);
  EXPECT_TRUE(asks("url(self.q)", 1, "x.getQuery().size() == 1").value.IsTrue());
  EXPECT_TRUE(asks("url(self.h)", 1000, "x.getPort() == ''").over_budget);
  EXPECT_TRUE(asks("url(self.h)", 1000, "x == x").over_budget);
  EXPECT_TRUE(asks("semver(self.v)", 300, "x.compareTo(x) == 0").over_budget);
  EXPECT_TRUE(asks("semver(self.v)", 300, "x == x").over_budget);
  EXPECT_TRUE(asks("semver(self.v)", 1, "x == x").value.IsTrue());
}

TEST(CelBoundsTest, ListsThatAreReadForNothingCount) {
  const std::string key(1 << 20, 'k');
  const Json self = {{"l", std::vector<int>(100000, 7)},
                     {"e", std::vector<std::string>(100000, "")},
                     {"x", key + "x"},
                     {"y", key + "y"}};
  EXPECT_TRUE(SpentBy("lists.range(300).all(i, self.e.join() == '')", self).over_budget);
  EXPECT_TRUE(SpentBy("self.e.join() == ''", self).value.IsTrue());
  EXPECT_TRUE(SpentBy("lists.range(300).all(i, sets.contains(self.l, []))", self).over_budget);
  EXPECT_TRUE(SpentBy("sets.contains(self.l, [])", self).value.IsTrue());
  const std::string entries =
      "[0, 1].transformMapEntry(j, v, {(j == 0 ? self.x : self.y): 1}).size() == 2";
  EXPECT_TRUE(SpentBy("lists.range(1000).all(i, " + entries + ")", self).over_budget);
  EXPECT_TRUE(SpentBy(entries, self).value.IsTrue());
}

TEST(CelBoundsTest, WhatASchemaHasReadOfADocumentCounts) {
  const Json text = {{"type", "string"}};
  const Json keyed = {{"type", "array"},
                      {"x-kubernetes-list-type", "map"},
                      {"x-kubernetes-list-map-keys", Json::array({"k"})},
                      {"items", {{"type", "object"}, {"properties", {{"k", text}}}}}};
  const Json set = {
      {"type", "array"}, {"x-kubernetes-list-type", "set"}, {"items", {{"type", "integer"}}}};
  Json schema = {
      {"type", "object"},
      {"properties",
       {{"a", keyed}, {"s", set}, {"d", {{"type", "string"}, {"format", "byte"}}}, {"k", text}}}};
  for (int i = 0; i < 5000; ++i) schema["properties"]["f" + std::to_string(i)] = text;
  const std::string key(1 << 20, 'A');
  Json self = {{"a", Json::array({{{"k", key + "a"}}})}, {"d", key}, {"k", key}};
  Json old = {{"a", Json::array({{{"k", key + "b"}}})}};
  for (int i = 0; i < 20000; ++i) {
    self["s"].push_back(i * 7919 % 20000);
    old["s"].push_back(i * 7919 % 20000 + 1);
  }
  const auto often = [&](int times, const std::string& what) {
    return TextWith(self, &schema,
                    "lists.range(" + std::to_string(times) + ").all(i, " + what + ")", &old);
  };
  const std::string spent = "error: operation cancelled: actual cost limit exceeded";
  EXPECT_EQ(often(1000, "self.a != oldSelf.a"), spent);
  EXPECT_EQ(often(1000, "(self.a + oldSelf.a).size() == 2"), spent);
  EXPECT_EQ(often(100, "self.s != oldSelf.s"), spent);
  EXPECT_EQ(often(1000, "has(self.d)"), spent);
  EXPECT_EQ(often(1000, "!dyn(self)[?self.k].hasValue()"), spent);
  EXPECT_EQ(often(2000, "dyn(self).exists(k, true)"), spent);
  for (const char* once :
       {"self.a != oldSelf.a", "(self.a + oldSelf.a).size() == 2", "self.s != oldSelf.s",
        "has(self.d)", "!dyn(self)[?self.k].hasValue()", "dyn(self).exists(k, true)"}) {
    EXPECT_EQ(often(1, once), "true") << once;
  }
}

// A key may be made of others as a value is.
TEST(CelBoundsTest, KeysCountAsDepth) {
  std::string nested = "1";
  for (int i = 0; i < 20; ++i) nested = "{[" + nested + "]: 1}";
  EXPECT_EQ(TextOfPlain(nested + ".size()"), "1");
  const auto program = Compile(nested, Environment::Kubernetes({}));
  ASSERT_TRUE(program) << program.error().message;
  EXPECT_EQ((*program)->Eval({}, kCallCostMax).value.depth(), 40);
}

TEST(CelBoundsTest, EvaluationsEndWhenTheyAreToldTo) {
  const auto program = Compile("lists.range(100000).all(i, [i].exists(j, j == i))",
                               Environment::Kubernetes({}));
  ASSERT_TRUE(program) << program.error().message;
  const auto run = [&] { return (*program)->Eval({}, UINT64_MAX); };
  EXPECT_TRUE(run().value.IsTrue());
  {
    int asked = 0;
    const GiveUpScope scope([&] { return ++asked == 3; });
    const Outcome outcome = run();
    EXPECT_EQ(asked, 3);
    EXPECT_TRUE(outcome.over_budget);
    EXPECT_EQ(outcome.value.text(), "operation interrupted");
    // Whatever else is evaluated for the same request is over before it begins.
    EXPECT_TRUE(run().over_budget);
    EXPECT_EQ(asked, 3);
    {
      const GiveUpScope other([] { return false; });
      EXPECT_TRUE(run().value.IsTrue());
    }
    EXPECT_TRUE(run().over_budget);
  }
  EXPECT_TRUE(run().value.IsTrue());
}

// Evaluations that each end soon are asked about, too.
TEST(CelBoundsTest, ManyShortEvaluationsAreInterrupted) {
  const auto program = Compile("[1, 2].all(i, i > 0)", Environment::Kubernetes({}));
  ASSERT_TRUE(program) << program.error().message;
  const GiveUpScope scope([] { return true; });
  int runs = 0;
  while (runs < 1000000 && !(*program)->Eval({}, kCallCostMax).over_budget) ++runs;
  EXPECT_GT(runs, 100);
  EXPECT_LT(runs, 1000000);
}

}  // namespace
}  // namespace skiff::cel
