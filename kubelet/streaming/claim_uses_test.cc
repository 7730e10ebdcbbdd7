#include "kubelet/streaming/claim_uses.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace skiff::kubelet {
namespace {

TEST(ClaimUses, OneLookIsForAWholeScrape) {
  FakeClock clock;
  int looks = 0;
  ClaimUses uses(clock, [&] {
    ++looks;
    ClaimUse use{"default", "data", {}};
    use.use.used_bytes = 7;
    return std::vector<ClaimUse>{use};
  });
  for (int family = 0; family < 6; ++family) {
    const auto samples = uses.Samples([](const FsUse& use) { return use.used_bytes; });
    ASSERT_EQ(samples.size(), 1u);
    EXPECT_EQ(samples[0].labels, (std::vector<std::string>{"default", "data"}));
    EXPECT_EQ(samples[0].value, 7);
  }
  EXPECT_EQ(looks, 1);
  clock.Advance(ClaimUses::kFreshFor);
  uses.Samples([](const FsUse& use) { return use.inodes; });
  EXPECT_EQ(looks, 2);
}

TEST(ClaimUses, AClaimOfTwoPodsIsToldOnce) {
  MeasuredNode node;
  for (const char* name : {"a", "b"}) {
    MeasuredPod& pod = node.pods.emplace_back();
    pod.name_space = "default";
    pod.name = name;
    pod.volumes.emplace_back().claim = "data";
    pod.volumes.emplace_back();  // No claim's.
  }
  EXPECT_EQ(ClaimsOf(node).size(), 1u);
}

}  // namespace
}  // namespace skiff::kubelet
