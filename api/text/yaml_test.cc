#include "api/text/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "api/codec/json.h"
#include "api/text/yaml_texts.h"

namespace skiff {
namespace {

std::string AsJson(std::string_view text) {
  const auto document = ParseYaml(text);
  return document ? DumpJson(document->value) : document.error().message;
}

// As kube-apiserver's, which reads JSON that is sent as YAML with the same parser.
TEST(Yaml, JsonThatAServerIsSentMayNotEscapeMoreThanYaml) {
  const auto error = [](std::string_view text) {
    const auto read = ParseSentYaml(text);
    return read ? "" : read.error().message;
  };
  EXPECT_EQ(error(R"({"a": "\u00e4\\/\"\b", "b": "/"})"), "");
  EXPECT_EQ(error(R"({"a": "\/"})"), "yaml: found unknown escape character");
  EXPECT_EQ(error("{\"a\": 1,\n\"b\": \"\\uD83D\\ude00\"}"),
            "yaml: line 2: found invalid Unicode character escape code");
  EXPECT_EQ(error(R"({a: 'x\/'})"), "") << "no JSON";
  EXPECT_TRUE(ParseYaml(R"({"a": "\/"})"));
}

TEST(Yaml, ScalarsAreThoseOfYaml11) {
  EXPECT_EQ(
      AsJson("[y, No, on, 0x10, 010, 1_000, 1.5, 1e3, ~, null, '1', \"on\", 12:30, 2026-01-02]"),
      "[true,false,true,16,8,1000,1.5,1000,null,null,\"1\",\"on\",\"12:30\",\"2026-01-02\"]");
  EXPECT_EQ(AsJson("[-0.0, -0, 0.0, ~]"), "[0,0,0,null]") << "JSON has no other zero";
  EXPECT_EQ(AsJson("n: 1"), "{\"false\":1}");
  EXPECT_EQ(AsJson("1: a"), "{\"1\":\"a\"}");
  EXPECT_EQ(AsJson("!!str 5"), "\"5\"");
  EXPECT_EQ(AsJson("a: |\n  x\n  y\nb: >-\n  x\n  y\n"), "{\"a\":\"x\\ny\\n\",\"b\":\"x y\"}");
}

TEST(Yaml, OnlyTheFirstDocumentIsRead) {
  EXPECT_EQ(AsJson("a: 1\n---\na: 2\n"), "{\"a\":1}");
  EXPECT_EQ(AsJson("{\"a\": {\"b\": [1]}}"), "{\"a\":{\"b\":[1]}}");
}

TEST(Yaml, AStreamGivesEachDocumentItsLine) {
  const auto documents = ParseYamlStream("a: 1\n---\n---\n# nothing\n---\nb: 2\n");
  ASSERT_TRUE(documents);
  ASSERT_EQ(documents->size(), 2);
  EXPECT_EQ((*documents)[1].value, Json({{"b", 2}}));
  EXPECT_EQ((*documents)[1].line, 6);
}

TEST(Yaml, DocumentsOfAStreamBeginAtDashesAndEndAtDots) {
  const auto values = [](const char* text) {
    Json all = Json::array();
    const auto documents = ParseYamlStream(text);
    EXPECT_TRUE(documents) << text;
    if (documents) {
      for (const YamlDocument& document : *documents) all.push_back(document.value);
    }
    return all.dump();
  };
  EXPECT_EQ(values("--- {a: 1}\n--- # two\nb: |\n  ---\n...\nc: 3\n"),
            R"([{"a":1},{"b":"---\n"},{"c":3}])");
  EXPECT_EQ(values("%YAML 1.1\n# first\n---\na: 1\n---\r\nb: ---x\n"),
            R"([{"a":1},{"b":"---x"}])");
  EXPECT_EQ(values(""), "[]");
}

TEST(Yaml, ACarriageReturnEndsALine) {
  for (const std::string text : {"a: 1\rb:\r- c\r", "a: 1\r\nb:\r\n- c\r\n", "a:\r\r  1\nb: [\rc]"}) {
    const auto document = ParseYaml(text);
    ASSERT_TRUE(document) << text;
    EXPECT_EQ(document->value.dump(), R"({"a":1,"b":["c"]})") << text;
  }
}

// yaml-cpp reads nothing of this, for ever.
TEST(Yaml, AStreamThatGoesOnWithNoDocumentEnds) {
  for (const char* text : {", \"kind\": \"Pod\"", "a: 1\n---\n, b", "] {", "}"}) {
    (void)ParseYamlStream(text);
  }
}

TEST(Yaml, CharactersThatGoDoesNotTakeAreRefusedInItsWords) {
  const auto message = [](std::string_view text) {
    const auto document = ParseYaml(text);
    return document ? "" : document.error().message;
  };
  EXPECT_EQ(message("a: \xe2" "es"), "yaml: invalid trailing UTF-8 octet");
  EXPECT_EQ(message("a: \xff"), "yaml: invalid leading UTF-8 octet");
  EXPECT_EQ(message("a: \x80"), "yaml: invalid leading UTF-8 octet");
  EXPECT_EQ(message("a: \xe2\x82"), "yaml: incomplete UTF-8 octet sequence");
  EXPECT_EQ(message("a: \xc0\x80"), "yaml: invalid length of a UTF-8 sequence");
  EXPECT_EQ(message("a: \xed\xa0\x80"), "yaml: invalid Unicode character");
  EXPECT_EQ(message("a: \x01"), "yaml: control characters are not allowed");
  EXPECT_EQ(message("a: \x7f"), "yaml: control characters are not allowed");
  EXPECT_EQ(message("a: \xc2\x80"), "yaml: control characters are not allowed");
  EXPECT_EQ(message("a: \xef\xbf\xbf"), "yaml: control characters are not allowed");
  EXPECT_EQ(message("a: \xc2\xa0\xf0\x9f\x99\x82\t\xc2\x85"), "");
  // What only becomes such text later is mended, as by Go's JSON encoder.
  EXPECT_EQ(ParseYaml("a: !!binary /w==")->value["a"], "\xef\xbf\xbd");
}

TEST(Yaml, WhatNestsTooDeeplyIsToldSo) {
  EXPECT_EQ(ParseYaml(std::string(1'000'000, '[')).error().message,
            "yaml: exceeded max depth of 10000");
  std::string blocks;
  for (size_t i = 0; i < 600; ++i) blocks += std::string(i, ' ') + "a:\n";
  EXPECT_EQ(ParseYaml(blocks).error().message, "yaml: exceeded max depth of 500");
}

// Each of such texts may take a gigabyte.
TEST(Yaml, OfSeveralLargeTextsAtOneTimeOneIsRead) {
  const std::string large = "a: [b" + std::string(kYamlInWorkBytesMax / 2 + 10, ',') + "]";
  std::atomic<bool> refused = false;
  const auto read = [&] {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!refused && std::chrono::steady_clock::now() < end) {
      const auto yaml = ParseYaml(large);
      if (!yaml && yaml.error().reason == Reason::kTooManyRequests) refused = true;
    }
  };
  std::jthread other(read);
  read();
  EXPECT_TRUE(refused);
}

TEST(Yaml, NamedEscapesAreTheirCharacters) {
  const auto yaml = ParseYaml("{\"k\\N\": \"\xc3\xa9\\N\\_\\L\\P\"}#");
  EXPECT_EQ(yaml->value["k\xc2\x85"], "\xc3\xa9\xc2\x85\xc2\xa0\xe2\x80\xa8\xe2\x80\xa9");
}

TEST(Yaml, WhatIsNoCharacterIsWrittenEscaped) {
  const Json text = "\xef\xbf\xbf \xef\xbf\xbe \xc2\x80";
  EXPECT_EQ(DumpYaml(text), "\"\\uFFFF \\uFFFE \\x80\"\n");
  EXPECT_EQ(ParseYaml(DumpYaml(text))->value, text);
}

TEST(Yaml, DuplicateKeysAreNotedWithTheirLine) {
  const auto document = ParseYaml("metadata: {name: y3}\ndata:\n  a: x\n  a: z\nfoo: 1\n");
  ASSERT_TRUE(document);
  EXPECT_EQ(document->duplicates, std::vector<std::string>{"line 4: key \"a\" already set in map"});
  EXPECT_EQ(document->value["data"]["a"], "z");
}

TEST(Yaml, AnchorsAndMergeKeys) {
  EXPECT_EQ(AsJson("a: &x {k: 1, l: 2}\nb:\n  <<: *x\n  l: 3\n"),
            "{\"a\":{\"k\":1,\"l\":2},\"b\":{\"k\":1,\"l\":3}}");
}

TEST(Yaml, AliasesCannotBlowUp) {
  std::string text = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'j'; ++c) {
    const char before = static_cast<char>(c - 1);
    text += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) text += std::string(i > 0 ? "," : "") + "*" + before;
    text += "]\n";
  }
  EXPECT_EQ(AsJson(text), "yaml: document contains excessive aliasing");
}

