// Static pods of a kubelet beside a real API server: their mirrors, and what happens while the API
// is away.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "e2e/harness.h"
#include "e2e/simulation/link.h"
#include "kubelet/cri_fake.h"
#include "kubelet/kubelet.h"

namespace skiff {
namespace {

constexpr char kOnlyNode[] = "node-1";
const ObjectKey kMirror{"default", "web-node-1"};

class StaticPodsTest : public testing::Test {
 protected:
  StaticPodsTest() {
    char name[] = "/tmp/skiff-static-pods-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    StartKubelet();
    manager_->Start(cluster_.executor());
    Settle();
  }
  ~StaticPodsTest() override {
    kubelet_->Stop();
    manager_->Stop();
    informers_.Stop();
    std::filesystem::remove_all(directory_);
  }

  void StartKubelet() {
    kubelet::KubeletOptions options;
    options.node_name = kOnlyNode;
    options.root = directory_ + "/root";
    options.node_ips = {"192.0.2.1"};
    options.facts.milli_cpu = 8000;
    options.facts.memory_bytes = int64_t{32} << 30;
    options.facts.hostname = kOnlyNode;
    options.writes_files = false;
    options.manifest_path = directory_;
    kubelet_ = std::make_unique<kubelet::Kubelet>(
        options, kubelet::KubeletDependencies{
                     manager_->client(), cluster_.clock(), cluster_.random(), runtime_,
                     informers_.For<core_v1::Pod>(), informers_.For<core_v1::Service>(),
                     manager_->Recorder("kubelet", kOnlyNode), cluster_.executor(), nullptr});
    kubelet_->Start();
  }
  void Write(const std::string& image) {
    std::ofstream(directory_ + "/web.yaml")
        << "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"
        << "spec: {containers: [{name: web, image: '" << image << "'}]}\n";
  }
  // Longer than the time between two looks at the directory, and than a back-off of the client.
  void Settle() { cluster_.RunFor(60s); }
  std::vector<std::string> Running() { return runtime_.RunningNamed("web"); }
  Ptr<core_v1::Pod> Mirror() { return cluster_.Get<core_v1::Pod>(kMirror); }

  std::string directory_;
  TestCluster cluster_;
  Link network_{cluster_.transport(), cluster_.clock(), cluster_.random()};
  Client informer_client_{network_, "kubelet"};
  InformerFactory informers_{
      Reflector::Dependencies{informer_client_, cluster_.clock(), cluster_.random()}};
  std::unique_ptr<Manager> manager_ = std::make_unique<Manager>(
      Manager::Dependencies{network_, cluster_.clock(), cluster_.random(), informers_, "kubelet"});
  cri::FakeRuntime runtime_{cluster_.clock(), cluster_.random(), "10.128.0.0/24"};
  std::unique_ptr<kubelet::Kubelet> kubelet_;
};

TEST_F(StaticPodsTest, AMirrorShowsTheStaticPodAndItsStatus) {
  Write("web:1");
  Settle();
  ASSERT_EQ(Running().size(), 1u);
  const auto mirror = Mirror();
  ASSERT_TRUE(mirror);
  EXPECT_EQ(mirror->status.phase, "Running");
  EXPECT_EQ(mirror->metadata.owner_references.at(0).kind, "Node");
  EXPECT_EQ(mirror->metadata.annotations.at("kubernetes.io/config.mirror"),
            mirror->metadata.annotations.at("kubernetes.io/config.hash"));
  const auto& conditions = mirror->status.conditions;
  EXPECT_TRUE(std::any_of(conditions.begin(), conditions.end(), [](const auto& condition) {
    return condition.type == "Ready" && condition.status == "True";
  }));
}

TEST_F(StaticPodsTest, ADeletedMirrorComesBackAndTheContainersGoOn) {
  Write("web:1");
  Settle();
  const auto before = Mirror();
  const auto running = Running();
  ASSERT_TRUE(before);
  cluster_.Delete<core_v1::Pod>(kMirror);
  Settle();
  const auto after = Mirror();
  ASSERT_TRUE(after);
  EXPECT_NE(after->metadata.uid, before->metadata.uid);
  EXPECT_EQ(after->status.phase, "Running");
  EXPECT_EQ(Running(), running);
}

TEST_F(StaticPodsTest, AChangedManifestGetsANewMirrorAndARemovedOneNone) {
  Write("web:1");
  Settle();
  Write("web:2");
  Settle();
  ASSERT_EQ(Running().size(), 1u);
  EXPECT_EQ(Mirror()->spec.containers.at(0).image, "web:2");
  EXPECT_EQ(Mirror()->status.phase, "Running");
  std::filesystem::remove(directory_ + "/web.yaml");
  Settle();
  EXPECT_TRUE(Running().empty());
  EXPECT_FALSE(Mirror());
}

TEST_F(StaticPodsTest, WhileTheApiIsAwayStaticPodsStartAllTheSame) {
  network_.Break();
  Write("web:1");
  Settle();
  EXPECT_EQ(Running().size(), 1u);
  network_.Mend();
  Settle();
  ASSERT_TRUE(Mirror());
  EXPECT_EQ(Mirror()->status.phase, "Running");
}

TEST_F(StaticPodsTest, ABadManifestIsAnEventOfTheNode) {
  std::ofstream(directory_ + "/bad.yaml") << "kind: Service\napiVersion: v1\n";
  Settle();
  const auto events = cluster_.List<core_v1::Event>();
  const auto found = std::find_if(events.begin(), events.end(), [](const auto& event) {
    return event.reason == "FailedValidation";
  });
  ASSERT_NE(found, events.end());
  EXPECT_EQ(found->involved_object.kind, "Node");
  EXPECT_NE(found->message.find("please check config file"), std::string::npos);
}

TEST_F(StaticPodsTest, ARestartedKubeletFindsItsStaticPodRunning) {
  Write("web:1");
  Settle();
  const auto running = Running();
  const auto mirror = Mirror();
  kubelet_->Stop();
  // The informers tell whom they were made with; a new kubelet has new ones, as a new process.
  manager_->Stop();
  InformerFactory fresh{
      Reflector::Dependencies{informer_client_, cluster_.clock(), cluster_.random()}};
  manager_ = std::make_unique<Manager>(
      Manager::Dependencies{network_, cluster_.clock(), cluster_.random(), fresh, "kubelet"});
  kubelet::KubeletOptions options = kubelet_->options();
  kubelet_ = std::make_unique<kubelet::Kubelet>(
      options, kubelet::KubeletDependencies{
                   manager_->client(), cluster_.clock(), cluster_.random(), runtime_,
                   fresh.For<core_v1::Pod>(), fresh.For<core_v1::Service>(),
                   manager_->Recorder("kubelet", kOnlyNode), cluster_.executor(), nullptr});
  kubelet_->Start();
  manager_->Start(cluster_.executor());
  Settle();
  EXPECT_EQ(Running(), running);
  EXPECT_EQ(Mirror()->metadata.uid, mirror->metadata.uid);
  kubelet_->Stop();
  manager_->Stop();
}

}  // namespace
}  // namespace skiff
