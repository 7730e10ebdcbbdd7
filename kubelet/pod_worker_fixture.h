// For tests of PodWorker: one worker over a fake runtime, whose stops fail or hang as told.
#pragma once

#include "kubelet/pod_worker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <thread>

#include "api/codec/json.h"
#include "client/manager.h"
#include "client/transport.h"
#include "kubelet/kept_objects.h"
#include "kubelet/pod_lookup.h"
#include "kubelet/runtime_test_wrapper.h"

namespace skiff::kubelet {

// Counts calls; stops fail as often as told, or wait for the kill.
class TestRuntime final : public cri::WrappedRuntime {
 public:
  explicit TestRuntime(ContainerRuntime& inner) : WrappedRuntime(inner) {}

  Result<std::string> CreateContainer(const std::string& sandbox_id,
                                      const cri::ContainerConfig& config,
                                      const cri::SandboxConfig& sandbox) override {
    created[config.metadata.name] = config;
    return WrappedRuntime::CreateContainer(sandbox_id, config, sandbox);
  }
  Result<cri::RuntimeStatus> Status() override {
    auto status = TRY(WrappedRuntime::Status());
    status.handlers.insert(status.handlers.end(), handlers.begin(), handlers.end());
    return status;
  }
  Result<std::string> RunPodSandbox(const cri::SandboxConfig& config,
                                    const std::string& handler) override {
    sandbox = config;
    return WrappedRuntime::RunPodSandbox(config, handler);
  }
  Result<std::vector<cri::Sandbox>> ListPodSandboxes(const cri::SandboxFilter& filter) override {
    ++looks;
    return WrappedRuntime::ListPodSandboxes(filter);
  }
  Result<> StartContainer(const std::string& id) override {
    TRY(WrappedRuntime::StartContainer(id));
    if (started) started(id);
    return {};
  }
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
    const auto stopped = WrappedRuntime::StopContainer(id, grace);
    MutexLock lock(mutex_);
    stopped_.insert(id);
    changed_.notify_all();
    return stopped;
  }
  Result<> StopPodSandbox(const std::string& id) override {
    stopped_sandboxes.push_back(id);
    if (sandbox_problem) return tl::unexpected(*sandbox_problem);
    return WrappedRuntime::StopPodSandbox(id);
  }
  Result<cri::ExecResult> ExecSync(const std::string& id, const std::vector<std::string>& command,
                                   Duration timeout) override {
    ++execs;
    {
      MutexLock lock(mutex_);
      while (holds_execs_ && !stopped_.contains(id)) changed_.wait(lock);
    }
    if (exec_result) return *exec_result;
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
  // Commands end with their container.
  void HoldExecs() {
    MutexLock lock(mutex_);
    holds_execs_ = true;
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
  // Until a call for it has come back.
  void WaitUntilStopped(const std::string& id) {
    MutexLock lock(mutex_);
    while (!stopped_.contains(id)) changed_.wait(lock);
  }

  std::function<void(const std::string& id)> started;  // Before the caller hears of it.
  std::map<std::string, cri::ContainerConfig> created;  // The last of each name.
  cri::SandboxConfig sandbox;                           // The last that was asked for.
  std::vector<cri::RuntimeHandler> handlers;            // Beside those of the fake.
  std::atomic<int> execs = 0;
  std::optional<Error> sandbox_problem;        // Of stopping one, if set.
  std::vector<std::string> stopped_sandboxes;  // Those that were to be stopped.
  std::optional<cri::ExecResult> exec_result;  // Of every command, if set.
  std::atomic<int> looks = 0;  // At what there is of the pod.
  std::vector<cri::LinuxResources> updates;

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  int failures_ GUARDED_BY(mutex_) = 0;
  bool holds_stops_ GUARDED_BY(mutex_) = false;
  bool holds_execs_ GUARDED_BY(mutex_) = false;
  Duration hung_grace_ GUARDED_BY(mutex_){};
  std::vector<std::pair<std::string, Duration>> stops_ GUARDED_BY(mutex_);
  std::set<std::string> killed_ GUARDED_BY(mutex_);
  std::set<std::string> stopped_ GUARDED_BY(mutex_);
};

// What a worker tells of its containers; all are ready at once, but
// those of which the test says otherwise.
class RecordingProbes final : public Probes {
 public:
  void Observe(const core_v1::Pod&, const core_v1::Container& container,
               const ProbeTarget& target) override {
    targets.emplace(container.name + " " + target.container_id, target);
  }
  std::map<std::string, ProbeState> States(const std::string&) const override { return {}; }
  std::map<std::string, bool> Ready(const std::string&) const override { return ready; }
  void Terminating(const std::string&) override {}
  void Forget(const std::string&) override {}
  std::map<std::string, ProbeTarget> targets;
  std::map<std::string, bool> ready;  // What readiness probes said last, by container name.
};

class PodWorkerTest : public testing::Test {
 protected:
  PodWorkerTest() : PodWorkerTest(nullptr) {}
  explicit PodWorkerTest(Executor* threads, PodCgroups::Settings cgroups = {})
      : blocking_(threads != nullptr ? *threads : executor_),
        root_(MakeRoot()),
        tasks_(blocking_),
        cgroups_(std::move(cgroups)) {
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
  // What events were reported, "Killing spec.containers{app} Stopping container app".
  const std::vector<std::string>& Events() {
    executor_.Add(sink_);
    executor_.RunUntilIdle();
    executor_.Remove(sink_);
    return told_;
  }

  std::vector<std::string> told_;
  std::function<http::Response(const http::Request&)> answer_ = [this](const http::Request& asked) {
    http::Response response;
    if (asked.path.ends_with("/events")) {
      const Json event = *ParseJson(asked.body);
      told_.push_back(event.at("reason").get<std::string>() + " " +
                      event.at("involvedObject").value("fieldPath", "") + " " +
                      event.at("message").get<std::string>());
      response.status = 201;
      return response;
    }
    response.status = 503;
    return response;
  };
  InProcessTransport transport_{[this](const http::Request& request) { return answer_(request); }};
  Client client_{transport_, "kubelet"};
  InformerFactory informers_{Reflector::Dependencies{client_, clock_, random_}};
  Manager manager_{Manager::Dependencies{transport_, clock_, random_, informers_, "kubelet"}};
  EventSink sink_{client_, clock_};
  EventRecorder events_{sink_, clock_, "kubelet", "node-1"};
  cri::FakeRuntime fake_{clock_, random_, "10.1.0.0/24"};
  TestRuntime runtime_{fake_};
  TaskPool tasks_;
  KeptObjects objects_{client_, clock_};
  std::shared_ptr<const core_v1::ConfigMap> settings_;  // Null: nobody answers.
  Reason settings_problem_ = Reason::kServiceUnavailable;
  int settings_asked_ = 0;
  std::shared_ptr<const core_v1::PersistentVolumeClaim> claim_;
  std::shared_ptr<const core_v1::PersistentVolume> volume_;  // What it is bound to.
  VolumeSources VolumeSourcesOf() {
    VolumeSources sources;
    sources.config_map = [this](const auto&, const auto&) -> Result<decltype(settings_)> {
      ++settings_asked_;
      if (settings_ == nullptr) return Fail(settings_problem_, "no answer");
      return settings_;
    };
    sources.claim = [this](const auto&, const auto&) -> Result<decltype(claim_)> { return claim_; };
    sources.volume = [this](const auto&) -> Result<decltype(volume_)> { return volume_; };
    return sources;
  }
  VolumeManager volumes_{root_, VolumeSourcesOf(), clock_};
  ImagePuller images_{{runtime_, clock_, events_, tasks_,
                       [](const core_v1::Pod&) { return RegistryCredentials(); },
                       [this](const std::string&) { worker_->Wake(); }}};
  RecordingProbes probes_;
  StatusManager statuses_{client_, clock_, [](const Ptr<core_v1::Pod>& pod) { return pod; }};
  LifecycleHooks hooks_{runtime_, nullptr, events_, [](Duration) {}};
  Resizes resizes_{{"", {4000, int64_t{8} << 30}}, [](const std::string&) {}};
  PodCgroups cgroups_;
  EnvironmentSources sources_;
  std::vector<std::string> node_ips_ = {"192.0.2.1"};
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
      .is_led_to = {},
      .gone = [] {},
      .dns = DnsSettings(),
      .node_ips = [this] { return node_ips_; },
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

}  // namespace skiff::kubelet
