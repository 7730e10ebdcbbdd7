// A pod's worker on a runtime in memory: restarts, outages, stops and resizes.
#include "kubelet/pod_worker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <thread>

#include "client/manager.h"
#include "client/transport.h"
#include "kubelet/kept_objects.h"
#include "kubelet/pod_lookup.h"
#include "kubelet/runtime_test_wrapper.h"

namespace skiff::kubelet {
namespace {

// Counts calls; stops fail as often as told, or wait for the kill.
class TestRuntime final : public cri::WrappedRuntime {
 public:
  explicit TestRuntime(ContainerRuntime& inner) : WrappedRuntime(inner) {}

  Result<> StopContainer(const std::string& id, Duration grace) override {
    {
      MutexLock lock(mutex_);
      stops_.push_back({id, grace});
      changed_.notify_all();
      if (failures_ > 0) {
        --failures_;
        return Fail(Reason::kUnknown, "the shim is stuck");
      }
      while (grace <= hung_grace_) changed_.wait(lock);
      // A process that ignores the signal is killed at the end of the shortest grace period.
      if (holds_stops_ && grace > 2s) {
        while (!killed_.contains(id)) changed_.wait(lock);
      }
      killed_.insert(id);
      changed_.notify_all();
    }
    return WrappedRuntime::StopContainer(id, grace);
  }
  Result<cri::ExecResult> ExecSync(const std::string& id, const std::vector<std::string>& command,
                                   Duration timeout) override {
    ++execs;
    return WrappedRuntime::ExecSync(id, command, timeout);
  }
  Result<> UpdateContainerResources(const std::string& id,
                                    const cri::LinuxResources& resources) override {
    updates.push_back(resources);
    return WrappedRuntime::UpdateContainerResources(id, resources);
  }
  void FailStops(int times) {
    MutexLock lock(mutex_);
    failures_ = times;
  }
  void HoldStops() {
    MutexLock lock(mutex_);
    holds_stops_ = true;
  }
  // Calls with a grace period so short never come back, until 0s is told.
  void HangStops(Duration grace) {
    MutexLock lock(mutex_);
    hung_grace_ = grace;
    changed_.notify_all();
  }
  void LetGo(const std::string& id) {
    MutexLock lock(mutex_);
    killed_.insert(id);
    changed_.notify_all();
  }
  std::vector<std::pair<std::string, Duration>> stops() const {
    MutexLock lock(mutex_);
    return stops_;
  }
  void WaitForStops(size_t count) {
    MutexLock lock(mutex_);
    while (stops_.size() < count) changed_.wait(lock);
  }

  std::atomic<int> execs = 0;
  std::vector<cri::LinuxResources> updates;

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  int failures_ GUARDED_BY(mutex_) = 0;
  bool holds_stops_ GUARDED_BY(mutex_) = false;
  Duration hung_grace_ GUARDED_BY(mutex_){};
  std::vector<std::pair<std::string, Duration>> stops_ GUARDED_BY(mutex_);
  std::set<std::string> killed_ GUARDED_BY(mutex_);
};

// What a worker tells of its containers; all are ready at once.
class RecordingProbes final : public Probes {
 public:
  void Observe(const core_v1::Pod&, const core_v1::Container& container,
               const ProbeTarget& target) override {
    targets.emplace(container.name + " " + target.container_id, target);
  }
  std::map<std::string, ProbeState> States(const std::string&) const override { return {}; }
  std::map<std::string, bool> Ready(const std::string&) const override { return {}; }
  void Terminating(const std::string&) override {}
  void Forget(const std::string&) override {}
  std::map<std::string, ProbeTarget> targets;
};

class PodWorkerTest : public testing::Test {
 protected:
  PodWorkerTest() : PodWorkerTest(nullptr) {}
  explicit PodWorkerTest(Executor* threads)
      : blocking_(threads != nullptr ? *threads : executor_),
        root_(MakeRoot()),
        tasks_(blocking_) {
    pod_.metadata.name = "web";
    pod_.metadata.namespace_ = "default";
    pod_.metadata.uid = "uid-1";
    pod_.metadata.generation = 1;
    pod_.spec.restart_policy = "Always";
    auto& container = pod_.spec.containers.emplace_back();
    container.name = "app";
    container.image = "img:1";
  }
  ~PodWorkerTest() override {
    StopWorker();
    std::filesystem::remove_all(root_);
  }

