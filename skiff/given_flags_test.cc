#include "skiff/given_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(GivenFlagsTest, WhatARunningClusterDoesNotDoIsForANewStart) {
  const std::vector<std::string> running = {"--foreground", "--nodes", "3", "--durability=memory",
                                            "--register-with-taints=a=b:NoSchedule"};
  const auto for_new = [&](const Flags::Given& asked) { return FlagsForNewStart(asked, running); };
  EXPECT_THAT(for_new({}), IsEmpty());
  EXPECT_THAT(for_new({{"nodes", "3"}, {"secure-port", "6443"}, {"data-dir", "/x"}}), IsEmpty())
      << "the same, or what is so by default";
  EXPECT_THAT(for_new({{"merge-kubeconfig", "true"}}), IsEmpty()) << "that can be done now";
  EXPECT_THAT(for_new({{"register-with-taints", "a=b:NoSchedule"}}), IsEmpty());
  EXPECT_THAT(for_new({{"nodes", "0"}}), ElementsAre("--nodes=0"));
  EXPECT_THAT(for_new({{"secure-port", "7443"}, {"durability", "sync"}}),
              ElementsAre("--secure-port=7443", "--durability=sync"));
}

TEST(GivenFlagsTest, SimulatedNodesRefuseWhatTheyCannotFollow) {
  for (const char* name :
       {"node-name", "kubelet-port", "load-image", "eviction-hard", "container-runtime-endpoint",
        "register-with-taints", "iptables-flavour", "leave-nothing", "ingress",
        "ingress-http-port"}) {
    const auto checked = CheckFlagsOfSimulated({{"nodes", "2"}, {name, "x"}});
    ASSERT_FALSE(checked) << name;
    EXPECT_THAT(checked.error().message, HasSubstr(std::string("--") + name + ": "));
  }
  EXPECT_TRUE(CheckFlagsOfSimulated({{"nodes", "2"}, {"secure-port", "7443"}}));
  EXPECT_TRUE(CheckFlagsOfSimulated({{"leave-nothing", "false"}}));
  EXPECT_TRUE(CheckFlagsOfSimulated({{"node-name", "a"}}));
  EXPECT_FALSE(CheckFlagsOfSimulated({{"nodes", "0"}}));
}

}  // namespace
}  // namespace skiff
