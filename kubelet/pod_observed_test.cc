#include "kubelet/pod_observed.h"

#include <gtest/gtest.h>

namespace skiff::kubelet {
namespace {

class PreviousAttemptTest : public testing::Test {
 protected:
  void HasAttempts(const std::vector<std::string>& newest_first) {
    for (const std::string& id : newest_first) {
      pod_.containers["app"].emplace_back().status.id = id;
    }
  }
  void LastState(std::vector<core_v1::ContainerStatus>& statuses, const std::string& name,
                 const std::string& id) {
    auto& status = statuses.emplace_back();
    status.name = name;
    status.last_state.terminated.emplace().container_id = "containerd://" + id;
  }
  std::string Previous() const {
    const ObservedContainer* found = pod_.Previous("app", status_);
    return found == nullptr ? "none" : found->status.id;
  }
  ObservedPod pod_;
  core_v1::PodStatus status_;
};

TEST_F(PreviousAttemptTest, IsTheOneBeforeTheRunningOne) {
  HasAttempts({"third", "second", "first"});
  EXPECT_EQ(Previous(), "second");
  LastState(status_.container_statuses, "app", "second");
  EXPECT_EQ(Previous(), "second");
}

TEST_F(PreviousAttemptTest, IsTheNewestWhileThatIsBackedOffFrom) {
  HasAttempts({"second", "first"});
  LastState(status_.container_statuses, "app", "second");
  EXPECT_EQ(Previous(), "second");
}

TEST_F(PreviousAttemptTest, IsFoundAfterHousekeepingKeptOneOnly) {
  HasAttempts({"fifth"});
  LastState(status_.init_container_statuses, "app", "fifth");
  EXPECT_EQ(Previous(), "fifth");
}

TEST_F(PreviousAttemptTest, LooksAtItsOwnContainerAlone) {
  HasAttempts({"second", "first"});
  LastState(status_.container_statuses, "sidecar", "second");
  EXPECT_EQ(Previous(), "first");
}

TEST_F(PreviousAttemptTest, IsNoneBeforeAnythingEnded) {
  EXPECT_EQ(Previous(), "none");
  HasAttempts({"only"});
  EXPECT_EQ(Previous(), "none");
  LastState(status_.container_statuses, "app", "removed");
  EXPECT_EQ(Previous(), "none");
}

}  // namespace
}  // namespace skiff::kubelet