  static std::string MakeRoot() {
    char name[] = "/tmp/skiff-worker-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    return name;
  }
  void StartWorker() {
    worker_ = std::make_unique<PodWorker>(context_, std::make_shared<core_v1::Pod>(pod_));
    executor_.Add(*worker_);
    executor_.RunFor(2s);
  }
  void StopWorker() {
    if (worker_) executor_.Remove(*worker_);
    worker_.reset();
  }
  // As the API has it from now on.
  void Change() {
    worker_->Update(std::make_shared<core_v1::Pod>(pod_));
    executor_.RunUntilIdle();
  }
  void Delete(int64_t grace_s) {
    pod_.metadata.deletion_timestamp = Time(clock_.Now() + std::chrono::seconds(grace_s));
    pod_.metadata.deletion_grace_period_seconds = grace_s;
    Change();
  }
  core_v1::PodStatus Status() { return statuses_.Latest("uid-1").value_or(core_v1::PodStatus()); }
  std::vector<std::string> Running(const std::string& name) { return fake_.RunningNamed(name); }
  std::string Condition(const std::string& type) {
    for (const auto& condition : Status().conditions) {
      if (condition.type == type) return condition.status + ":" + condition.reason;
    }
    return "";
  }
  void Ask(const char* resource, const char* request, const char* limit) {
    auto& resources = pod_.spec.containers[0].resources;
    resources.requests[resource] = *Quantity::Parse(request);
    resources.limits[resource] = *Quantity::Parse(limit);
    ++pod_.metadata.generation;
  }

  FakeClock clock_;
  SeededRandom random_{3};
  SteppedExecutor executor_{clock_, 3};
  Executor& blocking_;
  const std::string root_;
  std::function<http::Response(const http::Request&)> answer_ = [](const http::Request&) {
    http::Response response;
    response.status = 503;
    return response;
  };
  InProcessTransport transport_{[this](const http::Request& request) { return answer_(request); }};
  Client client_{transport_, "kubelet"};
  InformerFactory informers_{Reflector::Dependencies{client_, clock_, random_}};
  Manager manager_{Manager::Dependencies{transport_, clock_, random_, informers_, "kubelet"}};
  EventRecorder& events_ = manager_.Recorder("kubelet", "node-1");
  cri::FakeRuntime fake_{clock_, random_, "10.1.0.0/24"};
  TestRuntime runtime_{fake_};
  TaskPool tasks_;
  KeptObjects objects_{client_, clock_};
  std::shared_ptr<const core_v1::ConfigMap> settings_;  // Null: nobody answers.
  int settings_asked_ = 0;
  VolumeSources VolumeSourcesOf() {
    VolumeSources sources;
    sources.config_map = [this](const auto&, const auto&) -> Result<decltype(settings_)> {
      ++settings_asked_;
      if (settings_ == nullptr) return Fail(Reason::kServiceUnavailable, "no answer");
      return settings_;
    };
    return sources;
  }
  VolumeManager volumes_{root_, VolumeSourcesOf(), clock_};
  ImagePuller images_{{runtime_, clock_, events_, tasks_,
                       [](const core_v1::Pod&) { return RegistryCredentials(); },
                       [this](const std::string&) { worker_->Wake(); }}};
  RecordingProbes probes_;
  StatusManager statuses_{client_, clock_, [](const Ptr<core_v1::Pod>& pod) { return pod; }};
  LifecycleHooks hooks_{runtime_, nullptr, [](Duration) {}};
  Resizes resizes_{{"", {4000, int64_t{8} << 30}}, [](const std::string&) {}};
  PodCgroups cgroups_{{}};
  EnvironmentSources sources_;
  PodWorkerContext context_{
      .runtime = runtime_,
      .clock = clock_,
      .random = random_,
      .blocking = blocking_,
      .events = events_,
      .volumes = volumes_,
      .images = images_,
      .probes = probes_,
      .statuses = statuses_,
      .hooks = hooks_,
      .resizes = resizes_,
      .cgroups = cgroups_,
      .environment = [this](const core_v1::Pod&) { return sources_; },
      .network_problem = [] { return std::string(); },
      .gone = [] {},
      .dns = DnsSettings(),
      .node_ips = {"192.0.2.1"},
      .node_memory_bytes = int64_t{8} << 30,
      .container_cgroup_files = {},
      .runtime_name = "fake",
      .log_root = root_ + "/log",
      .cgroup_root = "",
      .cgroup_driver = CgroupDriver::kCgroupfs,
      .writes_files = false,
      .runtime_handler = [](const core_v1::Pod&) { return Result<std::string>(""); }};
  core_v1::Pod pod_;
  std::unique_ptr<PodWorker> worker_;
};

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
  answer_ = [&](const http::Request& request) {
    asked.push_back(request.method);
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
    std::string phase;
    answer_ = [&, before = answer_](const http::Request& request) {
      if (request.method == "PATCH") {
        phase = Json::parse(request.body).value("/status/phase"_json_pointer, "");
      }
      return before(request);
    };
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

// With files: what a worker leaves for the one after it.
class PodWorkerFilesTest : public PodWorkerTest {
 protected:
  PodWorkerFilesTest() {
    context_.writes_files = true;
    context_.log_root = root_ + "/log";
  }
};

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
  while (!Running("app").empty()) std::this_thread::yield();
  worker_->Dispose();
  executor_.RunFor(60s);
  EXPECT_NE(worker_->state(), PodWorker::State::kGone);
  runtime_.HangStops(0s);
  while (worker_->state() != PodWorker::State::kGone) {
    executor_.RunFor(1s);
    std::this_thread::yield();
  }
}

}  // namespace
}  // namespace skiff::kubelet
