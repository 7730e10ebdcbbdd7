// What of requests counts as held by their clients, and for how long.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>

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
  while (fixture.server->stats().held_bytes > 0) std::this_thread::yield();
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
  while (fixture.server->stats().held_bytes > 0) std::this_thread::yield();
}

}  // namespace
}  // namespace skiff::http
