// A node whose runtime answers to nothing that takes time: its lease is renewed all the same.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "client/manager.h"
#include "client/transport.h"
#include "kubelet/kubelet.h"
#include "kubelet/runtime_test_wrapper.h"

namespace skiff::kubelet {
namespace {

// Stops, pulls and commands come to no end before they are let go.
class StuckRuntime final : public cri::WrappedRuntime {
 public:
  explicit StuckRuntime(ContainerRuntime& inner) : WrappedRuntime(inner) {}
  Result<> StartContainer(const std::string& id) override {
    Count(started_);
    return WrappedRuntime::StartContainer(id);
  }
  Result<> StopContainer(const std::string& id, Duration grace) override {
    Hold(stops_);
    return WrappedRuntime::StopContainer(id, grace);
  }
  Result<std::string> PullImage(const std::string& image, const cri::RegistryAuth& auth,
                                const cri::SandboxConfig& sandbox,
                                const std::stop_token& stop) override {
    Hold(pulls_);
    return WrappedRuntime::PullImage(image, auth, sandbox, stop);
  }
  Result<cri::ExecResult> ExecSync(const std::string&, const std::vector<std::string>&,
                                   Duration) override {
    Hold(commands_);
    return cri::ExecResult{};
  }
  void WaitForStarted(int count) { Wait(started_, count); }
  void WaitForStops(int count) { Wait(stops_, count); }
  void WaitForPull() { Wait(pulls_, 1); }
  void WaitForCommand() { Wait(commands_, 1); }
  void LetGo() {
    MutexLock lock(mutex_);
    is_free_ = true;
    changed_.notify_all();
  }

 private:
  void Count(int& counter) {
    MutexLock lock(mutex_);
    ++counter;
    changed_.notify_all();
  }
  void Hold(int& counter) {
    MutexLock lock(mutex_);
    ++counter;
    changed_.notify_all();
    while (!is_free_) changed_.wait(lock);
  }
  void Wait(const int& counter, int count) {
    MutexLock lock(mutex_);
    while (counter < count) changed_.wait(lock);
  }
  Mutex mutex_;
  CondVar changed_;
  bool is_free_ = false;
  int started_ = 0, stops_ = 0, pulls_ = 0, commands_ = 0;
};

// Keeps what is written to it, by path: enough of an API for a kubelet that registers.
class TinyApi {
 public:
  http::Response Answer(const http::Request& request) {
    http::Response response;
    response.content_type = "application/json";
    MutexLock lock(mutex_);
    std::string path = request.path;
    if (request.method == "GET") {
      const auto found = objects_.find(path);
      if (found != objects_.end()) {
        response.body = found->second.dump();
        return response;
      }
      response.status = 404;
      response.body =
          R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404})";
      return response;
    }
    Json object = Json::parse(request.body, nullptr, false);
    if (request.method == "PATCH") {
      if (path.ends_with("/status")) path.resize(path.size() - 7);
      object = objects_[path];
    } else if (object.is_object()) {
      object["metadata"]["uid"] = "uid";
      const std::string name = object["metadata"].value("name", "");
      objects_[request.method == "POST" ? path + "/" + name : path] = object;
    }
    if (request.method == "PUT" && path.find("/leases/") != std::string::npos) {
      ++renewals_;
      changed_.notify_all();
    }
    response.body = object.dump();
    return response;
  }
  void WaitForRenewals(int more) {
    MutexLock lock(mutex_);
    const int wanted = renewals_ + more;
    while (renewals_ < wanted) changed_.wait(lock);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Json> objects_;
  int renewals_ = 0;
};

class KubeletThreadsTest : public testing::Test {
 protected:
  KubeletThreadsTest() {
    char name[] = "/tmp/skiff-threads-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    std::filesystem::create_directories(directory_ + "/manifests");
  }
  ~KubeletThreadsTest() override {
    runtime_.LetGo();
    kubelet_->Stop();
    kubelet_.reset();
    std::filesystem::remove_all(directory_);
  }
  void Write(const std::string& pod, const std::string& policy, int containers, bool with_probe) {
    std::ofstream file(directory_ + "/manifests/" + pod + ".yaml");
    file << "apiVersion: v1\nkind: Pod\nmetadata: {name: " << pod << "}\nspec:\n  containers:\n";
    for (int i = 0; i < containers; ++i) {
      file << "  - {name: c" << i << ", image: 'img:1', imagePullPolicy: " << policy;
      if (with_probe) file << ", livenessProbe: {exec: {command: [check]}, periodSeconds: 1}";
      file << "}\n";
    }
  }
  void Start() {
    KubeletOptions options;
    options.node_name = "node-1";
    options.root = directory_ + "/root";
    options.node_ips = {"192.0.2.1"};
    options.writes_files = false;
    options.manifest_path = directory_ + "/manifests";
    options.manifest_check_every = 50ms;
    options.lease_seconds = 4;
    kubelet_ = std::make_unique<Kubelet>(
        options,
        KubeletDependencies{manager_.client(), clock_, random_, runtime_,
                            informers_.For<core_v1::Pod>(), informers_.For<core_v1::Service>(),
                            manager_.Recorder("kubelet", "node-1"), workers_, &loops_, &vital_,
                            &blocking_});
    kubelet_->Start();
  }

  SystemClock clock_;
  SeededRandom random_{3};
  TinyApi api_;
  InProcessTransport transport_{[this](const http::Request& request) {
    return api_.Answer(request);
  }};
  Client client_{transport_, "kubelet"};
  InformerFactory informers_{Reflector::Dependencies{client_, clock_, random_}};
  Manager manager_{Manager::Dependencies{transport_, clock_, random_, informers_, "kubelet"}};
  cri::FakeRuntime fake_{clock_, random_, "10.1.0.0/16"};
  StuckRuntime runtime_{fake_};
  http::Loops loops_{1};
  ThreadExecutor vital_{"vital", 16};
  ThreadExecutor blocking_{"calls", 300};
  ThreadExecutor workers_{"workers", 8};
  std::string directory_;
  std::unique_ptr<Kubelet> kubelet_;
};

TEST_F(KubeletThreadsTest, NeitherStopsNorPullsNorCommandsHoldTheLeaseUp) {
  constexpr int kPods = 50, kContainers = 5;
  for (int i = 0; i < kPods; ++i) {
    Write("web-" + std::to_string(i), "IfNotPresent", kContainers, i == 0);
    Write("new-" + std::to_string(i), "Always", 1, false);
  }
  Start();
  runtime_.WaitForStarted(kPods * kContainers);
  runtime_.WaitForPull();
  runtime_.WaitForCommand();
  for (int i = 0; i < kPods; ++i) {
    std::filesystem::remove(directory_ + "/manifests/web-" + std::to_string(i) + ".yaml");
  }
  runtime_.WaitForStops(kPods * kContainers);
  api_.WaitForRenewals(3);
  // Nor does a pod that comes now wait for any of them.
  Write("late", "IfNotPresent", 1, false);
  runtime_.WaitForStarted(kPods * kContainers + 1);
}

}  // namespace
}  // namespace skiff::kubelet
