// A pod's worker on a runtime in memory: restarts, outages, stops and resizes.
#include <gmock/gmock.h>

#include "kubelet/pod_worker_fixture.h"

namespace skiff::kubelet {
namespace {

TEST_F(PodWorkerTest, ARestartedKubeletGoesOnFromThePodsStatus) {
  pod_.spec.containers[0].readiness_probe.emplace().tcp_socket.emplace();
  StartWorker();
  const std::string id = Running("app").at(0);
  ASSERT_TRUE(probes_.targets.contains("app " + id));
  EXPECT_FALSE(probes_.targets.at("app " + id).was_ready);
  StopWorker();
  probes_.targets.clear();
  pod_.status = Status();
  pod_.status.container_statuses.at(0).ready = true;
  StartWorker();
  EXPECT_EQ(Running("app"), std::vector<std::string>{id});
  EXPECT_TRUE(probes_.targets.at("app " + id).was_ready);
  EXPECT_TRUE(probes_.targets.at("app " + id).has_started);
  // What comes after it has to show for itself.
  fake_.Exit(id, 1);
  worker_->Wake();
  executor_.RunFor(30s);
  const std::string next = Running("app").at(0);
  EXPECT_FALSE(probes_.targets.at("app " + next).was_ready);
  EXPECT_FALSE(probes_.targets.at("app " + next).has_started);
}

TEST_F(PodWorkerTest, ACrashedContainerIsRestartedWhileTheApiIsAway) {
  auto& from = pod_.spec.containers[0].env_from.emplace_back();
  from.config_map_ref.emplace().name = "settings";
  sources_.config_map = [this](const std::string& name) {
    return objects_.Get<core_v1::ConfigMap>("default", name);
  };
  StartWorker();
  EXPECT_TRUE(Running("app").empty());  // It was never fetched.
  const auto away = answer_;
  answer_ = [](const http::Request&) {
    http::Response response;
    response.content_type = "application/json";
    response.body =
        R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings",)"
        R"("namespace":"default"},"data":{"A":"1"}})";
    return response;
  };
  executor_.RunFor(20s);
  ASSERT_EQ(Running("app").size(), 1u);
  answer_ = away;
  fake_.Exit(Running("app").at(0), 1);
  worker_->Wake();
  executor_.RunFor(1s);
  EXPECT_EQ(Running("app").size(), 1u);
  // That it is gone is another thing than that nobody answers.
  answer_ = [](const http::Request&) {
    http::Response response;
    response.status = 404;
    response.content_type = "application/json";
    response.body = R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound",)"
                    R"("message":"configmaps \"settings\" not found","code":404})";
    return response;
  };
  executor_.RunFor(600s);
  fake_.Exit(Running("app").at(0), 1);
  worker_->Wake();
  executor_.RunFor(40s);
  EXPECT_TRUE(Running("app").empty());
  EXPECT_EQ(Status().container_statuses.at(0).state.waiting->reason, "CreateContainerConfigError");
}

TEST_F(PodWorkerTest, AContainerThatEndsWhileItIsStartedIsSeenToEnd) {
  const auto subscription = fake_.Subscribe([this](const cri::Event& event) {
    if (worker_ && worker_->Concerns(event)) worker_->Wake();
  });
  int starts = 0;
  runtime_.started = [&](const std::string& id) {
    if (++starts == 1) fake_.Exit(id, 1);
  };
  StartWorker();
  EXPECT_EQ(starts, 2);
  EXPECT_EQ(Running("app").size(), 1u);
}

TEST_F(PodWorkerTest, TheFirstCrashIsRestartedAtOnceWhetherItsImageIsPulledOrNot) {
  for (const char* policy : {"IfNotPresent", "Always"}) {
    pod_.spec.containers[0].image_pull_policy = policy;
    StartWorker();
    const auto crash = [&] {
      fake_.Exit(Running("app").at(0), 1);
      worker_->Wake();
      executor_.RunFor(1s);
    };
    ASSERT_EQ(Running("app").size(), 1u) << policy;
    crash();
    ASSERT_EQ(Running("app").size(), 1u) << policy;
    crash();
    EXPECT_TRUE(Running("app").empty()) << policy;
    ASSERT_TRUE(Status().container_statuses.at(0).state.waiting) << policy;
    EXPECT_EQ(Status().container_statuses.at(0).state.waiting->reason, "CrashLoopBackOff");
    executor_.RunFor(8s);
    EXPECT_TRUE(Running("app").empty()) << policy;
    executor_.RunFor(3s);
    ASSERT_EQ(Running("app").size(), 1u) << policy;
    crash();
    executor_.RunFor(17s);
    EXPECT_TRUE(Running("app").empty()) << policy;
    executor_.RunFor(4s);
    EXPECT_EQ(Running("app").size(), 1u) << policy;
    StopWorker();
    ASSERT_TRUE(RemoveFromRuntime(fake_, "uid-1"));
    pod_.status = {};
  }
}

