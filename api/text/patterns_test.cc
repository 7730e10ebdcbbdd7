#include "api/text/patterns.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(PatternPoolTest, KeepsWhatFitsAndDropsWhatWasUsedLongestAgo) {
  PatternPool pool(int64_t{1} << 20);
  const auto first = pool.Take("^first$").compiled;
  EXPECT_FALSE(pool.Take("^first$").is_new);
  for (int i = 0; i < 100; ++i) {
    const std::string text = "p" + std::to_string(i);
    EXPECT_TRUE(RE2::PartialMatch(text, *pool.Take("^" + text + "$").compiled));
    EXPECT_FALSE(pool.Take("^first$").is_new) << "it is in use";
    EXPECT_LE(pool.bytes(), 1 << 20);
  }
  EXPECT_FALSE(pool.Take("^p99$").is_new);
  EXPECT_TRUE(pool.Take("^p0$").is_new);
  EXPECT_TRUE(RE2::PartialMatch("first", *first)) << "whoever has it keeps it";
}

TEST(PatternPoolTest, LargeProgramsCountForMore) {
  std::string heavy;
  for (int i = 0; i < 10; ++i) heavy += "(a{0,30}){0,30}";
  PatternPool roomy(kPatternsKeptMax);
  ASSERT_TRUE(roomy.Take("a").compiled->ok());
  const int64_t light = roomy.bytes();
  ASSERT_TRUE(roomy.Take(heavy).compiled->ok());
  EXPECT_GE(roomy.bytes(), 4 * light);
  // Too large to be kept is not too large to be matched.
  PatternPool tight(light);
  EXPECT_TRUE(tight.Take(heavy).compiled->ok());
  EXPECT_TRUE(tight.Take(heavy).is_new);
  EXPECT_EQ(tight.bytes(), 0);
}

TEST(PatternPoolTest, ErrorsAreInGoWords) {
  const auto error = [](const char* pattern) {
    return GoPatternError(*TakePattern(pattern).compiled);
  };
  EXPECT_EQ(error("a+"), "");
  EXPECT_EQ(error("a("), "error parsing regexp: missing closing ): `a(`");
  EXPECT_EQ(error("a\\"), "error parsing regexp: trailing backslash at end of expression: ``");
  EXPECT_EQ(error("\\pL{1000}"), "error parsing regexp: expression too large: `\\pL{1000}`");
  EXPECT_EQ(error("(?<n>a"), "error parsing regexp: missing closing ): `(?<n>a`");
  EXPECT_TRUE(PatternMatches("a(", "whatever"));
  EXPECT_FALSE(PatternMatches("^a$", "ab"));
}

// As kube-apiserver v1.35 answers where a schema has them for a pattern.
TEST(PatternPoolTest, WhatGoAloneTakesIsTakenAndWhatItRefusesIsNot) {
  const auto error = [](const char* pattern) {
    const std::string text = GoPatternError(*TakePattern(pattern).compiled);
    return text.substr(text.find(": ") + 2);
  };
  for (const char* well : {"(?<n>a)(?P<m>b)", "[(?<n>]", "[^](?<>]", "\\Q(?<\\E(?<n>a)", "a{99999,",
                           "[[:alpha:](?<]", "\\x{99999}", "a{,99999}", "a{09999999999}"}) {
    EXPECT_EQ(GoPatternError(*TakePattern(well).compiled), "") << well;
  }
  EXPECT_TRUE(PatternMatches("^(?<n>a)$", "a"));
  EXPECT_FALSE(PatternMatches("^(?<n>a)$", "b"));
  EXPECT_EQ(error("a\\C"), "invalid escape sequence: `\\C`");
  EXPECT_EQ(error("x{99999999999}"), "invalid repeat count: `{99999999999}`");
  EXPECT_EQ(error("(?<=a)b"), "invalid named capture: `(?<=a)b`");
  EXPECT_EQ(error("(?<>a)"), "invalid named capture: `(?<>`");
  EXPECT_EQ(error("(?P<\u00e9>a)"), "invalid named capture: `(?P<\u00e9>`");
  EXPECT_EQ(error("(?<"), "invalid or unsupported Perl syntax: `(?<`");
  // What stands before it is told first, unless it only lacks an end.
  EXPECT_EQ(error("a**\\C"), "invalid nested repetition operator: `**`");
  EXPECT_EQ(error("\\x\\C"), "invalid escape sequence: `\\x\\C`");
  EXPECT_EQ(error("(a\\C"), "invalid escape sequence: `\\C`");
}

}  // namespace
}  // namespace skiff
