// What of requests counts as held by their clients, and for how long.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "http/server.h"
#include "http/test_client.h"
#include "http/test_server.h"

namespace skiff::http {
namespace {

using testing::Fixture;
using testing::TestClient;
using testing::Text;

TEST(HeldRequests, CountWithTheirHeads) {
  std::promise<void> release;
  std::shared_future<void> released(release.get_future());
  std::atomic<int> entered = 0;
  Fixture fixture(
      [&](const Request&) {
        if (++entered == 1) {
          entered.notify_all();
          released.wait();
        }
        return Text("ok");
      },
      {.limits = {.intake_bytes_per_address_max = 645'000, .workers_max = 1}});
  const auto get = [](size_t target_bytes, int headers) {
    std::string request = "GET /" + std::string(target_bytes, 'x') + " HTTP/1.1\r\nHost: h\r\n";
    for (int i = 0; i < headers; ++i) request += "a: b\r\n";
    return request + "\r\n";
  };
  TestClient first(fixture.port());
  ASSERT_TRUE(first.Send(get(200'000, 0)));
  entered.wait(0);
  // Its target as it was sent, and its path.
  EXPECT_GE(fixture.server->stats().held_bytes, 400'000u);
  // There is room for as long as it comes in, but what is made of it takes more.
  const std::string second = get(110'000, 500);
  TestClient client(fixture.port());
  const auto refused = client.Ask(second);
  EXPECT_EQ(refused.status(), 429);
  EXPECT_EQ(refused.Header("Retry-After"), "1");
  release.set_value();
  EXPECT_EQ(first.ReadAnswer().body, "ok");
  fixture.AwaitNothingHeld();
  EXPECT_EQ(client.Ask(second).body, "ok") << "the connection goes on";
}

class AnsweredByTest final : public PendingResponse {
 public:
  explicit AnsweredByTest(std::promise<Reply>& reply) : reply_(reply) {}
  void Start(Reply reply) override { reply_.set_value(std::move(reply)); }

 private:
  std::promise<Reply>& reply_;
};

// As a server has them that the request was put to, and that does not read.
TEST(HeldRequests, CountUntilTheyAreAnsweredWhoeverHasThem) {
  std::promise<Reply> promised;
  Fixture fixture(
      [&](const Request& request) {
        if (request.path != "/later") return Text("ok");
        Response response;
        response.pending = std::make_unique<AnsweredByTest>(promised);
        return response;
      },
      {.limits = {.intake_bytes_per_address_max = 600'000, .workers_max = 1}});
  const auto post = [](const std::string& path, size_t bytes) {
    return "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(bytes) +
           "\r\n\r\n" + std::string(bytes, 'x');
  };
  TestClient first(fixture.port());
  ASSERT_TRUE(first.Send(post("/later", 200'000)));
  Reply reply = promised.get_future().get();
  TestClient other(fixture.port());
  EXPECT_EQ(other.Get("/now").body, "ok") << "the worker is done with the first";
  EXPECT_GE(fixture.server->stats().held_bytes, 200'000u);
  TestClient refused(fixture.port());
  EXPECT_EQ(refused.Ask(post("/now", 450'000)).status(), 429);
  reply(Text("at last"));
  EXPECT_EQ(first.ReadAnswer().body, "at last");
  fixture.AwaitNothingHeld();
}

// One worker, who handles nothing before he is told to; /readyz is answered by others.
class WaitingRequestsTest : public ::testing::Test {
 protected:
  static constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

  WaitingRequestsTest() {
    EXPECT_TRUE(first_.Send(kGet));
    entered_.wait(0);
  }
  ~WaitingRequestsTest() override { Release(); }
  void Release() {
    if (!std::exchange(is_released_, true)) release_.set_value();
  }
  std::unique_ptr<TestClient> Waiting() {
    const size_t before = fixture_.server->stats().waiting_requests;
    auto client = std::make_unique<TestClient>(fixture_.port());
    EXPECT_TRUE(client->Send(kGet));
    while (fixture_.server->stats().waiting_requests == before) std::this_thread::yield();
    return client;
  }

  std::promise<void> release_;
  bool is_released_ = false;
  std::shared_future<void> released_{release_.get_future()};
  std::atomic<int> entered_ = 0;
  Fixture fixture_{
      [this](const Request& request) {
        if (request.path == "/readyz") return Text("ok");
        ++entered_;
        entered_.notify_all();
        released_.wait();
        return Text("late");
      },
      {.limits = {.waiting_requests_max = 2, .workers_max = 1}, .urgent_paths = {"/readyz"}},
      1};
  TestClient first_{fixture_.port()};
};

TEST_F(WaitingRequestsTest, OfWhoIsGoneNoneWaits) {
  const auto gone = Waiting();
  const auto there = Waiting();
  const linger at_once{.l_onoff = 1, .l_linger = 0};  // By a reset.
  ASSERT_EQ(setsockopt(gone->fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  gone->Close();
  while (fixture_.server->stats().waiting_requests != 1) std::this_thread::yield();
  Release();
  EXPECT_EQ(there->ReadAnswer().body, "late");
  EXPECT_EQ(entered_, 2);
}

TEST_F(WaitingRequestsTest, WhoHasClosedHisSideIsAnsweredAndGivesWayToOthersWhereThereIsNoRoom) {
  const auto closed = Waiting();
  const auto there = Waiting();
  closed->CloseWrite();
  TestClient other(fixture_.port());
  EXPECT_EQ(other.Get("/readyz").body, "ok");  // By now the loop has heard of it.
  EXPECT_EQ(fixture_.server->stats().waiting_requests, 2u);
  ASSERT_TRUE(other.Send(kGet));
  const auto refused = closed->ReadAnswer();
  EXPECT_EQ(refused.status(), 429);
  EXPECT_EQ(refused.Header("Retry-After"), "1");
  there->CloseWrite();
  Release();
  EXPECT_EQ(there->ReadAnswer().body, "late") << "there was room";
  EXPECT_EQ(other.ReadAnswer().body, "late");
}

}  // namespace
}  // namespace skiff::http