// As kubectl 1.35 answers each.
TEST(Yaml, MistakesAreToldAsGoTellsThem) {
  EXPECT_EQ(AsJson("metadata: {name: y5\n"), "yaml: line 1: did not find expected ',' or '}'");
  EXPECT_EQ(AsJson("apiVersion: v1\nkind: [ConfigMap\n"),
            "yaml: line 2: did not find expected ',' or ']'");
  EXPECT_EQ(AsJson("kind: ConfigMap\nmetadata:\n  name: bad\n data: {a: b}\n"),
            "yaml: line 3: did not find expected key");
  EXPECT_EQ(AsJson("a: {b"), "yaml: line 1: did not find expected ',' or '}'");
  EXPECT_EQ(AsJson("# x\n%YAML 1.2\n---\na: 1\n"), "yaml: found incompatible YAML document");
  EXPECT_EQ(AsJson("%YAML 1.1\n---\na: 1\n"), R"({"a":1})");
  EXPECT_EQ(AsJson("a: b: c\n"), "yaml: mapping values are not allowed in this context");
  EXPECT_EQ(AsJson("a: 1\n\n\n  b: 2\n"),
            "yaml: line 4: mapping values are not allowed in this context");
  EXPECT_EQ(AsJson("a: 'x\n"), "yaml: line 2: found unexpected end of stream");
  EXPECT_EQ(AsJson("a: \"x\nb: 1\n"), "yaml: line 3: found unexpected end of stream");
  EXPECT_EQ(AsJson("- a\nb: 1\n"), "yaml: line 1: did not find expected '-' indicator");
  EXPECT_EQ(AsJson("a: 1\na b\nc: 2\n"), "yaml: line 3: could not find expected ':'");
  EXPECT_EQ(AsJson("? a\n: b\n  c\n: d\n"), "yaml: line 3: did not find expected key");
  EXPECT_EQ(AsJson("a: @x\n"), "yaml: found character that cannot start any token");
  EXPECT_EQ(AsJson("a: ]\n"), "yaml: did not find expected node content");
  EXPECT_EQ(AsJson("a: \"\\q\"\n"), "yaml: found unknown escape character");
  EXPECT_EQ(AsJson("a: |x\n  b\n"), "yaml: did not find expected comment or line break");
  EXPECT_EQ(AsJson("a: !<x\n"), "yaml: did not find the expected '>'");
  EXPECT_EQ(AsJson("a: &\n"), "yaml: did not find expected alphabetic or numeric character");
}

