#include "base/error.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

Result<int> Half(int value) {
  if (value % 2 != 0) return Fail(Reason::kInvalid, "odd");
  return value / 2;
}

Result<int> Quarter(int value) {
  const int half = TRY(Half(value));
  return Half(half);
}

TEST(ErrorTest, TryYieldsTheValueOrReturnsTheError) {
  EXPECT_EQ(Quarter(8).value(), 2);
  ASSERT_FALSE(Quarter(6));
  EXPECT_EQ(Quarter(6).error().reason, Reason::kInvalid);
  EXPECT_EQ(Quarter(7).error().message, "odd");
}

TEST(ErrorTest, EveryReasonRoundTripsThroughItsText) {
  for (int i = 0; i <= static_cast<int>(Reason::kServiceUnavailable); ++i) {
    const auto reason = static_cast<Reason>(i);
    EXPECT_EQ(ReasonFromText(ReasonText(reason)), reason);
  }
  EXPECT_EQ(ReasonFromText("Nonsense"), Reason::kUnknown);
}

}  // namespace
}  // namespace skiff
