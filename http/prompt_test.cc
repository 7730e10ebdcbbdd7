#include "http/prompt.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "http/http2_test_client.h"
#include "http/http2_test_server.h"
#include "http/server.h"
#include "http/test_streams.h"
#include "http/x509_test_certs.h"

namespace skiff::http {
namespace {

using testing::Echo;
using testing::EndlessSource;
using testing::Fixture;
using testing::Http2Options;
using testing::Http2TestClient;
using testing::Streamed;
using testing::TestAuthority;
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

// Of a server whose workers get nothing because the machine held up a loop.
Limits Unhurried(Limits limits = {}) {
  limits.prompt_time = 1h;
  return limits;
}

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
      {.limits = Unhurried({.waiting_requests_max = 1, .workers_max = 1}), .prompt = &prompt});
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
  Fixture fixture(Never, {.limits = Unhurried(), .prompt = &prompt});
  TestClient client(fixture.port());
  EXPECT_EQ(client.Get("/x%20y?a=%31").body, "/x y /x y 1") << "decoded once";
}

TEST(Prompt, LongBodiesAndHeadsAreNotTried) {
  FunctionPrompt prompt(Known);
  Fixture fixture(Echo, {.limits = Unhurried(), .prompt = &prompt});
  TestClient client(fixture.port());
  const std::string body(70'000, 'x');
  EXPECT_EQ(client.Ask("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n" + body).body,
            "POST /a body=" + body);
  EXPECT_EQ(
      client.Ask("GET /b HTTP/1.1\r\nHost: h\r\nX: " + std::string(9'000, 'x') + "\r\n\r\n").body,
      "GET /b");
  std::string many = "GET /c HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 100; ++i) many += "X: y\r\n";
  EXPECT_EQ(client.Ask(many + "\r\n").body, "GET /c");
  EXPECT_EQ(prompt.tried, 0);
  EXPECT_EQ(client.Get("/d").body, "known /d");
  EXPECT_EQ(client.Ask("POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc").body,
            "known /e");
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

TEST(Prompt, PipelinedRequestsAreAnsweredAlsoWhereTheEndOfTlsComesTogetherWithThem) {
  TestAuthority authority;
  const auto leaf = authority.IssueServer();
  FunctionPrompt prompt(Known);
  Fixture fixture(
      [](const Request& request) { return Text("known " + request.path); },
      {.tls = ServerTls{.certificate_pem = leaf.certificate_pem, .key_pem = leaf.key_pem},
       .prompt = &prompt});
  TestClient client(fixture.port(), ClientTls{.ca_pem = authority.certificate_pem()});
  ASSERT_TRUE(client.handshake_ok());
  // One segment, so that the server reads all of it at once.
  const auto hold_back = [&](int on) {
    return setsockopt(client.fd(), IPPROTO_TCP, TCP_CORK, &on, sizeof on) == 0;
  };
  ASSERT_TRUE(hold_back(1));
  std::string requests;
  for (int i = 0; i < 5; ++i) {
    requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  }
  ASSERT_TRUE(client.Send(requests));
  EXPECT_EQ(SSL_shutdown(client.ssl()), 0) << "said, and not yet answered";
  ASSERT_TRUE(hold_back(0));
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(client.ReadAnswer().body, "known /" + std::to_string(i));
  }
  EXPECT_EQ(client.ReadToEnd(), "");
}

// However long what was answered before it in its round of the loop took.
class ArrivalTest : public ::testing::Test, public PromptHandler {
 protected:
  Outcome TryHandle(const Request& request) override { return {.response = Note(request)}; }
  // One after the other.
  Response Note(const Request& request) {
    arrived_.push_back(request.arrived);
    const Duration begun = clock_.Monotonic();
    while (request.path == "/long" && clock_.Monotonic() - begun < 20ms) continue;
    answered_.push_back(clock_.Monotonic());
    return Text(request.path);
  }
  void ExpectInOrder(size_t count) const {
    ASSERT_EQ(arrived_.size(), count);
    for (size_t i = 1; i < arrived_.size(); ++i) EXPECT_GE(arrived_[i], answered_[i - 1]) << i;
  }
  const SystemClock clock_;
  std::vector<Duration> arrived_;
  std::vector<Duration> answered_;
};

TEST_F(ArrivalTest, IsNotBeforeTheAnswerToWhatWasPipelinedBefore) {
  Fixture fixture([this](const Request& request) { return Note(request); },
                  {.limits = Unhurried(), .prompt = this}, 1);
  TestClient client(fixture.port());
  client.Get("/kept/alive");
  ASSERT_TRUE(
      client.Send("GET /long HTTP/1.1\r\nHost: h\r\n\r\n"
                  "GET /next HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_EQ(client.ReadAnswer().body, "/long");
  EXPECT_EQ(client.ReadAnswer().body, "/next");
  EXPECT_EQ(client.Get("/kept").body, "/kept");
  fixture.server->Stop(0s);
  ExpectInOrder(4);
}

TEST_F(ArrivalTest, NorBeforeTheAnswerToAStreamThatWasOpenedBefore) {
  auto options = Http2Options(Unhurried());
  options.prompt = this;
  Fixture fixture([this](const Request& request) { return Note(request); }, options, 1);
  Http2TestClient client(fixture.port());
  const int32_t first = client.Get("/long");
  const int32_t second = client.Get("/next");
  EXPECT_EQ(client.AwaitClose(first).body, "/long");
  EXPECT_EQ(client.AwaitClose(second).body, "/next");
  fixture.server->Stop(0s);
  ExpectInOrder(2);
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
  Server::Options options = Http2Options(Unhurried());
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
  Fixture fixture(Never, {.limits = Unhurried(), .prompt = &prompt});
  TestClient client(fixture.port());
  EXPECT_EQ(client.Get("/").status(), 500);
  EXPECT_EQ(client.Get("/").status(), 500);
}

// Answers /long/OWNER/... in turn, all else at once, and keeps what was made since something was to
// be held up, in order.
class InTurn {
 public:
  InTurn() : prompt_([this](const Request& request) { return Try(request); }) {}
  FunctionPrompt& prompt() { return prompt_; }
  // What workers get, as all that comes while the loop waits long for a processor.
  Response ByWorker(const Request& request) {
    const std::lock_guard lock(mutex_);
    is_held_ = is_held_ || request.path == held_path_;
    changed_.notify_all();
    return Text("worker " + request.path);
  }
  // The loop makes nothing more once it has begun with that one, until it is released.
  void HoldAt(const std::string& path) {
    const std::lock_guard lock(mutex_);
    held_path_ = path;
    is_held_ = false;
    made_.clear();
    released_ = std::promise<void>();
  }
  void AwaitHeld() {
    std::unique_lock lock(mutex_);
    CHECK(changed_.wait_for(lock, 10s, [this] { return is_held_; }));
  }
  void Release() { released_.set_value(); }
  std::vector<std::string> made() const {
    const std::lock_guard lock(mutex_);
    return made_;
  }

 private:
  Outcome Try(const Request& request) {
    if (!request.path.starts_with("/long/")) return Make(request);
    const auto rest = [](const Request& same, const LateReplyPtr&) {
      return Text("worker " + same.path);
    };
    if (request.path.ends_with("/worker")) return {.rest = rest};
    return {.rest = rest,
            .in_turn =
                [this](const Request& same) {
                  if (same.path.ends_with("/found"))
                    return Outcome{.rest = [](auto&, auto&) { return Text("found out"); }};
                  return Make(same);
                },
            .owner = request.path.substr(6, 3)};
  }
  Outcome Make(const Request& request) {
    bool holds = false;
    {
      const std::lock_guard lock(mutex_);
      made_.push_back(request.path);
      holds = request.path == held_path_;
      is_held_ = is_held_ || holds;
      changed_.notify_all();
    }
    if (!holds) return Known(request);
    const auto begun = std::chrono::steady_clock::now();
    released_.get_future().wait();
    // However soon that was: nothing else has room in its round.
    while (std::chrono::steady_clock::now() - begun < 1ms) continue;
    return Known(request);
  }

  FunctionPrompt prompt_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> made_;
  std::string held_path_;
  bool is_held_ = false;
  std::promise<void> released_;
};

// Connections whose requests all come while the one loop is held up by another one.
class PromptInTurn : public ::testing::Test {
 protected:
  static constexpr size_t kPutOffMax = 32;
  static constexpr size_t kOfOwnerMax = 8;
  PromptInTurn()
      : fixture_([this](const Request& request) { return in_turn_.ByWorker(request); },
                 {.prompt = &in_turn_.prompt()}, 1),
        gate_(fixture_.port()) {}

  // What the loop made of them, `held_up` first, in order.
  std::vector<std::string> MadeBehind(const std::string& held_up,
                                      const std::vector<std::string>& paths) {
    while (clients_.size() <= paths.size()) {
      clients_.emplace_back(fixture_.port());
      clients_.back().Get("/hello");
    }
    in_turn_.HoldAt(held_up);
    EXPECT_TRUE(gate_.Send(Asking(held_up)));
    in_turn_.AwaitHeld();
    for (size_t i = 0; i < paths.size(); ++i) EXPECT_TRUE(clients_[i].Send(Asking(paths[i])));
    in_turn_.Release();
    gate_.ReadAnswer();
    for (size_t i = 0; i < paths.size(); ++i) {
      const std::string body = clients_[i].ReadAnswer().body;
      EXPECT_TRUE(body.ends_with(paths[i])) << body;
    }
    return in_turn_.made();
  }
  // The same of a time when workers got none.
  std::vector<std::string> AllMadeBehind(const std::string& held_up,
                                         const std::vector<std::string>& paths) {
    std::vector<std::string> made;
    while (made.size() < 1 + paths.size() && !HasFailure()) made = MadeBehind(held_up, paths);
    return made;
  }
  static std::string Asking(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n";
  }

  InTurn in_turn_;
  Fixture fixture_;
  TestClient gate_;
  std::deque<TestClient> clients_;
};
using Made = std::vector<std::string>;

TEST_F(PromptInTurn, WhatIsSmallGoesBeforeWhatIsLongAndCameFirst) {
  EXPECT_EQ(AllMadeBehind("/gate", {"/long/ann/1", "/long/ann/2", "/a", "/long/ann/3", "/b"}),
            (Made{"/gate", "/a", "/b", "/long/ann/1", "/long/ann/2", "/long/ann/3"}));
}

TEST_F(PromptInTurn, EachOwnerHasOneInTurn) {
  EXPECT_EQ(AllMadeBehind("/gate", {"/long/ann/1", "/long/ann/2", "/long/ann/3", "/long/bob/1"}),
            (Made{"/gate", "/long/ann/1", "/long/bob/1", "/long/ann/2", "/long/ann/3"}));
}

TEST_F(PromptInTurn, WorkersHaveWhatIsTooMuchForALoop) {
  std::vector<std::string> paths;
  for (size_t i = 0; i < kPutOffMax + 8; ++i) paths.push_back("/long/" + std::to_string(100 + i));
  EXPECT_LE(MadeBehind("/gate", paths).size(), 1 + kPutOffMax);
}

TEST_F(PromptInTurn, WorkersHaveWhatIsTooMuchOfOneOwner) {
  std::vector<std::string> paths;
  for (size_t i = 0; i < 2 * kOfOwnerMax; ++i) paths.push_back("/long/ann/" + std::to_string(i));
  EXPECT_LE(MadeBehind("/gate", paths).size(), 1 + kOfOwnerMax);
}

TEST_F(PromptInTurn, BetweenTwoOfThemThereIsALookAtWhatCameIn) {
  EXPECT_EQ(AllMadeBehind("/long/ann/1", {"/long/ann/2", "/small"}),
            (Made{"/long/ann/1", "/small", "/long/ann/2"}));
}

TEST_F(PromptInTurn, AWorkerGoesOnWhereATurnLeftOff) {
  TestClient client(fixture_.port());
  EXPECT_EQ(client.Get("/long/ann/found").body, "found out");
  EXPECT_EQ(client.Get("/long/ann/worker").body, "worker /long/ann/worker");
}

TEST_F(PromptInTurn, PipelinedRequestsAreAnsweredInOrder) {
  TestClient client(fixture_.port());
  const Made paths = {"/long/ann/1", "/a", "/long/ann/2", "/long/ann/3", "/b"};
  std::string requests;
  for (const auto& path : paths) requests += Asking(path);
  ASSERT_TRUE(client.Send(requests));
  client.CloseWrite();
  for (const auto& path : paths) EXPECT_TRUE(client.ReadAnswer().body.ends_with(path));
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST(Prompt, WhoLeavesLeavesHisPlace) {
  constexpr size_t kOfOwnerMax = 8;
  InTurn in_turn;
  Server::Options options = Http2Options();
  options.prompt = &in_turn.prompt();
  Fixture fixture([](const Request& request) { return Text("worker " + request.path); },
                  std::move(options), 1);
  Http2TestClient gate(fixture.port());
  Http2TestClient client(fixture.port());
  const auto get_all = [&] {
    std::vector<int32_t> streams;
    for (size_t i = 0; i < kOfOwnerMax; ++i) {
      streams.push_back(client.Get("/long/ann/" + std::to_string(i)));
    }
    return streams;
  };
  client.AwaitClose(client.Get("/hello"));
  // Workers get what comes while the loop waits long for a processor.
  for (size_t tries = 0, made = 0; made < kOfOwnerMax; ++tries) {
    ASSERT_LT(tries, 100U);
    in_turn.HoldAt("/gate");
    const int32_t held_up = gate.Get("/gate");
    ASSERT_TRUE(gate.Flush());
    in_turn.AwaitHeld();
    const auto left_streams = get_all();
    ASSERT_TRUE(client.Flush());
    for (const int32_t left : left_streams) {
      nghttp2_submit_rst_stream(client.session(), NGHTTP2_FLAG_NONE, left, NGHTTP2_CANCEL);
    }
    const auto streams = get_all();
    ASSERT_TRUE(client.Flush());
    in_turn.Release();
    gate.AwaitClose(held_up);
    made = 0;
    for (const int32_t stream : streams) {
      if (client.AwaitClose(stream).body.starts_with("known ")) ++made;
    }
  }
}

TEST(Prompt, SmallAnswersOfHttp2AreOnTheirWayWhileALongOneIsMade) {
  InTurn in_turn;
  Server::Options options = Http2Options();
  options.prompt = &in_turn.prompt();
  // A worker gets what comes while the loop waits long for a processor.
  Fixture fixture([](const Request& request) { return Text("known " + request.path); },
                  std::move(options), 1);
  Http2TestClient client(fixture.port());
  in_turn.HoldAt("/long/ann/1");
  const int32_t first = client.Get("/long/ann/1");
  const int32_t left = client.Get("/long/ann/2");
  const int32_t small = client.Get("/small");
  EXPECT_EQ(client.AwaitClose(small).body, "known /small");
  nghttp2_submit_rst_stream(client.session(), NGHTTP2_FLAG_NONE, left, NGHTTP2_CANCEL);
  const int32_t last = client.Get("/long/ann/3");
  ASSERT_TRUE(client.Flush());
  in_turn.Release();
  EXPECT_EQ(client.AwaitClose(first).body, "known /long/ann/1");
  EXPECT_EQ(client.AwaitClose(last).body, "known /long/ann/3");
  const Made made = in_turn.made();
  EXPECT_EQ(std::ranges::count(made, "/long/ann/2"), 0) << "nobody waits for what was left";
}

}  // namespace
}  // namespace skiff::http
