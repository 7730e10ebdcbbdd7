#include "controllers/autoscaling/autoscaler_usage.h"

#include <gtest/gtest.h>

#include <limits>

namespace skiff::autoscaler {
namespace {

using core_v1::Pod;

constexpr TimePoint kNow(1'700'000'000s);

// A pod that has run, ready, for an hour, with one container that requests a core.
Pod RunningPod(const std::string& name, const std::string& request = "1") {
  Pod pod;
  pod.metadata.name = name;
  auto& container = pod.spec.containers.emplace_back();
  container.name = "main";
  if (!request.empty()) container.resources.requests["cpu"] = Quantity::Parse(request).value();
  pod.status.phase = "Running";
  pod.status.start_time = Time(kNow - 1h);
  auto& ready = pod.status.conditions.emplace_back();
  ready.type = "Ready";
  ready.status = "True";
  ready.last_transition_time = Time(kNow - 59min);
  return pod;
}

class AutoscalerUsageTest : public testing::Test {
 protected:
  AutoscalerUsageTest() {
    usage_.resource = "cpu";
    usage_.now = kNow;
  }
  // nullopt: nobody has measured it.
  void Add(const Pod& pod, std::optional<int64_t> milli) {
    usage_.pods.push_back(std::make_shared<const Pod>(pod));
    if (milli) usage_.metrics[pod.metadata.name] = {.milli = *milli, .at = kNow, .window = 15s};
    usage_.current = static_cast<int32_t>(usage_.pods.size());
  }
  void Add(int count, std::optional<int64_t> milli) {
    for (int i = 0; i < count; ++i) {
      Add(RunningPod("pod-" + std::to_string(usage_.pods.size())), milli);
    }
  }
  Pod Unready(const std::string& name, Duration since_start, Duration turned_after) {
    Pod pod = RunningPod(name);
    pod.status.start_time = Time(kNow - since_start);
    pod.status.conditions[0].status = "False";
    pod.status.conditions[0].last_transition_time = Time(kNow - since_start + turned_after);
    return pod;
  }
  int32_t Replicas(int32_t percent) {
    const auto advice = ByUtilization(usage_, percent);
    EXPECT_TRUE(advice) << advice.error().message;
    return advice ? advice->replicas : -1;
  }
  std::string ErrorFor(int32_t percent) {
    const auto advice = ByUtilization(usage_, percent);
    return advice ? "" : advice.error().message;
  }

  Usage usage_;
};

TEST_F(AutoscalerUsageTest, AsManyPodsAsBringUseToTheTarget) {
  Add(3, 900);
  const auto advice = ByUtilization(usage_, 50);
  ASSERT_TRUE(advice);
  EXPECT_EQ(advice->replicas, 6);  // ceil(3 * 90 / 50)
  EXPECT_EQ(advice->utilization, 90);
  EXPECT_EQ(advice->average_milli, 900);
  EXPECT_EQ(Replicas(300), 1);
}

TEST_F(AutoscalerUsageTest, ASmallDifferenceChangesNothing) {
  Add(10, 550);
  EXPECT_EQ(Replicas(50), 10) << "55 is 1.1 times 50, as far as is tolerated";
  EXPECT_EQ(Replicas(49), 12);
  EXPECT_EQ(Replicas(61), 10);
  EXPECT_EQ(Replicas(62), 9);
  usage_.tolerances.down = 0.5;
  EXPECT_EQ(Replicas(62), 10) << "each direction has its own";
  usage_.tolerances.up = 0;
  EXPECT_EQ(Replicas(54), 11);
}

TEST_F(AutoscalerUsageTest, WhatIsNotMeasuredHoldsChangesBack) {
  Add(3, 900);
  Add(1, std::nullopt);
  // Nothing, when more are called for: (90 * 3) / 4 = 67 %.
  EXPECT_EQ(Replicas(50), 6);
  EXPECT_EQ(Replicas(65), 4) << "1.38 without it, 1.03 with it";
  // All that it requests, when fewer are: (90 * 3 + 100) / 4 = 92 %.
  EXPECT_EQ(Replicas(180), 3);
  EXPECT_EQ(Replicas(99), 4);
  // And the target itself, where that is more.
  EXPECT_EQ(Replicas(450), 2);  // (90 * 3 + 450) / 4 = 180 %
}

TEST_F(AutoscalerUsageTest, PodsThatStartSaySoLittleAsNothing) {
  Add(2, 1000);
  Add(Unready("starting", 1min, 0s), 5000);
  EXPECT_EQ(Replicas(50), 4) << "counted as idle, for growth";
  EXPECT_EQ(Replicas(300), 1) << "left out, for shrinking";
}

TEST_F(AutoscalerUsageTest, AReadyPodsCpuCountsOnceAWholeWindowWasMeasured) {
  Add(1, 1000);
  Pod pod = RunningPod("young");
  pod.status.start_time = Time(kNow - 1min);
  pod.status.conditions[0].last_transition_time = Time(kNow - 10s);
  Add(pod, 9000);
  EXPECT_EQ(ByUtilization(usage_, 50)->utilization, 100);
  usage_.metrics["young"].window = 5s;
  EXPECT_EQ(ByUtilization(usage_, 50)->utilization, 500);
}

TEST_F(AutoscalerUsageTest, AnUnreadyPodCountsOnceItWasReady) {
  Add(1, 1000);
  Add(Unready("never-ready", 1h, 10s), 9000);
  EXPECT_EQ(ByUtilization(usage_, 50)->utilization, 100);
  Add(Unready("once-ready", 1h, 10min), 9000);
  EXPECT_EQ(ByUtilization(usage_, 50)->utilization, 500);
  // Memory is used by whoever runs.
  usage_.resource = "memory";
  EXPECT_EQ(ByAverage(usage_, 1000)->average_milli, 19000 / 3);
}

TEST_F(AutoscalerUsageTest, PodsThatGoOrHaveFailedAreNone) {
  Add(1, 1000);
  Pod going = RunningPod("going");
  going.metadata.deletion_timestamp = Time(kNow);
  Add(going, 9000);
  Pod failed = RunningPod("failed");
  failed.status.phase = "Failed";
  Add(failed, 9000);
  EXPECT_EQ(Replicas(50), 2);
}

TEST_F(AutoscalerUsageTest, ATargetThatGrowsIsNotMadeSmallerByPodsThatStart) {
  // Four are asked for; one is there, and wants a second.
  Add(1, 1000);
  usage_.current = 4;
  Add(Unready("starting", 1min, 0s), 0);
  usage_.current = 4;
  EXPECT_EQ(Replicas(40), 4);
}

TEST_F(AutoscalerUsageTest, RequestsAreThoseOfContainersAndSidecarsOrOfThePod) {
  Pod pod = RunningPod("a");
  auto& sidecar = pod.spec.init_containers.emplace_back();
  sidecar.name = "sidecar";
  sidecar.restart_policy = "Always";
  sidecar.resources.requests["cpu"] = Quantity::FromMilli(3000);
  pod.spec.init_containers.emplace_back().name = "first";
  Add(pod, 1000);
  EXPECT_EQ(ByUtilization(usage_, 50)->utilization, 25);
  usage_.container = "main";
  EXPECT_EQ(ByUtilization(usage_, 50)->utilization, 100);
  usage_.container = "other";
  EXPECT_EQ(ErrorFor(50), "container other not found in Pod a");

  usage_.container.clear();
  usage_.pods.clear();
  pod.spec.resources.emplace().requests["cpu"] = Quantity::FromMilli(2000);
  Add(pod, 1000);
  EXPECT_EQ(ByUtilization(usage_, 50)->utilization, 50);
  usage_.resource = "memory";
  EXPECT_EQ(ErrorFor(50), "missing pod-level request for memory in Pod a");
}

TEST_F(AutoscalerUsageTest, APodThatRequestsAsAWholeHasItsOverheadAndWhatItsContainersRequest) {
  Pod pod = RunningPod("a");
  pod.spec.resources.emplace().requests["cpu"] = Quantity::FromMilli(2000);
  pod.spec.overhead["cpu"] = Quantity::FromMilli(500);
  pod.spec.containers[0].resources.requests["memory"] = Quantity::FromValue(1000);
  Add(pod, 1000);
  EXPECT_EQ(ByUtilization(usage_, 50)->utilization, 40);
  usage_.pods.clear();
  usage_.resource = "memory";
  Add(pod, 250'000);
  EXPECT_EQ(ByUtilization(usage_, 50)->utilization, 25);
  usage_.pods.clear();
  pod.spec.overhead["memory"] = Quantity::FromValue(250);
  Add(pod, 250'000);
  EXPECT_EQ(ByUtilization(usage_, 50)->utilization, 20);
}

TEST_F(AutoscalerUsageTest, WhatCannotBeJudgedIsSaidInKubernetesWords) {
  EXPECT_EQ(ErrorFor(50), "no pods returned by selector while calculating replica count");
  Add(RunningPod("a", ""), std::nullopt);
  EXPECT_EQ(ErrorFor(50), "did not receive metrics for targeted pods (pods might be unready)");
  usage_.pods.clear();
  Add(RunningPod("a", ""), 5);
  EXPECT_EQ(ErrorFor(50), "missing request for cpu in container main of Pod a");
  usage_.pods.clear();
  Add(RunningPod("a", "0"), 5);
  EXPECT_EQ(ErrorFor(50), "no metrics returned matched known pods");
}

TEST_F(AutoscalerUsageTest, AnAverageIsThatOfAllThatWereMeasured) {
  usage_.resource.clear();
  Add(1, 10);
  Add(1, 21);
  const auto advice = ByAverage(usage_, 5);
  EXPECT_EQ(advice->average_milli, 15);
  EXPECT_EQ(advice->replicas, 6);
  EXPECT_FALSE(advice->utilization);
  // Who is missing has just what he should when fewer are called for.
  Add(1, std::nullopt);
  EXPECT_EQ(ByAverage(usage_, 30)->replicas, 2);  // (31 + 30) / 3 = 20
}

TEST_F(AutoscalerUsageTest, ANumberOfAllIsSharedByThoseThatAreReady) {
  Add(3, std::nullopt);
  EXPECT_EQ(ByValue(usage_, 100, 50)->replicas, 6);
  EXPECT_EQ(ByValue(usage_, 52, 50)->replicas, 3);
  Add(Unready("unready", 1h, 10min), std::nullopt);
  EXPECT_EQ(ByValue(usage_, 100, 50)->replicas, 6) << "the unready one is not multiplied";
  usage_.current = 0;
  EXPECT_EQ(ByValue(usage_, 120, 50)->replicas, 3) << "from nothing, by the ratio alone";
  usage_.current = 1;
  usage_.pods.clear();
  EXPECT_EQ(ByValue(usage_, 100, 50).error().message,
            "unable to calculate ready pods: no pods returned by selector while calculating "
            "replica count");

  EXPECT_EQ(ByShare({}, 3, 95, 10).replicas, 10);
  EXPECT_EQ(ByShare({}, 3, 95, 10).average_milli, 32);
  EXPECT_EQ(ByShare({}, 3, 31, 10).replicas, 3);
  EXPECT_EQ(ByShare({}, 0, 31, 10).replicas, 4);
}

TEST_F(AutoscalerUsageTest, HugeAmountsStopAtWhatCanBeCounted) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  constexpr int32_t kMostReplicas = std::numeric_limits<int32_t>::max();
  Add(2, kMost);
  EXPECT_EQ(Replicas(1), kMostReplicas);
  EXPECT_EQ(ByAverage(usage_, 1)->replicas, kMostReplicas);
  EXPECT_EQ(ByValue(usage_, kMost, 1)->replicas, kMostReplicas);
  EXPECT_EQ(ByShare({}, 1, kMost, 1).replicas, kMostReplicas);
}

}  // namespace
}  // namespace skiff::autoscaler