TEST(Yaml, TabsAreNamed) {
  constexpr std::string_view kNoToken = "found character that cannot start any token";
  constexpr std::string_view kViolates = "found a tab character that violates indentation";
  const auto at = [](int line, std::string_view what) {
    return "yaml: line " + std::to_string(line) + ": " + std::string(what);
  };
  EXPECT_EQ(AsJson("a:\n\tb: c\n"), at(2, kNoToken));
  EXPECT_EQ(AsJson("a:\n\t- b\n"), at(2, kNoToken));
  EXPECT_EQ(AsJson("spec:\n  containers:\n  -\tname: a\n    image: b\n"), at(3, kNoToken));
  EXPECT_EQ(AsJson("spec:\n  x: y\n  z:\n\t  - b\n"), at(4, kNoToken));
  EXPECT_EQ(AsJson("a: 1\n  \tb: 2\n"),
            "yaml: line 2: mapping values are not allowed in this context");
  EXPECT_EQ(AsJson("kind: Pod\nmetadata:\n  name: x\n\tnamespace: y\n"), at(4, kViolates));
  EXPECT_EQ(AsJson("- a\n\t- b\n"), at(2, kViolates));
  EXPECT_EQ(AsJson("a: |\n\tb\n"),
            at(2, "found a tab character where an indentation space is expected"));
  EXPECT_EQ(AsJson("\ta: 1\n"), "yaml: " + std::string(kNoToken));
  EXPECT_EQ(AsJson("a:\tb\n"), R"({"a":"b"})");
}

