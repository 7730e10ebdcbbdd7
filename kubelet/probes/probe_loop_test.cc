#include "kubelet/probes/probe_loop.h"

#include <gtest/gtest.h>

#include "client/manager.h"
#include "client/transport.h"
#include "kubelet/runtime_test_wrapper.h"

namespace skiff::kubelet {
namespace {

// Its commands end as told, or not before they are let go.
class CommandRuntime final : public cri::WrappedRuntime {
 public:
  explicit CommandRuntime(ContainerRuntime& inner) : WrappedRuntime(inner) {}
  Result<cri::ExecResult> ExecSync(const std::string&, const std::vector<std::string>& command,
                                   Duration) override {
    MutexLock lock(mutex_);
    command_ = command;
    ++calls_;
    changed_.notify_all();
    while (is_held_) changed_.wait(lock);
    if (error_) return tl::unexpected(*error_);
    cri::ExecResult result;
    result.exit_code = exit_code_;
    return result;
  }
  void Answer(int exit_code) {
    MutexLock lock(mutex_);
    exit_code_ = exit_code;
    error_.reset();
  }
  void Answer(Error error) {
    MutexLock lock(mutex_);
    error_ = std::move(error);
  }
  void Hold(bool held) {
    MutexLock lock(mutex_);
    is_held_ = held;
    changed_.notify_all();
  }
  int calls() const {
    MutexLock lock(mutex_);
    return calls_;
  }
  std::vector<std::string> command() const {
    MutexLock lock(mutex_);
    return command_;
  }
  void WaitForCall() {
    MutexLock lock(mutex_);
    while (calls_ == 0) changed_.wait(lock);
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  bool is_held_ GUARDED_BY(mutex_) = false;
  int calls_ GUARDED_BY(mutex_) = 0;
  std::vector<std::string> command_ GUARDED_BY(mutex_);
  int exit_code_ GUARDED_BY(mutex_) = 0;
  std::optional<Error> error_ GUARDED_BY(mutex_);
};

class ProbeLoopTest : public testing::Test {
 protected:
  ProbeLoopTest() {
    probe_.exec.emplace().command = {"check"};
    probe_.period_seconds = 10;
    probe_.failure_threshold = 3;
    probe_.success_threshold = 1;
    probe_.timeout_seconds = 1;
  }
  ~ProbeLoopTest() override {
    if (loop_) executor_.Remove(*loop_);
  }
  ProbeLoop& Start(ProbeKind kind, ProbeTarget target, TaskPool& tasks) {
    loop_ = std::make_unique<ProbeLoop>(
        ProbeLoop::Spec{kind, pod_, container_, probe_, std::move(target)},
        ProbeManager::Dependencies{
            runtime_, executor_, clock_, events_, loops_, tasks, {}, nullptr, &room_},
        [] { return true; }, [this] { ++changes_; });
    executor_.Add(*loop_);
    return *loop_;
  }
  ProbeLoop& Start(ProbeKind kind, ProbeTarget target) {
    return Start(kind, std::move(target), tasks_);
  }

