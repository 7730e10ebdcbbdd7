#include "kubelet/cgroup_driver.h"

#include <gtest/gtest.h>

#include <vector>

#include "kubelet/metered_runtime.h"
#include "kubelet/runtime_test_wrapper.h"

namespace skiff::kubelet {
namespace {

class DrivenRuntime final : public cri::WrappedRuntime {
 public:
  explicit DrivenRuntime(ContainerRuntime& inner) : WrappedRuntime(inner) {}
  Result<std::string> CgroupDriver() override {
    ++asked;
    return driver;
  }
  Result<std::string> driver = Fail(Reason::kServiceUnavailable, "connection refused");
  int asked = 0;
};

class CgroupDriverTest : public testing::Test {
 protected:
  bool MakesSandbox() { return metered_->RunPodSandbox({}, "").has_value(); }
  FakeClock clock_;
  SeededRandom random_{1};
  cri::FakeRuntime fake_{clock_, random_, "10.1.0.0/24"};
  DrivenRuntime runtime_{fake_};
  std::vector<std::string> told_;
  CgroupDriverCheck check_{runtime_, "cgroupfs",
                           [this](const std::string& said) { told_.push_back(said); }};
  KubeletMetrics metrics_{"node-1"};
  const std::unique_ptr<ContainerRuntime> metered_ =
      MakeMeteredRuntime(runtime_, clock_, metrics_, [this] { return check_.Ensure(); });
};

TEST_F(CgroupDriverTest, NoSandboxIsMadeBeforeARuntimeThatWasAwayHasSaidItsDriver) {
  EXPECT_FALSE(MakesSandbox());
  EXPECT_FALSE(metered_->Status()) << "a node that runs nothing is not ready";
  EXPECT_TRUE(fake_.ListPodSandboxes({})->empty());
  runtime_.driver = "cgroupfs";
  EXPECT_TRUE(metered_->Status());
  EXPECT_TRUE(MakesSandbox());
  EXPECT_EQ(runtime_.asked, 3) << "then it is known";
  EXPECT_TRUE(told_.empty());
}

TEST_F(CgroupDriverTest, ThatItIsAnotherIsToldOnceAndNoSandboxIsMadeWithIt) {
  runtime_.driver = "systemd";
  EXPECT_FALSE(metered_->Status());
  EXPECT_FALSE(MakesSandbox());
  EXPECT_EQ(told_, std::vector<std::string>{"systemd"});
}

TEST_F(CgroupDriverTest, ARuntimeThatDoesNotSayIsTakenAsItIsConfigured) {
  runtime_.driver = "";
  EXPECT_TRUE(MakesSandbox());
  EXPECT_TRUE(told_.empty());
}

}  // namespace
}  // namespace skiff::kubelet
