// A kubelet without an API: static pods from a directory, on a runtime in memory.
#include "kubelet/kubelet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "client/manager.h"
#include "client/transport.h"
#include "kubelet/cri_fake.h"

namespace skiff::kubelet {
namespace {

class StandaloneKubeletTest : public testing::Test {
 protected:
  StandaloneKubeletTest() {
    char name[] = "/tmp/skiff-manifests-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    KubeletOptions options;
    options.node_name = "node-1";
    options.root = directory_ + "/root";
    options.node_ips = {"192.0.2.1"};
    options.facts.milli_cpu = 4000;
    options.writes_files = false;
    options.standalone = true;
    options.manifest_path = directory_ + "/manifests";
    options.later_node_ips = {[this] { return machine_ips_; },
                              [this](const std::string& address) {
                                return std::count(machine_ips_.begin(), machine_ips_.end(),
                                                  address) > 0;
                              }};
    kubelet_ = std::make_unique<Kubelet>(
        options,
        KubeletDependencies{manager_.client(), clock_, random_, runtime_,
                            informers_.For<core_v1::Pod>(), informers_.For<core_v1::Service>(),
                            manager_.Recorder("kubelet", "node-1"), executor_, nullptr});
    kubelet_->Start();
  }
  ~StandaloneKubeletTest() override {
    kubelet_->Stop();
    std::filesystem::remove_all(directory_);
  }

  void Write(const std::string& file, const std::string& name, const std::string& image = "web:1") {
    std::filesystem::create_directories(directory_ + "/manifests");
    std::ofstream(directory_ + "/manifests/" + file)
        << "apiVersion: v1\nkind: Pod\nmetadata: {name: " << name << "}\n"
        << "spec: {containers: [{name: " << name << ", image: '" << image << "'}]}\n";
  }
  // Longer than the time between two looks at the directory.
  void Settle() { executor_.RunFor(25s); }
  std::vector<std::string> Running(const std::string& container) {
    return runtime_.RunningNamed(container);
  }

