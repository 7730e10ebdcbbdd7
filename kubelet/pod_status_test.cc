#include "kubelet/pod_status.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace skiff::kubelet {
namespace {

class PodStatusTest : public testing::Test {
 protected:
  PodStatusTest() {
    pod_.metadata.generation = 3;
    pod_.spec.restart_policy = "Always";
    pod_.spec.containers.emplace_back().name = "app";
  }
  ObservedContainer& Has(const std::string& name, cri::ContainerState state, int exit_code = 0) {
    ObservedContainer container;
    container.name = name;
    container.status.id = name + "-id";
    container.status.state = state;
    container.status.exit_code = exit_code;
    container.attempt = static_cast<uint32_t>(observed_.containers[name].size());
    auto& list = observed_.containers[name];
    list.insert(list.begin(), container);
    return list.front();
  }
  void SandboxReady() {
    cri::SandboxStatus sandbox;
    sandbox.ips = {"10.0.0.2"};
    observed_.sandboxes = {sandbox};
  }
  core_v1::PodStatus Status() {
    StatusInput input{pod_,         observed_,     probes_,      ready_,
                      waiting_,     {"192.0.2.1"}, "containerd", TimePoint(1000s),
                      terminating_, terminated_,   failure_};
    input.recursive_read_only = recursive_read_only_;
    input.runtime_forgets = runtime_forgets_;
    return ComputePodStatus(input);
  }
  static std::string Condition(const core_v1::PodStatus& status, const std::string& type) {
    for (const auto& condition : status.conditions) {
      if (condition.type == type) return condition.status + ":" + condition.reason;
    }
    return "";
  }