TEST_F(PodWorkerTest, AnImageVolumeIsPulledBeforeItsContainerIsMadeAndAgainBeforeTheNext) {
  for (const char* name : {"data", "tools"}) {
    auto& volume = pod_.spec.volumes.emplace_back();
    volume.name = name;
    volume.image.Ensure().reference = std::string("registry.local/") + name + ":1";
    volume.image->pull_policy = "Always";
    auto& mount = pod_.spec.containers[0].volume_mounts.emplace_back();
    mount.name = name;
    mount.mount_path = std::string("/") + name;
  }
  StartWorker();
  ASSERT_EQ(Running("app").size(), 1u);
  const auto& mounts = runtime_.created["app"].mounts;
  ASSERT_EQ(mounts.size(), 2u);
  ASSERT_TRUE(mounts[0].image);
  EXPECT_EQ(mounts[0].image->user_specified_image, "registry.local/data:1");
  EXPECT_EQ(mounts[0].host_path, "");
  EXPECT_TRUE(mounts[0].readonly);
  const std::string pulling = "Pulling  Pulling image \"registry.local/data:1\"";
  const auto& told = Events();
  EXPECT_EQ(std::count(told.begin(), told.end(), pulling), 1);
  fake_.Exit(Running("app").at(0), 0);
  worker_->Wake();
  executor_.RunFor(1s);
  ASSERT_EQ(Running("app").size(), 1u);
  EXPECT_TRUE(runtime_.created["app"].mounts.at(1).image);
}

TEST_F(PodWorkerTest, AContainerWaitsForTheImageOfItsVolumeAsForItsOwn) {
  pod_.metadata.annotations[cri::kFailPullAnnotation] = "true";
  auto& volume = pod_.spec.volumes.emplace_back();
  volume.name = "data";
  volume.image.Ensure().reference = "registry.local/data:1";
  volume.image->pull_policy = "Always";
  auto& mount = pod_.spec.containers[0].volume_mounts.emplace_back();
  mount.name = "data";
  mount.mount_path = "/data";
  StartWorker();
  EXPECT_TRUE(Running("app").empty());
  ASSERT_TRUE(Status().container_statuses.at(0).state.waiting);
  EXPECT_EQ(Status().container_statuses.at(0).state.waiting->reason, "ErrImagePull");
  const std::string failed = "Failed spec.containers{app} Error: ErrImagePull";
  const auto& told = Events();
  EXPECT_EQ(std::count(told.begin(), told.end(), failed), 1);
}

TEST(CriVersion, SaysWhetherImagesCanBeVolumes) {
  for (const char* version : {"2.1.0", "v2.1.0", "2.10.3", "3.0.0", "unknown"}) {
    EXPECT_EQ(cri::ImageVolumesFault({"containerd", version, "v1"}), "") << version;
  }
  EXPECT_EQ(cri::ImageVolumesFault({"cri-o", "1.20.0", "v1"}), "");
  EXPECT_EQ(cri::ImageVolumesFault({"containerd", "2.0.4", "v1"}),
            "containerd 2.0.4 mounts no image as a volume, which 2.1 and later ones do");
  EXPECT_NE(cri::ImageVolumesFault({"containerd", "1.6.20~ds1", "v1"}), "");
}

TEST_F(PodWorkerTest, AnImageVolumeIsRefusedWhereTheRuntimeMountsNone) {
  context_.policy.image_volumes_fault = "this runtime mounts none";
  auto& volume = pod_.spec.volumes.emplace_back();
  volume.name = "data";
  volume.image.Ensure().reference = "registry.local/data:1";
  auto& mount = pod_.spec.containers[0].volume_mounts.emplace_back();
  mount.name = "data";
  mount.mount_path = "/data";
  StartWorker();
  EXPECT_TRUE(Running("app").empty());
  ASSERT_TRUE(Status().container_statuses.at(0).state.waiting);
  const auto waiting = *Status().container_statuses.at(0).state.waiting;
  EXPECT_EQ(waiting.reason, "CreateContainerConfigError");
  EXPECT_EQ(waiting.message, "volume \"data\": this runtime mounts none");
}

TEST_F(PodWorkerTest, WhatIsOptionalWaitsForAnAnswerToo) {
  auto& from = pod_.spec.containers[0].env_from.emplace_back();
  from.config_map_ref.emplace().name = "settings";
  from.config_map_ref->optional = true;
  sources_.config_map = [this](const std::string& name) {
    return objects_.Get<core_v1::ConfigMap>("default", name);
  };
  StartWorker();
  executor_.RunFor(30s);
  EXPECT_TRUE(Running("app").empty());
}