TEST(Yaml, AnAnchorStandsBeforeItsAliases) {
  EXPECT_EQ(AsJson("a: *x\n"), "yaml: unknown anchor 'x' referenced");
  EXPECT_EQ(AsJson("a: *x\nb: &x 1\n"), "yaml: unknown anchor 'x' referenced");
  EXPECT_EQ(AsJson("a: &x 1\nb: *x\n"), R"({"a":1,"b":1})");
}

TEST(Yaml, ManyBracketsTakeNoTime) {
  const std::string open(2 << 20, '[');
  EXPECT_EQ(AsJson("a: " + open), "yaml: exceeded max depth of 500");
  EXPECT_EQ(AsJson(open), "yaml: exceeded max depth of 10000");
}

TEST(Yaml, ManyItemsWithinManyBracketsTakeNoTime) {
  const auto nested = [](size_t brackets, size_t items) {
    std::string text = "a: " + std::string(brackets, '[');
    for (size_t i = 0; i < items; ++i) text += "b,";
    return text + std::string(brackets, ']');
  };
  EXPECT_EQ(AsJson(nested(490, 1'000'000)), "yaml: document contains excessive nesting");
  EXPECT_TRUE(AsJson(nested(490, 10'000)).starts_with(R"({"a":[[)"));
  EXPECT_TRUE(AsJson(nested(20, 100'000)).starts_with(R"({"a":[[)"));
}

TEST(Yaml, DumpsAsKubernetesDoes) {
  const auto value = ParseJson(R"({"apiVersion": "v1", "data": {"a": "a: b", "t": "x\ty", "z": "on",
      "e": "", "n": "1", "l": "x\ny\n", "m": "x\ny", "s": "- a", "time": "2026-01-02T03:04:05Z"},
      "list": [{"a": 1, "b": [true]}, "x"], "none": {}, "empty": [], "f": 1.5, "u": null})");
  EXPECT_EQ(DumpYaml(*value),
            "apiVersion: v1\n"
            "data:\n"
            "  a: 'a: b'\n"
            "  e: \"\"\n"
            "  l: |\n    x\n    y\n"
            "  m: |-\n    x\n    y\n"
            "  \"n\": \"1\"\n"
            "  s: '- a'\n"
            "  t: \"x\\ty\"\n"
            "  time: \"2026-01-02T03:04:05Z\"\n"
            "  z: \"on\"\n"
            "empty: []\n"
            "f: 1.5\n"
            "list:\n- a: 1\n  b:\n  - true\n- x\n"
            "none: {}\n"
            "u: null\n");
}

TEST(Yaml, NumbersThatNoJsonHasAreRefusedInGosWords) {
  EXPECT_EQ(AsJson("a: 1\nb: [.inf]"), "json: unsupported value: +Inf");
  EXPECT_EQ(AsJson("z: .NaN\nb: {c: -.INF}"), "json: unsupported value: -Inf") << "by their keys";
  EXPECT_EQ(AsJson("a: !!float +.Inf"), "json: unsupported value: +Inf");
  EXPECT_EQ(AsJson(".nan"), "json: unsupported value: NaN");
  EXPECT_EQ(AsJson("a: .inf\na: 1"), R"({"a":1})");
  EXPECT_EQ(AsJson("a: '.inf'\nb: !!str .nan\nc: .iNf\nd: 1e999\ne: .Nan"),
            R"({"a":".inf","b":".nan","c":".iNf","d":"1e999","e":".Nan"})");
  EXPECT_EQ(AsJson(".Inf: 1\n-.inf: 2\n.NAN: 3"), R"({"-.inf":2,".inf":1,".nan":3})");
  EXPECT_EQ(ParseYamlStreamWithTexts("a: .inf").value().at(0).value, (Json{{"a", ".inf"}}));
}

// As kubectl 1.35 quotes them.
TEST(Yaml, TextThatGoWouldTakeForSomethingElseIsQuoted) {
  for (const char* text :
       {".inf", "+.inf", "-.Inf", ".INF", ".nan", ".NaN", ".NAN", "1:20", "1:20:30", "-1:2", "+1:20",
        "1:2.5", "1_0:20", "01:20", "0:0", "99:59", "190:20:30", "1:0.", "1:20:3.", "2001-1-1",
        "2001-01-01", "2001-01-01T00:00:00Z", "2001-01-01 10:00:00", "1e3", "0o14", "1_000", "y"}) {
    EXPECT_EQ(DumpYaml(Json(text)), "\"" + std::string(text) + "\"\n");
  }
  for (const char* text : {".iNf", ".Nan", "+.nan", "-.NaN", "1:60", "1:99", "10:99", "1:20:60", "a:1",
                           "3:4.5:6", "_1", "=", "==", "<<", "2001-01", "2001-1-1x"}) {
    EXPECT_EQ(DumpYaml(Json(text)), std::string(text) + "\n");
  }
  EXPECT_EQ(DumpYaml({{"<<", "<<"}}), "\"<<\": <<\n") << "nothing to merge";
  EXPECT_EQ(ParseYaml("a: =\nb: <<\n\"<<\": c\n")->value,
            (Json{{"a", "="}, {"b", "<<"}, {"<<", "c"}}));
}

TEST(Yaml, WhatGoDoesNotWritePlainlyIsEscaped) {
  EXPECT_EQ(DumpYaml(Json("é 漢字 \xf0\x9f\x98\x80 \xe2\x80\xa8~")),
            "\"é 漢字 \\U0001F600 \\L~\"\n");
  EXPECT_EQ(DumpYaml(Json("é 漢字")), "é 漢字\n");
}

TEST(Yaml, FoldsLongScalarsAtASpace) {
  const std::string words = "one two three four five six seven eight nine ten eleven twelve";
  const Json value = {{"plain", words + " " + words},
                      {"quoted", words + ": " + words},
                      {"double", words + "\x01 " + words},
                      {"list", {words + " " + words}}};
  EXPECT_EQ(DumpYaml(value),
            "double: \"one two three four five six seven eight nine ten eleven twelve\\x01 one "
            "two\n  three four five six seven eight nine ten eleven twelve\"\n"
            "list:\n- one two three four five six seven eight nine ten eleven twelve one two three "
            "four\n  five six seven eight nine ten eleven twelve\n"
            "plain: one two three four five six seven eight nine ten eleven twelve one two three"
            "\n  four five six seven eight nine ten eleven twelve\n"
            "quoted: 'one two three four five six seven eight nine ten eleven twelve: one two "
            "three\n  four five six seven eight nine ten eleven twelve'\n");
  EXPECT_EQ(AsJson(DumpYaml(value)), DumpJson(value));
}

TEST(Yaml, ATextThatEndsWithTheFileHasALineFeedForKubectlAlone) {
  constexpr char kText[] = "text: |\n  first\n  last";
  EXPECT_EQ(ParseYamlStream(kText).value().at(0).value, Json({{"text", "first\nlast\n"}}));
  EXPECT_EQ(ParseYamlStreamWithTexts(kText).value().at(0).value, Json({{"text", "first\nlast"}}));
}

TEST(Yaml, NullsThatAreWrittenAsNothingAreToldOf) {
  constexpr char kText[] =
      "é:\r\na:\nnullable: true\nb: null\nc: ~\nd: # nothing\nnulls: 1\n"
      "l:\n- e:\n  f: NULL\n-\nm: {x: , y: null, z: }\na/b: ''\nlast:";
  const auto documents = ParseYamlStreamWithTexts(kText);
  ASSERT_TRUE(documents) << documents.error().message;
  EXPECT_THAT(documents->at(0).blanks,
              testing::ElementsAre("/é", "/a", "/d", "/l/0/e", "/l/1", "/m/x", "/m/z", "/last"));
  EXPECT_TRUE(ParseYamlStreamWithTexts(R"({"a": null})").value().at(0).blanks.empty());
  EXPECT_TRUE(ParseYamlStream("a:\n").value().at(0).blanks.empty());
}

TEST(Yaml, ABackslashThatBeginsALineCounts) {
  const std::string first(85, 'b'), second(74, 'c');
  EXPECT_EQ(DumpYaml(Json{{"x", "a \n" + first + "  " + second + " dd ee ff"}}),
            "x: \"a \\n" + first + "\n  \\ " + second + " dd\n  ee ff\"\n");
  const std::string longer = second + "ccc";
  EXPECT_EQ(DumpYaml(Json{{"x", "a \n" + first + "  " + longer + " dd ee ff"}}),
            "x: \"a \\n" + first + "\n  \\ " + longer + "\n  dd ee ff\"\n");
}

TEST(Yaml, NoSpaceIsLostWhereTheIndentIsWiderThanALine) {
  for (const int depth : {39, 40, 42, 60}) {
    for (const std::string spaces : {"  ", "   ", "    "}) {
      Json value = "a \n" + std::string(85, 'b') + spaces + "cc" + spaces + "dd e";
      for (int i = 0; i < depth; ++i) value = Json{{"k", std::move(value)}};
      EXPECT_EQ(ParseYaml(DumpYaml(value))->value, value) << depth << spaces;
    }
  }
}

// As sigs.k8s.io/yaml 1.6 writes them. Readers take no key of more than 1,024 bytes before a colon.
TEST(Yaml, KeysThatAreLongOrHaveLinesStandOnTheirOwn) {
  const std::string longest(128, 'w');
  const std::string k(129, 'k');
  std::string words, folded;
  for (int i = 0; i < 70; ++i) words += "s ";
  for (int i = 0; i < 70; ++i) folded += i == 38 ? "s\n    " : "s ";
  const Json value = {{"a",
                       {{k, {{"x", 1}, {"z", {1, 2}}}},
                        {k + "b", {1, {{"z", 2}}}},
                        {k + "d", Json::object()},
                        {"l\nm", "v"},
                        {"l\nm ", {1}},
                        {"n\n", "q"},
                        {words + "x", "two words"},
                        {longest, 1}}},
                      {"l", {{{k, 1}}}}};
  EXPECT_EQ(DumpYaml(value), "a:\n  ? " + k + "\n  : x: 1\n    z:\n    - 1\n    - 2\n  ? " + k +
                                 "b\n  : - 1\n    - z: 2\n  ? " + k +
                                 "d\n  : {}\n"
                                 "  ? |-\n    l\n    m\n  : v\n"
                                 "  ? \"l\\nm \"\n  : - 1\n"
                                 "  ? |\n    n\n  : q\n  ? " +
                                 folded + "x\n  : two words\n  " + longest + ": 1\nl:\n- ? " + k +
                                 "\n  : 1\n");
  EXPECT_EQ(ParseYaml(DumpYaml(value))->value, value);
  const Json beyond = {{std::string(1025, 'k'), 1}};
  EXPECT_EQ(ParseYaml(DumpYaml(beyond))->value, beyond);
}

TEST(Yaml, WhatIsDumpedReadsBack) {
  const auto value = ParseJson(R"({"a": ["", " x", "x ", "a\nb ", "\n", "#", "a #b", "x:", "null",
      "0x1", "é", "'", "\"", "<<", "\u0001", "|", "a\n\n", " a\nb"], "0": {"x": [[1, [2]], {}]}})");
  EXPECT_EQ(AsJson(DumpYaml(*value)), DumpJson(*value));
}

TEST(YamlTest, WritesNumbersAsGoDoes) {
  EXPECT_EQ(DumpYaml({1.5e-07, 0.00001, 1234567.5, 1e21, 1e20, 0.1, 1e6, 3.0, 100000.5, 1.2e19}),
            "- 1.5e-07\n- 1e-05\n- 1.2345675e+06\n- 1e+21\n- 1e+20\n- 0.1\n- 1000000\n"
            "- 3\n- 100000.5\n- 12000000000000000000\n");
}

}  // namespace
}  // namespace skiff
