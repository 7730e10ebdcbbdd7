#include "base/id.h"

#include <gtest/gtest.h>

#include <regex>

namespace skiff {
namespace {

TEST(RandomTest, UidsAreVersionFourAndDiffer) {
  SystemRandom random;
  const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  const std::string first = random.Uid();
  EXPECT_TRUE(std::regex_match(first, form)) << first;
  EXPECT_NE(first, random.Uid());
}

TEST(RandomTest, ASeedMeansTheSameNames) {
  SeededRandom one(7), two(7);
  EXPECT_EQ(one.NameSuffix(), two.NameSuffix());
  EXPECT_EQ(one.NameSuffix().size(), 5u);
}

}  // namespace
}  // namespace skiff
