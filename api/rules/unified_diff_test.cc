#include <gtest/gtest.h>

#include <string>

#include "api/rules/go_struct.h"

namespace skiff {
namespace {

TEST(UnifiedDiff, ShowsThreeLinesOnEachSide) {
  EXPECT_EQ(UnifiedDiff("a\nb\nc\nd\ne\nf\ng\nh", "a\nb\nc\nd\nE\nf\ng\nh"),
            "@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n");
}

TEST(UnifiedDiff, SplitsChangesThatLieFarApart) {
  EXPECT_EQ(UnifiedDiff("1\n2\n3\n4\n5\n6\n7\n8\n9", "x\n2\n3\n4\n5\n6\n7\n8\ny"),
            "@@ -1,4 +1,4 @@\n-1\n+x\n 2\n 3\n 4\n@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-9\n+y\n");
}

TEST(UnifiedDiff, IsEmptyForEqualTexts) {
  EXPECT_EQ(UnifiedDiff("a\nb", "a\nb"), "");
}

TEST(UnifiedDiff, CountsAddedLinesFromTheLineBefore) {
  EXPECT_EQ(UnifiedDiff("a", "a\nb"), "@@ -1 +1,2 @@\n a\n+b\n");
}

// Whoever updates a pod chooses both texts: of so many changes the first alone are told apart.
TEST(UnifiedDiff, GivesUpOnTextsThatDifferInEveryOtherLine) {
  constexpr int kLines = 20'000;
  std::string old_text = "begin";
  std::string new_text = "begin";
  for (int i = 1; i < kLines; ++i) {
    const std::string line = "\n" + std::to_string(i);
    old_text += line;
    new_text += i % 2 == 0 ? line : line + " new";
  }
  const std::string diff = "\n" + UnifiedDiff(old_text, new_text);
  const auto count = [&](const std::string& mark) {
    int found = 0;
    for (size_t at = 0; (at = diff.find("\n" + mark, at)) != diff.npos; ++at) ++found;
    return found;
  };
  EXPECT_EQ(count(" ") + count("-"), kLines) << "all that was";
  EXPECT_EQ(count(" ") + count("+"), kLines) << "all that is";
  EXPECT_GT(count(" "), 10);
  EXPECT_LT(count(" "), kLines / 4);
}

}  // namespace
}  // namespace skiff
