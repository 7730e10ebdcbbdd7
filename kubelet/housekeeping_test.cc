#include "kubelet/housekeeping.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "kubelet/pod_observed.h"
#include "kubelet/runtime_test_wrapper.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

// Whose pods say so much of themselves that a list of all is longer than an answer may be.
class TalkativeRuntime final : public cri::WrappedRuntime {
 public:
  explicit TalkativeRuntime(ContainerRuntime& inner) : WrappedRuntime(inner) {}
  Result<std::vector<cri::Sandbox>> ListPodSandboxes(const cri::SandboxFilter& filter) override {
    if (!filter.labels.empty()) return WrappedRuntime::ListPodSandboxes(filter);
    return Fail(Reason::kTooManyRequests, "Received message larger than max");
  }
};

// Removes no sandbox that has its network still.
class StrictRuntime final : public cri::WrappedRuntime {
 public:
  explicit StrictRuntime(ContainerRuntime& inner) : WrappedRuntime(inner) {}
  Result<> StopPodSandbox(const std::string& id) override {
    stopped_.insert(id);
    return WrappedRuntime::StopPodSandbox(id);
  }
  Result<> RemovePodSandbox(const std::string& id) override {
    if (stopped_.contains(id)) return WrappedRuntime::RemovePodSandbox(id);
    return Fail(Reason::kUnknown, "sandbox network namespace is not fully closed");
  }

 private:
  std::set<std::string> stopped_;
};

class HousekeepingTest : public testing::Test {
 protected:
  HousekeepingTest() {
    sandbox_.metadata = {"web", "u1", "default", 0};
    sandbox_.labels = Labels();
    sandbox_id_ = *runtime_.RunPodSandbox(sandbox_, "");
  }
  ~HousekeepingTest() override { fs::remove_all(root_); }
  static std::string NewDirectory() {
    char name[] = "/tmp/skiff-housekeeping-XXXXXX";
    EXPECT_NE(mkdtemp(name), nullptr);
    return name;
  }
  static cri::StringMap Labels() {
    return {{kPodNameLabel, "web"},
            {kPodNamespaceLabel, "default"},
            {kPodUidLabel, "u1"},
            {kContainerNameLabel, "app"}};
  }
  // A container that has ended, with a log and a rotated one.
  void AddDead(uint32_t attempt) {
    cri::ContainerConfig config;
    config.metadata = {"app", attempt};
    config.labels = Labels();
    const auto id = runtime_.CreateContainer(sandbox_id_, config, sandbox_);
    ASSERT_TRUE(runtime_.StartContainer(*id));
    runtime_.Exit(*id, 1);
    fs::create_directories(Directory());
    const std::string log = Directory() + "/" + std::to_string(attempt) + ".log";
    std::ofstream(log) << "text";
    std::ofstream(log + ".20260102-030405") << "text";
    clock_.Advance(1s);
  }
  std::string Directory() const { return root_ + "/logs/default_web_u1/app"; }
  size_t Containers() { return runtime_.ListContainers({})->size(); }

  FakeClock clock_;
  SeededRandom random_{1};
  cri::FakeRuntime runtime_{clock_, random_, "10.1.0.0/24"};
  const std::string root_ = NewDirectory();
  cri::SandboxConfig sandbox_;
  std::string sandbox_id_;
  VolumeManager volumes_{root_, {}, clock_};
  std::set<std::string> known_ = {"u1"};
  PodCgroups cgroups_{{root_ + "/cgroup", "/pods", {}}};
  Resizes resizes_{{root_, {4000, int64_t{8} << 30}}, [](const std::string&) {}};
  Housekeeping housekeeping_{runtime_, {volumes_, cgroups_, resizes_}, root_ + "/logs", clock_,
                             [this] { return std::optional(known_); }};
};

TEST_F(HousekeepingTest, OfDeadContainersTheNewestStaysWithItsLogs) {
  for (uint32_t attempt = 0; attempt < 3; ++attempt) AddDead(attempt);
  EXPECT_EQ(housekeeping_.RemoveDead({}).value_or(-1), 2);
  EXPECT_EQ(Containers(), 1u);
  EXPECT_FALSE(fs::exists(Directory() + "/1.log"));
  EXPECT_FALSE(fs::exists(Directory() + "/1.log.20260102-030405"));
  EXPECT_TRUE(fs::exists(Directory() + "/2.log"));
  EXPECT_EQ(housekeeping_.RemoveDead({"u1"}).value_or(-1), 1);
  EXPECT_EQ(Containers(), 0u);
}

TEST_F(HousekeepingTest, WhatWasNeverStartedGoesOnceThereIsANewerOne) {
  cri::ContainerConfig config;
  config.metadata = {"app", 0};
  config.labels = Labels();
  ASSERT_TRUE(runtime_.CreateContainer(sandbox_id_, config, sandbox_));
  EXPECT_EQ(housekeeping_.RemoveDead({}).value_or(-1), 0) << "it may be about to start";
  AddDead(1);
  EXPECT_EQ(housekeeping_.RemoveDead({}).value_or(-1), 1);
  const auto left = runtime_.ListContainers({});
  ASSERT_EQ(left->size(), 1u);
  EXPECT_EQ(left->front().metadata.attempt, 1u);
}

