#include "api/text/yaml_tree.h"

#include <gtest/gtest.h>

#include "api/codec/json.h"

namespace skiff {
namespace {

// "{a@2: 1, b@3: [x@3]}": what stands where.
std::string Placed(const YamlTree& tree) {
  std::string text;
  switch (tree.form) {
    case YamlTree::Form::kNull:
      return tree.tag + "null";
    case YamlTree::Form::kScalar:
      return tree.tag + DumpJson(tree.scalar);
    case YamlTree::Form::kList:
      for (const YamlTree& item : tree.items) {
        text += (text.empty() ? "" : ", ") + Placed(item) + "@" + std::to_string(item.line);
      }
      return tree.tag + "[" + text + "]";
    case YamlTree::Form::kMap:
      for (const YamlMember& member : tree.members) {
        text += (text.empty() ? "" : ", ") + member.key + "@" + std::to_string(member.line) +
                ": " + Placed(member.value);
      }
      return tree.tag + "{" + text + "}";
  }
  return "";
}

std::string Read(const std::string& text) {
  const auto trees = ParseYamlTrees(text);
  if (!trees) return trees.error().message;
  std::string all;
  for (const YamlTree& tree : *trees) all += (all.empty() ? "" : " --- ") + Placed(tree);
  return all;
}

TEST(YamlTreeTest, KnowsTheLineOfEachValueAndTheOrderOfKeys) {
  EXPECT_EQ(Read("z: 1\na:\n- x\n- {k: null}\n"), "{z@1: 1, a@2: [\"x\"@3, {k@4: null}@4]}");
  EXPECT_EQ(Read("a: 1\n---\n# none\n---\nb: 2\n"), "{a@1: 1} --- {b@5: 2}");
}

TEST(YamlTreeTest, YesAndOnAreTextsTrueIsNot) {
  EXPECT_EQ(Read("[yes, on, off, n, true, 'true', 0x10, 1.5]"),
            "[\"yes\"@1, \"on\"@1, \"off\"@1, \"n\"@1, true@1, \"true\"@1, 16@1, 1.5@1]");
}

TEST(YamlTreeTest, MergesMapsBelowWhatAMapSaysItself) {
  EXPECT_EQ(Read("base: &b {a: 1, b: 2}\nx:\n  <<: *b\n  a: 3\n"),
            "{base@1: {a@1: 1, b@1: 2}, x@2: {a@4: 3, b@1: 2}}");
  EXPECT_EQ(Read("a: &a {k: 1}\nb: &b {k: 2, l: 2}\nx: {<<: [*a, *b]}\n"),
            "{a@1: {k@1: 1}, b@2: {k@2: 2, l@2: 2}, x@3: {k@1: 1, l@2: 2}}");
  EXPECT_EQ(Read("x: {<<: 1}"), "1: map merge requires map or sequence of maps as the value");
}

TEST(YamlTreeTest, AnAliasIsWhereItStandsAndWhatItBringsInWhereThatDoes) {
  EXPECT_EQ(Read("a: &a\n  - x\nb:\n- *a\n- y\n"), "{a@1: [\"x\"@2], b@3: [[\"x\"@2]@4, \"y\"@5]}");
  EXPECT_EQ(Read("- &k a\n- b: 1\n  *k : 2\n- *k\n"), "[\"a\"@1, {b@2: 1, a@3: 2}@2, \"a\"@4]");
  EXPECT_EQ(Read("x: &k a\n---\nx: &k\n---\ny: &k a\nz: {*k : 1,\n *k : 2}\n"),
            "7: key \"a\" already set in map");
  EXPECT_EQ(Read("a: &a\nb: *a\nc:\n- *a\n- 1\n"), "{a@1: null, b@2: null, c@3: [null@4, 1@5]}");
  EXPECT_EQ(Read("a: &a {k: 1}\nb:\n  <<: *a\n  *c : 1\n"),
            "4: yaml: unknown anchor 'c' referenced");
}

TEST(YamlTreeTest, KeepsTagsThatAreNotYamlsOwn) {
  EXPECT_EQ(Read("a: !reset null\nb: !override [1]\nc: !!str 1\n"),
            "{a@1: !resetnull, b@2: !override[1@2], c@3: \"1\"}");
}

TEST(YamlTreeTest, RefusesAKeyThatStandsTwice) {
  EXPECT_EQ(Read("a: 1\nb: 2\na: 3\n"), "3: key \"a\" already set in map");
}

TEST(YamlTreeTest, IsBoundedWhateverAliasesMakeOfIt) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string below = "*a" + std::to_string(i - 1);
    std::string items = below;
    for (int k = 0; k < 9; ++k) items += ", " + below;
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + items + "]\n";
  }
  EXPECT_EQ(Read(bomb), "1: document contains excessive aliasing");
  EXPECT_EQ(Read("a: &a [*a]\n"), "1: exceeded max depth of 100");
  std::string deep;
  for (int i = 0; i < 150; ++i) deep += "[";
  for (int i = 0; i < 150; ++i) deep += "]";
  EXPECT_EQ(Read("a: " + deep), "1: exceeded max depth of 100");
  std::string repeated = "a: &a [x, {b: c}]\nb:\n";
  for (int i = 0; i < 4'900; ++i) repeated += "- *a\n";
  EXPECT_TRUE(ParseYamlTrees(repeated));
  for (int i = 0; i < 200; ++i) repeated += "- *a\n";
  EXPECT_EQ(Read(repeated), "5003: document contains excessive aliasing");
}

TEST(YamlTreeTest, NoAliasesAreBlamedForWhatIsOnlyMuch) {
  std::string much;
  for (int i = 0; i < 10'000; ++i) much += "- {k: [1, 2, 3, 4, 5, 6, 7, 8], l: }\n";
  EXPECT_EQ(Read(much), "9091: the document comes to more than 100000 values");
  much.resize(much.find("\n", much.size() / 10 * 9) + 1);
  EXPECT_TRUE(ParseYamlTrees(much));
  std::string wide;
  for (int i = 0; i < 20'001; ++i) wide += "k" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(Read(wide), "1: a list or map has more than 20000 entries");
}

TEST(YamlTreeTest, SaysWhereATextIsNoYaml) {
  EXPECT_EQ(Read("a: 1\n b: [\n"), "2: yaml: mapping values are not allowed in this context");
  EXPECT_EQ(Read("a: 1\nb: \x01"), "2: yaml: control characters are not allowed");
  EXPECT_EQ(Read("a: 1\nb: {c: [x}\n"), "2: yaml: did not find expected ',' or ']'");
  EXPECT_EQ(Read("a: 1\n---\nb: 2\nc: {d: [x}\n"), "4: yaml: did not find expected ',' or ']'");
  EXPECT_EQ(Read("a: 1\nb: *c\n"), "2: yaml: unknown anchor 'c' referenced");
  EXPECT_EQ(Read("%FOO\na: 1\n"), "1: yaml: found unknown directive name");
  EXPECT_EQ(Read("a:\n\tb: 1\n"),
            "2: yaml: found a tab where no token may begin with one: indent by spaces");
}

TEST(YamlTreeTest, OfWhatIsOpenInTheEndSaysWhereItWasOpened) {
  EXPECT_EQ(Read("a: 1\nb: \"x\nc: 1\n"), "2: yaml: found unexpected end of stream");
  EXPECT_EQ(Read("a: 1\nb: [x,\n  y\n"), "2: yaml: did not find expected ',' or ']'");
  EXPECT_EQ(Read("a: 1\nb: [\n\n  x,\n"), "2: yaml: did not find expected node content");
  // A letter may have several bytes, and the mark of an encoding is none.
  const std::string open = "image: \"x\nb: 1\nc: 2\n";
  EXPECT_EQ(Read("# \xc3\xa9\na: 1\nb: 2\n" + open), "4: yaml: found unexpected end of stream");
  EXPECT_EQ(Read("\xef\xbb\xbfz: 1\n" + open), "2: yaml: found unexpected end of stream");
}

TEST(YamlTreeTest, OfABracketThatWasForgottenSaysWhereItWasOpened) {
  EXPECT_EQ(Read("a: [x,\n  y\nb: 1\nc: 2\n"),
            "3: yaml: did not find expected ',' or ']', within the bracket of line 1");
}

TEST(YamlTreeTest, SaysOnceAndInTheStreamsLinesWhatOnlyTheSecondParserRefuses) {
  EXPECT_EQ(Read("a: 1\n---\nb: 2\nc: !!binary '*'\n"),
            "4: yaml: !!binary value contains invalid base64 data");
}

TEST(YamlTreeTest, CountsLinesWhateverEndsThemAndHoweverTheyAreEncoded) {
  EXPECT_EQ(Read("a: 1\rb: 2\r\nc: [3]\rb: 4\r"), "4: key \"b\" already set in map");
  std::string wide = "\xff\xfe";
  for (const char c : std::string("a: 1\nb: 2\na: 3\n")) (wide += c) += '\0';
  EXPECT_EQ(Read(wide), "3: key \"a\" already set in map");
  EXPECT_EQ(Read(std::string("\xfe\xff\0a\0:\0 \xd8\x3d\xde\x00", 12)),
            "{a@1: \"\xf0\x9f\x98\x80\"}");
  EXPECT_EQ(Read(std::string("\xff\xfe"
                             "a\0\n\0\x00\xd8",
                             8)),
            "2: yaml: invalid Unicode character");
}

TEST(YamlTreeTest, ALongKeyIsCut) {
  const std::string key(1'000, 'k');
  EXPECT_EQ(Read(key + ": 1\n" + key + ": 2\n"),
            "2: key \"" + key.substr(0, 100) + "...\" already set in map");
}

}  // namespace
}  // namespace skiff
