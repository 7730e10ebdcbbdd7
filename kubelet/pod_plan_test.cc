#include "kubelet/pod_plan.h"

#include <gtest/gtest.h>

namespace skiff::kubelet {
namespace {

core_v1::Container Named(const std::string& name) {
  core_v1::Container container;
  container.name = name;
  container.image = "img:1";
  return container;
}

class PodPlanTest : public testing::Test {
 protected:
  PodPlanTest() {
    pod_.spec.restart_policy = "Always";
    pod_.spec.containers = {Named("app")};
  }
  void SandboxReady() {
    cri::SandboxStatus sandbox;
    sandbox.id = "s0";
    sandbox.ips = {"10.0.0.2"};
    observed_.sandboxes = {sandbox};
  }
  ObservedContainer& Has(const std::string& name, cri::ContainerState state, int exit_code = 0) {
    ObservedContainer container;
    container.name = name;
    container.sandbox_id = "s0";
    container.hash = ContainerHash(Named(name));
    container.status.id = name + "-id";
    container.status.state = state;
    container.status.exit_code = exit_code;
    auto& list = observed_.containers[name];
    list.insert(list.begin(), container);
    return list.front();
  }
  PodPlan Plan() { return PlanPod({pod_, observed_, probes_, {}, killed_to_restart_}); }

