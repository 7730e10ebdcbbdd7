#include "api/text/json_path.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/source_root.h"

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

// testdata/json_path.json is what client-go (v0.35.6) makes of such paths: what is printed behind
// "OK:", or what it says; the last one where what is missing is an error.
TEST(JsonPathTest, PrintsAndRefusesWhatKubectlDoesInItsWords) {
  const Json document = Json::parse(R"({"kind": "Pod", "metadata": {"name": "web",
      "labels": {"app.kubernetes.io/name": "web", "tier": "back"}}, "spec": {"containers": [
      {"name": "main", "image": "nginx", "ports": [1, 2]}, {"name": "side", "image": "busybox"}]},
      "ready": true, "count": 3, "half": 0.5, "none": null, "list": ["a", 1, null],
      "nums": [1, 2, 3, 4, 5], "empty": []})");
  std::ifstream file(std::string(kSourceRoot) + "/api/testdata/json_path.json");
  const Json cases = Json::parse(file);
  ASSERT_GT(cases.size(), 150u);
  for (const Json& each : cases) {
    const std::string text = each[0];
    for (const bool allow_missing : {true, false}) {
      const auto path = JsonPath::Parse(text);
      std::string got = path ? "" : path.error().message;
      if (path) {
        const auto printed = path->Execute(document, allow_missing);
        got = printed ? "OK:" + *printed : printed.error().message;
      }
      EXPECT_EQ(got, allow_missing ? each[1] : each.back()) << text;
    }
  }
}

TEST(JsonPathTest, TextsInQuotesAreGos) {
  EXPECT_EQ(Execute(R"({"\101\x41\u00e9\"'"})"), "AAé\"'");
  EXPECT_EQ(Execute(R"({'\''})"), "'");
  for (const std::string wrong : {R"("\ud800")", R"("\400")", R"("\x4")", R"("\'")"}) {
    EXPECT_EQ(Execute("{" + wrong + "}"),
              "parse error: unquote string " + wrong + " error invalid syntax");
  }
}

TEST(JsonPathTest, FindsMembersIndexesAndSlices) {
  EXPECT_EQ(Execute("{.kind}"), "List");
  EXPECT_EQ(Execute("{$.items[0].metadata.name}"), "a");
  EXPECT_EQ(Execute("{.items[-1].metadata.name}"), "b");
  EXPECT_EQ(Execute("{.items[*].metadata.name}"), "a b");
  EXPECT_EQ(Execute("{.items[0:1].metadata.name}"), "a");
  EXPECT_EQ(Execute("{.items[0]['status.phase','metadata']}"),
            R"(Running {"labels":{"app.kubernetes.io/name":"web"},"name":"a"})");
  EXPECT_EQ(Execute("{.items[0].metadata.labels.app\\.kubernetes\\.io/name}"), "web");
}

TEST(JsonPathTest, AnIndexIsAnInteger) {
  for (const std::string index : {"99999999999999999999", "-99999999999999999999", "-"}) {
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
  EXPECT_EQ(Execute("{end}"), "error: not in range, nothing to end");
}

TEST(JsonPathTest, ASliceEndsAtItsListWhateverTheStep) {
  EXPECT_EQ(Execute("{.items[0:2:9223372036854775807].metadata.name}"), "a");
  EXPECT_EQ(Execute("{.items[1:2:9223372036854775806].metadata.name}"), "b");
  EXPECT_EQ(Execute("{.items[9223372036854775807]}"),
            "error: array index out of bounds: index 9223372036854775807, length 2");
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

// What nobody reads, of each of very many paths, is not printed.
TEST(JsonPathTest, ErrorsOfCountedVisitsHaveNoValuesInThem) {
  const auto path = JsonPath::Parse("{.a[?(@.b == 1)]}");
  ASSERT_TRUE(path);
  const Json document = {{"a", "long"}};
  const auto counted = path->Find(document, true, 1000), plain = path->Find(document, true);
  ASSERT_FALSE(counted);
  ASSERT_FALSE(plain);
  EXPECT_EQ(counted.error().message, "a value is not array or slice and cannot be filtered");
  EXPECT_EQ(plain.error().message, "long is not array or slice and cannot be filtered");
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

bool FindsWithin(const std::string& text, const Json& document, size_t visits_max) {
  const auto path = JsonPath::Parse(text);
  EXPECT_TRUE(path) << text;
  const auto found = path->Find(document, true, visits_max);
  if (found) return true;
  EXPECT_EQ(found.error().message, "the path visits too many values");
  return false;
}

TEST(JsonPathTest, LongTextsThatAreComparedAreManyVisits) {
  const std::string text(64'000, 'a');
  const Json document = {{"l", {{{"x", text}, {"y", text}}}}};
  for (const std::string op : {"<", "<=", ">", ">=", "==", "!="}) {
    const std::string path = "{.l[?(@.x" + op + "@.y)]}";
    EXPECT_FALSE(FindsWithin(path, document, 1'000)) << op;
    EXPECT_TRUE(FindsWithin(path, document, 1'100)) << op;
    EXPECT_TRUE(FindsWithin(path, {{"l", {{{"x", text}, {"y", "a"}}}}}, 100)) << op;
  }
}

TEST(JsonPathTest, LongNamesAndWordsAreManyVisits) {
  const std::string name(64'000, 'a');
  EXPECT_FALSE(FindsWithin("{." + name + "}", {{name, 1}}, 1'000));
  EXPECT_TRUE(FindsWithin("{." + name + "}", {{name, 1}}, 1'100));
  EXPECT_TRUE(FindsWithin("{." + name + "}", 1, 100));
  // What a filter finds no sense in is there; it is told of each time.
  EXPECT_FALSE(FindsWithin("{.l[?(@ " + name + ")]}", {{"l", {1}}}, 1'000));
}

TEST(JsonPathTest, StepsBehindNothingAreVisitsToo) {
  std::string steps;
  for (int i = 0; i < 1'000; ++i) steps += ".a";
  EXPECT_FALSE(FindsWithin("{" + steps + "}", {{"b", 1}}, 1'000));
  EXPECT_TRUE(FindsWithin("{" + steps + "}", {{"b", 1}}, 1'100));
}

// Nor does a filter find what it did not look at.
TEST(JsonPathTest, AFilterThatMayNotLookOnFails) {
  const Json document = {{"l", {{{"k", Json::array_t(100, 1)}}}}};
  EXPECT_FALSE(FindsWithin("{.l[?(@..x)]}", document, 50));
  EXPECT_TRUE(FindsWithin("{.l[?(@..x)]}", document, 150));
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