  core_v1::Pod pod_;
  ObservedPod observed_;
  std::map<std::string, ProbeState> probes_;
  std::map<std::string, bool> ready_;
  std::map<std::string, WaitingReason> waiting_;
  bool terminating_ = false;
  bool terminated_ = false;
  std::optional<WaitingReason> failure_;
  bool recursive_read_only_ = false;
  bool runtime_forgets_ = false;
};

TEST_F(PodStatusTest, APodThatHasNothingYetIsPending) {
  const auto status = Status();
  EXPECT_EQ(status.phase, "Pending");
  EXPECT_EQ(status.observed_generation, 3);
  EXPECT_EQ(status.container_statuses[0].state.waiting->reason, "ContainerCreating");
  EXPECT_EQ(Condition(status, "Ready"), "False:ContainersNotReady");
  EXPECT_EQ(Condition(status, "Initialized"), "True:");
}

TEST_F(PodStatusTest, ARunningContainerIsReadyUnlessItsProbeSaysOtherwise) {
  SandboxReady();
  Has("app", cri::ContainerState::kRunning);
  auto status = Status();
  EXPECT_EQ(status.phase, "Running");
  EXPECT_EQ(status.pod_ip, "10.0.0.2");
  EXPECT_EQ(status.host_ip, "192.0.2.1");
  EXPECT_EQ(status.container_statuses[0].container_id, "containerd://app-id");
  EXPECT_EQ(Condition(status, "Ready"), "True:");
  ready_["app"] = false;
  status = Status();
  EXPECT_FALSE(status.container_statuses[0].ready);
  EXPECT_EQ(Condition(status, "ContainersReady"), "False:ContainersNotReady");
}

TEST_F(PodStatusTest, AnEphemeralContainerIsNeverReady) {
  SandboxReady();
  Has("app", cri::ContainerState::kRunning);
  pod_.spec.ephemeral_containers.emplace_back().name = "shell";
  Has("shell", cri::ContainerState::kRunning);
  const auto status = Status();
  ASSERT_EQ(status.ephemeral_container_statuses.size(), 1u);
  EXPECT_TRUE(status.ephemeral_container_statuses[0].state.running);
  EXPECT_FALSE(status.ephemeral_container_statuses[0].ready);
  EXPECT_FALSE(status.ephemeral_container_statuses[0].started);
  EXPECT_EQ(Condition(status, "Ready"), "True:") << "the pod does not wait for it";
}

TEST_F(PodStatusTest, ACrashLoopShowsWhyItWaitsAndHowItEnded) {
  SandboxReady();
  Has("app", cri::ContainerState::kExited, 2);
  waiting_["app"] = {"CrashLoopBackOff", "back-off 10s restarting failed container=app"};
  const auto status = Status();
  EXPECT_EQ(status.phase, "Running");
  const auto& container = status.container_statuses[0];
  EXPECT_EQ(container.state.waiting->reason, "CrashLoopBackOff");
  EXPECT_EQ(container.last_state.terminated->exit_code, 2);
  EXPECT_EQ(container.last_state.terminated->reason, "Error");
}

TEST_F(PodStatusTest, OfARuntimeThatForgetsItIsToldHowTheContainerBeforeEnded) {
  SandboxReady();
  runtime_forgets_ = true;
  auto& before = pod_.status.container_statuses.emplace_back();
  before.name = "app";
  before.container_id = "containerd://old-id";
  before.state.running.emplace().started_at = Time(TimePoint(100s));
  // Not started again yet.
  const auto lost = Status().container_statuses[0];
  EXPECT_EQ(lost.restart_count, 1);
  EXPECT_EQ(lost.last_state.terminated->finished_at, Time(TimePoint(1000s)));
  auto& now = Has("app", cri::ContainerState::kRunning);
  now.attempt = 1;
  now.status.created_at = TimePoint(990s);
  for (int look = 1; look <= 2; ++look) {
    const auto container = Status().container_statuses[0];
    EXPECT_EQ(container.restart_count, 1);
    ASSERT_TRUE(container.last_state.terminated) << "look " << look;
    const auto& end = *container.last_state.terminated;
    EXPECT_EQ(end.exit_code, 255);
    EXPECT_EQ(end.reason, "Unknown");
    EXPECT_EQ(end.started_at, Time(TimePoint(100s)));
    EXPECT_EQ(end.finished_at, Time(TimePoint(990s)));
    EXPECT_EQ(end.container_id, "containerd://old-id");
    pod_.status.container_statuses[0] = container;  // The API has it.
  }
  pod_.status.container_statuses[0].container_id = "containerd://init-id";
  auto& ended = pod_.status.container_statuses[0].state;
  ended = core_v1::ContainerState();
  ended.terminated.emplace().exit_code = 7;
  EXPECT_EQ(Status().container_statuses[0].last_state.terminated->exit_code, 7);
}

TEST_F(PodStatusTest, RunOncePodsSucceedOrFail) {
  SandboxReady();
  pod_.spec.restart_policy = "Never";
  Has("app", cri::ContainerState::kExited, 0);
  EXPECT_EQ(Status().phase, "Succeeded");
  EXPECT_EQ(Condition(Status(), "Ready"), "False:PodCompleted");
  observed_.containers["app"][0].status.exit_code = 1;
  EXPECT_EQ(Status().phase, "Failed");
}

TEST_F(PodStatusTest, ATerminatedPodEndsByItsExitCodes) {
  Has("app", cri::ContainerState::kExited, 143);
  terminating_ = terminated_ = true;
  EXPECT_EQ(Status().phase, "Failed");
  observed_.containers["app"][0].status.exit_code = 0;
  EXPECT_EQ(Status().phase, "Succeeded");
}

TEST_F(PodStatusTest, InitContainersHoldThePodBack) {
  SandboxReady();
  pod_.spec.init_containers.emplace_back().name = "setup";
  Has("setup", cri::ContainerState::kRunning);
  auto status = Status();
  EXPECT_EQ(status.phase, "Pending");
  EXPECT_EQ(status.container_statuses[0].state.waiting->reason, "PodInitializing");
  EXPECT_EQ(Condition(status, "Initialized"), "False:ContainersNotInitialized");
  pod_.spec.restart_policy = "Never";
  observed_.containers["setup"][0].status.state = cri::ContainerState::kExited;
  observed_.containers["setup"][0].status.exit_code = 1;
  EXPECT_EQ(Status().phase, "Failed");
}

TEST_F(PodStatusTest, WhatNeverBeganIsNotSaidToBeLost) {
  pod_.spec.init_containers.emplace_back().name = "setup";
  pod_.spec.restart_policy = "Never";
  Has("setup", cri::ContainerState::kExited, 1);
  terminating_ = terminated_ = true;
  EXPECT_EQ(Status().container_statuses[0].state.waiting->reason, "PodInitializing");
  observed_.containers["setup"][0].status.exit_code = 0;
  EXPECT_EQ(Status().container_statuses[0].state.terminated->reason, "ContainerStatusUnknown");
}

TEST_F(PodStatusTest, ASidecarThatWasStoppedIsNoSignThatThePodHadStarted) {
  auto& sidecar = pod_.spec.init_containers.emplace_back();
  sidecar.name = "side";
  sidecar.restart_policy = "Always";
  Has("side", cri::ContainerState::kExited, 0);
  terminating_ = terminated_ = true;
  EXPECT_EQ(Status().container_statuses[0].state.waiting->reason, "PodInitializing");
}

TEST_F(PodStatusTest, EphemeralContainersAreToldInTheOrderOfTheirNames) {
  pod_.spec.ephemeral_containers.emplace_back().name = "two";
  pod_.spec.ephemeral_containers.emplace_back().name = "one";
  const auto status = Status();
  EXPECT_EQ(status.ephemeral_container_statuses[0].name, "one");
  EXPECT_EQ(status.ephemeral_container_statuses[1].name, "two");
}

TEST_F(PodStatusTest, APodWhoseContainersNeverBeganHasFailedOnceItIsTerminated) {
  for (const char* name : {"first", "second", "third"}) {
    pod_.spec.init_containers.emplace_back().name = name;
  }
  terminating_ = true;
  EXPECT_EQ(Status().phase, "Pending");
  terminated_ = true;
  auto status = Status();
  EXPECT_EQ(status.phase, "Failed");
  EXPECT_EQ(Condition(status, "Ready"), "False:ContainersNotReady");
  EXPECT_EQ(status.init_container_statuses[0].state.terminated->exit_code, 137);
  EXPECT_TRUE(status.init_container_statuses[1].state.waiting);
  EXPECT_TRUE(status.container_statuses[0].state.waiting);
  // Up to the last that began, each has an end.
  Has("second", cri::ContainerState::kExited, 1);
  status = Status();
  EXPECT_EQ(status.phase, "Failed");
  EXPECT_EQ(status.init_container_statuses[0].state.terminated->reason, "ContainerStatusUnknown");
  EXPECT_EQ(status.init_container_statuses[1].state.terminated->exit_code, 1);
  EXPECT_TRUE(status.init_container_statuses[2].state.waiting);
  // The phase of a static pod is not the API's to wait for.
  pod_.metadata.annotations["kubernetes.io/config.source"] = "file";
  EXPECT_EQ(Status().phase, "Pending");
}

TEST_F(PodStatusTest, APodThatWasRefusedHasNoContainers) {
  terminating_ = terminated_ = true;
  failure_ = WaitingReason{"OutOfcpu", "Pod was rejected: no room"};
  const auto status = Status();
  EXPECT_EQ(status.phase, "Failed");
  EXPECT_EQ(status.reason, "OutOfcpu");
  EXPECT_TRUE(status.container_statuses.empty());
  EXPECT_TRUE(status.conditions.empty());
  EXPECT_EQ(status.host_ip, "");
  // So it stays when another kubelet looks after it.
  failure_.reset();
  pod_.status = status;
  EXPECT_TRUE(Status().container_statuses.empty());
  EXPECT_EQ(Status().message, "Pod was rejected: no room");
}

TEST_F(PodStatusTest, TransitionTimesMoveOnlyWithTheStatus) {
  auto& before = pod_.status.conditions.emplace_back();
  before.type = "Initialized";
  before.status = "True";
  before.last_transition_time = TimePoint(5s);
  for (const auto& condition : Status().conditions) {
    const bool unchanged = condition.type == "Initialized";
    EXPECT_EQ(condition.last_transition_time, Time(TimePoint(unchanged ? 5s : 1000s)));
  }
}

TEST_F(PodStatusTest, QosFollowsRequestsAndLimits) {
  EXPECT_EQ(Status().qos_class, "BestEffort");
  auto& resources = pod_.spec.containers[0].resources;
  resources.requests["cpu"] = Quantity::FromMilli(100);
  EXPECT_EQ(Status().qos_class, "Burstable");
  resources.limits["cpu"] = Quantity::FromMilli(100);
  resources.limits["memory"] = Quantity::FromValue(1000);
  resources.requests["memory"] = Quantity::FromValue(1000);
  EXPECT_EQ(Status().qos_class, "Guaranteed");
}

TEST_F(PodStatusTest, AContainerThatCouldNotBeStartedWasSoAtTheBeginningOfTime) {
  auto& app = Has("app", cri::ContainerState::kExited, 128);
  app.status.reason = "StartError";
  app.status.finished_at = TimePoint(90s);
  const auto status = Status();
  const auto& ended = *status.container_statuses[0].state.terminated;
  EXPECT_EQ(ended.started_at.Rfc3339(), "1970-01-01T00:00:00Z");
  EXPECT_EQ(ended.finished_at.Rfc3339(), "1970-01-01T00:01:30Z");
}

TEST_F(PodStatusTest, AllContainersTogetherHaveTwelveKibibytesOfLastWords) {
  SandboxReady();
  pod_.spec.containers.clear();
  for (const char* name : {"a", "b", "c", "d"}) {
    pod_.spec.containers.emplace_back().name = name;
    Has(name, cri::ContainerState::kExited, 1).message = std::string(4096, 'x');
  }
  waiting_["b"] = {"RunContainerError", std::string(1 << 20, 'y')};
  const auto status = Status();
  EXPECT_EQ(status.container_statuses[0].state.terminated->message.size(), 3072u);
  EXPECT_EQ(status.container_statuses[1].last_state.terminated->message.size(), 3072u);
  EXPECT_EQ(status.container_statuses[1].state.waiting->message.size(), 32u << 10);
}

TEST_F(PodStatusTest, MountsTellWhetherWhatIsMountedInThemIsReadOnly) {
  auto& mounts = pod_.spec.containers[0].volume_mounts;
  for (const char* mode : {"", "Disabled", "IfPossible"}) {
    auto& mount = mounts.emplace_back();
    mount.read_only = true;
    if (*mode != '\0') mount.recursive_read_only = mode;
  }
  mounts.emplace_back();
  const auto told = [&] {
    std::vector<std::string> modes;
    const core_v1::PodStatus status = Status();
    for (const auto& mount : status.container_statuses[0].volume_mounts) {
      modes.push_back(mount.recursive_read_only.value_or(""));
    }
    return modes;
  };
  EXPECT_EQ(told(), (std::vector<std::string>{"Disabled", "Disabled", "Disabled", ""}));
  recursive_read_only_ = true;
  EXPECT_EQ(told(), (std::vector<std::string>{"Disabled", "Disabled", "Enabled", ""}));
}

TEST_F(PodStatusTest, WhatAContainerHasFromItsPodIsNotToldAsItsOwn) {
  SandboxReady();
  auto& real = Has("app", cri::ContainerState::kRunning).status.resources.emplace();
  real.cpu_quota = 50'000;
  real.cpu_period = 100'000;
  real.cpu_shares = 512;
  real.memory_limit_bytes = 64 << 20;
  core_v1::ResourceRequirements told = *Status().container_statuses[0].resources;
  EXPECT_TRUE(told.limits.empty());
  EXPECT_TRUE(told.requests.empty());
  pod_.spec.containers[0].resources.limits["memory"] = Quantity::FromValue(32 << 20, true);
  told = *Status().container_statuses[0].resources;
  EXPECT_EQ(told.limits.at("memory").Text(), "64Mi");
  EXPECT_EQ(told.limits.at("cpu").Text(), "500m");
}

}  // namespace
}  // namespace skiff::kubelet
