// Answers that come when no worker has their request any more.
#include "http/late.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "http/http2_test_client.h"
#include "http/http2_test_server.h"
#include "http/server.h"

namespace skiff::http {
namespace {

using testing::Fixture;
using testing::Http2Options;
using testing::Http2TestClient;
using testing::TestClient;
using testing::Text;

// Keeps what it is asked, until a test answers.
class KeepingHandler final : public LateHandler {
 public:
  std::optional<Response> HandleLater(const Request& request, const LateReplyPtr& reply) override {
    if (request.path == "/now") return Text("now");
    if (request.path == "/throws") throw std::runtime_error("bug");
    const std::lock_guard lock(mutex_);
    kept_.emplace_back(request, reply);
    changed_.notify_all();
    return std::nullopt;
  }
  // The next, in the order of arrival.
  std::pair<const Request&, LateReplyPtr> Await() {
    std::unique_lock lock(mutex_);
    CHECK(changed_.wait_for(lock, 10s, [this] { return !kept_.empty(); }));
    auto first = std::move(kept_.front());
    kept_.pop_front();
    return first;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<const Request&, LateReplyPtr>> kept_;
};

Response NeverHandled(const Request&) {
  ADD_FAILURE() << "the late handler has all";
  return {};
}

TEST(Late, RequestsWaitWithoutAWorker) {
  constexpr int kRequests = 20;
  KeepingHandler late;
  Fixture fixture(NeverHandled, {.limits = {.workers_max = 1}, .late = &late});
  std::deque<TestClient> clients;
  for (int i = 0; i < kRequests; ++i) {
    clients.emplace_back(fixture.port());
    ASSERT_TRUE(clients.back().Send("POST /" + std::to_string(i) +
                                    " HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nok"));
  }
  std::vector<std::pair<const Request&, LateReplyPtr>> kept;
  for (int i = 0; i < kRequests; ++i) kept.push_back(late.Await());
  EXPECT_EQ(TestClient(fixture.port()).Get("/now").body, "now") << "the worker is free";
  for (auto& [request, reply] : kept) {
    reply->OnLoop([&request = request] { return Text(request.path + " " + request.body); });
  }
  for (int i = 0; i < kRequests; ++i) {
    EXPECT_EQ(clients[i].ReadAnswer().body, "/" + std::to_string(i) + " ok");
  }
}

TEST(Late, StreamsOfHttp2AreAnsweredInAnyOrder) {
  KeepingHandler late;
  Server::Options options = Http2Options();
  options.late = &late;
  Fixture fixture(NeverHandled, std::move(options));
  Http2TestClient client(fixture.port());
  const int32_t first = client.Get("/first");
  ASSERT_TRUE(client.Flush());
  const LateReplyPtr first_reply = late.Await().second;
  const int32_t second = client.Get("/second");
  ASSERT_TRUE(client.Flush());
  late.Await().second->OnLoop([] { return Text("second"); });
  EXPECT_EQ(client.AwaitClose(second).body, "second");
  first_reply->OnLoop([] { return Text("first"); });
  EXPECT_EQ(client.AwaitClose(first).body, "first");
}

TEST(Late, WhatHasToWaitGoesOnOnAWorker) {
  KeepingHandler late;
  Fixture fixture(NeverHandled, {.late = &late}, 1);
  TestClient client(fixture.port());
  ASSERT_TRUE(client.Send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"));
  std::promise<void> release;
  late.Await().second->OnWorker([&] {
    release.get_future().wait();
    return Text("done");
  });
  EXPECT_EQ(TestClient(fixture.port()).Get("/now").body, "now") << "the loop is free";
  release.set_value();
  EXPECT_EQ(client.ReadAnswer().body, "done");
}

TEST(Late, WhoIsForgottenOrThrowsIsToldSo) {
  KeepingHandler late;
  Fixture fixture(NeverHandled, {.late = &late});
  TestClient client(fixture.port());
  ASSERT_TRUE(client.Send("GET /forgotten HTTP/1.1\r\nHost: h\r\n\r\n"));
  (void)late.Await();
  EXPECT_EQ(client.ReadAnswer().status(), 502);
  EXPECT_EQ(client.Get("/throws").status(), 500);
  ASSERT_TRUE(client.Send("GET /made HTTP/1.1\r\nHost: h\r\n\r\n"));
  late.Await().second->OnLoop([]() -> Response { throw std::runtime_error("bug"); });
  EXPECT_EQ(client.ReadAnswer().status(), 500);
}

TEST(Late, AServerWaitsForAnswersOfWhomeverHasLeft) {
  KeepingHandler late;
  auto fixture = std::make_unique<Fixture>(NeverHandled, Server::Options{.late = &late});
  auto client = std::make_unique<TestClient>(fixture->port());
  ASSERT_TRUE(client->Send("GET /left HTTP/1.1\r\nHost: h\r\n\r\n"));
  LateReplyPtr reply = late.Await().second;
  client.reset();
  std::promise<void> stopped;
  auto stop = stopped.get_future();
  std::jthread stopping([&] {
    fixture->server->Stop(0s);
    stopped.set_value();
  });
  EXPECT_EQ(stop.wait_for(50ms), std::future_status::timeout);
  std::atomic<bool> made = false;
  reply->OnLoop([&] {
    made = true;
    return Text("nobody reads it");
  });
  reply.reset();
  stopping.join();
  EXPECT_TRUE(made);
}

}  // namespace
}  // namespace skiff::http
