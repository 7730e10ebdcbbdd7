// A kubelet that hears of its Node and of its pods by watches, on a runtime in memory: pods are
// judged by the Node as it is, not as it was a while ago.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "client/manager.h"
#include "client/transport.h"
#include "kubelet/cri_fake.h"
#include "kubelet/kubelet.h"

namespace skiff::kubelet {
namespace {

enum class Cache { kOfAllNodes, kOfOwnNode };

class KubeletAdmissionTest : public testing::TestWithParam<Cache> {
 protected:
  KubeletAdmissionTest() {
    char name[] = "/tmp/skiff-admission-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    KubeletOptions options;
    options.node_name = "node-1";
    options.root = directory_;
    options.node_ips = {"192.0.2.1"};
    options.writes_files = false;
    KubeletDependencies given{manager_.client(),
                              clock_,
                              random_,
                              runtime_,
                              pods_,
                              informers_.For<core_v1::Service>(),
                              manager_.Recorder("kubelet", "node-1"),
                              executor_};
    (GetParam() == Cache::kOfAllNodes ? given.nodes : given.own_node) = nodes_;
    kubelet_ = std::make_unique<Kubelet>(options, given);
    TellOfNode(kNothing);
    kubelet_->Start();
    executor_.RunFor(30s);  // It knows its runtime.
  }
  ~KubeletAdmissionTest() override {
    kubelet_->Stop();
    kubelet_.reset();
    std::filesystem::remove_all(directory_);
  }

  static inline const Json kNothing = Json::object();
  static Json Node(const Json& changes) {
    Json node = {{"apiVersion", "v1"},
                 {"kind", "Node"},
                 {"metadata", {{"name", "node-1"}, {"uid", "n"}}},
                 {"status", {{"allocatable", {{"cpu", "4"}, {"pods", "110"}}}}}};
    node.merge_patch(changes);
    return node;
  }
  static Json Tainted() {
    return {{"spec", {{"taints", {{{"key", "t"}, {"effect", "NoExecute"}}}}}}};
  }
  void TellOfNode(const Json& changes) {
    nodes_.cache().Replace({RawJson(Node(changes))}, std::to_string(++revision_));
  }
  // One more pod is bound to the node, and whether it runs there a moment later.
  bool Runs(const std::string& name, const Json& spec = Json::object()) {
    Json pod = {{"metadata", {{"name", name}, {"namespace", "default"}, {"uid", name}}},
                {"spec",
                 {{"nodeName", "node-1"},
                  {"enableServiceLinks", false},
                  {"restartPolicy", "Always"},
                  {"terminationGracePeriodSeconds", 30},
                  {"containers", {{{"name", name}, {"image", "i"}}}}}},
                {"status", {{"phase", "Pending"}}}};
    pod["spec"].merge_patch(spec);
    bound_.push_back(std::move(pod));
    pods_.cache().Replace({bound_.begin(), bound_.end()}, std::to_string(++revision_));
    executor_.RunFor(2s);
    return !runtime_.RunningNamed(name).empty();
  }

  FakeClock clock_;
  SeededRandom random_{3};
  SteppedExecutor executor_{clock_, 3};
  // What the API has where it is asked for the Node; null: it does not answer.
  Json asked_;
  InProcessTransport transport_{[this](const http::Request& request) {
    http::Response response{.status = 503};
    if (asked_.is_null() || request.path != "/api/v1/nodes/node-1") return response;
    response.status = 200;
    response.content_type = "application/json";
    response.body = asked_.dump();
    return response;
  }};
  Client client_{transport_, "kubelet"};
  InformerFactory informers_{Reflector::Dependencies{client_, clock_, random_}};
  Informer<core_v1::Pod> pods_ = informers_.For<core_v1::Pod>();
  Informer<core_v1::Node> nodes_ = informers_.For<core_v1::Node>();
  Manager manager_{Manager::Dependencies{transport_, clock_, random_, informers_, "kubelet"}};
  cri::FakeRuntime runtime_{clock_, random_, "10.1.0.0/24"};
  std::string directory_;
  std::vector<Json> bound_;
  int revision_ = 0;
  std::unique_ptr<Kubelet> kubelet_;
};

TEST_P(KubeletAdmissionTest, ATaintCountsFromWhenItIsThereUntilItIsGone) {
  EXPECT_TRUE(Runs("before"));
  TellOfNode(Tainted());
  EXPECT_FALSE(Runs("tainted"));
  TellOfNode(kNothing);
  EXPECT_TRUE(Runs("after"));
}

TEST_P(KubeletAdmissionTest, WhatANodeHasToGiveCountsAtOnce) {
  EXPECT_TRUE(Runs("before"));
  const Json wants = {
      {"containers",
       {{{"name", "large"}, {"image", "i"}, {"resources", {{"requests", {{"cpu", "6"}}}}}}}}};
  TellOfNode({{"status", {{"allocatable", {{"cpu", "8"}}}}}});
  EXPECT_TRUE(Runs("large", wants));
}

TEST_P(KubeletAdmissionTest, NoPodIsRefusedForWhatTheApiNoLongerSaysOfTheNode) {
  TellOfNode(Tainted());
  asked_ = Node(kNothing);
  EXPECT_TRUE(Runs("placed")) << "the scheduler heard first that the taint is gone";
  asked_ = Node(Tainted());
  EXPECT_FALSE(Runs("misplaced"));
}

INSTANTIATE_TEST_SUITE_P(OfNodes, KubeletAdmissionTest,
                         testing::Values(Cache::kOfAllNodes, Cache::kOfOwnNode));

}  // namespace
}  // namespace skiff::kubelet
