// Many policies and pods in the real kernel: what all of it costs to write, and a change. The
// figures are printed; what is checked is that they stay in proportion.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdio>

#include "base/network_test_host.h"
#include "proxy/policy/nft.h"
#include "proxy/policy/policy_test_objects.h"

namespace skiff::netpol {
namespace {

constexpr int kPolicies = 300;
constexpr int kPods = 6000;  // Of 20 applications; one in 101 is on this node.

// Time on a core, ours and that of programs that we ran.
double CpuMillis() {
  double ms = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage = {};
    getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
      ms += static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
    }
  }
  return ms;
}

TEST(PolicyScaleTest, APodOfManyCostsLittleOfWhatAllCost) {
  const auto node = TestHost::Make();
  if (!node) GTEST_SKIP() << "making a network namespace needs root";
  TestPlan test;
  const double begun = CpuMillis();
  const auto pod = [](int i) {
    return TestPod{"default", "p" + std::to_string(i), "x" + std::to_string(i % 20),
                   i % 101 == 0 ? "node-a" : "node-b",
                   std::to_string(10 + i / 250) + "." + std::to_string(i % 250)};
  };
  for (int i = 0; i < kPods; ++i) test.SetPod(pod(i));
  for (int i = 0; i < kPolicies; ++i) {
    const std::string peer = std::to_string(i % 20), port = std::to_string(1000 + i);
    test.SetPolicy("p" + std::to_string(i),
                   "{podSelector: {matchLabels: {app: x" + std::to_string(i / 20 % 20) +
                       "}}, ingress: [{from: [{podSelector: {matchLabels: {app: x" + peer +
                       "}}}], ports: [{port: " + port + "}]}]}");
  }
  const double planned = CpuMillis();
  const auto nft = OpenNft();
  double written = 0, changed = 0;
  size_t bytes = 0;
  node->Run([&] {
    const auto all = nft->Load(test.table().WholeText());
    ASSERT_TRUE(all) << all.error().message;
    test.table().CommitWhole();
    written = CpuMillis();
    test.SetPod(pod(kPods));
    const std::string text = test.table().ChangeText();
    bytes = text.size();
    const auto one = nft->Load(text);
    ASSERT_TRUE(one) << one.error().message;
    changed = CpuMillis();
  });
  std::printf(
      "%d policies, %d pods: %zu rules and %zu elements planned in %.0f ms of a core, written in "
      "%.0f; one pod more: %zu bytes in %.0f\n",
      kPolicies, kPods, test.table().rules(), test.table().elements(), planned - begun,
      written - planned, bytes, changed - written);
  EXPECT_LT(bytes, 2000u);
  EXPECT_LT(changed - written, (written - begun) / 4);
  // A line a peer and family, and a chain of ports.
  EXPECT_LT(test.table().rules(), kPolicies * 5u);
}

}  // namespace
}  // namespace skiff::netpol
