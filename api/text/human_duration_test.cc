#include "api/text/human_duration.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

TEST(HumanDurationTest, FormsFollowTheMagnitude) {
  EXPECT_EQ(HumanDuration(-2s), "<invalid>");
  EXPECT_EQ(HumanDuration(-1s), "0s");
  EXPECT_EQ(HumanDuration(-999ms), "0s");
  EXPECT_EQ(HumanDuration(0s), "0s");
  EXPECT_EQ(HumanDuration(119999ms), "119s");
  EXPECT_EQ(HumanDuration(120s), "2m");
  EXPECT_EQ(HumanDuration(599s), "9m59s");
  EXPECT_EQ(HumanDuration(10min), "10m");
  EXPECT_EQ(HumanDuration(179min), "179m");
  EXPECT_EQ(HumanDuration(180min), "3h");
  EXPECT_EQ(HumanDuration(479min), "7h59m");
  EXPECT_EQ(HumanDuration(47h), "47h");
  EXPECT_EQ(HumanDuration(48h), "2d");
  EXPECT_EQ(HumanDuration(51h), "2d3h");
  EXPECT_EQ(HumanDuration(192h), "8d");
  EXPECT_EQ(HumanDuration(17519h), "729d");
  EXPECT_EQ(HumanDuration(17520h), "2y");
  EXPECT_EQ(HumanDuration(17544h), "2y1d");
  EXPECT_EQ(HumanDuration(70080h), "8y");
}

}  // namespace
}  // namespace skiff
