#include "kubelet/cri_fake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "kubelet/pod_observed.h"

namespace skiff::cri {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FakeRuntimeTest : public testing::Test {
 protected:
  std::string Sandbox(const StringMap& labels) {
    SandboxConfig config;
    config.labels = labels;
    return *runtime_.RunPodSandbox(config, "");
  }
  std::string Container(const std::string& sandbox, const StringMap& labels) {
    ContainerConfig config;
    config.labels = labels;
    return *runtime_.CreateContainer(sandbox, config, {});
  }
  static StringMap OfPod(const std::string& uid) { return {{kubelet::kPodUidLabel, uid}}; }
  std::set<std::string> Containers(const StringMap& labels) {
    std::set<std::string> ids;
    const auto listed = runtime_.ListContainers({.labels = labels});
    for (const auto& each : *listed) ids.insert(each.id);
    return ids;
  }
  std::set<std::string> Sandboxes(const StringMap& labels) {
    std::set<std::string> ids;
    const auto listed = runtime_.ListPodSandboxes({.labels = labels});
    for (const auto& each : *listed) ids.insert(each.id);
    return ids;
  }

  FakeClock clock_;
  SeededRandom random_{1};
  FakeRuntime runtime_{clock_, random_, "10.1.0.0/24"};
};

TEST_F(FakeRuntimeTest, APodsOwnAreFoundByItsLabel) {
  const std::string a = Sandbox(OfPod("a")), b = Sandbox(OfPod("b")), none = Sandbox({});
  auto named = OfPod("a");
  named["name"] = "x";
  const std::string x = Container(a, named), y = Container(a, OfPod("a"));
  const std::string of_b = Container(b, OfPod("b")), of_none = Container(none, {{"name", "x"}});
  EXPECT_THAT(Sandboxes(OfPod("a")), ElementsAre(a));
  EXPECT_EQ(Sandboxes({}), (std::set{a, b, none}));
  EXPECT_EQ(Containers(OfPod("a")), (std::set{x, y}));
  EXPECT_THAT(Containers(named), ElementsAre(x));
  EXPECT_EQ(Containers({{"name", "x"}}), (std::set{x, of_none}));
  EXPECT_THAT(Containers(OfPod("c")), IsEmpty());
  EXPECT_THAT(Containers(OfPod("b")), ElementsAre(of_b));
}

TEST_F(FakeRuntimeTest, WhatIsRemovedIsFoundNoMore) {
  const std::string first = Sandbox(OfPod("a")), second = Sandbox(OfPod("a"));
  const std::string x = Container(first, OfPod("a")), y = Container(second, OfPod("a"));
  ASSERT_TRUE(runtime_.RemoveContainer(x).has_value());
  EXPECT_THAT(Containers(OfPod("a")), ElementsAre(y));
  ASSERT_TRUE(runtime_.RemovePodSandbox(second).has_value());
  EXPECT_THAT(Containers(OfPod("a")), IsEmpty()) << "containers go with their sandbox";
  EXPECT_THAT(Sandboxes(OfPod("a")), ElementsAre(first));
  ASSERT_TRUE(runtime_.RemovePodSandbox(first).has_value());
  EXPECT_THAT(Sandboxes(OfPod("a")), IsEmpty());
}

TEST_F(FakeRuntimeTest, SandboxesGetAnAddressOfEachRange) {
  ASSERT_TRUE(runtime_.UpdateRuntimeConfig("10.7.0.0/24,fd00:7::/64").has_value());
  SandboxConfig config;
  config.metadata.name = "dual";
  const auto id = runtime_.RunPodSandbox(config, "");
  ASSERT_TRUE(id);
  EXPECT_THAT(runtime_.PodSandboxStatus(*id)->ips, ElementsAre("10.7.0.1", "fd00:7::1"));
  EXPECT_FALSE(runtime_.UpdateRuntimeConfig("10.7.0.0/24,x").has_value());
}

}  // namespace
}  // namespace skiff::cri
