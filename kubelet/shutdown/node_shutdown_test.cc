#include "kubelet/shutdown/node_shutdown.h"

#include <gmock/gmock.h>

#include <deque>
#include <limits>
#include <set>

#include "base/seconds.h"

namespace skiff::kubelet {
namespace {

std::shared_ptr<const core_v1::Pod> PodOfPriority(const std::string& uid, int32_t priority,
                                                  int64_t grace_s) {
  auto pod = std::make_shared<core_v1::Pod>();
  pod->metadata.uid = uid;
  pod->spec.priority = priority;
  pod->spec.termination_grace_period_seconds = grace_s;
  return pod;
}

TEST(ShutdownPlanTest, TwoPeriodsAreTwoGroups) {
  const auto groups = GroupsOf(30s, 10s);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].grace_s, 20);
  EXPECT_EQ(groups[1].grace_s, 10);
  EXPECT_EQ(groups[1].priority, 2'000'000'000);
  EXPECT_EQ(ShutdownTime(groups), 30s);
  EXPECT_TRUE(GroupsOf(0s, 0s).empty());
}

// As the configuration may state them.
TEST(ShutdownPlanTest, TimesOfGroupsMayBeAnyNumbers) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(ShutdownTime({{0, kMost}, {1, kMost}, {2, kMost}, {3, 20}}), Seconds(kMost));
  EXPECT_LT(ShutdownTime({{0, -kMost}, {1, -kMost}, {2, -kMost}}), 0s);
}

TEST(ShutdownPlanTest, APodBelongsToTheGroupThatIsNotAboveIt) {
  const auto groups = Grouped(
      {{100, 10}, {0, 20}, {1000, 5}},
      {PodOfPriority("low", -5, 30), PodOfPriority("zero", 0, 30), PodOfPriority("99", 99, 30),
       PodOfPriority("100", 100, 30), PodOfPriority("high", 5000, 3)});
  ASSERT_EQ(groups.size(), 3u);
  EXPECT_EQ(groups[0].pods.size(), 3u);
  EXPECT_EQ(groups[1].pods.at(0)->metadata.uid, "100");
  EXPECT_EQ(groups[2].pods.at(0)->metadata.uid, "high");
  EXPECT_EQ(ShutdownGrace(groups[0], *groups[0].pods[0]), 20);
  EXPECT_EQ(ShutdownGrace(groups[2], *groups[2].pods[0]), 3);
}

// What logind would do; the test looks at it.
struct LoginState {
  bool is_there = true;
  bool is_lost = false;
  bool is_held = false;
  int locks = 0;
  Duration delay = 5s;
  std::optional<Duration> set_delay;
  std::deque<bool> told;
};

class FakeLogin final : public LoginManager {
 public:
  explicit FakeLogin(LoginState& state) : state_(state) {}
  Result<> Connect() override {
    if (!state_.is_there) return Fail(Reason::kServiceUnavailable, "no such file");
    state_.is_lost = false;
    return {};
  }
  Result<Duration> DelayMax() override { return state_.delay; }
  Result<> SetDelayMax(Duration delay) override {
    state_.set_delay = delay;
    return {};
  }
  Result<> Lock() override {
    state_.is_held = true;
    ++state_.locks;
    return {};
  }
  void Release() override { state_.is_held = false; }
  Result<std::optional<bool>> Told() override {
    if (state_.is_lost) return Fail(Reason::kServiceUnavailable, "hung up");
    if (state_.told.empty()) return std::optional<bool>();
    const bool next = state_.told.front();
    state_.told.pop_front();
    return std::optional<bool>(next);
  }

 private:
  LoginState& state_;
};

class NodeShutdownTest : public testing::Test {
 protected:
  // Steps until `length` has passed.
  void Run(Duration length) {
    const Duration until = clock_.Monotonic() + length;
    while (clock_.Monotonic() <= until) {
      const Duration wait = shutdown_.Step();
      clock_.Advance(std::clamp<Duration>(wait, 1ms, 100ms));
    }
  }

  FakeClock clock_;
  LoginState login_;
  NodeShutdown::Pods pods_;
  std::map<std::string, int64_t> ended_;
  std::set<std::string> gone_;
  std::vector<bool> told_;
  NodeShutdown shutdown_{
      GroupsOf(30s, 10s),
      std::make_unique<FakeLogin>(login_),
      clock_,
      {[this] { return pods_; },
       [this](const core_v1::Pod& pod, int64_t grace_s) { ended_[pod.metadata.uid] = grace_s; },
       [this](const std::string& uid) { return gone_.contains(uid); },
       [this](bool begins) { told_.push_back(begins); }}};
};

TEST_F(NodeShutdownTest, AShutdownWaitsForPodsByTheirPriorities) {
  login_.delay = 60s;
  pods_ = {PodOfPriority("app", 0, 60), PodOfPriority("quick", 0, 2),
           PodOfPriority("dns", 2'000'000'000, 60)};
  Run(1s);
  EXPECT_TRUE(login_.is_held);
  EXPECT_FALSE(login_.set_delay);
  EXPECT_FALSE(shutdown_.is_under_way());
  login_.told = {true};
  Run(1s);
  EXPECT_TRUE(shutdown_.is_under_way());
  EXPECT_EQ(ended_, (std::map<std::string, int64_t>{{"app", 20}, {"quick", 2}}));
  gone_ = {"app", "quick"};
  Run(1s);
  EXPECT_EQ(ended_["dns"], 10);
  Run(5s);
  EXPECT_TRUE(login_.is_held);
  Run(6s);
  EXPECT_FALSE(login_.is_held) << "it is given up when its time is over";
  EXPECT_EQ(told_, std::vector<bool>{true});
}

TEST_F(NodeShutdownTest, OneThatIsCalledOffMayComeAgain) {
  login_.delay = 60s;
  Run(1s);
  login_.told = {true};
  Run(1s);
  EXPECT_FALSE(login_.is_held) << "there was nobody to wait for";
  login_.told = {false};
  Run(1s);
  EXPECT_TRUE(login_.is_held);
  EXPECT_FALSE(shutdown_.is_under_way());
  pods_ = {PodOfPriority("app", 0, 60)};
  login_.told = {true};
  Run(1s);
  EXPECT_EQ(ended_.count("app"), 1u);
  EXPECT_TRUE(login_.is_held);
}

TEST_F(NodeShutdownTest, LogindIsToldToWaitLongEnough) {
  Run(300ms);
  EXPECT_EQ(login_.set_delay, 30s);
  EXPECT_FALSE(login_.is_held);
  login_.delay = 30s;
  Run(1s);
  EXPECT_TRUE(login_.is_held);
}

TEST_F(NodeShutdownTest, ALostConnectionIsMadeAgainWithoutLosingTheLock) {
  login_.delay = 60s;
  Run(1s);
  login_.is_lost = true;
  login_.is_there = false;
  Run(3s);
  EXPECT_TRUE(login_.is_held);
  login_.is_there = true;
  Run(2s);
  EXPECT_EQ(login_.locks, 2);
  login_.told = {true};
  Run(1s);
  EXPECT_TRUE(shutdown_.is_under_way());
}

}  // namespace
}  // namespace skiff::kubelet