  core_v1::Pod pod_;
  ObservedPod observed_;
  std::map<std::string, ProbeState> probes_;
  std::set<std::string> killed_to_restart_;
};

TEST_F(PodPlanTest, ANewPodGetsASandboxAndItsContainers) {
  const PodPlan plan = Plan();
  EXPECT_TRUE(plan.create_sandbox);
  EXPECT_EQ(plan.sandbox_attempt, 0u);
  EXPECT_EQ(plan.start_regular, std::vector<size_t>{0});
}

TEST_F(PodPlanTest, ARunningPodIsLeftAlone) {
  SandboxReady();
  Has("app", cri::ContainerState::kRunning);
  EXPECT_TRUE(Plan().Empty());
}

TEST_F(PodPlanTest, ADeadSandboxIsReplacedWithEverythingInIt) {
  SandboxReady();
  observed_.sandboxes[0].state = cri::SandboxState::kNotReady;
  Has("app", cri::ContainerState::kRunning);
  const PodPlan plan = Plan();
  EXPECT_TRUE(plan.create_sandbox);
  EXPECT_EQ(plan.sandbox_attempt, 1u);
  EXPECT_EQ(plan.start_regular, std::vector<size_t>{0});
  ASSERT_EQ(plan.kills.size(), 1u) << "it has a hook and a grace period, as when the pod ends";
  EXPECT_EQ(plan.kills[0].id, "app-id");
  EXPECT_EQ(plan.kills[0].message, "Stopping container app");
  observed_.containers["app"][0].status.state = cri::ContainerState::kExited;
  EXPECT_TRUE(Plan().kills.empty());
}

TEST_F(PodPlanTest, WhatRunsOnceAndEndsWellAsItsDeadSandboxGoesStartsAnew) {
  SandboxReady();
  observed_.sandboxes[0].state = cri::SandboxState::kNotReady;
  pod_.spec.restart_policy = "OnFailure";
  Has("app", cri::ContainerState::kRunning);
  PodPlan plan = Plan();
  EXPECT_TRUE(plan.create_sandbox);
  ASSERT_EQ(plan.kills.size(), 1u);
  EXPECT_TRUE(plan.kills[0].restarts);
  EXPECT_EQ(plan.start_regular, std::vector<size_t>{0});
  observed_.containers["app"][0].status.state = cri::ContainerState::kExited;
  killed_to_restart_ = {"app"};
  plan = Plan();
  EXPECT_TRUE(plan.create_sandbox);
  EXPECT_EQ(plan.start_regular, std::vector<size_t>{0});
}

TEST_F(PodPlanTest, WhatWasKilledToBeStartedAnewIsWhateverItsCode) {
  SandboxReady();
  Has("app", cri::ContainerState::kExited, 0);
  for (const char* policy : {"OnFailure", "Never"}) {
    pod_.spec.restart_policy = policy;
    killed_to_restart_ = {};
    EXPECT_TRUE(Plan().kill_pod) << policy;
    killed_to_restart_ = {"app"};
    EXPECT_FALSE(Plan().kill_pod) << policy;
    EXPECT_EQ(Plan().start_regular, std::vector<size_t>{0}) << policy;
  }
}

TEST_F(PodPlanTest, AFailedProbeRestartsByThePolicyAlone) {
  SandboxReady();
  Has("app", cri::ContainerState::kRunning);
  Has("other", cri::ContainerState::kRunning);
  pod_.spec.containers = {Named("app"), Named("other")};
  probes_["app"].startup = StartupState::kFailed;
  pod_.spec.restart_policy = "OnFailure";
  ASSERT_EQ(Plan().kills.size(), 1u);
  EXPECT_TRUE(Plan().kills[0].restarts);
  pod_.spec.restart_policy = "Never";
  ASSERT_EQ(Plan().kills.size(), 1u);
  EXPECT_FALSE(Plan().kills[0].restarts);
}

TEST_F(PodPlanTest, ExitedContainersFollowTheRestartPolicy) {
  SandboxReady();
  pod_.spec.containers = {Named("app"), Named("other")};
  Has("app", cri::ContainerState::kExited, 0);
  Has("other", cri::ContainerState::kRunning);
  EXPECT_EQ(Plan().start_regular, std::vector<size_t>{0});
  pod_.spec.restart_policy = "OnFailure";
  EXPECT_TRUE(Plan().start_regular.empty());
  observed_.containers["app"][0].status.exit_code = 3;
  EXPECT_EQ(Plan().start_regular, std::vector<size_t>{0});
  pod_.spec.restart_policy = "Never";
  EXPECT_TRUE(Plan().Empty());
}

TEST_F(PodPlanTest, APodWithNothingLeftToRunIsKilled) {
  SandboxReady();
  pod_.spec.restart_policy = "Never";
  Has("app", cri::ContainerState::kExited, 1);
  EXPECT_TRUE(Plan().kill_pod);
}

TEST_F(PodPlanTest, ContainerRulesComeBeforeThePodsPolicy) {
  SandboxReady();
  pod_.spec.restart_policy = "Never";
  auto& container = pod_.spec.containers[0];
  container.restart_policy = "Never";
  auto& rule = container.restart_policy_rules.emplace_back();
  rule.action = "Restart";
  rule.exit_codes.emplace().operator_ = "In";
  rule.exit_codes->values = {42};
  Has("app", cri::ContainerState::kExited, 42);
  EXPECT_EQ(Plan().start_regular, std::vector<size_t>{0});
  observed_.containers["app"][0].status.exit_code = 1;
  EXPECT_TRUE(Plan().kill_pod);
}

TEST_F(PodPlanTest, InitContainersRunOneAfterTheOther) {
  SandboxReady();
  pod_.spec.init_containers = {Named("first"), Named("second")};
  EXPECT_EQ(Plan().start_init, std::vector<size_t>{0});
  Has("first", cri::ContainerState::kRunning);
  EXPECT_TRUE(Plan().Empty());
  Has("first", cri::ContainerState::kExited, 0);
  EXPECT_EQ(Plan().start_init, std::vector<size_t>{1});
  EXPECT_TRUE(Plan().start_regular.empty());
  Has("second", cri::ContainerState::kExited, 0);
  EXPECT_EQ(Plan().start_regular, std::vector<size_t>{0});
}

TEST_F(PodPlanTest, AnInitContainerThatWasRemovedHasRun) {
  SandboxReady();
  pod_.spec.init_containers = {Named("first"), Named("second")};
  Has("second", cri::ContainerState::kRunning);
  EXPECT_TRUE(Plan().Empty());
  observed_.containers["second"][0].status.state = cri::ContainerState::kExited;
  EXPECT_TRUE(Plan().start_init.empty());
  EXPECT_EQ(Plan().start_regular, std::vector<size_t>{0});
}

TEST_F(PodPlanTest, WhatIsLostIsStoppedAndStartedWhateverThePolicy) {
  SandboxReady();
  pod_.spec.restart_policy = "Never";
  Has("app", cri::ContainerState::kUnknown);
  const PodPlan plan = Plan();
  EXPECT_FALSE(plan.kill_pod);
  ASSERT_EQ(plan.kills.size(), 1u);
  EXPECT_EQ(plan.kills[0].message,
            "Container is in \"unknown\" state, try killing it before restart");
  EXPECT_EQ(plan.start_regular, std::vector<size_t>{0});
}

TEST_F(PodPlanTest, AFailedInitContainerIsRetriedOrEndsThePod) {
  SandboxReady();
  pod_.spec.init_containers = {Named("first")};
  Has("first", cri::ContainerState::kExited, 1);
  EXPECT_EQ(Plan().start_init, std::vector<size_t>{0});
  pod_.spec.restart_policy = "Never";
  EXPECT_TRUE(Plan().kill_pod);
}

TEST_F(PodPlanTest, ASidecarMustHaveStartedBeforeTheRest) {
  SandboxReady();
  pod_.spec.init_containers = {Named("side")};
  pod_.spec.init_containers[0].restart_policy = "Always";
  EXPECT_EQ(Plan().start_init, std::vector<size_t>{0});
  Has("side", cri::ContainerState::kRunning);
  probes_["side"].startup = StartupState::kUnknown;
  EXPECT_TRUE(Plan().Empty());
  probes_["side"].startup = StartupState::kStarted;
  EXPECT_EQ(Plan().start_regular, std::vector<size_t>{0});
}

TEST_F(PodPlanTest, AFailedLivenessProbeRestartsTheContainer) {
  SandboxReady();
  Has("app", cri::ContainerState::kRunning);
  pod_.spec.containers[0].liveness_probe.emplace().termination_grace_period_seconds = 7;
  probes_["app"].liveness_failed = true;
  const PodPlan plan = Plan();
  ASSERT_EQ(plan.kills.size(), 1u);
  EXPECT_EQ(plan.kills[0].message, "Container app failed liveness probe, will be restarted");
  EXPECT_EQ(plan.kills[0].grace_s, 7);
  EXPECT_EQ(plan.start_regular, std::vector<size_t>{0});
}

TEST_F(PodPlanTest, AChangedImageReplacesTheContainer) {
  SandboxReady();
  Has("app", cri::ContainerState::kRunning);
  pod_.spec.containers[0].image = "img:2";
  const PodPlan plan = Plan();
  ASSERT_EQ(plan.kills.size(), 1u);
  EXPECT_EQ(plan.kills[0].message, "Container app definition changed, will be restarted");
  EXPECT_EQ(plan.start_regular, std::vector<size_t>{0});
}

TEST_F(PodPlanTest, ASidecarIsKilledInItsOwnWords) {
  SandboxReady();
  auto& sidecar = pod_.spec.init_containers.emplace_back(Named("side"));
  sidecar.restart_policy = "Always";
  sidecar.liveness_probe.emplace();
  Has("side", cri::ContainerState::kRunning);
  Has("app", cri::ContainerState::kRunning);
  probes_["side"].liveness_failed = true;
  PodPlan plan = Plan();
  ASSERT_EQ(plan.kills.size(), 1u);
  EXPECT_EQ(plan.kills[0].message, "Init container side failed liveness probe");
  EXPECT_EQ(plan.start_init, std::vector<size_t>{0});
  sidecar.image = "img:2";
  plan = Plan();
  ASSERT_EQ(plan.kills.size(), 1u);
  EXPECT_EQ(plan.kills[0].message, "Init container side definition changed");
}

}  // namespace
}  // namespace skiff::kubelet
