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
  EXPECT_TRUE(PatternMatches("a(", "whatever"));
  EXPECT_FALSE(PatternMatches("^a$", "ab"));
}

}  // namespace
}  // namespace skiff