  FakeClock clock_;
  SeededRandom random_{3};
  SteppedExecutor executor_{clock_, 3};
  std::function<http::Response(const http::Request&)> answer_ = [](const http::Request&) {
    http::Response response;
    response.status = 403;
    return response;
  };
  InProcessTransport transport_{[this](const http::Request& request) { return answer_(request); }};
  Client client_{transport_, "kubelet"};
  InformerFactory informers_{Reflector::Dependencies{client_, clock_, random_}};
  Manager manager_{Manager::Dependencies{transport_, clock_, random_, informers_, "kubelet"}};
  cri::FakeRuntime runtime_{clock_, random_, "10.1.0.0/24"};
  std::vector<std::string> machine_ips_ = {"192.0.2.1"};
  std::string directory_;
  std::unique_ptr<Kubelet> kubelet_;
};

TEST_F(StandaloneKubeletTest, PodsOfADirectoryRunAndShowTheirStatus) {
  Settle();
  EXPECT_TRUE(kubelet_->Pods().empty());  // No directory yet.
  Write("web.yaml", "web");
  Write("db.yaml", "db");
  Write(".hidden.yaml", "hidden");
  Settle();
  EXPECT_EQ(Running("web").size(), 1u);
  EXPECT_EQ(Running("db").size(), 1u);
  EXPECT_TRUE(Running("hidden").empty());
  const auto pods = kubelet_->Pods();
  ASSERT_EQ(pods.size(), 2u);
  EXPECT_EQ(pods[0]->metadata.name, "db-node-1");
  EXPECT_EQ(pods[0]->status.phase, "Running");
  EXPECT_EQ(pods[0]->status.host_ip, "192.0.2.1");
}

TEST_F(StandaloneKubeletTest, PodsAreToldOfAnotherNetworkAtOnce) {
  Write("web.yaml", "web");
  Settle();
  ASSERT_EQ(kubelet_->Pods().size(), 1u);
  EXPECT_EQ(kubelet_->Pods()[0]->status.host_ip, "192.0.2.1");
  machine_ips_ = {"198.51.100.7"};
  executor_.RunFor(11s);
  EXPECT_EQ(kubelet_->Pods()[0]->status.host_ip, "198.51.100.7");
}

TEST_F(StandaloneKubeletTest, APodThatAsksForWhatTheNodeDoesNotGiveIsRefused) {
  std::filesystem::create_directories(directory_ + "/manifests");
  std::ofstream(directory_ + "/manifests/web.yaml")
      << "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"
      << "spec: {securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}]},"
      << " containers: [{name: web, image: 'web:1'}]}\n";
  Settle();
  EXPECT_TRUE(Running("web").empty());
  const auto pods = kubelet_->Pods();
  ASSERT_EQ(pods.size(), 1u);
  EXPECT_EQ(pods[0]->status.phase, "Failed");
  EXPECT_EQ(pods[0]->status.reason, "SysctlForbidden");
  EXPECT_EQ(pods[0]->status.message,
            "Pod was rejected: forbidden sysctl: \"kernel.msgmax\" not allowlisted");
  // One that asks for less takes its place.
  Write("web.yaml", "web");
  Settle();
  EXPECT_EQ(Running("web").size(), 1u);
}

TEST_F(StandaloneKubeletTest, APodThatIsGoneTakesNobodysPlaceWhileItStillStops) {
  const auto write = [&](const std::string& name) {
    std::filesystem::create_directories(directory_ + "/manifests");
    std::ofstream(directory_ + "/manifests/" + name + ".yaml")
        << "apiVersion: v1\nkind: Pod\nmetadata: {name: " << name << "}\n"
        << "spec: {containers: [{name: " << name << ", image: 'web:1',"
        << " ports: [{containerPort: 80, hostPort: 80}]}]}\n";
  };
  write("old");
  Settle();
  write("greedy");
  Settle();
  EXPECT_EQ(Running("old").size(), 1u);
  EXPECT_TRUE(Running("greedy").empty());
  const auto before = kubelet_->PlacedPods();
  ASSERT_TRUE(before);
  EXPECT_EQ(before->size(), 1u) << "not the one that was refused";
  runtime_.FailUntil(cri::FakeCall::kStopContainer, {Reason::kUnknown, "busy"},
                     clock_.Monotonic() + 1h);
  std::filesystem::remove(directory_ + "/manifests/old.yaml");
  Settle();
  write("new");
  Settle();
  EXPECT_EQ(Running("old").size(), 1u);
  EXPECT_EQ(Running("new").size(), 1u);
  const auto placed = kubelet_->PlacedPods();
  ASSERT_TRUE(placed);
  EXPECT_TRUE(placed->contains(*before->begin())) << "its devices are not free before it has ended";
  EXPECT_EQ(placed->size(), 2u);
}

TEST_F(StandaloneKubeletTest, AMoreImportantPodTakesThePlaceOfAnotherThatHasEnded) {
  const auto write = [&](const std::string& name, int priority) {
    std::filesystem::create_directories(directory_ + "/manifests");
    std::ofstream(directory_ + "/manifests/" + name + ".yaml")
        << "apiVersion: v1\nkind: Pod\nmetadata: {name: " << name << "}\n"
        << "spec: {priority: " << priority << ", containers: [{name: " << name
        << ", image: 'web:1', resources: {requests: {cpu: 3}}}]}\n";
  };
  write("low", 1);
  Settle();
  ASSERT_EQ(Running("low").size(), 1u);
  runtime_.FailUntil(cri::FakeCall::kStopContainer, {Reason::kUnknown, "busy"},
                     clock_.Monotonic() + 30s);
  write("high", 2);
  Settle();
  EXPECT_EQ(Running("low").size(), 1u);
  EXPECT_TRUE(Running("high").empty()) << "there is no room for it yet";
  Settle();
  EXPECT_TRUE(Running("low").empty());
  EXPECT_EQ(Running("high").size(), 1u);
  write("least", 0);
  Settle();
  EXPECT_EQ(Running("high").size(), 1u);
  const auto pods = kubelet_->Pods();
  ASSERT_EQ(pods.size(), 3u);
  EXPECT_EQ(pods[1]->status.reason, "UnexpectedAdmissionError");
  EXPECT_EQ(pods[1]->status.message,
            "Pod was rejected: Unexpected error while attempting to recover from admission "
            "failure: preemption: error finding a set of pods to preempt: no set of running pods "
            "found to reclaim resources: [(res: cpu, q: 2000), ]");
  EXPECT_EQ(pods[2]->status.phase, "Failed");
  EXPECT_EQ(pods[2]->status.reason, "Preempting");
  EXPECT_EQ(pods[2]->status.message, "Preempted in order to admit critical pod");
}

TEST_F(StandaloneKubeletTest, ASandboxIsMadeAnewWithItsRuntimeClassWhileTheApiIsAway) {
  answer_ = [](const http::Request&) {
    http::Response response;
    response.content_type = "application/json";
    response.body = R"({"apiVersion":"node.k8s.io/v1","kind":"RuntimeClass",)"
                    R"("metadata":{"name":"sandboxed"},"handler":"gvisor"})";
    return response;
  };
  std::filesystem::create_directories(directory_ + "/manifests");
  std::ofstream(directory_ + "/manifests/web.yaml")
      << "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"
      << "spec: {runtimeClassName: sandboxed, containers: [{name: web, image: 'web:1'}]}\n";
  Settle();
  ASSERT_EQ(Running("web").size(), 1u);
  const std::string before = runtime_.ListPodSandboxes({})->front().id;
  answer_ = [](const http::Request&) {
    http::Response response;
    response.status = 503;
    return response;
  };
  ASSERT_TRUE(runtime_.StopPodSandbox(before));
  executor_.RunFor(120s);
  ASSERT_EQ(Running("web").size(), 1u);
  bool made_anew = false;
  const auto sandboxes = runtime_.ListPodSandboxes({});
  for (const auto& sandbox : *sandboxes) {
    if (sandbox.state != cri::SandboxState::kReady) continue;
    made_anew = sandbox.id != before;
    EXPECT_EQ(sandbox.runtime_handler, "gvisor");
  }
  EXPECT_TRUE(made_anew);
}

TEST_F(StandaloneKubeletTest, AChangedManifestReplacesThePodAndARemovedOneStopsIt) {
  Write("web.yaml", "web");
  Settle();
  const auto before = Running("web");
  ASSERT_EQ(before.size(), 1u);
  Write("web.yaml", "web", "web:2");
  Settle();
  const auto after = Running("web");
  ASSERT_EQ(after.size(), 1u);
  EXPECT_NE(after, before);
  std::filesystem::remove(directory_ + "/manifests/web.yaml");
  Settle();
  EXPECT_TRUE(Running("web").empty());
  EXPECT_TRUE(runtime_.ListPodSandboxes({})->empty());
  // The same pod again, under the uid it had.
  Write("web.yaml", "web", "web:2");
  Settle();
  EXPECT_EQ(Running("web").size(), 1u);
}

TEST_F(StandaloneKubeletTest, ABadManifestStopsNothingElse) {
  Write("web.yaml", "web");
  std::ofstream(directory_ + "/manifests/bad.yaml") << "apiVersion: v1\nkind: Pod\n";
  Settle();
  EXPECT_EQ(Running("web").size(), 1u);
  EXPECT_EQ(kubelet_->Pods().size(), 1u);
}

TEST_F(StandaloneKubeletTest, AContainerThatEndsIsStartedAgainAndItsStartTimeStays) {
  Write("web.yaml", "web");
  Settle();
  const auto started = kubelet_->Pods().at(0)->status.start_time;
  ASSERT_TRUE(started);
  runtime_.Exit(Running("web").at(0), 1);
  executor_.RunFor(60s);
  EXPECT_EQ(Running("web").size(), 1u);
  const auto status = kubelet_->Pods().at(0)->status;
  EXPECT_EQ(status.container_statuses.at(0).restart_count, 1);
  EXPECT_EQ(status.start_time, started);
}

TEST_F(StandaloneKubeletTest, AClockThatIsSetBackDelaysNoRestart) {
  Write("web.yaml", "web");
  Settle();
  runtime_.Exit(Running("web").at(0), 1);
  executor_.RunFor(5s);
  ASSERT_EQ(Running("web").size(), 1u);
  runtime_.Exit(Running("web").at(0), 1);
  executor_.RunFor(5s);
  EXPECT_TRUE(Running("web").empty());
  clock_.JumpWall(-1h);
  executor_.RunFor(10s);
  EXPECT_EQ(Running("web").size(), 1u);
}

TEST_F(StandaloneKubeletTest, ADeadlineEndsThePodWhenItHasCome) {
  std::filesystem::create_directories(directory_ + "/manifests");
  std::ofstream(directory_ + "/manifests/job.yaml")
      << "apiVersion: v1\nkind: Pod\nmetadata: {name: job}\nspec: {activeDeadlineSeconds: 33, "
         "containers: [{name: job, image: i}]}\n";
  Settle();
  EXPECT_EQ(Running("job").size(), 1u);
  executor_.RunFor(34s);
  EXPECT_TRUE(Running("job").empty());
  EXPECT_EQ(kubelet_->Pods().at(0)->status.reason, "DeadlineExceeded");
}

TEST_F(StandaloneKubeletTest, APodWaitsForTheNetworkUnlessItUsesTheHosts) {
  runtime_.SetNetworkReady(false);
  executor_.RunFor(10s);  // The kubelet has heard of it.
  Write("web.yaml", "web");
  std::ofstream(directory_ + "/manifests/host.yaml")
      << "apiVersion: v1\nkind: Pod\nmetadata: {name: host}\nspec: {hostNetwork: true, "
         "containers: [{name: host, image: i}]}\n";
  Settle();
  EXPECT_TRUE(Running("web").empty());
  EXPECT_EQ(Running("host").size(), 1u);
  runtime_.SetNetworkReady(true);
  executor_.RunFor(7s);
  EXPECT_EQ(Running("web").size(), 1u);
}

TEST_F(StandaloneKubeletTest, WhatTheRuntimeHasOfUnknownPodsIsRemoved) {
  cri::SandboxConfig orphan;
  orphan.metadata = {"old", "old-uid", "default", 0};
  orphan.labels = {{kPodUidLabel, "old-uid"}, {kPodNameLabel, "old"}};
  ASSERT_TRUE(runtime_.RunPodSandbox(orphan, ""));
  executor_.RunFor(90s);
  EXPECT_TRUE(runtime_.ListPodSandboxes({})->empty());
}

}  // namespace
}  // namespace skiff::kubelet
