#include "kubelet/lifecycle_hooks.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "http/socket.h"
#include "kubelet/kubelet_metrics.h"
#include "kubelet/pod_worker_fixture.h"

namespace skiff::kubelet {
namespace {

std::string Failure(const core_v1::LifecycleHandler& handler, LifecycleHooks& hooks) {
  const auto run = hooks.Run(handler, {}, {}, "id", "10.0.0.1", 0ns);
  return run ? "" : run.error().message;
}

class LifecycleHooksTest : public PodWorkerTest {};

TEST_F(LifecycleHooksTest, AConnectionIsNoHook) {
  core_v1::LifecycleHandler handler;
  handler.tcp_socket.emplace().port = IntOrString(8080);
  EXPECT_EQ(Failure(handler, hooks_),
            "Cannot run handler: invalid handler: &LifecycleHandler{Exec:nil,HTTPGet:nil,"
            "TCPSocket:&TCPSocketAction{Port:{0 8080 },Host:,},Sleep:nil,}");
  handler.tcp_socket->port = IntOrString("web");
  handler.tcp_socket->host = "db";
  EXPECT_EQ(Failure(handler, hooks_),
            "Cannot run handler: invalid handler: &LifecycleHandler{Exec:nil,HTTPGet:nil,"
            "TCPSocket:&TCPSocketAction{Port:{1 0 web},Host:db,},Sleep:nil,}");
}

TEST_F(LifecycleHooksTest, WithoutANetworkRequestsCountAsAnswered) {
  core_v1::LifecycleHandler handler;
  handler.http_get.emplace().path = "/";
  EXPECT_EQ(Failure(handler, hooks_), "");
}

TEST_F(LifecycleHooksTest, AContainerWhoseHookIsNoneIsStopped) {
  auto& hook = pod_.spec.containers[0].lifecycle.emplace().post_start.emplace();
  hook.tcp_socket.emplace().port = IntOrString(80);
  worker_ = std::make_unique<PodWorker>(context_, std::make_shared<core_v1::Pod>(pod_));
  executor_.Add(*worker_);
  executor_.RunUntilIdle();
  EXPECT_TRUE(Running("app").empty());
  EXPECT_EQ(runtime_.stops().size(), 1u);
  const auto status = Status();
  const auto& waiting = status.container_statuses.at(0).state.waiting;
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->reason, "PostStartHookError");
  EXPECT_THAT(Events(), testing::IsSupersetOf(
                            {"FailedPostStartHook spec.containers{app} PostStartHook failed",
                             "Killing spec.containers{app} FailedPostStartHook"}));
  EXPECT_THAT(Events(), testing::Not(testing::Contains(testing::StartsWith("Failed "))))
      << "what a hook says is for nobody but who may see the pod";
}

TEST_F(LifecycleHooksTest, OnTheHostsNetworkTheNodesAddressIsAsked) {
  http::Loops loops(1);
  std::destroy_at(&hooks_);
  std::construct_at(&hooks_, runtime_, &loops, events_, [](Duration) {});
  node_ips_ = {"127.0.0.1"};
  pod_.spec.host_network = true;
  auto& hook = pod_.spec.containers[0].lifecycle.emplace().post_start.emplace();
  hook.http_get.emplace().port = IntOrString(1);
  worker_ = std::make_unique<PodWorker>(context_, std::make_shared<core_v1::Pod>(pod_));
  executor_.Add(*worker_);
  executor_.RunUntilIdle();
  const auto status = Status();
  const auto& waiting = status.container_statuses.at(0).state.waiting;
  ASSERT_TRUE(waiting);
  EXPECT_THAT(waiting->message, testing::HasSubstr("Get \"http://127.0.0.1:1/"));
  executor_.Remove(*worker_);
  worker_.reset();
  std::destroy_at(&hooks_);
  std::construct_at(&hooks_, runtime_, nullptr, events_, [](Duration) {});
}

// As whoever speaks no TLS does it: what comes is no request, and the next one is.
TEST_F(LifecycleHooksTest, WhoAsksForTlsWhereThereIsNoneIsAnsweredWithoutIt) {
  http::Loops loops(1);
  KubeletMetrics metrics("n1");
  LifecycleHooks hooks(
      runtime_, &loops, events_, [](Duration) {}, &metrics);
  const int listener = *http::ListenOn({.host = "127.0.0.1"});
  std::string asked;
  std::jthread server([&] {
    for (int connection = 0; connection < 2; ++connection) {
      pollfd coming{.fd = listener, .events = POLLIN, .revents = 0};
      poll(&coming, 1, -1);  // The listener itself does not block.
      const int fd = accept(listener, nullptr, nullptr);
      char text[4096];
      const ssize_t count = recv(fd, text, sizeof text, 0);
      asked.assign(text, static_cast<size_t>(std::max<ssize_t>(count, 0)));
      const std::string_view answer = "HTTP/1.0 400 Bad Request\r\n\r\n";
      (void)!send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
      close(fd);
    }
  });
  core_v1::LifecycleHandler handler;
  auto& get = handler.http_get.emplace();
  get.scheme = "HTTPS";
  get.path = "/up";
  get.host = "127.0.0.1";
  get.port = IntOrString(http::LocalPort(listener));
  get.http_headers.resize(2);
  get.http_headers[0].name = "Authorization";
  get.http_headers[0].value = "Bearer secret";
  get.http_headers[1].name = "X-A";
  get.http_headers[1].value = "b";
  EXPECT_EQ(Failure(handler, hooks), "");
  server.join();
  close(listener);
  EXPECT_THAT(metrics.registry.Text(),
              testing::HasSubstr("\nkubelet_lifecycle_handler_http_fallbacks_total 1\n"));
  EXPECT_THAT(asked, testing::AllOf(testing::StartsWith("GET /up HTTP/1.1\r\n"),
                                    testing::HasSubstr("X-A: b\r\n"),
                                    testing::Not(testing::HasSubstr("secret"))));
  EXPECT_THAT(Events(), testing::ElementsAre(fmt::format(
                            "LifecycleHTTPFallback  request to HTTPS lifecycle hook 127.0.0.1:{} "
                            "got HTTP response, retry with HTTP succeeded",
                            get.port.value())));
}

TEST_F(LifecycleHooksTest, SleepsThatAreCutShortAreCounted) {
  KubeletMetrics metrics("n1");
  std::vector<Duration> pauses;
  LifecycleHooks hooks(
      runtime_, nullptr, events_, [&](Duration pause) { pauses.push_back(pause); }, &metrics);
  core_v1::LifecycleHandler handler;
  handler.sleep.emplace().seconds = 5;
  const core_v1::Pod pod;
  const core_v1::Container container;
  for (const Duration timeout : {Duration(0), Duration(5s), Duration(2s)}) {
    EXPECT_TRUE(hooks.Run(handler, pod, container, "id", "", timeout));
  }
  EXPECT_THAT(pauses, testing::ElementsAre(Duration(5s), Duration(5s), Duration(2s)));
  EXPECT_THAT(metrics.registry.Text(),
              testing::HasSubstr("\nkubelet_sleep_action_terminated_early_total 1\n"));
}

TEST_F(LifecycleHooksTest, AContainerWhoseHookHasFailedStopsWithItsOtherHook) {
  auto& lifecycle = pod_.spec.containers[0].lifecycle.emplace();
  lifecycle.post_start.emplace().tcp_socket.emplace().port = IntOrString(80);
  lifecycle.pre_stop.emplace().exec.emplace().command = {"leave"};
  runtime_.exec_result = cri::ExecResult{"", "", 0};
  worker_ = std::make_unique<PodWorker>(context_, std::make_shared<core_v1::Pod>(pod_));
  executor_.Add(*worker_);
  executor_.RunUntilIdle();
  EXPECT_EQ(runtime_.execs, 1);
  EXPECT_EQ(runtime_.stops().size(), 1u);
  EXPECT_EQ(Status().container_statuses.at(0).state.waiting->reason, "PostStartHookError");
}

TEST_F(LifecycleHooksTest, WhileAContainerStopsWhoseHookHasFailedNothingIsStarted) {
  auto& lifecycle = pod_.spec.containers[0].lifecycle.emplace();
  lifecycle.post_start.emplace().tcp_socket.emplace().port = IntOrString(80);
  lifecycle.pre_stop.emplace().sleep.emplace().seconds = 20;
  auto& next = pod_.spec.containers.emplace_back();
  next.name = "next";
  next.image = "img:1";
  StartWorker();
  EXPECT_TRUE(runtime_.stops().empty()) << "its hook lets time pass";
  EXPECT_EQ(Running("app").size(), 1u);
  EXPECT_TRUE(Running("next").empty());
  EXPECT_TRUE(Status().container_statuses.at(0).state.waiting);
  executor_.RunFor(60s);
  ASSERT_FALSE(runtime_.stops().empty());
  EXPECT_LE(runtime_.stops().front().second, 10s) << "the hook's time is of the grace period";
  EXPECT_EQ(Running("next").size(), 1u) << "while the first one backs off";
}

TEST_F(LifecycleHooksTest, TheOthersStartAtOnceWhereTheHookOfOneHasFailed) {
  pod_.spec.containers[0].lifecycle.emplace().post_start.emplace().tcp_socket.emplace().port =
      IntOrString(80);
  auto& next = pod_.spec.containers.emplace_back();
  next.name = "next";
  next.image = "img:1";
  worker_ = std::make_unique<PodWorker>(context_, std::make_shared<core_v1::Pod>(pod_));
  executor_.Add(*worker_);
  executor_.RunUntilIdle();
  EXPECT_EQ(Running("next").size(), 1u) << "and not behind the second attempt of the first one";
  EXPECT_EQ(runtime_.stops().size(), 1u);
  EXPECT_EQ(Status().container_statuses.at(0).state.waiting->reason, "PostStartHookError");
  EXPECT_TRUE(Status().container_statuses.at(1).state.running);
  executor_.RunFor(2s);
  EXPECT_EQ(runtime_.stops().size(), 2u) << "the first one was tried again";
}

TEST_F(LifecycleHooksTest, AContainerRunsOnceItsHookHasLetTimePass) {
  auto& hook = pod_.spec.containers[0].lifecycle.emplace().post_start.emplace();
  hook.sleep.emplace().seconds = 5;
  StartWorker();
  ASSERT_EQ(Running("app").size(), 1u);
  EXPECT_TRUE(Status().container_statuses.at(0).state.waiting);
  executor_.RunFor(5s);
  EXPECT_TRUE(Status().container_statuses.at(0).state.running);
}

TEST_F(LifecycleHooksTest, WhileAHookRunsTheOtherContainersAreToldOf) {
  auto& late = pod_.spec.containers.emplace_back();
  late.name = "late";
  late.image = "img:1";
  late.lifecycle.emplace().post_start.emplace().sleep.emplace().seconds = 60;
  StartWorker();
  ASSERT_EQ(Running("late").size(), 1u);
  EXPECT_TRUE(Status().container_statuses.at(0).ready);
  EXPECT_TRUE(Status().container_statuses.at(1).state.waiting);
  EXPECT_EQ(probes_.targets.size(), 1u) << "the hooked one is not probed yet";
  probes_.ready["app"] = false;
  worker_->Wake();
  executor_.RunUntilIdle();
  EXPECT_TRUE(Status().container_statuses.at(0).state.running);
  EXPECT_FALSE(Status().container_statuses.at(0).ready);
  EXPECT_TRUE(Status().container_statuses.at(1).state.waiting);
  executor_.RunFor(60s);
  EXPECT_TRUE(Status().container_statuses.at(1).ready);
  EXPECT_EQ(probes_.targets.size(), 2u);
}

TEST_F(LifecycleHooksTest, WhatAHookFailedWithIsShownWhoeverWakesTheWorker) {
  auto& hook = pod_.spec.containers[0].lifecycle.emplace().post_start.emplace();
  hook.tcp_socket.emplace().port = IntOrString(80);
  worker_ = std::make_unique<PodWorker>(context_, std::make_shared<core_v1::Pod>(pod_));
  executor_.Add(*worker_);
  executor_.RunUntilIdle();
  worker_->Wake();
  executor_.RunUntilIdle();
  EXPECT_EQ(Status().container_statuses.at(0).state.waiting->reason, "PostStartHookError");
  EXPECT_EQ(runtime_.stops().size(), 1u) << "nothing was started again";
  executor_.RunFor(2s);
  EXPECT_EQ(runtime_.stops().size(), 2u);
}

TEST_F(LifecycleHooksTest, OfWhatACommandSaysTheBeginningIsTold) {
  core_v1::LifecycleHandler handler;
  handler.exec.emplace().command = {"shout"};
  runtime_.exec_result = cri::ExecResult{std::string(20 << 20, 'x'), "no", 6};
  const std::string failure = Failure(handler, hooks_);
  EXPECT_LT(failure.size(), 16u << 10);
  EXPECT_NE(failure.find("command 'shout' exited with 6: no, message: \"xxx"), std::string::npos)
      << failure.substr(0, 200);
}

TEST_F(LifecycleHooksTest, ALongCommandLeavesRoomForWhatItSaid) {
  core_v1::LifecycleHandler handler;
  handler.exec.emplace().command = {"sh", "-c", std::string(200 << 10, '#')};
  runtime_.exec_result = cri::ExecResult{"out \"1\"\n", "no room", 6};
  const std::string failure = Failure(handler, hooks_);
  EXPECT_LT(failure.size(), 4u << 10);
  EXPECT_TRUE(failure.ends_with("exited with 6: no room, message: \"out \\\"1\\\"\\nno room\""))
      << failure.substr(failure.size() - 100);
}

}  // namespace
}  // namespace skiff::kubelet