TEST_F(HousekeepingTest, AnOldSandboxGivesItsNetworkBackBeforeItGoes) {
  ASSERT_TRUE(runtime_.StopPodSandbox(sandbox_id_));  // It has ended by itself.
  sandbox_.metadata.attempt = 1;
  const auto newer = runtime_.RunPodSandbox(sandbox_, "");
  ASSERT_TRUE(newer);
  StrictRuntime strict(runtime_);
  Housekeeping housekeeping(strict, {volumes_, cgroups_, resizes_}, root_ + "/logs", clock_,
                            [this] { return std::optional(known_); });
  EXPECT_TRUE(housekeeping.RemoveDead({}));
  const auto left = runtime_.ListPodSandboxes({});
  ASSERT_EQ(left->size(), 1u);
  EXPECT_EQ(left->front().id, *newer);
}

TEST_F(HousekeepingTest, NobodyKeepsItFromItsWorkByWhatHisPodsSay) {
  for (uint32_t attempt = 0; attempt < 2; ++attempt) AddDead(attempt);
  TalkativeRuntime talkative(runtime_);
  Housekeeping housekeeping(talkative, {volumes_, cgroups_, resizes_}, root_ + "/logs", clock_,
                            [this] { return std::optional(known_); });
  EXPECT_EQ(housekeeping.RemoveDead({}).value_or(-1), 1);
  known_.clear();
  housekeeping.Step();
  EXPECT_EQ(Containers(), 0u);
  EXPECT_TRUE(runtime_.ListPodSandboxes({})->empty());
}

TEST_F(HousekeepingTest, NothingIsLeftOfAPodThatNobodyKnows) {
  AddDead(0);
  housekeeping_.Step();
  EXPECT_EQ(Containers(), 1u);
  known_.clear();
  clock_.Advance(61s);
  housekeeping_.Step();
  EXPECT_EQ(Containers(), 0u);
  EXPECT_TRUE(runtime_.ListPodSandboxes({})->empty());
  clock_.Advance(61s);
  housekeeping_.Step();
  EXPECT_FALSE(fs::exists(root_ + "/logs/default_web_u1"));
}

TEST_F(HousekeepingTest, WhatIsKeptOfPodsThatWentWhileNoKubeletRanGoes) {
  for (const char* uid : {"u1", "u2"}) {
    core_v1::Pod pod;
    pod.metadata.uid = uid;
    auto& container = pod.spec.containers.emplace_back();
    container.name = "app";
    container.resources.requests["cpu"] = *Quantity::Parse("1");
    Resizes before({root_, {4000, int64_t{8} << 30}}, [](const std::string&) {});
    before.Admit(pod);
    before.SetActuated(uid, "app", container.resources);
  }
  for (const char* path : {"/podu1", "/podu2/inner", "/burstable/podu3", "/besteffort/podu4"}) {
    fs::create_directories(root_ + "/cgroup/pods" + path);
  }
  Resizes after({root_, {4000, int64_t{8} << 30}}, [](const std::string&) {});
  core_v1::Pod admitted;
  admitted.metadata.uid = "u5";
  after.Admit(admitted);
  Housekeeping(runtime_, {volumes_, cgroups_, after}, "", clock_, [this] {
    return std::optional(known_);
  }).Step();
  EXPECT_EQ(cgroups_.Pods(), std::vector<std::string>{"u1"});
  EXPECT_EQ(after.Actuated("u1").size(), 1u);
  EXPECT_TRUE(after.Actuated("u2").empty());
  for (const char* name : {"/allocated_pods_state", "/actuated_pods_state"}) {
    std::ifstream file(root_ + name);
    const Json entries = Json::parse(file).at("entries");
    EXPECT_TRUE(entries.contains("u1")) << name;
    EXPECT_FALSE(entries.contains("u2")) << name;
    EXPECT_EQ(entries.contains("u5"), name == std::string("/allocated_pods_state"));
  }
}

// It begins after the runtime was asked what runs.
TEST_F(HousekeepingTest, NothingIsTakenFromAPodThatBegins) {
  bool begins = false;
  Housekeeping housekeeping(runtime_, {volumes_, cgroups_, resizes_}, "", clock_, [&] {
    if (std::exchange(begins, true)) return std::optional(std::set<std::string>{"u1", "new"});
    return std::optional(std::set<std::string>{"u1"});
  });
  ASSERT_TRUE(volumes_.MakePodDirectory("new"));
  housekeeping.Step();
  EXPECT_EQ(volumes_.Pods(), std::vector<std::string>{"new"});
}

}  // namespace
}  // namespace skiff::kubelet
