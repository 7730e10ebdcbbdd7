#include "kubelet/simulation/simulated_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff::kubelet {
namespace {

using testing::HasSubstr;

class SimulatedLogTest : public testing::Test {
 protected:
  SimulatedLogTest() {
    pod_.metadata.namespace_ = "default";
    pod_.metadata.name = "web";
    auto& container = pod_.spec.containers.emplace_back();
    container.name = "main";
    container.command = {"sh", "-c"};
    container.args = {"echo a\necho b"};
    status_.metadata.name = "main";
    status_.image.image = "web:1";
    status_.state = cri::ContainerState::kRunning;
    status_.started_at = TimePoint(1'700'000'000s);
  }
  void End() {
    status_.state = cri::ContainerState::kExited;
    status_.exit_code = 3;
    status_.finished_at = TimePoint(1'700'000'060s);
  }
  std::string Shown(const LogOptions& options) {
    return ShownLog(SimulatedLog(pod_, status_), options);
  }
  core_v1::Pod pod_;
  cri::ContainerStatus status_;
};

TEST_F(SimulatedLogTest, SaysWhatItStandsForAndHowItEnded) {
  EXPECT_EQ(Shown({}),
            "simulated container main of default/web started: image web:1\n"
            "it stands for: sh -c echo a echo b\n");
  End();
  EXPECT_THAT(Shown({}), HasSubstr("\nexit code 3\n"));
}

TEST_F(SimulatedLogTest, IsCutAsTheClientAsks) {
  End();
  EXPECT_EQ(Shown({.tail_lines = 1}), "exit code 3\n");
  EXPECT_EQ(Shown({.tail_lines = 0}), "");
  EXPECT_EQ(Shown({.limit_bytes = 9}), "simulated");
  EXPECT_EQ(Shown({.since = TimePoint(1'700'000'030s)}), "exit code 3\n");
  EXPECT_EQ(Shown({.timestamps = true, .tail_lines = 1}),
            "2023-11-14T22:14:20.000000000Z exit code 3\n");
}

TEST_F(SimulatedLogTest, WhoFollowsIsSentTheEndWhenItComes) {
  auto followed = std::make_shared<FollowedContainer>("id");
  SimulatedLogStream stream([this] { return SimulatedLog(pod_, status_); },
                            {.follow = true, .tail_lines = 1}, followed);
  int woken = 0;
  stream.Attach([&] { ++woken; });
  std::vector<http::SharedBytes> out;
  EXPECT_EQ(stream.Pull(1000, out), http::Pulled::kIdle);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(*out[0], "it stands for: sh -c echo a echo b\n");
  End();
  followed->End();
  EXPECT_EQ(woken, 1);
  EXPECT_EQ(stream.Pull(1000, out), http::Pulled::kEnd);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(*out[1], "exit code 3\n");
}

}  // namespace
}  // namespace skiff::kubelet