TEST_F(PodWorkerTest, TheNewestAttemptIsTheOneMadeLastWhateverTheClockSays) {
  fake_.FailNext(cri::FakeCall::kStartContainer, {Reason::kUnknown, "no such file"});
  StartWorker();
  ASSERT_TRUE(Running("app").empty());
  clock_.JumpWall(-1h);
  executor_.RunFor(60s);
  EXPECT_EQ(Running("app").size(), 1u);
  EXPECT_TRUE(Status().container_statuses.at(0).state.running);
  EXPECT_EQ(Status().container_statuses.at(0).restart_count, 1);
}

TEST_F(PodWorkerTest, AStopThatFailsIsTriedAgainWithoutItsHook) {
  auto& hook = pod_.spec.containers[0].lifecycle.emplace().pre_stop.emplace();
  hook.exec.emplace().command = {"true"};
  StartWorker();
  runtime_.FailStops(3);
  Delete(30);
  executor_.RunFor(500ms);
  EXPECT_EQ(runtime_.stops().size(), 1u);  // Not at once.
  executor_.RunFor(20s);
  EXPECT_EQ(runtime_.stops().size(), 4u);
  EXPECT_EQ(runtime_.execs, 1);
  EXPECT_TRUE(Running("app").empty());
  // The grace period went on meanwhile.
  EXPECT_LT(runtime_.stops().at(3).second, runtime_.stops().at(0).second);
}

TEST_F(PodWorkerTest, APauseBeforeTheStopEndsWithTheGracePeriod) {
  auto& hook = pod_.spec.containers[0].lifecycle.emplace().pre_stop.emplace();
  hook.sleep.emplace().seconds = 200;
  StartWorker();
  Delete(300);
  executor_.RunFor(10s);
  EXPECT_EQ(Running("app").size(), 1u);
  Delete(5);
  executor_.RunFor(4s);
  EXPECT_TRUE(Running("app").empty());
}

TEST_F(PodWorkerTest, AGracePeriodOfCenturiesIsALongOneAndNotNone) {
  StartWorker();
  pod_.spec.active_deadline_seconds = std::numeric_limits<int64_t>::max();
  Change();
  EXPECT_EQ(Running("app").size(), 1u);
  pod_.metadata.deletion_timestamp = Time(clock_.Now());
  pod_.metadata.deletion_grace_period_seconds = 10'000'000'000;
  Change();
  ASSERT_EQ(runtime_.stops().size(), 1u);
  EXPECT_GT(runtime_.stops().at(0).second, std::chrono::years(50));
}

TEST_F(PodWorkerTest, APauseOfCenturiesBeforeARestartIsHeldToo) {
  auto& hook = pod_.spec.containers[0].lifecycle.emplace().pre_stop.emplace();
  hook.sleep.emplace().seconds = 10'000'000'000;
  pod_.spec.termination_grace_period_seconds = 10'000'000'000;
  StartWorker();
  // Its image changed: it is stopped to be made anew, and its hook takes its time.
  pod_.spec.containers[0].image = "img:2";
  ++pod_.metadata.generation;
  Change();
  executor_.RunFor(3600s);
  EXPECT_EQ(Running("app").size(), 1u);
  EXPECT_TRUE(runtime_.stops().empty());
}

TEST_F(PodWorkerTest, SidecarsStopLastAndInReverse) {
  for (const char* name : {"first", "second"}) {
    auto& sidecar = pod_.spec.init_containers.emplace_back();
    sidecar.name = name;
    sidecar.image = "img:1";
    sidecar.restart_policy = "Always";
  }
  StartWorker();
  executor_.RunFor(5s);
  ASSERT_EQ(Running("app").size(), 1u);
  const std::vector<std::string> order = {Running("app").at(0), Running("second").at(0),
                                          Running("first").at(0)};
  Delete(30);
  executor_.RunFor(5s);
  std::vector<std::string> stopped;
  for (const auto& [id, grace] : runtime_.stops()) stopped.push_back(id);
  EXPECT_EQ(stopped, order);
}

