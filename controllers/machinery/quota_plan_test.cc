#include "controllers/machinery/quota_plan.h"

#include <gtest/gtest.h>

#include <limits>

namespace skiff {
namespace {

core_v1::ResourceQuota QuotaOf(const std::map<std::string, std::string>& hard) {
  core_v1::ResourceQuota quota;
  for (const auto& [name, amount] : hard) {
    quota.spec.hard[name] = Quantity::Parse(amount).value();
  }
  return quota;
}

core_v1::Pod PodOf(const std::string& cpu, const std::string& phase = "Running") {
  core_v1::Pod pod;
  pod.spec.containers.emplace_back().resources.requests["cpu"] = Quantity::Parse(cpu).value();
  pod.status.phase = phase;
  return pod;
}

std::string Text(const QuotaUsage& usage) {
  std::string text;
  for (const auto& [name, amount] : usage) text += name + "=" + amount.Text() + " ";
  return text;
}

QuotaUsage UsageOfPods(const core_v1::ResourceQuota& quota, const std::vector<core_v1::Pod>& pods,
                       TimePoint now = TimePoint(100s)) {
  QuotaSum sum(quota);
  sum.Measure(QuotaPart::kPods);
  for (const auto& pod : pods) {
    sum.Add({.kind = core_v1::Pod::Info(), .pod = &pod, .now = now});
  }
  return sum.usage();
}

TEST(QuotaPlanTest, EveryNameOfSpecHardHasAValueIfOnlyZero) {
  const auto quota =
      QuotaOf({{"pods", "5"}, {"requests.cpu", "1"}, {"requests.nvidia.com/gpu", "1"}});
  EXPECT_EQ(Text(UsageOfPods(quota, {})), "pods=0 requests.cpu=0 requests.nvidia.com/gpu=0 ");
}

TEST(QuotaPlanTest, FinishedPodsCountOnlyByTheirNumber) {
  const auto quota = QuotaOf({{"pods", "5"}, {"cpu", "1"}, {"count/pods", "9"}});
  EXPECT_EQ(Text(UsageOfPods(quota, {PodOf("250m"), PodOf("500m"), PodOf("1", "Succeeded")})),
            "count/pods=3 cpu=750m pods=2 ");
}

TEST(QuotaPlanTest, APodPastItsGraceIsNobodysAnyMore) {
  auto pod = PodOf("1");
  pod.metadata.deletion_timestamp = Time(TimePoint(50s));
  pod.metadata.deletion_grace_period_seconds = 30;
  const auto quota = QuotaOf({{"pods", "5"}});
  EXPECT_EQ(Text(UsageOfPods(quota, {pod}, TimePoint(79s))), "pods=1 ");
  EXPECT_EQ(Text(UsageOfPods(quota, {pod}, TimePoint(81s))), "pods=0 ");
}

TEST(QuotaPlanTest, AGraceLongerThanAnyTimeIsNotOver) {
  auto pod = PodOf("1");
  pod.metadata.deletion_timestamp = Time(TimePoint(50s));
  pod.metadata.deletion_grace_period_seconds = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(Text(UsageOfPods(QuotaOf({{"pods", "5"}}), {pod}, TimePoint(81s))), "pods=1 ");
}

TEST(QuotaPlanTest, ScopesTakeInThePodsTheyAreAbout) {
  auto terminating = QuotaOf({{"pods", "5"}});
  terminating.spec.scopes = {"Terminating"};
  auto best_effort = QuotaOf({{"pods", "5"}});
  best_effort.spec.scopes = {"BestEffort"};
  auto short_lived = PodOf("1");
  short_lived.spec.active_deadline_seconds = 60;
  core_v1::Pod modest;
  modest.spec.containers.emplace_back();
  const std::vector<core_v1::Pod> pods = {short_lived, modest};
  EXPECT_EQ(Text(UsageOfPods(terminating, pods)), "pods=1 ");
  EXPECT_EQ(Text(UsageOfPods(best_effort, pods)), "pods=1 ");
}

TEST(QuotaPlanTest, NamesSayWhatTheyMeasure) {
  EXPECT_EQ(PartOf("limits.memory"), QuotaPart::kPods);
  EXPECT_EQ(PartOf("requests.hugepages-2Mi"), QuotaPart::kPods);
  EXPECT_EQ(PartOf("services.nodeports"), QuotaPart::kServices);
  EXPECT_EQ(PartOf("requests.storage"), QuotaPart::kClaims);
  EXPECT_EQ(PartOf("gold.storageclass.storage.k8s.io/persistentvolumeclaims"), QuotaPart::kClaims);
  EXPECT_EQ(PartOf("count/deployments.apps"), QuotaPart::kNumbers);
  EXPECT_EQ(PartOf("secrets"), QuotaPart::kNumbers);
  EXPECT_EQ(PartOf("gpu.deviceclass.resource.k8s.io/devices"), QuotaPart::kDevices);
  EXPECT_EQ(PartOf("bananas"), std::nullopt);
}

TEST(QuotaPlanTest, CountedNamesHaveAResourceAndAGroup) {
  EXPECT_EQ(CountedBy("count/widgets.example.com"), (CountedResource{"widgets", "example.com"}));
  EXPECT_EQ(CountedBy("count/secrets"), (CountedResource{"secrets", ""}));
  EXPECT_EQ(CountedBy("configmaps"), (CountedResource{"configmaps", ""}));
}

TEST(QuotaPlanTest, WhatNobodyMeasuresStaysAndWhatNobodyAsksForGoes) {
  auto quota = QuotaOf({{"bananas", "5"}, {"pods", "2"}});
  quota.status.used["bananas"] = Quantity::FromValue(3);
  quota.status.used["secrets"] = Quantity::FromValue(7);
  const auto status = QuotaStatusOf(quota, {{"pods", Quantity::FromValue(1)}});
  EXPECT_EQ(Text(status.used), "bananas=3 pods=1 ");
  EXPECT_EQ(status.hard, quota.spec.hard);
}

TEST(QuotaPlanTest, AStatusIsOutOfDateUntilItSpeaksOfTheSpec) {
  auto quota = QuotaOf({{"pods", "2"}});
  EXPECT_TRUE(IsOutOfDate(quota));
  quota.status = QuotaStatusOf(quota, {{"pods", Quantity::FromValue(0)}});
  EXPECT_FALSE(IsOutOfDate(quota));
  quota.spec.hard["pods"] = Quantity::FromValue(3);
  EXPECT_TRUE(IsOutOfDate(quota));
}

TEST(QuotaPlanTest, LowersIsAboutAnyName) {
  core_v1::ResourceQuotaStatus before;
  before.used = {{"cpu", Quantity::FromValue(1)}, {"pods", Quantity::FromValue(2)}};
  auto now = before;
  EXPECT_FALSE(Lowers(before, now));
  now.used["cpu"] = Quantity::FromValue(5);
  EXPECT_FALSE(Lowers(before, now));
  now.used["pods"] = Quantity::FromValue(1);
  EXPECT_TRUE(Lowers(before, now));
}

TEST(QuotaUsageTest, AClaimCountsForWhatItsVolumeGrowsTo) {
  core_v1::PersistentVolumeClaim claim;
  claim.spec.storage_class_name = "gold";
  const auto usage = [&] {
    return Text(UsageOf({.kind = core_v1::PersistentVolumeClaim::Info(), .claim = &claim}));
  };
  claim.spec.resources.requests["storage"] = Quantity::Parse("1500m").value();
  EXPECT_EQ(usage(),
            "count/persistentvolumeclaims=1 "
            "gold.storageclass.storage.k8s.io/persistentvolumeclaims=1 "
            "gold.storageclass.storage.k8s.io/requests.storage=2 "
            "persistentvolumeclaims=1 requests.storage=2 ");
  claim.spec.resources.requests["storage"] = Quantity::Parse("2Gi").value();
  claim.status.allocated_resources["storage"] = Quantity::Parse("5Gi").value();
  claim.metadata.annotations["volume.beta.kubernetes.io/storage-class"] = "";
  EXPECT_EQ(usage(),
            "count/persistentvolumeclaims=1 persistentvolumeclaims=1 requests.storage=5Gi ");
  claim.status.allocated_resources["storage"] = Quantity::Parse("1Gi").value();
  EXPECT_EQ(usage(),
            "count/persistentvolumeclaims=1 persistentvolumeclaims=1 requests.storage=2Gi ");
}

}  // namespace
}  // namespace skiff
