#include "http/prompt.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "http/http2_test_client.h"
#include "http/http2_test_server.h"
#include "http/server.h"
#include "http/test_streams.h"

namespace skiff::http {
namespace {

using testing::Echo;
using testing::EndlessSource;
using testing::Fixture;
using testing::Http2Options;
using testing::Http2TestClient;
using testing::Streamed;
using testing::TestClient;
using testing::Text;

class FunctionPrompt final : public PromptHandler {
 public:
  explicit FunctionPrompt(std::function<Outcome(const Request&)> handle)
      : handle_(std::move(handle)) {}
  Outcome TryHandle(const Request& request) override {
    ++tried;
    return handle_(request);
  }
  std::atomic<int> tried = 0;

 private:
  const std::function<Outcome(const Request&)> handle_;
};

using Outcome = PromptHandler::Outcome;

Outcome Known(const Request& request) {
  return {.response = Text("known " + request.path)};
}

Response Never(const Request&) {
  ADD_FAILURE() << "nothing was left to a worker";
  return {};
}

TEST(Prompt, WhatIsAtHandIsAnsweredWhileAllWorkersAreBusy) {
  std::promise<void> release;
  std::shared_future<void> released(release.get_future());
  std::atomic<int> entered = 0;
  FunctionPrompt prompt([](const Request& request) -> Outcome {
    return request.path == "/known" ? Known(request) : Outcome();
  });
  Fixture fixture(
      [&](const Request&) {
        ++entered;
        entered.notify_all();
        released.wait();
        return Text("late");
      },
      {.limits = {.waiting_requests_max = 1, .workers_max = 1}, .prompt = &prompt});
  TestClient first(fixture.port());
  ASSERT_TRUE(first.Send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"));
  entered.wait(0);
  TestClient second(fixture.port());
  for (int i = 0; i < 10; ++i) EXPECT_EQ(second.Get("/known").body, "known /known");
  release.set_value();
  EXPECT_EQ(first.ReadAnswer().body, "late");
  EXPECT_EQ(fixture.server->stats().requests, 11);
}

TEST(Prompt, AWorkerGoesOnWhereTheLoopLeftOff) {
  FunctionPrompt prompt([&](const Request& request) -> Outcome {
    return {.rest = [seen = request.path](const Request& same, const LateReplyPtr&) {
      const auto value = same.Query("a").value_or("");
      return Text(seen + " " + same.path + " " + std::string(value));
    }};
  });
  Fixture fixture(Never, {.prompt = &prompt});
  TestClient client(fixture.port());
  EXPECT_EQ(client.Get("/x%20y?a=%31").body, "/x y /x y 1") << "decoded once";
}

TEST(Prompt, BodiesAndLongHeadsAreNotTried) {
  FunctionPrompt prompt(Known);
  Fixture fixture(Echo, {.prompt = &prompt});
  TestClient client(fixture.port());
  EXPECT_EQ(client.Ask("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc").body,
            "POST /a body=abc");
  EXPECT_EQ(client.Ask("GET /b HTTP/1.1\r\nHost: h\r\nX: " + std::string(9'000, 'x') + "\r\n\r\n")
                .body,
            "GET /b");
  std::string many = "GET /c HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 100; ++i) many += "X: y\r\n";
  EXPECT_EQ(client.Ask(many + "\r\n").body, "GET /c");
  EXPECT_EQ(prompt.tried, 0);
  EXPECT_EQ(client.Get("/d").body, "known /d");
}

TEST(Prompt, PipelinedRequestsAreAnsweredInOrderAlsoToWhoHasClosedHisSide) {
  FunctionPrompt prompt(Known);
  Fixture fixture([](const Request& request) { return Text("known " + request.path); },
                  {.prompt = &prompt});
  for (const int count : {1, 2, 400}) {
    TestClient client(fixture.port());
    std::string requests;
    for (int i = 0; i < count; ++i) {
      requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    }
    ASSERT_TRUE(client.Send(requests));
    client.CloseWrite();
    for (int i = 0; i < count; ++i) {
      ASSERT_EQ(client.ReadAnswer().body, "known /" + std::to_string(i));
    }
    EXPECT_EQ(client.ReadToEnd(), "");
  }
}

TEST(Prompt, WhatWouldHoldUpTheLoopGoesToWorkers) {
  std::atomic<int> worked = 0;
  FunctionPrompt prompt([](const Request& request) {
    const auto begun = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - begun < 2ms) continue;
    return Known(request);
  });
  Fixture fixture(
      [&](const Request& request) {
        ++worked;
        return Text("known " + request.path);
      },
      {.prompt = &prompt});
  TestClient client(fixture.port());
  std::string requests;
  for (int i = 0; i < 50; ++i) {
    requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  }
  ASSERT_TRUE(client.Send(requests));
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(client.ReadAnswer().body, "known /" + std::to_string(i));
  }
  EXPECT_GT(worked, 0);
  EXPECT_EQ(worked + prompt.tried, 50);
}

TEST(Prompt, AnswersStreamsAndWhatIsStillToCome) {
  class Soon final : public PendingResponse {
   public:
    void Start(Reply reply) override { reply(Text("soon")); }
  };
  std::atomic<size_t> pulled = 0;
  const auto answer = [&](const Request& request) {
    if (request.path == "/stream") return Streamed(std::make_unique<EndlessSource>(pulled));
    Response response;
    response.pending = std::make_unique<Soon>();
    return response;
  };
  FunctionPrompt prompt(
      [&](const Request& request) -> Outcome { return {.response = answer(request)}; });
  // A worker gets what comes while the loop waits long for a processor.
  Fixture fixture(answer, {.prompt = &prompt});
  TestClient streaming(fixture.port());
  ASSERT_TRUE(streaming.Send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_NE(streaming.ReadUntil("\r\n\r\n"), "");
  TestClient waiting(fixture.port());
  EXPECT_EQ(waiting.Get("/pending").body, "soon");
  EXPECT_EQ(waiting.Get("/pending").body, "soon");
  EXPECT_GT(prompt.tried, 0);
}

TEST(Prompt, AnswersStreamsOfHttp2) {
  FunctionPrompt prompt(Known);
  Server::Options options = Http2Options();
  options.prompt = &prompt;
  Fixture fixture(Never, std::move(options));
  Http2TestClient client(fixture.port());
  const int32_t first = client.Get("/a%20b");
  const int32_t second = client.Get("/c");
  EXPECT_EQ(client.AwaitClose(first).body, "known /a b");
  EXPECT_EQ(client.AwaitClose(second).body, "known /c");
  EXPECT_EQ(prompt.tried, 2);
}

TEST(Prompt, OneThatThrowsIsAnsweredWith500) {
  FunctionPrompt prompt([](const Request&) -> Outcome { throw std::runtime_error("bug"); });
  Fixture fixture(Never, {.prompt = &prompt});
  TestClient client(fixture.port());
  EXPECT_EQ(client.Get("/").status(), 500);
  EXPECT_EQ(client.Get("/").status(), 500);
}

}  // namespace
}  // namespace skiff::http