TEST_F(PodWorkerTest, APodThatIsDeletedBeforeItHasBegunIsRemoved) {
  std::vector<std::string> asked;
  std::string phase;
  answer_ = [&](const http::Request& request) {
    asked.push_back(request.method);
    if (request.method == "PATCH") {
      phase = Json::parse(request.body).value("/status/phase"_json_pointer, "");
    }
    http::Response response;
    response.content_type = "application/json";
    response.body = ToJson(pod_).dump();
    return response;
  };
  statuses_.Start(executor_);
  auto& setup = pod_.spec.init_containers.emplace_back();
  setup.name = "setup";
  setup.image = "img:1";
  pod_.spec.init_containers.emplace_back(setup).name = "next";
  for (const bool failing : {false, true}) {
    StartWorker();
    ASSERT_EQ(Running("setup").size(), 1u);
    if (failing) {
      fake_.Exit(Running("setup").at(0), 1);
      worker_->Wake();
      executor_.RunFor(1s);
    }
    EXPECT_EQ(Status().phase, "Pending");
    asked.clear();
    phase.clear();
    Delete(1);
    executor_.RunFor(5s);
    EXPECT_EQ(phase, "Failed") << failing;
    ASSERT_FALSE(asked.empty());
    EXPECT_EQ(asked.back(), "DELETE") << failing;
    StopWorker();
    ASSERT_TRUE(RemoveFromRuntime(fake_, "uid-1"));
    pod_.metadata.deletion_timestamp.reset();
    pod_.metadata.deletion_grace_period_seconds.reset();
  }
  statuses_.Stop();
}

TEST_F(PodWorkerTest, AResizeTellsTheRuntimeAndTheStatus) {
  Ask("cpu", "100m", "200m");
  Ask("memory", "64Mi", "64Mi");
  StartWorker();
  const auto before = Running("app");
  Ask("cpu", "200m", "400m");
  Change();
  executor_.RunFor(2s);
  ASSERT_EQ(runtime_.updates.size(), 1u);
  EXPECT_EQ(runtime_.updates[0].cpu_quota, 40'000);
  EXPECT_EQ(Running("app"), before);
  const auto container = Status().container_statuses.at(0);
  EXPECT_EQ(container.resources->limits.at("cpu").Text(), "400m");
  EXPECT_EQ(container.allocated_resources.at("cpu").Text(), "200m");
  EXPECT_EQ(Condition("PodResizeInProgress"), "");
  EXPECT_EQ(container.restart_count, 0);
}

TEST_F(PodWorkerTest, AResizeWithoutRoomWaitsOrIsRefused) {
  Ask("cpu", "1", "1");
  StartWorker();
  core_v1::Pod other = pod_;
  other.metadata.uid = "uid-2";
  resizes_.Admit(other);
  Ask("cpu", "3500m", "3500m");
  Change();
  executor_.RunFor(2s);
  EXPECT_EQ(Condition("PodResizePending"), "True:Deferred");
  EXPECT_EQ(Status().container_statuses.at(0).resources->limits.at("cpu").Text(), "1");
  Ask("cpu", "5", "5");
  Change();
  executor_.RunFor(2s);
  EXPECT_EQ(Condition("PodResizePending"), "True:Infeasible");
  Ask("cpu", "3500m", "3500m");
  Change();
  resizes_.Forget("uid-2");
  executor_.RunFor(70s);
  EXPECT_EQ(Condition("PodResizePending"), "");
  EXPECT_EQ(Status().container_statuses.at(0).resources->limits.at("cpu").Text(), "3500m");
}

TEST_F(PodWorkerTest, AResizeIsToldOfByWhatWasGivenAndNotByWhatIsAskedForNext) {
  Ask("cpu", "1", "1");
  StartWorker();
  core_v1::Pod other = pod_;
  other.metadata.uid = "uid-2";
  resizes_.Admit(other);
  Ask("cpu", "3500m", "3500m");
  Change();
  resizes_.Forget("uid-2");  // It is given, and the worker has not looked.
  Ask("cpu", "5", "5");
  Change();
  executor_.RunFor(2s);
  const std::string given =
      "{\"containers\":[{\"name\":\"app\",\"resources\":{\"limits\":{\"cpu\":\"3500m\"},"
      "\"requests\":{\"cpu\":\"3500m\"}}}],\"generation\":3}";
  EXPECT_THAT(Events(), testing::IsSupersetOf({"ResizeStarted  Pod resize started: " + given,
                                               "ResizeCompleted  Pod resize completed: " + given}));
  EXPECT_EQ(Condition("PodResizePending"), "True:Infeasible");
}

TEST_F(PodWorkerTest, AResizeThatWantsItStartsTheContainerAnew) {
  Ask("cpu", "100m", "100m");
  auto& policy = pod_.spec.containers[0].resize_policy.emplace_back();
  policy.resource_name = "cpu";
  policy.restart_policy = "RestartContainer";
  StartWorker();
  const auto before = Running("app");
  Ask("cpu", "200m", "200m");
  Change();
  executor_.RunFor(5s);
  ASSERT_EQ(Running("app").size(), 1u);
  EXPECT_NE(Running("app"), before);
  EXPECT_TRUE(runtime_.updates.empty());
  EXPECT_EQ(Status().container_statuses.at(0).restart_count, 1);
  EXPECT_EQ(Condition("PodResizeInProgress"), "");
}

}  // namespace
}  // namespace skiff::kubelet
