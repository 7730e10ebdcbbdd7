#include "api/text/json_path.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

const Json& Pods() {
  static const Json kPods = Json::parse(R"({
    "kind": "List",
    "items": [
      {"metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "web"}},
       "status": {"phase": "Running", "ready": true, "restarts": 3}},
      {"metadata": {"name": "b"}, "status": {"phase": "Pending", "restarts": 12}}]})");
  return kPods;
}

std::string Execute(std::string_view text) {
  const auto path = JsonPath::Parse(text);
  if (!path) return "parse error: " + path.error().message;
  const auto result = path->Execute(Pods());
  return result ? *result : "error: " + result.error().message;
}

TEST(JsonPathTest, FindsMembersIndexesAndSlices) {
  EXPECT_EQ(Execute("{.kind}"), "List");
  EXPECT_EQ(Execute("{$.items[0].metadata.name}"), "a");
  EXPECT_EQ(Execute("{.items[-1].metadata.name}"), "b");
  EXPECT_EQ(Execute("{.items[*].metadata.name}"), "a b");
  EXPECT_EQ(Execute("{.items[0:1].metadata.name}"), "a");
  EXPECT_EQ(Execute("{.items[0]['status.phase','metadata']}"),
            R"({"labels":{"app.kubernetes.io/name":"web"},"name":"a"})");
  EXPECT_EQ(Execute("{.items[0].metadata.labels.app\\.kubernetes\\.io/name}"), "web");
}

TEST(JsonPathTest, AnIndexIsAnInteger) {
  for (const std::string index : {"1.5", "99999999999999999999", "-99999999999999999999"}) {
    const std::string wrong = "parse error: array index " + index + " is not a number";
    EXPECT_EQ(Execute("{.items[" + index + "]}"), wrong);
    EXPECT_EQ(Execute("{.items[0:" + index + "]}"), wrong);
  }
}

TEST(JsonPathTest, FiltersByComparisonAndPresence) {
  EXPECT_EQ(Execute("{.items[?(@.status.phase==\"Running\")].metadata.name}"), "a");
  EXPECT_EQ(Execute("{.items[?(@.status.restarts>5)].metadata.name}"), "b");
  EXPECT_EQ(Execute("{.items[?(@.status.ready)].metadata.name}"), "a");
}

TEST(JsonPathTest, RepeatsARangeForEachValue) {
  EXPECT_EQ(Execute("{range .items[*]}{.metadata.name}={.status.phase}{\"\\n\"}{end}"),
            "a=Running\nb=Pending\n");
}

TEST(JsonPathTest, DescendsRecursively) {
  EXPECT_EQ(Execute("{..phase}"), "Running Pending");
}

TEST(JsonPathTest, MissingMembersAreEmptyOrAnError) {
  EXPECT_EQ(Execute("{.nope.deeper}"), "");
  const auto path = JsonPath::Parse("{.nope}");
  ASSERT_TRUE(path);
  const auto strict = path->Execute(Pods(), false);
  ASSERT_FALSE(strict);
  EXPECT_EQ(strict.error().message, "nope is not found");
}

TEST(JsonPathTest, RefusesWhatIsNotClosed) {
  EXPECT_EQ(Execute("{.nope"), "parse error: unclosed action");
  EXPECT_EQ(Execute("{range .items[*]}{range .a}"), "parse error: unclosed action");
  EXPECT_EQ(Execute("{end}"), "parse error: not in range, nothing to end");
}

TEST(JsonPathTest, ASliceEndsAtItsListWhateverTheStep) {
  EXPECT_EQ(Execute("{.items[0:9:9223372036854775807].metadata.name}"), "a");
  EXPECT_EQ(Execute("{.items[1:9223372036854775807:9223372036854775806].metadata.name}"), "b");
}

TEST(JsonPathTest, BracketsAreOfLists) {
  const auto all = JsonPath::Parse("{.a[*]}");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->Execute({{"a", {1, 2}}}, true), "1 2");
  EXPECT_EQ(all->Execute({{"b", 1}}, true), "");
  const auto of_map = all->Execute({{"a", {{"b", 1}}}}, true);
  ASSERT_FALSE(of_map);
  EXPECT_EQ(of_map.error().message, "map[string]interface {} is not array or slice");
}

TEST(JsonPathTest, APathThatVisitsTooMuchFails) {
  Json deep = 1;
  for (int i = 0; i < 150; ++i) deep = Json{{"a", std::move(deep)}};
  const auto path = JsonPath::Parse("{..['a','a']..['a','a']..['a','a']..['a','a']}");
  ASSERT_TRUE(path);
  const auto found = path->Find(deep, true, 1'000'000);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message, "the path visits too many values");
  EXPECT_TRUE(path->Find(Json{{"a", 1}}, true, 1'000'000));
}

// As kubectl prints it.
TEST(JsonPathTest, ARangeMayLackItsEnd) {
  EXPECT_EQ(Execute("{range .items[*]}[{.metadata.name}{.kind}]"), "[a][b][List]");
  EXPECT_EQ(Execute("{range .items[*]}x{end}{range .items[*]}y"), "xxyyy");
}

TEST(JsonPathTest, RangesAreNotNestedForEver) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "{range .a}";
  EXPECT_EQ(Execute(text), "parse error: ranges are nested too deeply");
}

}  // namespace
}  // namespace skiff
