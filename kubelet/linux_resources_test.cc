#include "kubelet/linux_resources.h"

#include <gtest/gtest.h>

#include <limits>

namespace skiff::kubelet {
namespace {

using core_v1::Container;
using core_v1::Pod;

Container& Add(std::vector<Container>& to, const char* cpu, const char* memory) {
  Container& container = to.emplace_back();
  for (auto* amounts : {&container.resources.requests, &container.resources.limits}) {
    if (*cpu != '\0') (*amounts)["cpu"] = *Quantity::Parse(cpu);
    if (*memory != '\0') (*amounts)["memory"] = *Quantity::Parse(memory);
  }
  return container;
}

TEST(LinuxResourcesTest, CpuIsWeightAndQuota) {
  EXPECT_EQ(CpuShares(0), 2);
  EXPECT_EQ(CpuShares(1), 2);
  EXPECT_EQ(CpuShares(1000), 1024);
  EXPECT_EQ(CpuShares(1'000'000), 262'144);
  EXPECT_EQ(CpuQuota(0), 0);
  EXPECT_EQ(CpuQuota(1), 1000);
  EXPECT_EQ(CpuQuota(1500), 150'000);
}

TEST(LinuxResourcesTest, WhoAskedForMoreIsKilledLater) {
  constexpr int64_t kNode = 1000;
  Pod pod;
  Container& container = pod.spec.containers.emplace_back();
  EXPECT_EQ(OomScoreAdjust(pod, container, kNode), 1000);
  container.resources.requests["memory"] = Quantity::FromValue(400);
  EXPECT_EQ(OomScoreAdjust(pod, container, kNode), 600);
  container.resources.requests["memory"] = Quantity::FromValue(1000);
  EXPECT_EQ(OomScoreAdjust(pod, container, kNode), 3);
  container.resources.requests["memory"] = Quantity::FromValue(0);
  container.resources.requests["cpu"] = Quantity::FromMilli(1);
  EXPECT_EQ(OomScoreAdjust(pod, container, kNode), 999);
  pod.spec.containers.clear();
  EXPECT_EQ(OomScoreAdjust(pod, Add(pod.spec.containers, "1", "1Gi"), kNode), -997);
  pod.spec.containers.clear();
  pod.spec.priority = 2'000'000'000;
  pod.spec.priority_class_name = "system-cluster-critical";
  EXPECT_EQ(OomScoreAdjust(pod, pod.spec.containers.emplace_back(), kNode), 1000);
  pod.spec.priority = 2'000'001'000;
  pod.spec.priority_class_name = "system-node-critical";
  EXPECT_EQ(OomScoreAdjust(pod, pod.spec.containers[0], kNode), -997);
}

TEST(LinuxResourcesTest, ASidecarIsKilledAfterTheContainersItServes) {
  constexpr int64_t kNode = 1000;
  Pod pod;
  Container& first = pod.spec.containers.emplace_back();
  first.name = "first";
  first.resources.requests["memory"] = Quantity::FromValue(400);
  Container second = first;
  second.name = "second";
  second.resources.requests["memory"] = Quantity::FromValue(300);
  pod.spec.containers.push_back(second);
  Container& side = pod.spec.init_containers.emplace_back();
  side.name = "side";
  side.resources.requests["memory"] = Quantity::FromValue(100);
  EXPECT_EQ(OomScoreAdjust(pod, side, kNode), 900) << "it ends before they begin";
  side.restart_policy = "Always";
  EXPECT_EQ(OomScoreAdjust(pod, side, kNode), 700);
  side.resources.requests["memory"] = Quantity::FromValue(350);
  EXPECT_EQ(OomScoreAdjust(pod, side, kNode), 650);
}

TEST(LinuxResourcesTest, WhatThePodRequestsBeyondItsContainersIsSharedByThem) {
  constexpr int64_t kNode = 1000;
  Pod pod;
  Container& app = pod.spec.containers.emplace_back();
  app.name = "app";
  app.resources.requests["memory"] = Quantity::FromValue(100);
  Container& side = pod.spec.init_containers.emplace_back();
  side.name = "side";
  side.restart_policy = "Always";
  pod.spec.resources.Ensure().requests["memory"] = Quantity::FromValue(500);
  EXPECT_EQ(OomScoreAdjust(pod, app, kNode), 700);
  EXPECT_EQ(OomScoreAdjust(pod, side, kNode), 700) << "as much as the least of the others";
}

TEST(LinuxResourcesTest, AContainerHasItsLimitsOrThePods) {
  Pod pod;
  const Container own = Add(pod.spec.containers, "250m", "64Mi");
  auto made = ContainerResources(pod, own, 1 << 30);
  EXPECT_EQ(made.cpu_shares, 256);
  EXPECT_EQ(made.cpu_quota, 25'000);
  EXPECT_EQ(made.cpu_period, 100'000);
  EXPECT_EQ(made.memory_limit_bytes, 64 << 20);
  const Container none = Add(pod.spec.containers, "", "");
  made = ContainerResources(pod, none, 1 << 30);
  EXPECT_EQ(made.cpu_shares, 2);
  EXPECT_EQ(made.cpu_quota, 0);
  EXPECT_EQ(made.memory_limit_bytes, 0);
  auto& limits = pod.spec.resources.Ensure().limits;
  limits["cpu"] = Quantity::FromMilli(500);
  limits["memory"] = Quantity::FromValue(128 << 20);
  made = ContainerResources(pod, none, 1 << 30);
  EXPECT_EQ(made.cpu_quota, 50'000);
  EXPECT_EQ(made.memory_limit_bytes, 128 << 20);
  EXPECT_EQ(ContainerResources(pod, own, 1 << 30).memory_limit_bytes, 64 << 20);
}

TEST(LinuxResourcesTest, APodHasTheSumOrWhatItsStartTakes) {
  Pod pod;
  Add(pod.spec.containers, "100m", "10Mi");
  Add(pod.spec.containers, "200m", "20Mi");
  EXPECT_EQ(PodResources(pod.spec).cpu_shares, CpuShares(300));
  EXPECT_EQ(PodResources(pod.spec).cpu_quota, 30'000);
  EXPECT_EQ(PodResources(pod.spec).memory_limit_bytes, 30 << 20);
  Add(pod.spec.init_containers, "50m", "5Mi").restart_policy = "Always";
  EXPECT_EQ(PodResources(pod.spec).cpu_quota, 35'000);
  Add(pod.spec.init_containers, "1", "100Mi");
  EXPECT_EQ(PodResources(pod.spec).cpu_quota, 105'000);  // Beside the sidecar.
  EXPECT_EQ(PodResources(pod.spec).memory_limit_bytes, 105 << 20);
  Add(pod.spec.containers, "", "1Mi");
  EXPECT_EQ(PodResources(pod.spec).cpu_quota, 0);
  EXPECT_EQ(PodResources(pod.spec).memory_limit_bytes, 105 << 20);
  pod.spec.resources.Ensure().limits["memory"] = Quantity::FromValue(7 << 20);
  EXPECT_EQ(PodResources(pod.spec).memory_limit_bytes, 7 << 20);
}

TEST(LinuxResourcesTest, OverheadIsToldApart) {
  Pod pod;
  Add(pod.spec.containers, "100m", "10Mi");
  EXPECT_FALSE(PodOverhead(pod.spec));
  pod.spec.overhead["cpu"] = Quantity::FromMilli(250);
  pod.spec.overhead["memory"] = Quantity::FromValue(120 << 20);
  const auto overhead = PodOverhead(pod.spec);
  ASSERT_TRUE(overhead);
  EXPECT_EQ(overhead->cpu_quota, 25'000);
  EXPECT_EQ(overhead->memory_limit_bytes, 120 << 20);
  EXPECT_EQ(PodResources(pod.spec).cpu_shares, CpuShares(100));
}

TEST(LinuxResourcesTest, CgroupsAreNamedByClassAndDriver) {
  Pod pod;
  pod.metadata.uid = "1-2";
  pod.spec.containers.emplace_back();
  EXPECT_EQ(PodCgroup(pod), "/kubepods/besteffort/pod1-2");
  EXPECT_EQ(PodCgroup(pod, "/kubepods", CgroupDriver::kSystemd),
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice");
  pod.spec.containers.clear();
  Add(pod.spec.containers, "1", "1Gi");
  EXPECT_EQ(PodCgroup(pod), "/kubepods/pod1-2");
  EXPECT_EQ(PodsCgroup("/kubepods", CgroupDriver::kSystemd), "/kubepods.slice");
}

TEST(LinuxResourcesTest, AmountsBeyondAllMachinesAreLargeAndNotNone) {
  Pod pod;
  for (int i = 0; i < 2; ++i) Add(pod.spec.containers, "9000000000000000", "8Ei");
  const auto most = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(PodResources(pod.spec).memory_limit_bytes, most);
  EXPECT_EQ(PodResources(pod.spec).cpu_shares, 262'144);
  EXPECT_GT(PodResources(pod.spec).cpu_quota, 0);
  EXPECT_EQ(CpuShares(most), 262'144);
  EXPECT_GT(CpuQuota(most), CpuQuota(1000));
  pod.spec.containers[1].resources.limits.clear();
  EXPECT_EQ(OomScoreAdjust(pod, pod.spec.containers[0], 1 << 30), 3);
}

}  // namespace
}  // namespace skiff::kubelet