  FakeClock clock_;
  SeededRandom random_{3};
  SteppedExecutor executor_{clock_, 3};
  InProcessTransport transport_{[](const http::Request&) { return http::Response(); }};
  Client client_{transport_, "kubelet"};
  InformerFactory informers_{Reflector::Dependencies{client_, clock_, random_}};
  Manager manager_{Manager::Dependencies{transport_, clock_, random_, informers_, "kubelet"}};
  EventRecorder& events_ = manager_.Recorder("kubelet", "node-1");
  cri::FakeRuntime fake_{clock_, random_, "10.1.0.0/24"};
  CommandRuntime runtime_{fake_};
  http::Loops loops_{1};
  TaskPool tasks_{executor_};
  ThreadRoom room_{ThreadRoom::Limits{.of_pod = 2, .of_all = 4}};
  core_v1::Pod pod_;
  core_v1::Container container_;
  core_v1::Probe probe_;
  int changes_ = 0;
  std::unique_ptr<ProbeLoop> loop_;
};

TEST_F(ProbeLoopTest, CommandsReferToVariablesThatTheSpecSets) {
  probe_.exec->command = {"check", "$(PORT)/$(NAME)", "$(OTHER)", "$$(PORT)"};
  auto& port = container_.env.emplace_back();
  port.name = "PORT";
  port.value = "8080";
  auto& name = container_.env.emplace_back();
  name.name = "NAME";
  name.value_from.Ensure().field_ref.Ensure().field_path = "metadata.name";
  Start(ProbeKind::kReadiness, {"id", "10.0.0.1"});
  executor_.RunFor(5s);
  EXPECT_EQ(runtime_.command(),
            (std::vector<std::string>{"check", "8080/", "$(OTHER)", "$(PORT)"}));
}

// The kubelet throws such a result away: the container is not killed for it.
TEST_F(ProbeLoopTest, APortThatTheContainerDoesNotHaveIsNoFailureOfTheContainer) {
  for (const bool is_http : {false, true}) {
    probe_ = core_v1::Probe();
    probe_.failure_threshold = 1;
    if (is_http) {
      probe_.http_get.emplace().port = IntOrString("web");
    } else {
      probe_.tcp_socket.emplace().port = IntOrString("web");
    }
    ProbeLoop& loop = Start(ProbeKind::kLiveness, {"id", "127.0.0.1"});
    executor_.RunFor(30s);
    EXPECT_NE(loop.result(), ProbeResult::kFailure);
    executor_.Remove(loop);
  }
  loop_.reset();
}

TEST_F(ProbeLoopTest, ANewContainerIsNotReadyBeforeItsFirstSuccess) {
  runtime_.Answer(1);
  ProbeLoop& loop = Start(ProbeKind::kReadiness, {"id", "10.0.0.1"});
  EXPECT_EQ(loop.result(), ProbeResult::kFailure);
  executor_.RunFor(5s);
  EXPECT_EQ(loop.result(), ProbeResult::kFailure);
  runtime_.Answer(0);
  executor_.RunFor(10s);
  EXPECT_EQ(loop.result(), ProbeResult::kSuccess);
  EXPECT_EQ(changes_, 1);
}

TEST_F(ProbeLoopTest, AClockThatWasSetBackDelaysNothing) {
  probe_.initial_delay_seconds = 5;
  Start(ProbeKind::kReadiness, {"id", "10.0.0.1", clock_.Now() + 1h});
  executor_.RunFor(4s);
  EXPECT_EQ(runtime_.calls(), 0);
  executor_.RunFor(2s);
  EXPECT_EQ(runtime_.calls(), 1);
}

TEST_F(ProbeLoopTest, OneThatWasReadyStaysSoUntilItFailedOftenEnough) {
  runtime_.Answer(1);
  ProbeLoop& loop = Start(ProbeKind::kReadiness, {"id", "10.0.0.1", {}, true, true});
  EXPECT_EQ(loop.result(), ProbeResult::kSuccess);
  executor_.RunFor(15s);
  EXPECT_EQ(runtime_.calls(), 2);
  EXPECT_EQ(loop.result(), ProbeResult::kSuccess);
  executor_.RunFor(10s);
  EXPECT_EQ(loop.result(), ProbeResult::kFailure);
}

TEST_F(ProbeLoopTest, WhatHasStartedIsNotAskedWhetherItHas) {
  runtime_.Answer(1);
  ProbeLoop& loop = Start(ProbeKind::kStartup, {"id", "10.0.0.1", {}, true, false});
  executor_.RunFor(100s);
  EXPECT_EQ(loop.result(), ProbeResult::kSuccess);
  EXPECT_EQ(runtime_.calls(), 0);
}

TEST_F(ProbeLoopTest, ARuntimeThatIsAwayCountsForNothing) {
  runtime_.Answer(Error{Reason::kServiceUnavailable, "connection refused"});
  ProbeLoop& loop = Start(ProbeKind::kLiveness, {"id", "10.0.0.1"});
  executor_.RunFor(100s);
  EXPECT_GE(runtime_.calls(), 10);
  EXPECT_EQ(loop.result(), ProbeResult::kSuccess);
  // A command that takes too long does count.
  runtime_.Answer(Error{Reason::kTimeout, "deadline exceeded"});
  executor_.RunFor(40s);
  EXPECT_EQ(loop.result(), ProbeResult::kFailure);
}

TEST_F(ProbeLoopTest, ACommandThatHangsHoldsNobody) {
  ThreadExecutor threads("calls", 2);
  TaskPool tasks(threads);
  runtime_.Hold(true);
  Start(ProbeKind::kLiveness, {"id", "10.0.0.1"}, tasks);
  executor_.RunFor(1ms);  // Returns although the command has not.
  runtime_.WaitForCall();
  executor_.RunFor(5s);
  executor_.Remove(*loop_);  // Nor does the end of the probe wait for it.
  loop_.reset();
  EXPECT_EQ(runtime_.calls(), 1);
  runtime_.Hold(false);
}

TEST_F(ProbeLoopTest, ARuntimeThatIsSlowSaysNothingOfTheContainer) {
  ThreadExecutor threads("calls", 2);
  TaskPool tasks(threads);
  runtime_.Hold(true);
  probe_.failure_threshold = 1;
  ProbeLoop& loop = Start(ProbeKind::kLiveness, {"id", "10.0.0.1"}, tasks);
  executor_.RunFor(1ms);
  runtime_.WaitForCall();
  executor_.RunFor(60s);
  EXPECT_EQ(loop.result(), ProbeResult::kSuccess);
  executor_.RunFor(90s);
  EXPECT_EQ(loop.result(), ProbeResult::kFailure) << "one that never answers is given up";
  EXPECT_EQ(runtime_.calls(), 1);
  executor_.Remove(loop);
  loop_.reset();
  runtime_.Hold(false);
}

// A pod may have a thousand probes, each of which may take days: other pods' need threads as well.
TEST_F(ProbeLoopTest, AProbeWaitsWhileItsPodHoldsAllThreadsThatItMay) {
  pod_.metadata.uid = "greedy";
  std::vector<std::shared_ptr<void>> places;
  for (int i = 0; i < 2; ++i) places.push_back(room_.Enter("greedy"));
  EXPECT_FALSE(room_.Enter("greedy"));
  Start(ProbeKind::kReadiness, {"id", "10.0.0.1"});
  executor_.RunFor(5s);
  EXPECT_EQ(runtime_.calls(), 0);
  places.pop_back();
  executor_.RunFor(2s);
  EXPECT_EQ(runtime_.calls(), 1);
  executor_.RunFor(10s);
  EXPECT_EQ(runtime_.calls(), 2) << "the place was given back";
}

}  // namespace
}  // namespace skiff::kubelet
