// What a worker does for the devices of its pod.
#include "kubelet/pod_worker_fixture.h"

namespace skiff::kubelet {
namespace {

class RecordingDevices final : public PodDevices {
 public:
  Result<> Allocate(const core_v1::Pod&) override { return {}; }
  Result<> Prepare(const core_v1::Pod&) override { return Note("prepare"); }
  Result<> Unprepare(const core_v1::Pod&) override { return Note("unprepare"); }
  Result<> Give(const core_v1::Pod&, const core_v1::Container& container,
                cri::ContainerConfig& config) override {
    config.cdi_devices = {"v.com/gpu=a"};
    return Note("give " + container.name);
  }
  Result<> Resolve(cri::ContainerConfig& config) override {
    config.envs.emplace_back("GPU", config.cdi_devices.at(0));
    config.cdi_devices.clear();
    return Note("resolve");
  }
  std::vector<std::string> calls;
  std::string fails;  // Which call does.

 private:
  Result<> Note(const std::string& call) {
    calls.push_back(call);
    if (call != fails) return {};
    return Fail(Reason::kConflict, "not today");
  }
};

class PodWorkerDevicesTest : public PodWorkerTest {
 protected:
  PodWorkerDevicesTest() { context_.devices = &devices_; }
  RecordingDevices devices_;
};

using Calls = std::vector<std::string>;

TEST_F(PodWorkerDevicesTest, DevicesArePreparedBeforeThePodAndGivenBackAfterItsContainers) {
  StartWorker();
  ASSERT_EQ(Running("app").size(), 1u);
  EXPECT_EQ(devices_.calls, (Calls{"prepare", "give app", "resolve"}));
  EXPECT_EQ(runtime_.created.at("app").envs, (Environment{{"GPU", "v.com/gpu=a"}}));
  devices_.fails = "unprepare";
  Delete(1);
  executor_.RunFor(2s);
  EXPECT_EQ(devices_.calls.back(), "unprepare");
  EXPECT_TRUE(Running("app").empty());
  EXPECT_EQ(worker_->state(), PodWorker::State::kTerminating) << "not before they are given back";
  devices_.fails.clear();
  executor_.RunFor(PodWorker::kRetry);
  EXPECT_EQ(worker_->state(), PodWorker::State::kFinished);
}

TEST_F(PodWorkerDevicesTest, NobodyIsToldOfAnEndBeforeClaimsAreGivenBack) {
  pod_.spec.restart_policy = "Never";
  pod_.spec.resource_claims.emplace_back().name = "gpu";
  pod_.status.phase = "Pending";
  StartWorker();
  ASSERT_EQ(Status().phase, "Running");
  devices_.fails = "unprepare";
  fake_.Exit(Running("app").at(0), 0);
  worker_->Wake();
  executor_.RunFor(PodWorker::kRetry);
  EXPECT_EQ(devices_.calls.back(), "unprepare");
  EXPECT_EQ(Status().phase, "Running");
  EXPECT_EQ(Status().container_statuses.at(0).state.terminated->exit_code, 0);
  devices_.fails.clear();
  executor_.RunFor(PodWorker::kRetry);
  EXPECT_EQ(Status().phase, "Succeeded");
}

TEST_F(PodWorkerDevicesTest, NobodyIsToldOfAnEndBeforeThePodOfDevicesIsStopped) {
  pod_.spec.restart_policy = "Never";
  pod_.spec.containers[0].resources.limits["example.com/gpu"] = Quantity::FromValue(1);
  pod_.status.phase = "Pending";
  StartWorker();
  ASSERT_EQ(Status().phase, "Running");
  devices_.fails = "unprepare";
  fake_.Exit(Running("app").at(0), 0);
  worker_->Wake();
  executor_.RunFor(PodWorker::kRetry);
  EXPECT_EQ(Status().phase, "Running");
  devices_.fails.clear();
  executor_.RunFor(PodWorker::kRetry);
  EXPECT_EQ(Status().phase, "Succeeded");
}

TEST_F(PodWorkerDevicesTest, NobodyIsToldOfAnEvictionBeforeClaimsAreGivenBack) {
  pod_.spec.resource_claims.emplace_back().name = "gpu";
  pod_.status.phase = "Pending";
  StartWorker();
  devices_.fails = "unprepare";
  worker_->Terminate(WaitingReason{"Evicted", "The node was low on resource: memory."}, 1);
  executor_.RunFor(3s);
  EXPECT_EQ(devices_.calls.back(), "unprepare");
  EXPECT_EQ(Status().phase, "Running");
  devices_.fails.clear();
  executor_.RunFor(PodWorker::kRetry);
  EXPECT_EQ(Status().phase, "Failed");
  EXPECT_EQ(Status().reason, "Evicted");
}

TEST_F(PodWorkerDevicesTest, NothingStartsBeforeAllIsPrepared) {
  devices_.fails = "prepare";
  StartWorker();
  EXPECT_TRUE(fake_.ListPodSandboxes({})->empty());
  EXPECT_EQ(Events().at(0),
            "FailedPrepareDynamicResources  Failed to prepare dynamic resources: not today");
  devices_.fails.clear();
  executor_.RunFor(PodWorker::kRetry);
  EXPECT_EQ(Running("app").size(), 1u);
}

TEST_F(PodWorkerDevicesTest, WhatAContainerCannotBeGivenIsWhyItWaits) {
  const auto waits_for = [this] {
    const auto status = Status();
    const auto& waiting = status.container_statuses.at(0).state.waiting;
    return waiting ? waiting->reason + ": " + waiting->message : "";
  };
  devices_.fails = "give app";
  StartWorker();
  EXPECT_EQ(waits_for(), "CreateContainerConfigError: not today");
  devices_.fails = "resolve";
  executor_.RunFor(PodWorker::kRetry);
  EXPECT_EQ(waits_for(), "CreateContainerError: not today");
}

TEST_F(PodWorkerDevicesTest, ClaimsOfAPodWaitForANodeThatHasDevices) {
  context_.devices = nullptr;
  pod_.spec.resource_claims.emplace_back().name = "gpu";
  StartWorker();
  EXPECT_TRUE(fake_.ListPodSandboxes({})->empty());
  EXPECT_EQ(Events().at(0),
            "FailedPrepareDynamicResources  Failed to prepare dynamic resources: resource claim "
            "\"gpu\": no DRA driver can register with this node");
}

}  // namespace
}  // namespace skiff::kubelet
