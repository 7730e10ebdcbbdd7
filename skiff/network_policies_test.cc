#include "skiff/network_policies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(NetworkPoliciesTest, WhatIsClosedAfterABootIsKeptInTheDataDirectory) {
  std::string directory = std::filesystem::temp_directory_path() / "policies-XXXXXX";
  ASSERT_NE(mkdtemp(directory.data()), nullptr);
  EXPECT_THAT(ClosedRanges(directory), IsEmpty());
  ASSERT_TRUE(KeepClosedRanges(directory, {"10.244.1.0/24", "fd00:244:1::/64"}));
  EXPECT_THAT(ClosedRanges(directory), ElementsAre("10.244.1.0/24", "fd00:244:1::/64"));
  // What is no range is no rule, either.
  std::ofstream(directory + "/network-policies") << "10.244.2.0/24\n} ; flush ruleset\n";
  EXPECT_THAT(ClosedRanges(directory), ElementsAre("10.244.2.0/24"));
  ASSERT_TRUE(KeepClosedRanges(directory, {}));
  ASSERT_TRUE(KeepClosedRanges(directory, {})) << "nothing is there";
  EXPECT_THAT(ClosedRanges(directory), IsEmpty());
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace skiff
