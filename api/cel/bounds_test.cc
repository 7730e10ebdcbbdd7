// What no expression may do, whoever wrote it: read what is not its, fill the memory, or go on
// after its budget is spent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/cel/program.h"
#include "api/cel/schema_type.h"

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
      const std::string refused = "error: invalid qualifier type: ";
      EXPECT_THAT(TextOfPlain(map + "[" + given + "]", self), testing::StartsWith(refused)) << key;
      EXPECT_THAT(TextOfPlain(map + "[?" + given + "]", self), testing::StartsWith(refused)) << key;
    }
  }
  EXPECT_EQ(TextOfPlain("{'a': 1}[dyn(timestamp('2000-01-01T00:00:00.5Z'))]"),
            "error: invalid qualifier type: types.Timestamp");
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

}  // namespace
}  // namespace skiff::cel
