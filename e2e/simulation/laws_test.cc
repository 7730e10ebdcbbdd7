#include "e2e/simulation/laws.h"

#include <gtest/gtest.h>

#include "api/codec/json.h"

namespace skiff {
namespace {

using core_v1::Pod;

// A node of two CPUs, and pods that ask for one each.
class RoomTest : public testing::Test {
 protected:
  RoomTest() {
    laws_.Take("nodes", R"({"metadata": {"name": "n"}, "status": {"allocatable": {"cpu": "2"}}})",
               false);
  }
  void Tell(const std::string& name, const std::string& phase, const std::string& node = "n") {
    Pod pod;
    pod.metadata.name = name;
    pod.metadata.uid = name;
    pod.spec.node_name = node;
    pod.status.phase = phase;
    auto& container = pod.spec.containers.emplace_back();
    container.resources.requests["cpu"] = *Quantity::Parse("1");
    laws_.TakePod(pod, false);
  }

  FakeClock clock_;
  std::vector<std::string> complaints_;
  bool statuses_come_late_ = false;
  Laws laws_{{[this](std::string text) { complaints_.push_back(std::move(text)); }, clock_,
              [](const std::string&) { return false; },
              [this](const ObjectKey&) { return statuses_come_late_; }}};
};

TEST_F(RoomTest, IsNotPromisedTwice) {
  for (const char* name : {"a", "b"}) Tell(name, "Pending");
  EXPECT_TRUE(complaints_.empty());
  Tell("b", "Succeeded");
  Tell("c", "Pending");
  EXPECT_TRUE(complaints_.empty()) << "one has ended";
  Tell("d", "Pending");
  EXPECT_EQ(complaints_, std::vector<std::string>{"pods on n ask for 3000m CPU of 2000m"});
}

TEST_F(RoomTest, IsGivenAwayByAPodThatHasEndedWhateverALateStatusSays) {
  statuses_come_late_ = true;
  for (const char* name : {"a", "b"}) Tell(name, "Running");
  Tell("b", "Failed");
  Tell("c", "Pending");
  Tell("b", "Running");
  Tell("c", "Failed");
  Tell("d", "Pending");
  EXPECT_TRUE(complaints_.empty());
}

}  // namespace
}  // namespace skiff
