#include "kubelet/eviction.h"

#include <gtest/gtest.h>

#include "kubelet/eviction_rank.h"
#include "kubelet/linux_resources.h"

namespace skiff::kubelet {
namespace {

constexpr int64_t kMi = 1 << 20;

Threshold Hard(Signal signal, int64_t value) {
  Threshold threshold;
  threshold.signal = signal;
  threshold.amount.value = value;
  return threshold;
}

TEST(EvictionThresholds, TheDefaultsAreKubernetesOwn) {
  const auto thresholds = ParseThresholds({});
  ASSERT_TRUE(thresholds);
  std::map<std::string, std::string> texts;
  for (const Threshold& each : *thresholds) {
    texts[std::string(SignalText(each.signal))] =
        each.amount.percent ? std::to_string(static_cast<int>(*each.amount.percent)) + "%"
                            : std::to_string(each.amount.value / kMi) + "Mi";
    EXPECT_TRUE(each.is_hard());
  }
  EXPECT_EQ(texts, (std::map<std::string, std::string>{{"allocatableMemory.available", "100Mi"},
                                                       {"memory.available", "100Mi"},
                                                       {"nodefs.available", "10%"},
                                                       {"nodefs.inodesFree", "5%"},
                                                       {"imagefs.available", "15%"},
                                                       {"imagefs.inodesFree", "5%"}}));
}

TEST(EvictionThresholds, GivenOnesReplaceTheDefaultsUnlessMerged) {
  EvictionTexts texts;
  texts.hard = EvictionTexts::Map{{"memory.available", "1Gi"}};
  EXPECT_EQ(ParseThresholds(texts)->size(), 2u);
  texts.merge_defaults = true;
  EXPECT_EQ(ParseThresholds(texts)->size(), 6u);
  texts.hard = EvictionTexts::Map{{"memory.available", "0%"}};
  texts.merge_defaults = false;
  EXPECT_TRUE(ParseThresholds(texts)->empty());
}

TEST(EvictionThresholds, MistakesAreNamed) {
  const auto error = [](EvictionTexts texts) { return ParseThresholds(texts).error().message; };
  EXPECT_EQ(error({.hard = {{{"disk.free", "1Gi"}}}}), "unsupported eviction signal disk.free");
  EXPECT_EQ(error({.hard = EvictionTexts::Map{}, .soft = {{"memory.available", "1Gi"}}}),
            "grace period must be specified for the soft eviction threshold memory.available");
  EXPECT_EQ(error({.hard = {{{"nodefs.available", "120%"}}}}),
            "eviction percentage threshold nodefs.available must be >= 0% and <= 100%: 120%");
}

TEST(EvictionJudgeTest, AConditionStaysForTheTransitionPeriod) {
  EvictionJudge judge({{Hard(Signal::kMemoryAvailable, 100 * kMi)}, 300s, 0});
  const Measurements low = {{Signal::kMemoryAvailable, {80 * kMi, 1000 * kMi}}};
  const Measurements fine = {{Signal::kMemoryAvailable, {500 * kMi, 1000 * kMi}}};
  EXPECT_TRUE(judge.Judge(fine, 0s).conditions.empty());
  const auto verdict = judge.Judge(low, 10s);
  EXPECT_EQ(verdict.conditions, std::set<std::string>{"MemoryPressure"});
  ASSERT_EQ(verdict.met.size(), 1u);
  const auto after = judge.Judge(fine, 20s);
  EXPECT_TRUE(after.met.empty());
  EXPECT_EQ(after.conditions, std::set<std::string>{"MemoryPressure"});
  EXPECT_TRUE(judge.Judge(fine, 311s).conditions.empty());
}

TEST(EvictionJudgeTest, ASoftThresholdIsMetAfterItsGrace) {
  Threshold soft = Hard(Signal::kMemoryAvailable, 200 * kMi);
  soft.grace = 60s;
  EvictionJudge judge({{soft}, 300s, 0});
  const Measurements low = {{Signal::kMemoryAvailable, {150 * kMi, 1000 * kMi}}};
  EXPECT_TRUE(judge.Judge(low, 0s).met.empty());
  EXPECT_FALSE(judge.Judge(low, 10s).conditions.empty());
  EXPECT_TRUE(judge.Judge(low, 59s).met.empty());
  EXPECT_EQ(judge.Judge(low, 60s).met.size(), 1u);
}

TEST(EvictionJudgeTest, OnceMetItEndsOnlyWithTheMinimumReclaimed) {
  Threshold threshold = Hard(Signal::kNodeFsAvailable, 100 * kMi);
  threshold.minimum_reclaim.value = 50 * kMi;
  EvictionJudge judge({{threshold}, 300s, 0});
  const auto left = [](int64_t mi) {
    return Measurements{{Signal::kNodeFsAvailable, {mi * kMi, 1000 * kMi}}};
  };
  EXPECT_TRUE(judge.Judge(left(120), 0s).met.empty());
  EXPECT_EQ(judge.Judge(left(90), 10s).met.size(), 1u);
  EXPECT_EQ(judge.Judge(left(120), 20s).met.size(), 1u);
  EXPECT_TRUE(judge.Judge(left(150), 30s).met.empty());
}

// What has not been met for its grace asks for no minimum: it ends when it is met no more.
TEST(EvictionJudgeTest, ASoftThresholdThatIsMetNoMoreBeginsItsGraceAnew) {
  Threshold soft = Hard(Signal::kMemoryAvailable, 100 * kMi);
  soft.grace = 60s;
  soft.minimum_reclaim.value = 50 * kMi;
  EvictionJudge judge({{soft}, 300s, 0});
  const auto left = [](int64_t mi) {
    return Measurements{{Signal::kMemoryAvailable, {mi * kMi, 1000 * kMi}}};
  };
  EXPECT_TRUE(judge.Judge(left(90), 0s).met.empty());
  EXPECT_TRUE(judge.Judge(left(120), 30s).met.empty());
  EXPECT_TRUE(judge.Judge(left(90), 60s).met.empty());
  EXPECT_EQ(judge.Judge(left(90), 120s).met.size(), 1u);
  EXPECT_EQ(judge.Judge(left(120), 130s).met.size(), 1u);
}

TEST(EvictionJudgeTest, MemoryIsMoreUrgentThanDisk) {
  EvictionJudge judge({{Hard(Signal::kPidAvailable, 10), Hard(Signal::kNodeFsAvailable, 10),
                        Hard(Signal::kMemoryAvailable, 10)},
                       300s,
                       0});
  const auto verdict = judge.Judge({{Signal::kPidAvailable, {1, 100}},
                                    {Signal::kNodeFsAvailable, {1, 100}},
                                    {Signal::kMemoryAvailable, {1, 100}}},
                                   0s);
  ASSERT_EQ(verdict.met.size(), 3u);
  EXPECT_EQ(verdict.met[0].signal, Signal::kMemoryAvailable);
  EXPECT_EQ(verdict.conditions,
            (std::set<std::string>{"DiskPressure", "MemoryPressure", "PIDPressure"}));
}

TEST(PodCgroupTest, IsNamedAsTheDriverNamesIt) {
  core_v1::Pod pod;
  pod.metadata.uid = "1-2";
  EXPECT_EQ(PodCgroup(pod), "/kubepods/besteffort/pod1-2");
  EXPECT_EQ(PodCgroup(pod, "/kubepods", CgroupDriver::kSystemd),
            "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice");
}

class EvictionRankTest : public testing::Test {
 protected:
  PodUsage Pod(const std::string& name, int64_t request_mi, int64_t used_mi, int32_t priority = 0) {
    auto pod = std::make_shared<core_v1::Pod>();
    pod->metadata.name = name;
    pod->spec.priority = priority;
    auto& container = pod->spec.containers.emplace_back();
    container.name = "c";
    if (request_mi > 0) {
      for (const char* resource : {"memory", "ephemeral-storage"}) {
        container.resources.requests[resource] = Quantity::FromValue(request_mi * kMi, true);
      }
    }
    PodUsage usage;
    usage.pod = pod;
    usage.is_known = true;
    usage.memory_bytes = usage.disk_bytes = used_mi * kMi;
    usage.processes = used_mi;
    usage.containers["c"] = {used_mi * kMi, used_mi * kMi};
    return usage;
  }
  static std::vector<std::string> Order(Signal signal, std::vector<PodUsage> pods) {
    RankForEviction(signal, pods);
    std::vector<std::string> names;
    for (const PodUsage& usage : pods) names.push_back(usage.pod->metadata.name);
    return names;
  }
};

TEST_F(EvictionRankTest, WhoExceedsItsRequestGoesFirstThenTheLowPriorityThenTheGreatestExcess) {
  const std::vector<PodUsage> pods = {Pod("within", 500, 400), Pod("important", 10, 900, 100),
                                      Pod("little", 100, 150), Pod("much", 100, 400)};
  const std::vector<std::string> order = {"much", "little", "important", "within"};
  EXPECT_EQ(Order(Signal::kMemoryAvailable, pods), order);
  EXPECT_EQ(Order(Signal::kNodeFsAvailable, pods), order);
}

// An init container runs beside the sidecars that were started before it.
TEST_F(EvictionRankTest, APodAsksForItsInitContainersAndTheSidecarsBeforeThem) {
  const PodUsage plain = Pod("plain", 140, 150);
  PodUsage usage = Pod("sidecars", 1, 150);
  core_v1::Pod pod = *usage.pod;
  for (int i = 0; i < 2; ++i) {
    auto& init = pod.spec.init_containers.emplace_back();
    init.name = "init-" + std::to_string(i);
    init.resources.requests["memory"] = Quantity::FromValue(100 * kMi, true);
  }
  pod.spec.init_containers[0].restart_policy = "Always";
  usage.pod = std::make_shared<const core_v1::Pod>(pod);
  EXPECT_EQ(Order(Signal::kMemoryAvailable, {usage, plain}),
            (std::vector<std::string>{"plain", "sidecars"}));
}

TEST_F(EvictionRankTest, ForPidsPriorityCountsAndThenProcesses) {
  EXPECT_EQ(Order(Signal::kPidAvailable,
                  {Pod("few", 0, 3), Pod("important", 0, 900, 5), Pod("many", 0, 30)}),
            (std::vector<std::string>{"many", "few", "important"}));
}

TEST_F(EvictionRankTest, PodsOfWhichNothingIsKnownComeFirst) {
  PodUsage unknown = Pod("unknown", 0, 0);
  unknown.is_known = false;
  EXPECT_EQ(Order(Signal::kMemoryAvailable, {Pod("known", 0, 500), unknown}).front(), "unknown");
}

TEST_F(EvictionRankTest, TheMessageSaysWhatWasShortAndWhoTookIt) {
  const Measurements measured = {{Signal::kMemoryAvailable, {80 * kMi, 1000 * kMi}}};
  const Threshold memory = Hard(Signal::kMemoryAvailable, 100 * kMi);
  const EvictionNotice notice = NoticeOfEviction(memory, measured, Pod("web", 100, 200));
  EXPECT_EQ(notice.message,
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 80Mi. "
            "Container c was using 200Mi, request is 100Mi, has larger consumption of memory. ");
  using Annotations = std::map<std::string, std::string>;
  EXPECT_EQ(notice.annotations, (Annotations{{"offending_containers", "c"},
                                             {"offending_containers_usage", "200Mi"},
                                             {"starved_resource", "memory"}}));
  const EvictionNotice pids = NoticeOfEviction(
      Hard(Signal::kPidAvailable, 100), {{Signal::kPidAvailable, {5, 1000}}}, Pod("web", 0, 200));
  EXPECT_EQ(pids.message,
            "The node was low on resource: pids. Threshold quantity: 100, available: 5. ");
  EXPECT_EQ(pids.annotations, (Annotations{{"offending_containers", ""},
                                           {"offending_containers_usage", ""},
                                           {"starved_resource", "pids"}}));
  PodUsage unknown = Pod("web", 0, 200);
  unknown.is_known = false;
  EXPECT_TRUE(NoticeOfEviction(memory, measured, unknown).annotations.empty());
}

TEST_F(EvictionRankTest, LimitsOfLocalStorageAreKept) {
  PodUsage usage = Pod("web", 0, 50);
  EXPECT_FALSE(LocalStorageExcess(usage));
  core_v1::Pod pod = *usage.pod;
  pod.spec.containers[0].resources.limits["ephemeral-storage"] = *Quantity::Parse("40Mi");
  usage.pod = std::make_shared<const core_v1::Pod>(pod);
  EXPECT_TRUE(HasLocalStorageLimits(*usage.pod));
  EXPECT_EQ(LocalStorageExcess(usage)->message,
            "Pod ephemeral local storage usage exceeds the total limit of containers 40Mi. ");
  auto& volume = pod.spec.volumes.emplace_back();
  volume.name = "scratch";
  volume.empty_dir.emplace().size_limit = *Quantity::Parse("10Mi");
  usage.pod = std::make_shared<const core_v1::Pod>(pod);
  usage.empty_dir_bytes["scratch"] = 11 * kMi;
  EXPECT_EQ(LocalStorageExcess(usage)->message,
            "Usage of EmptyDir volume \"scratch\" exceeds the limit \"10Mi\". ");
}

TEST_F(EvictionRankTest, WhatHasNoEndIsBeyondItsLimit) {
  PodUsage usage = Pod("web", 0, 50);
  usage.is_disk_unbounded = true;
  EXPECT_FALSE(LocalStorageExcess(usage)) << "it has no limit";
  core_v1::Pod pod = *usage.pod;
  pod.spec.containers[0].resources.limits["ephemeral-storage"] = *Quantity::Parse("1Ti");
  usage.pod = std::make_shared<const core_v1::Pod>(pod);
  EXPECT_EQ(LocalStorageExcess(usage)->signal, "ephemeralpodfs.limit");
  auto& volume = pod.spec.volumes.emplace_back();
  volume.name = "scratch";
  volume.empty_dir.emplace().size_limit = *Quantity::Parse("1Ti");
  usage.pod = std::make_shared<const core_v1::Pod>(pod);
  usage.is_disk_unbounded = false;
  usage.empty_dir_bytes["scratch"] = 1;
  EXPECT_FALSE(LocalStorageExcess(usage));
  usage.unbounded_empty_dirs.insert("scratch");
  EXPECT_EQ(LocalStorageExcess(usage)->signal, "emptydirfs.limit");
}

TEST_F(EvictionRankTest, LimitsOfSidecarsAndInitContainersCountForThePod) {
  PodUsage usage = Pod("web", 0, 50);
  core_v1::Pod pod = *usage.pod;
  auto& own = pod.spec.containers[0].resources.limits;
  own["ephemeral-storage"] = *Quantity::Parse("30Mi");
  usage.containers.clear();  // Others of the pod have written it all.
  const auto excess = [&] {
    usage.pod = std::make_shared<const core_v1::Pod>(pod);
    const auto found = LocalStorageExcess(usage);
    return found ? found->message : "";
  };
  const std::string total =
      "Pod ephemeral local storage usage exceeds the total limit of containers ";
  auto& init = pod.spec.init_containers.emplace_back();
  init.name = "side";
  EXPECT_EQ(excess(), total + "30Mi. ");
  auto& limit = init.resources.limits["ephemeral-storage"];
  limit = *Quantity::Parse("40Mi");
  EXPECT_EQ(excess(), total + "40Mi. ") << "the larger of both: one ends before the other begins";
  init.restart_policy = "Always";
  EXPECT_EQ(excess(), "") << "a sidecar's is added";
  limit = *Quantity::Parse("15Mi");
  EXPECT_EQ(excess(), total + "45Mi. ");
  own.clear();
  usage.pod = std::make_shared<const core_v1::Pod>(pod);
  EXPECT_TRUE(HasLocalStorageLimits(*usage.pod));
}

TEST_F(EvictionRankTest, UnderPressureOnlySomePodsAreTaken) {
  const core_v1::Pod best_effort = *Pod("a", 0, 0).pod;
  const core_v1::Pod burstable = *Pod("b", 10, 0).pod;
  EXPECT_FALSE(RefusalUnderPressure(best_effort, {}));
  EXPECT_EQ(RefusalUnderPressure(best_effort, {"MemoryPressure"}),
            "The node had condition: [MemoryPressure]. ");
  EXPECT_FALSE(RefusalUnderPressure(burstable, {"MemoryPressure"}));
  EXPECT_EQ(RefusalUnderPressure(burstable, {"DiskPressure"}),
            "The node had condition: [DiskPressure]. ");
  core_v1::Pod critical = best_effort;
  critical.spec.priority = 2'000'000'000;
  EXPECT_FALSE(RefusalUnderPressure(critical, {"DiskPressure"}));
}

TEST_F(EvictionRankTest, AContainerWithoutALimitMayWriteNoMoreThanTheOthersLimitsTogether) {
  PodUsage usage = Pod("web", 0, 50);
  core_v1::Pod pod = *usage.pod;
  auto& limited = pod.spec.containers.emplace_back();
  limited.name = "limited";
  limited.resources.limits["ephemeral-storage"] = *Quantity::Parse("40Mi");
  usage.pod = std::make_shared<const core_v1::Pod>(pod);
  const auto excess = LocalStorageExcess(usage);
  ASSERT_TRUE(excess);
  EXPECT_EQ(excess->message,
            "Pod ephemeral local storage usage exceeds the total limit of containers 40Mi. ");
  pod.spec.overhead["ephemeral-storage"] = *Quantity::Parse("20Mi");
  usage.pod = std::make_shared<const core_v1::Pod>(pod);
  EXPECT_FALSE(LocalStorageExcess(usage));
}

TEST_F(EvictionRankTest, TheMessageNamesThePodAndItsSidecarsToo) {
  PodUsage usage = Pod("web", 100, 50);
  core_v1::Pod pod = *usage.pod;
  pod.spec.resources.Ensure().requests["memory"] = *Quantity::Parse("150Mi");
  pod.spec.init_containers.emplace_back().name = "side";
  usage.containers["side"].memory_bytes = 30 * kMi;
  usage.memory_bytes = 80 * kMi;
  usage.pod = std::make_shared<const core_v1::Pod>(pod);
  const auto notice = NoticeOfEviction(Hard(Signal::kMemoryAvailable, 100 * kMi), {}, usage);
  EXPECT_EQ(notice.message,
            "The node was low on resource: memory. "
            "Pod web was using 80Mi, request is 150Mi, has larger consumption of memory. "
            "Container side was using 30Mi, request is 0, has larger consumption of memory. ");
  EXPECT_EQ(notice.annotations.at("offending_pod"), "web");
  EXPECT_EQ(notice.annotations.at("offending_pod_usage"), "80Mi");
  EXPECT_EQ(notice.annotations.at("offending_containers"), "side");
  EXPECT_EQ(notice.annotations.at("offending_containers_usage"), "30Mi");
}

TEST_F(EvictionRankTest, ATolerationOfAnotherValueLetsNobodyIn) {
  core_v1::Pod pod = *Pod("a", 0, 0).pod;
  auto& toleration = pod.spec.tolerations.emplace_back();
  toleration.key = "node.kubernetes.io/memory-pressure";
  toleration.operator_ = "Exists";
  EXPECT_FALSE(RefusalUnderPressure(pod, {"MemoryPressure"}));
  toleration.operator_ = "Equal";
  toleration.value = "x";
  EXPECT_TRUE(RefusalUnderPressure(pod, {"MemoryPressure"}));
}

}  // namespace
}  // namespace skiff::kubelet
