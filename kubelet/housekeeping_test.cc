#include "kubelet/housekeeping.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "kubelet/cri_fake.h"
#include "kubelet/pod_observed.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

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
  Housekeeping housekeeping_{runtime_, volumes_, root_ + "/logs", clock_,
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

}  // namespace
}  // namespace skiff::kubelet
