// Objects and JSON patches that expressions of mutations make.
#include "api/cel/patch_values.h"

#include <gtest/gtest.h>

#include "api/cel/program.h"
#include "api/text/go_value.h"

namespace skiff::cel {
namespace {

struct Made {
  std::shared_ptr<const Program> program;
  Value value;
};

Made Make(const std::string& expression) {
  const auto program = Compile(expression, Environment::Mutations({}));
  if (!program) return {nullptr, Value::Error(program.error().message)};
  return {*program, (*program)->Eval({}, kCallCostMax).value};
}

std::string ConfigurationText(const std::string& expression) {
  const Made made = Make(expression);
  if (made.value.IsError()) return std::string(made.value.text());
  const auto configuration = ConfigurationOf(made.value);
  return configuration ? DumpJson(*configuration) : configuration.error().message;
}

std::string PatchText(const std::string& expression) {
  const Made made = Make(expression);
  if (made.value.IsError()) return std::string(made.value.text());
  return JsonPatchOf(made.value).value_or("refused");
}

TEST(PatchValuesTest, AConfigurationIsWhatTheObjectSays) {
  EXPECT_EQ(ConfigurationText("Object{spec: Object.spec{replicas: 3, ?paused: optional.none(), "
                              "?name: optional.of('n')}, a: {'k': 1.5, 'l': 2.0}}"),
            R"({"a":{"k":1.5,"l":2},"spec":{"name":"n","replicas":3}})");
  EXPECT_EQ(ConfigurationText("Object{spec: Object.spek{}, l: [Object.l{m: Object.m{}}]}"),
            "type mismatch: unexpected type name \"Object.m\", expected \"Object.l.m\", which "
            "matches field name path from root Object type\nunexpected type name \"Object.spek\", "
            "expected \"Object.spec\", which matches field name path from root Object type");
}

TEST(PatchValuesTest, AConfigurationHoldsTypesAsTextsAndNoOptionalsAsNulls) {
  EXPECT_EQ(ConfigurationText("Object{a: type(1), b: optional.none(), c: {'k': optional.of('x')}, "
                              "d: optional.of(['y'])}"),
            R"({"a":"int","b":null,"c":{"k":"x"},"d":["y"]})");
}

// What fits no schema is there all the same, as Go would print it.
TEST(PatchValuesTest, OfOdditiesAConfigurationKnowsHowTheyPrint) {
  const auto printed = [](const std::string& expression) {
    const auto made = ConfigurationOf(Make("Object{a: " + expression + "}").value);
    if (!made) return made.error().message;
    const Json& odd = made->at("a");
    return GoPlain(odd) + " " + GoSyntax(odd) + " " +
           (IsGoOddity(odd) ? GoTypeOfOddity(odd) : GoTypeOf(odd));
  };
  EXPECT_EQ(printed("null"), "NULL_VALUE 0 structpb.NullValue");
  EXPECT_EQ(printed("b'xy'"), "[120 121] []uint8{0x78, 0x79} []uint8");
  EXPECT_EQ(printed("17u"), "17 0x11 uint64");
  EXPECT_EQ(printed("duration('90s')"), "1m30s 90000000000 time.Duration");
  EXPECT_EQ(printed("timestamp('2024-01-02T03:04:05.5Z')"),
            "2024-01-02 03:04:05.5 +0000 UTC time.Date(2024, time.January, 2, 3, 4, 5, 500000000, "
            "time.UTC) time.Time");
  EXPECT_EQ(printed("[[b'x']]"),
            "[[[120]]] []interface {}{[]ref.Val{types.Bytes{0x78}}} []interface {}");
  EXPECT_EQ(printed("{'k': {'b': 1}}"),
            "map[k:map[b:1]] map[string]interface {}{\"k\":map[ref.Val]ref.Val{\"b\":1}} "
            "map[string]interface {}");
}

TEST(PatchValuesTest, WhatAPatchCannotWriteIsNamedAsInKubernetes) {
  const auto refusal = [](const std::string& value) {
    const Made made = Make("[JSONPatch{op: 'add', path: '/a', value: " + value + "}]");
    const auto patch = JsonPatchOf(made.value);
    const std::string text = patch ? *patch : patch.error().message;
    return text.substr(text.rfind("JSON: ") + 6);
  };
  EXPECT_EQ(refusal("quantity('1')"), "type conversion error from 'Quantity' to '*structpb.Value'");
  EXPECT_EQ(refusal("[ip('::1')]"), "type conversion error from 'IP' to '*structpb.Value'");
  EXPECT_EQ(refusal("type(1)"), "type conversion not supported for 'type'");
  EXPECT_EQ(refusal("optional.none()"), "optional.none() dereference");
}

TEST(PatchValuesTest, APatchWritesWhatJsonCanHold) {
  EXPECT_EQ(PatchText("[JSONPatch{op: 'add', path: '/a', value: {'i': 3, 'l': 9007199254740993}}]"),
            R"([{"op":"add","path":"/a","value":{"i":3,"l":"9007199254740993"}}])");
  EXPECT_EQ(
      PatchText("[JSONPatch{op: 'add', path: '/a', value: duration('1s')}, JSONPatch{op: 'm', "
                "from: '/b', value: b'abc'}, JSONPatch{value: optional.of(null)}]"),
      R"([{"op":"add","path":"/a","value":"1s"},{"from":"/b","op":"m","path":"",)"
      R"("value":"YWJj"},{"op":"","path":"","value":null}])");
  EXPECT_EQ(PatchText("[JSONPatch{op: 'add', path: '/a', value: {1: 2}}]"), "refused");
  EXPECT_EQ(PatchText("[JSONPatch{op: dyn(1), path: '/x'}]"),
            "unexpected type int64 for JSONPatchType 'op' field");
}

// A list of ten, ten times in another, and so on: billions, of which each level is made once.
TEST(PatchValuesTest, WhatIsCheapToMakeIsNotWrittenWithoutBounds) {
  constexpr int kLevels = 10, kTimes = 10;
  Value value = Value::StringView("x");
  for (int i = 0; i < kLevels; ++i) value = Value::List(std::vector<Value>(kTimes, value));
  const auto configuration = ConfigurationOf(MakeMessage("Object", {{"a", value}}));
  ASSERT_FALSE(configuration);
  EXPECT_EQ(configuration.error().message, "the patch is too large: more than 8388608 bytes");
  const auto patch_of = [](const Value& given) {
    return JsonPatchOf(Value::List({MakeMessage("JSONPatch", {{"value", given}})}));
  };
  EXPECT_EQ(patch_of(value).error().message, configuration.error().message);
  EXPECT_EQ(patch_of(MakeMessage("Object", {{"a", value}})).error().message,
            configuration.error().message);
}

TEST(PatchValuesTest, PartsOfTheObjectCountEachTimeTheyAreWritten) {
  const Json part = {{"text", std::string(1 << 20, 'x')}};
  const auto patch_of = [&](size_t times) {
    const Value operation = MakeMessage("JSONPatch", {{"value", Value::Document(part)}});
    return JsonPatchOf(Value::List(std::vector<Value>(times, operation)));
  };
  const auto some = patch_of(5);
  ASSERT_TRUE(some) << some.error().message;
  EXPECT_GT(some->size(), size_t{5} << 20);
  EXPECT_FALSE(patch_of(10));
}

TEST(PatchValuesTest, PartsCanBeLookedInto) {
  EXPECT_TRUE(Make("Object{a: 1}.a == 1 && has(Object{a: 1}.a) && !has(Object{}.a)").value.IsTrue());
  EXPECT_TRUE(Make("Object{}.a == null && JSONPatch{}.op == ''").value.IsTrue());
  EXPECT_TRUE(Make("Object{a: 1} == Object{a: 1} && Object{a: 1} != Object{a: 1.0}").value.IsTrue());
  EXPECT_TRUE(Make("!optional.ofNonZeroValue(Object{}).hasValue()").value.IsTrue());
  EXPECT_TRUE(Make("jsonpatch.escapeKey('a/b~c') == 'a~1b~0c'").value.IsTrue());
}

TEST(PatchValuesTest, NoOtherEnvironmentKnowsThem) {
  const auto program = Compile("Object{}", Environment::Kubernetes({}));
  ASSERT_FALSE(program);
  EXPECT_EQ(program.error().message,
            "compilation failed: ERROR: <input>:1:7: undeclared reference to 'Object' (in container "
            "'')\n | Object{}\n | ......^");
}

}  // namespace
}  // namespace skiff::cel
