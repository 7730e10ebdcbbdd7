#include "apiserver/admission/ignored_time.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

// Whether expressions are interrupted at once that have so much of the time of a request.
bool EndsAtOnce(bool ignores_failure, std::chrono::steady_clock::time_point deadline) {
  const IgnoredTime time(ignores_failure, deadline);
  return cel::AskedToGiveUp();
}

TEST(IgnoredTimeTest, IsOverWithTheTimeOfTheRequest) {
  const auto past = std::chrono::steady_clock::now() - std::chrono::hours(1);
  EXPECT_TRUE(EndsAtOnce(true, past));
  EXPECT_FALSE(EndsAtOnce(true, past + std::chrono::hours(10)));
  EXPECT_FALSE(EndsAtOnce(true, std::chrono::steady_clock::time_point::max()))
      << "which has no end";
}

TEST(IgnoredTimeTest, WhoDoesNotIgnoreFailuresHasTheTimeOfOthersAround) {
  const auto past = std::chrono::steady_clock::now() - std::chrono::hours(1);
  EXPECT_FALSE(EndsAtOnce(false, past));
  bool is_over = false;
  const cel::GiveUpScope around([&] { return is_over; });
  EXPECT_FALSE(EndsAtOnce(true, std::chrono::steady_clock::time_point::max()));
  is_over = true;
  EXPECT_TRUE(EndsAtOnce(true, std::chrono::steady_clock::time_point::max()))
      << "whatever else ends them, ends them as before";
}

}  // namespace
}  // namespace skiff
