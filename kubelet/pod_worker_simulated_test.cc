#include <gmock/gmock.h>

#include "kubelet/pod_worker_fixture.h"

namespace skiff::kubelet {
namespace {

// Everything starts when it is told to.
class Instant final : public PodSimulation {
 public:
  Duration StartsIn(const core_v1::Pod&) override { return 0ns; }
  std::unique_ptr<Probes> MakeProbes(std::function<void(const std::string&)>) override {
    return nullptr;
  }
};

class SimulatedPodTest : public PodWorkerTest {
 protected:
  SimulatedPodTest() {
    context_.simulation = &instant_;
    runtime_.started = [this](const std::string&) { told_before_ = Status().phase; };
  }
  Instant instant_;
  std::string told_before_ = "nothing started";  // The phase that the API heard of by then.
};

TEST_F(SimulatedPodTest, WhatHasStartedAtOnceIsToldByOneStatus) {
  StartWorker();
  EXPECT_EQ(told_before_, "");
  EXPECT_EQ(Status().phase, "Running");
  ASSERT_EQ(Running("app").size(), 1u);
}

TEST_F(SimulatedPodTest, WhatARealRuntimeTakesItsTimeForIsToldBefore) {
  context_.simulation = nullptr;
  StartWorker();
  EXPECT_EQ(told_before_, "Pending");
  EXPECT_EQ(Status().phase, "Running");
}

TEST_F(SimulatedPodTest, WhoWaitsForTheNetworkIsToldOf) {
  std::string problem = "no addresses for pods yet";
  context_.network_problem = [&problem] { return problem; };
  StartWorker();
  EXPECT_EQ(Status().phase, "Pending");
  EXPECT_EQ(told_before_, "nothing started");
  problem.clear();
  executor_.RunFor(60s);
  EXPECT_EQ(Status().phase, "Running");
}

// 100'000 simulated pods would be looked at 1'700 times a second.
TEST_F(SimulatedPodTest, NobodyLooksEachMinuteWhetherARuntimeInMemoryIsAsItWas) {
  StartWorker();
  executor_.RunFor(2 * PodWorker::kResync);
  const int before = runtime_.looks;
  executor_.RunFor(PodWorker::kSimulatedResync - PodWorker::kResync);
  EXPECT_LE(runtime_.looks, before + 1);
  fake_.Exit(Running("app").front(), 1);
  worker_->Wake();  // As the kubelet does at an event of its container.
  executor_.RunUntilIdle();
  EXPECT_THAT(Status().container_statuses, testing::SizeIs(1));
  EXPECT_EQ(Status().container_statuses[0].restart_count, 1);
}

TEST_F(SimulatedPodTest, AfterAStartOfTheProcessItSaysWhenTheContainerBeforeEnded) {
  auto& before = pod_.status.container_statuses.emplace_back();
  before.name = "app";
  before.container_id = "fake://of-the-process-before";
  before.state.running.emplace().started_at = Time(TimePoint(1s));
  StartWorker();
  ASSERT_THAT(Status().container_statuses, testing::SizeIs(1));
  const core_v1::ContainerStatus container = Status().container_statuses[0];
  EXPECT_TRUE(container.state.running);
  EXPECT_EQ(container.restart_count, 1);
  ASSERT_TRUE(container.last_state.terminated);
  EXPECT_EQ(container.last_state.terminated->container_id, "fake://of-the-process-before");
  EXPECT_GT(container.last_state.terminated->finished_at, Time(TimePoint(1s)));
}

TEST_F(SimulatedPodTest, ARealRuntimeIsLookedAtEachMinute) {
  context_.simulation = nullptr;
  StartWorker();
  const int before = runtime_.looks;
  executor_.RunFor(5 * PodWorker::kResync);
  EXPECT_GE(runtime_.looks, before + 4);
}

}  // namespace
}  // namespace skiff::kubelet
