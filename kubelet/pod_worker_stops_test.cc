// What a worker keeps over restarts, how it waits for volumes, and stops that threads wait for.
#include <gmock/gmock.h>

#include <fstream>

#include "client/transport.h"
#include "kubelet/api_lookups.h"
#include "kubelet/pod_worker_fixture.h"
#include "kubelet/stop_task.h"

namespace skiff::kubelet {
namespace {

// With files: what a worker leaves for the one after it.
class PodWorkerFilesTest : public PodWorkerTest {
 protected:
  PodWorkerFilesTest() {
    context_.writes_files = true;
    context_.log_root = root_ + "/log";
  }
};

TEST_F(PodWorkerTest, AnEventSaysInWhichListTheContainerIs) {
  auto& sidecar = pod_.spec.init_containers.emplace_back();
  sidecar.name = "side";
  sidecar.image = "img:1";
  sidecar.restart_policy = "Always";
  StartWorker();
  Delete(1);
  executor_.RunFor(5s);
  EXPECT_THAT(Events(),
              testing::IsSupersetOf({"Killing spec.containers{app} Stopping container app",
                                     "Killing spec.initContainers{side} Stopping container side"}));
}

TEST_F(PodWorkerTest, ADeadlineThatHasComeIsToldOf) {
  pod_.spec.active_deadline_seconds = 3;
  pod_.status.start_time = Time(clock_.Now());
  StartWorker();
  executor_.RunFor(5s);
  EXPECT_THAT(Events(),
              testing::Contains("DeadlineExceeded  Pod was active on the node longer than the "
                                "specified deadline"));
}

TEST_F(PodWorkerTest, APodThatCannotBeStoppedSaysWhy) {
  StartWorker();
  runtime_.FailStops(2);
  runtime_.sandbox_problem = Error{Reason::kUnknown, "no \"bridge\" plugin"};
  Delete(30);
  executor_.RunFor(5s);
  EXPECT_THAT(Events(),
              testing::Contains(
                  "FailedKillPod  error killing pod: failed to \"KillContainer\" for \"app\" with "
                  "KillContainerError: \"rpc error: code = Unknown desc = the shim is stuck\""));
  EXPECT_TRUE(Running("app").empty());
  EXPECT_THAT(
      Events(),
      testing::Contains(
          "FailedKillPod  error killing pod: failed to \"KillPodSandbox\" for \"uid-1\" with "
          "KillPodSandboxError: \"rpc error: code = Unknown desc = no \\\"bridge\\\" "
          "plugin\""));
  runtime_.sandbox_problem.reset();
  executor_.RunFor(20s);
  EXPECT_EQ(worker_->state(), PodWorker::State::kFinished);
}

// As all do with their machine: it has an address still.
TEST_F(PodWorkerTest, ASandboxThatHasEndedByItselfIsStoppedWithItsPod) {
  pod_.spec.restart_policy = "Never";
  StartWorker();
  const std::string id = fake_.ListPodSandboxes({})->at(0).id;
  ASSERT_TRUE(fake_.StopPodSandbox(id));
  worker_->Wake();
  executor_.RunFor(2s);
  EXPECT_EQ(worker_->state(), PodWorker::State::kFinished);
  EXPECT_THAT(runtime_.stopped_sandboxes, testing::Contains(id));
}

TEST_F(PodWorkerTest, APodIsNotMadeAnewBeforeItsOldSandboxHasStopped) {
  StartWorker();
  ASSERT_TRUE(fake_.StopPodSandbox(fake_.ListPodSandboxes({})->at(0).id));
  runtime_.sandbox_problem = Error{Reason::kUnknown, "no \"bridge\" plugin"};
  worker_->Wake();
  executor_.RunFor(25s);
  EXPECT_EQ(fake_.ListPodSandboxes({})->size(), 1u);
  EXPECT_THAT(Events(), testing::Contains(testing::StartsWith("FailedKillPod")));
  runtime_.sandbox_problem.reset();
  executor_.RunFor(30s);
  EXPECT_EQ(Running("app").size(), 1u);
}

class PodWorkerCgroupTest : public PodWorkerTest {
 protected:
  // No limit can be written there.
  PodWorkerCgroupTest() : PodWorkerTest(nullptr, {.mount = "/dev/null", .root = "/pods"}) {}
};

TEST_F(PodWorkerCgroupTest, APodThatCannotHaveItsLimitsIsNotStarted) {
  StartWorker();
  EXPECT_TRUE(fake_.ListPodSandboxes({})->empty());
  EXPECT_THAT(Events(), testing::Contains(testing::StartsWith(
                            "FailedCreatePodContainer  unable to ensure pod container exists: "
                            "write /dev/null/pods/")));
}

TEST_F(PodWorkerTest, AContainerThatCannotBeStoppedToStartAnewKillsNoPod) {
  StartWorker();
  runtime_.FailStops(2);
  pod_.spec.containers[0].image = "img:2";
  ++pod_.metadata.generation;
  Change();
  executor_.RunFor(20s);
  EXPECT_EQ(Running("app").size(), 1u);
  EXPECT_THAT(Events(), testing::Not(testing::Contains(testing::StartsWith("FailedKillPod"))));
}

// The fake runtime's containers end well when they are told to stop.
TEST_F(PodWorkerTest, AContainerThatIsKilledToStartAnewDoesWhateverThePolicy) {
  for (const char* policy : {"OnFailure", "Never"}) {
    pod_.spec.restart_policy = policy;
    pod_.spec.containers[0].image = "img:1";
    StartWorker();
    pod_.spec.containers[0].image = "img:2";
    ++pod_.metadata.generation;
    Change();
    executor_.RunFor(20s);
    EXPECT_EQ(Running("app").size(), 1u) << policy;
    EXPECT_EQ(Status().phase, "Running") << policy;
    EXPECT_EQ(Status().container_statuses.at(0).restart_count, 1) << policy;
    // That was this once.
    fake_.Exit(Running("app").at(0), 0);
    worker_->Wake();
    executor_.RunFor(5s);
    EXPECT_EQ(Status().phase, "Succeeded") << policy;
    StopWorker();
    statuses_.Forget("uid-1");
    ASSERT_TRUE(RemoveFromRuntime(fake_, "uid-1"));
  }
}

TEST_F(PodWorkerTest, AnImageInUpperCaseIsCalledByItsName) {
  pod_.spec.containers[0].image = "registry.example/A/b:1";
  StartWorker();
  EXPECT_THAT(Events(), testing::Contains(testing::HasSubstr(
                            "invalid reference format: repository name (A/b) must be lowercase")));
}

TEST_F(PodWorkerTest, AnImageOfDockerHubIsCalledByItsWholeName) {
  pod_.spec.containers[0].image = "Nginx";
  StartWorker();
  EXPECT_THAT(Events(), testing::Contains(testing::HasSubstr(
                            "repository name (library/Nginx) must be lowercase")));
}

TEST_F(PodWorkerFilesTest, ARestartedKubeletGivesNoGracePeriodTwice) {
  StartWorker();
  runtime_.FailStops(1000);
  Delete(100);
  executor_.RunFor(60s);
  StopWorker();
  runtime_.FailStops(0);
  const size_t before = runtime_.stops().size();
  StartWorker();
  ASSERT_GT(runtime_.stops().size(), before);
  EXPECT_EQ(runtime_.stops().front().second, 100s);
  EXPECT_LE(runtime_.stops().at(before).second, 40s);
  EXPECT_TRUE(Running("app").empty());
}

TEST_F(PodWorkerFilesTest, APodMayHaveUsersOfItsOwnWhereTheRuntimeCan) {
  UserNamespaces namespaces({root_ + "/pods", {65'536, 10 * 65'536}});
  context_.user_namespaces = &namespaces;
  context_.runtime_handler = [](const core_v1::Pod&) { return Result<std::string>("crun"); };
  pod_.spec.host_users = false;
  StartWorker();
  EXPECT_TRUE(Running("app").empty());
  EXPECT_THAT(Events(),
              testing::Contains("FailedCreatePodSandBox  Failed to create pod sandbox: can't set "
                                "`spec.hostUsers: false`, RuntimeClass handler \"crun\" does not "
                                "support user namespaces"));
  runtime_.handlers = {{.name = "crun", .user_namespaces = true}};
  executor_.RunFor(20s);
  ASSERT_EQ(Running("app").size(), 1u);
  const auto& users = runtime_.sandbox.security.namespaces.user;
  ASSERT_TRUE(users);
  EXPECT_EQ(users->uids.at(0).host_id, 65'536u);
  EXPECT_EQ(users->uids.at(0).length, 65'536u);
  const auto& config = runtime_.created["app"];
  ASSERT_TRUE(config.security.namespaces.user);
  EXPECT_EQ(config.security.namespaces.user->gids.at(0).host_id, 65'536u);
  ASSERT_FALSE(config.mounts.empty());
  for (const auto& mount : config.mounts) {
    ASSERT_EQ(mount.uids.size(), 1u) << mount.container_path;
    EXPECT_EQ(mount.uids[0].host_id, 65'536u);
  }
  // They are somebody else's once it has ended.
  EXPECT_EQ(namespaces.Of("uid-1")->uids.at(0).host_id, 65'536u);
  Delete(1);
  executor_.RunFor(10s);
  std::filesystem::create_directories(root_ + "/pods/uid-2");
  EXPECT_EQ(namespaces.Of("uid-2")->uids.at(0).host_id, 65'536u);
}

TEST_F(PodWorkerFilesTest, AContainerWithoutItsHostsFileIsNotStarted) {
  const std::string hosts = volumes_.PodDirectory("uid-1") + "/etc-hosts";
  std::filesystem::create_directories(hosts);  // Nobody can write that.
  StartWorker();
  EXPECT_TRUE(Running("app").empty());
  EXPECT_EQ(Status().container_statuses.at(0).state.waiting->reason, "CreateContainerConfigError");
  std::filesystem::remove_all(hosts);
  executor_.RunFor(20s);
  EXPECT_EQ(Running("app").size(), 1u);
}

// Containers may write it: one that has made it a terabyte of nothing takes no memory by it.
TEST_F(PodWorkerFilesTest, AHostsFileIsReadNoFurtherThanItCouldBeAsWanted) {
  const std::string hosts = volumes_.PodDirectory("uid-1") + "/etc-hosts";
  std::filesystem::create_directories(volumes_.PodDirectory("uid-1"));
  std::ofstream(hosts) << "# mine\n";
  std::filesystem::resize_file(hosts, uintmax_t{1} << 40);
  StartWorker();
  EXPECT_EQ(Running("app").size(), 1u);
  EXPECT_LT(std::filesystem::file_size(hosts), 10'000u) << "and is what it was to be";
}

TEST_F(PodWorkerFilesTest, ARestartedKubeletEndsAPodForTheReasonThatItHad) {
  pod_.spec.restart_policy = "Never";
  StartWorker();
  pod_.status = Status();
  ASSERT_EQ(pod_.status.phase, "Running");
  runtime_.FailStops(1000);
  WaitingReason failure{"Evicted", "The node was low on resource: memory. "};
  failure.is_disruption = true;
  worker_->Terminate(std::move(failure), 5);
  executor_.RunFor(2s);
  EXPECT_EQ(Status().phase, "Running") << "something of it runs";
  // Once while it stops, and once when the API has not heard of its end.
  for (int restart = 0; restart < 2; ++restart) {
    StopWorker();
    statuses_.Forget("uid-1");
    runtime_.FailStops(0);
    StartWorker();
    executor_.RunFor(20s);
    EXPECT_TRUE(Running("app").empty());
    EXPECT_EQ(Status().phase, "Failed");
    EXPECT_EQ(Status().reason, "Evicted");
    EXPECT_EQ(Status().message, "The node was low on resource: memory. ");
    EXPECT_EQ(Condition("DisruptionTarget"), "True:TerminationByKubelet");
  }
}

// A volume that the API may or may not know.
class PodWorkerVolumesTest : public PodWorkerFilesTest {
 protected:
  PodWorkerVolumesTest() {
    auto& volume = pod_.spec.volumes.emplace_back();
    volume.name = "settings";
    volume.config_map.emplace().name = "settings";
    auto& mount = pod_.spec.containers[0].volume_mounts.emplace_back();
    mount.name = "settings";
    mount.mount_path = "/etc/settings";
  }
};

TEST_F(PodWorkerVolumesTest, EventsMeanwhileDoNotLengthenTheWait) {
  StartWorker();
  for (int i = 0; i < 50; ++i) {
    worker_->Wake();
    executor_.RunUntilIdle();
  }
  ASSERT_TRUE(Running("app").empty());
  settings_ = std::make_shared<core_v1::ConfigMap>();
  executor_.RunFor(10s);
  EXPECT_EQ(Running("app").size(), 1u);
}

TEST_F(PodWorkerVolumesTest, APodWhoseVolumesAreNotBroughtUpToDateIsLookedAtNoLessOften) {
  settings_ = std::make_shared<core_v1::ConfigMap>();
  StartWorker();
  ASSERT_EQ(Running("app").size(), 1u);
  settings_ = nullptr;
  executor_.RunFor(20min);
  const int before = settings_asked_;
  executor_.RunFor(10 * PodWorker::kResync);
  EXPECT_GE(settings_asked_ - before, 9);
  EXPECT_EQ(Running("app").size(), 1u) << "old contents are better than none";
}

TEST_F(PodWorkerVolumesTest, APodWhoseVolumesTheNodeHasNoRoomForIsGivenUp) {
  settings_problem_ = Reason::kRequestEntityTooLarge;
  KubeletMetrics metrics("node-1");
  context_.metrics = &metrics;
  StartWorker();
  executor_.RunFor(1min);
  const std::string said =
      "VolumeAttachmentLimitExceeded  Node has reached its volume attachment "
      "limit, rejecting pod. unmounted volumes=[settings], unattached volumes=[settings], failed "
      "to process volumes=[]: MountVolume.SetUp failed for volume \"settings\" : no answer";
  EXPECT_THAT(Events(), testing::Not(testing::Contains(said)));
  executor_.RunFor(3min);
  EXPECT_THAT(Events(), testing::Contains(said));
  EXPECT_EQ(Status().phase, "Failed");
  EXPECT_EQ(Status().reason, "VolumeAttachmentLimitExceeded");
  EXPECT_THAT(Status().message, testing::StartsWith("Pod was rejected: Node has reached"));
  StopWorker();
  EXPECT_THAT(metrics.registry.Text(),
              testing::HasSubstr("kubelet_admission_rejections_total{reason="
                                 "\"VolumeAttachmentLimitExceeded\"} 1"));
}

TEST_F(PodWorkerVolumesTest, APodThatHasItsVolumesIsNotGivenUpForWantOfRoom) {
  settings_ = std::make_shared<core_v1::ConfigMap>();
  StartWorker();
  settings_ = nullptr;
  settings_problem_ = Reason::kRequestEntityTooLarge;
  executor_.RunFor(20min);
  EXPECT_EQ(Running("app").size(), 1u);
  EXPECT_EQ(Status().phase, "Running");
}

TEST_F(PodWorkerVolumesTest, AVolumeThatCannotBeMappedHasAnEventOfItsOwn) {
  auto claim = std::make_shared<core_v1::PersistentVolumeClaim>();
  claim->spec.volume_name = "pv";
  claim->status.phase = "Bound";
  claim_ = claim;
  auto volume = std::make_shared<core_v1::PersistentVolume>();
  volume->metadata.name = "pv";
  volume->spec.claim_ref.emplace();
  volume->spec.volume_mode = "Block";
  volume->spec.host_path.emplace().path = "/";
  volume_ = volume;
  auto& used = pod_.spec.volumes.emplace_back();
  used.name = "disk";
  used.persistent_volume_claim.emplace().claim_name = "claim";
  pod_.spec.containers[0].volume_devices.emplace_back().name = "disk";
  settings_ = std::make_shared<core_v1::ConfigMap>();
  StartWorker();
  EXPECT_THAT(Events(), testing::Contains(testing::StartsWith(
                            "FailedMapVolume  MapVolume.FindMapperPluginBySpec failed")));
}

// Who leads requests to a pod hears of its end no earlier than its node does.
class PodWorkerNoticeTest : public PodWorkerTest {
 protected:
  // How long after it is deleted its container is told to stop.
  Duration StoppedAfter(int64_t grace_s) {
    StartWorker();
    Delete(grace_s);
    const Duration begin = clock_.Monotonic();
    while (runtime_.stops().empty()) executor_.RunFor(10ms);
    return clock_.Monotonic() - begin;
  }
  void Pause(int64_t seconds) {
    auto& hook = pod_.spec.containers[0].lifecycle.emplace().pre_stop.emplace();
    hook.sleep.emplace().seconds = seconds;
  }
};

TEST_F(PodWorkerNoticeTest, APodThatNoServiceLeadsToStopsAtOnce) {
  context_.is_led_to = [](const core_v1::Pod&) { return false; };
  EXPECT_LE(StoppedAfter(30), 10ms);
}

TEST_F(PodWorkerNoticeTest, OneThatAServiceLeadsToStopsWhenThatHasHeardOfIt) {
  context_.is_led_to = [](const core_v1::Pod&) { return true; };
  const Duration after = StoppedAfter(30);
  EXPECT_GE(after, StopTask::kNotice);
  EXPECT_LE(after, StopTask::kNotice + 10ms);
  EXPECT_LE(runtime_.stops().front().second, 30s - StopTask::kNotice) << "of its grace period";
}

TEST_F(PodWorkerNoticeTest, OfAShortGracePeriodMostIsLeft) {
  context_.is_led_to = [](const core_v1::Pod&) { return true; };
  const Duration after = StoppedAfter(1);
  EXPECT_GE(after, 250ms);
  EXPECT_LE(after, 260ms);
}

TEST_F(PodWorkerNoticeTest, AHookThatTakesLongerIsNoticeEnough) {
  context_.is_led_to = [](const core_v1::Pod&) { return true; };
  Pause(2);
  const Duration after = StoppedAfter(30);
  EXPECT_GE(after, 2s);
  EXPECT_LE(after, 2s + 10ms);
}

TEST_F(PodWorkerNoticeTest, WhatStopsToBeStartedAgainHasNone) {
  context_.is_led_to = [](const core_v1::Pod&) { return true; };
  StartWorker();
  pod_.spec.containers[0].image = "img:2";
  ++pod_.metadata.generation;
  Change();
  executor_.RunFor(10ms);
  EXPECT_FALSE(runtime_.stops().empty());
}

TEST(IsLedToTest, BySelectorInItsNamespaceAndBeingReady) {
  FakeClock clock;
  SeededRandom random(1);
  InProcessTransport transport([](const http::Request&) { return http::Response(); });
  Client client(transport, "test");
  InformerFactory informers(Reflector::Dependencies{client, clock, random});
  const auto services = informers.For<core_v1::Service>();
  const auto put = [&](const std::string& namespace_, const core_v1::ServiceSpec& spec) {
    core_v1::Service service;
    service.metadata.namespace_ = namespace_;
    service.metadata.name = "web";
    service.spec = spec;
    services.cache().Replace({RawJson(ToJson(service))}, "1");
  };
  core_v1::Pod pod;
  pod.metadata.namespace_ = "default";
  pod.metadata.labels = {{"app", "web"}, {"tier", "front"}};
  auto& ready = pod.status.conditions.emplace_back();
  ready.type = "Ready";
  ready.status = "True";
  put("default", {});
  EXPECT_FALSE(IsLedTo(services, pod)) << "no selector selects nothing";
  core_v1::ServiceSpec spec;
  spec.selector["app"] = "web";
  put("other", spec);
  EXPECT_FALSE(IsLedTo(services, pod));
  put("default", spec);
  EXPECT_TRUE(IsLedTo(services, pod));
  ready.status = "False";
  EXPECT_FALSE(IsLedTo(services, pod));
  ready.status = "True";
  spec.selector["app"] = "api";
  put("default", spec);
  EXPECT_FALSE(IsLedTo(services, pod));
}

// A pod may have a thousand containers, and years of grace: other pods' stops need threads as well.
TEST_F(PodWorkerTest, ALongStopWaitsWhileItsPodHoldsAllThreadsThatItMay) {
  ThreadRoom room(ThreadRoom::Limits{.of_pod = 1, .of_all = 1});
  context_.long_stops = &room;
  StartWorker();
  auto place = room.Enter("uid-1");
  Delete(300);
  executor_.RunFor(5s);
  EXPECT_EQ(Running("app").size(), 1u);
  place.reset();
  executor_.RunFor(2s);
  EXPECT_TRUE(Running("app").empty());
  StopWorker();
}

TEST_F(PodWorkerTest, AStopOfTheUsualLengthWaitsForNobody) {
  ThreadRoom room(ThreadRoom::Limits{.of_pod = 1, .of_all = 1});
  context_.long_stops = &room;
  StartWorker();
  const auto place = room.Enter("uid-1");
  Delete(30);
  executor_.RunFor(2s);
  EXPECT_TRUE(Running("app").empty());
  StopWorker();
}

// Stops hold real threads here, as they do in real life.
class Threads {
 protected:
  ThreadExecutor threads_{"calls", 8};
};

class PodWorkerStopTest : private Threads, public PodWorkerTest {
 protected:
  PodWorkerStopTest() : PodWorkerTest(&threads_) {}
};

TEST_F(PodWorkerStopTest, AShorterGracePeriodShortensTheStopThatRuns) {
  StartWorker();
  runtime_.HoldStops();
  Delete(300);
  runtime_.WaitForStops(1);
  EXPECT_EQ(Running("app").size(), 1u);
  Delete(1);
  runtime_.WaitForStops(2);
  EXPECT_LE(runtime_.stops().at(1).second, 2s);
}

TEST_F(PodWorkerStopTest, AnObjectThatIsDeletedByForceShortensItToo) {
  StartWorker();
  runtime_.HoldStops();
  Delete(300);
  runtime_.WaitForStops(1);
  worker_->Dispose();
  executor_.RunUntilIdle();
  runtime_.WaitForStops(2);
  EXPECT_LE(runtime_.stops().at(1).second, 2s);
}

// The first call brought the container down, and the one that hurried it hangs.
TEST_F(PodWorkerStopTest, NobodyDropsAWorkerWhoseHurriedStopHangs) {
  StartWorker();
  const std::string id = Running("app").at(0);
  runtime_.HoldStops();
  Delete(300);
  runtime_.WaitForStops(1);
  runtime_.HangStops(2s);
  Delete(1);
  runtime_.WaitForStops(2);
  runtime_.LetGo(id);
  runtime_.WaitUntilStopped(id);
  ASSERT_TRUE(Running("app").empty());
  worker_->Dispose();
  executor_.RunFor(60s);
  EXPECT_NE(worker_->state(), PodWorker::State::kGone);
  runtime_.HangStops(0s);
  while (worker_->state() != PodWorker::State::kGone) {
    executor_.RunFor(1s);
    std::this_thread::yield();
  }
}

TEST_F(PodWorkerStopTest, AHookThatNeverEndsKeepsNoPodFromEnding) {
  auto& container = pod_.spec.containers[0];
  container.lifecycle.emplace().post_start.emplace().exec.emplace().command = {"wait"};
  auto& late = pod_.spec.containers.emplace_back();
  late.name = "late";
  late.image = "img:1";
  runtime_.HoldExecs();
  StartWorker();
  const std::string id = Running("app").at(0);
  EXPECT_TRUE(Running("late").empty()) << "it waits for the hook";
  EXPECT_TRUE(Status().container_statuses.at(0).state.waiting) << "nobody is told that it runs";
  Delete(1);
  runtime_.WaitUntilStopped(id);
  worker_->Dispose();
  while (worker_->state() != PodWorker::State::kGone) {
    executor_.RunFor(1s);
    std::this_thread::yield();
  }
  EXPECT_TRUE(Running("late").empty());
}

// Its command ends with its container, which another has stopped.
TEST_F(PodWorkerStopTest, AHookThatFailsAfterThePodsDeletionStopsNothing) {
  auto& container = pod_.spec.containers[0];
  container.lifecycle.emplace().post_start.emplace().exec.emplace().command = {"wait"};
  runtime_.HoldExecs();
  runtime_.exec_result = cri::ExecResult{"", "", 137};
  StartWorker();
  const std::string id = Running("app").at(0);
  Delete(30);
  runtime_.WaitUntilStopped(id);
  worker_->Dispose();
  while (worker_->state() != PodWorker::State::kGone) {
    executor_.RunFor(1s);
    std::this_thread::yield();
  }
  EXPECT_EQ(runtime_.stops().size(), 1u);
  EXPECT_THAT(Events(), testing::Not(testing::Contains(testing::HasSubstr("FailedPostStartHook"))));
}

}  // namespace
}  // namespace skiff::kubelet
