#include "http/server.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>

#include "http/test_client.h"
#include "http/test_server.h"
#include "http/test_streams.h"
#include "http/x509_test_certs.h"

namespace skiff::http {
namespace {

using testing::Echo;
using testing::EndlessSource;
using testing::Fixture;
using testing::PushedSource;
using testing::PushedStream;
using testing::Streamed;
using testing::TestAuthority;
using testing::TestClient;
using testing::Text;

int ThreadCount() {
  int count = 0;
  for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    ++count;
  }
  return count;
}

TEST(Server, StreamsWhatTheSourceYields) {
  PushedStream stream;
  Fixture fixture([&](const Request& request) {
    if (request.path != "/stream") return Echo(request);
    return Streamed(std::make_unique<PushedSource>(stream));
  });
  TestClient client(fixture.port());
  ASSERT_TRUE(client.Send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_TRUE(client.ReadHead().framing.chunked);
  for (const std::string event : {"one", "two", "three"}) {
    stream.Push(event);
    EXPECT_EQ(client.ReadChunk(), event);
  }
  stream.End();
  EXPECT_EQ(client.ReadChunk(), "");
  stream.gone.get_future().wait();
  EXPECT_EQ(client.Get("/next").body, "GET /next") << "the connection is used again";
}

TEST(Server, LetsGoOfAStreamWhenItsClientLeaves) {
  PushedStream stream;
  Fixture fixture([&](const Request&) { return Streamed(std::make_unique<PushedSource>(stream)); });
  auto client = std::make_unique<TestClient>(fixture.port());
  ASSERT_TRUE(client->Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  client->ReadHead();
  client.reset();
  stream.gone.get_future().wait();
  stream.Push("to nobody");  // The waker outlives the stream.
}

TEST(Server, PullsAsOftenAsTheSourceWants) {
  PushedStream stream;
  Fixture fixture(
      [&](const Request&) { return Streamed(std::make_unique<PushedSource>(stream, 1)); });
  TestClient client(fixture.port());
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  client.ReadHead();
  for (int pulls = 0; pulls < 10; pulls = stream.pulls) stream.pulls.wait(pulls);
}

TEST(Server, StreamsToHttp10UntilItCloses) {
  PushedStream stream;
  Fixture fixture([&](const Request&) { return Streamed(std::make_unique<PushedSource>(stream)); });
  TestClient client(fixture.port());
  ASSERT_TRUE(client.Send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_FALSE(client.ReadHead().framing.chunked);
  stream.Push("abc");
  EXPECT_EQ(client.Read(3), "abc");
  stream.End();
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST(Server, StreamsThatPromiseALengthAreSentAsTheyAre) {
  PushedStream stream;
  Fixture fixture([&](const Request&) {
    Response response = Streamed(std::make_unique<PushedSource>(stream));
    response.SetHeader("Content-Length", "6");
    return response;
  });
  TestClient client(fixture.port());
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  const auto head = client.ReadHead();
  EXPECT_EQ(head.framing.content_length, 6);
  stream.Push("abc");
  EXPECT_EQ(client.Read(3), "abc");
  stream.End();
  EXPECT_EQ(client.ReadToEnd(), "") << "it broke its promise, so the connection is cut";
}

TEST(Server, BoundsWhatASlowReaderHoldsAndServesOthers) {
  std::atomic<size_t> pulled = 0;
  Fixture fixture(
      [&](const Request& request) {
        if (request.path != "/endless") return Echo(request);
        return Streamed(std::make_unique<EndlessSource>(pulled));
      },
      {}, 1);
  TestClient slow(fixture.port());
  ASSERT_TRUE(slow.Send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n"));
  slow.ReadHead();
  TestClient other(fixture.port());
  size_t before = 0;
  // Once the kernel's buffers are full, pulling stops although the source has more.
  do {
    before = pulled;
    for (int i = 0; i < 100; ++i) ASSERT_EQ(other.Get("/x").body, "GET /x");
  } while (pulled != before);
  EXPECT_LT(pulled, 16U << 20);
  // As it reads on, so does the server.
  while (pulled == before) ASSERT_EQ(slow.Read(64 << 10).size(), 64U << 10);
}

TEST(Server, ASourceThatThrowsCutsItsConnectionAlone) {
  class Throwing : public StreamSource {
   public:
    void Attach(Waker) override {}
    Pulled Pull(size_t, std::vector<SharedBytes>& out) override {
      out.push_back(std::make_shared<const std::string>("part"));
      if (std::exchange(given_, true)) throw std::runtime_error("a library's");
      return Pulled::kMore;
    }

   private:
    bool given_ = false;
  };
  Fixture fixture(
      [&](const Request& request) {
        if (request.path != "/throws") return Echo(request);
        return Streamed(std::make_unique<Throwing>());
      },
      {}, 1);
  TestClient other(fixture.port());
  TestClient client(fixture.port());
  ASSERT_TRUE(client.Send("GET /throws HTTP/1.1\r\nHost: h\r\n\r\n"));
  client.ReadHead();
  EXPECT_EQ(client.ReadToEnd(), "4\r\npart\r\n") << "no last chunk";
  EXPECT_EQ(other.Get("/x").body, "GET /x");
}

// Always has more, and wants to be pulled a thousand times a second.
class RestlessSource : public StreamSource {
 public:
  RestlessSource(std::atomic<int>& looks, std::promise<void>& gone) : looks_(looks), gone_(gone) {}
  ~RestlessSource() override { gone_.set_value(); }
  void Attach(Waker) override {}
  Pulled Pull(size_t bytes_max, std::vector<SharedBytes>& out) override {
    out.push_back(std::make_shared<const std::string>(bytes_max, 'x'));
    return Pulled::kMore;
  }
  // Asked each time the loop looks at the stream.
  int PullEveryMs() const override {
    ++looks_;
    return 1;
  }

 private:
  std::atomic<int>& looks_;
  std::promise<void>& gone_;
};

TEST(Server, AStreamWhosePeerTakesNothingSleepsAndThenEnds) {
  std::atomic<int> looks = 0;
  std::promise<void> gone;
  Fixture fixture(
      [&](const Request& request) {
        if (request.path != "/endless") return Echo(request);
        return Streamed(std::make_unique<RestlessSource>(looks, gone));
      },
      {.limits = {.write_timeout = 400ms}}, 1);
  TestClient slow(fixture.port());
  ASSERT_TRUE(slow.Send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n"));
  slow.ReadHead();
  TestClient other(fixture.port());
  int before = -1;
  // Once the kernel's buffers are full, nothing wakes the stream but its end.
  while (std::exchange(before, looks.load()) != looks) {
    for (int i = 0; i < 100; ++i) ASSERT_EQ(other.Get("/x").body, "GET /x");
  }
  gone.get_future().wait();
  EXPECT_LE(looks - before, 10) << "400 times when it was pulled each millisecond";
  slow.ReadToEnd();
  EXPECT_EQ(other.Get("/x").body, "GET /x");
}

TEST(Server, APausedReaderOfAStreamWithoutTimesIsWaitedFor) {
  std::atomic<size_t> pulled = 0;
  Fixture fixture([&](const Request&) { return Streamed(std::make_unique<EndlessSource>(pulled)); },
                  {.limits = {.write_timeout = 10ms}}, 1);
  TestClient paused(fixture.port());
  ASSERT_TRUE(paused.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  paused.ReadHead();
  SystemClock clock;
  const Duration begin = clock.Monotonic();
  while (clock.Monotonic() - begin < 60ms) std::this_thread::yield();
  const size_t before = pulled;
  while (pulled == before) ASSERT_EQ(paused.Read(64 << 10).size(), 64U << 10);
}

TEST(Server, AnAnswerThatIsTakenByCrumbsIsCut) {
  Fixture fixture([](const Request&) { return Text(std::string(32 << 20, 'x')); },
                  {.limits = {.write_timeout = 100ms}}, 1);
  TestClient slow(fixture.port());
  ASSERT_TRUE(slow.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  slow.ReadHead();
  while (fixture.server->stats().connections > 0) std::this_thread::yield();
  EXPECT_LT(slow.ReadToEnd().size(), 32U << 20);
}

TEST(Server, SurvivesTlsClientsThatVanishInMidStream) {
  TestAuthority authority;
  const auto leaf = authority.IssueServer();
  std::atomic<size_t> pulled = 0;
  Fixture fixture(
      [&](const Request& request) {
        if (request.path != "/endless") return Echo(request);
        return Streamed(std::make_unique<EndlessSource>(pulled));
      },
      {.tls = ServerTls{.certificate_pem = leaf.certificate_pem, .key_pem = leaf.key_pem}});
  const ClientTls trust{.ca_pem = authority.certificate_pem()};
  for (int i = 0; i < 20; ++i) {
    TestClient client(fixture.port(), trust);
    ASSERT_TRUE(client.Send("GET /endless HTTP/1.1\r\nHost: h\r\n\r\n"));
    client.Read(100'000);
  }
  TestClient after(fixture.port(), trust);
  EXPECT_EQ(after.Get("/x").body, "GET /x");
  while (fixture.server->stats().connections > 1) std::this_thread::yield();
}

class Shout : public Duplex {
 public:
  void Attach(Waker) override {}
  Pulled Pull(size_t, std::vector<SharedBytes>& out) override {
    if (!said_.empty()) out.push_back(std::make_shared<const std::string>(std::move(said_)));
    said_ = {};
    return closed_ ? Pulled::kEnd : Pulled::kIdle;
  }
  size_t OnBytes(std::string_view bytes) override {
    for (const char c : bytes) said_.push_back(static_cast<char>(std::toupper(c)));
    return bytes.size();
  }
  void OnPeerClosed() override {
    said_ += "BYE";
    closed_ = true;
  }

 private:
  std::string said_;
  bool closed_ = false;
};

TEST(Server, CarriesRawBytesAfterAnUpgrade) {
  Fixture fixture([](const Request&) {
    Response response;
    response.status = 101;
    response.SetHeader("Connection", "Upgrade");
    response.SetHeader("Upgrade", "shout");
    response.upgrade = std::make_unique<Shout>();
    return response;
  });
  TestClient client(fixture.port());
  // "early" is sent right behind the head, as SPDY clients do.
  ASSERT_TRUE(client.Send("GET / HTTP/1.1\r\nHost: h\r\nUpgrade: shout\r\n\r\nearly"));
  const auto head = client.ReadHead();
  EXPECT_EQ(head.status, 101);
  EXPECT_EQ(head.headers.find("Connection")->second, "Upgrade");
  EXPECT_EQ(client.Read(5), "EARLY");
  ASSERT_TRUE(client.Send("late"));
  EXPECT_EQ(client.Read(4), "LATE");
  client.CloseWrite();
  EXPECT_EQ(client.ReadToEnd(), "BYE");
}

class Promised : public PendingResponse {
 public:
  explicit Promised(std::promise<Reply>& reply) : reply_(reply) {}
  void Start(Reply reply) override { reply_.set_value(std::move(reply)); }

 private:
  std::promise<Reply>& reply_;
};

TEST(Server, AnswersLaterWithoutHoldingAWorker) {
  std::deque<std::promise<Reply>> replies(2);
  std::atomic<size_t> next = 0;
  Fixture fixture(
      [&](const Request& request) {
        if (request.path != "/later") return Echo(request);
        Response response;
        response.pending = std::make_unique<Promised>(replies[next++]);
        return response;
      },
      {.limits = {.workers_max = 1}});
  TestClient client(fixture.port());
  TestClient other(fixture.port());
  ASSERT_TRUE(client.Send("GET /later HTTP/1.1\r\nHost: h\r\n\r\n"));
  Reply reply = replies[0].get_future().get();
  EXPECT_EQ(other.Get("/now").body, "GET /now");
  reply(Text("at last"));
  EXPECT_EQ(client.ReadAnswer().body, "at last");
  reply = nullptr;
  ASSERT_TRUE(client.Send("GET /later HTTP/1.1\r\nHost: h\r\n\r\n"));
  replies[1].get_future().get();  // Dropped without an answer.
  replies.clear();
  EXPECT_EQ(client.ReadAnswer().status(), 502);
}

// Tells when it is dropped.
class Abandoned : public PendingResponse {
 public:
  explicit Abandoned(std::promise<void>& gone) : gone_(gone) {}
  ~Abandoned() override { gone_.set_value(); }
  void Start(Reply reply) override { reply_ = std::move(reply); }

 private:
  std::promise<void>& gone_;
  Reply reply_;
};

TEST(Server, StopsTryingWhenTheClientLeaves) {
  std::promise<void> gone;
  std::promise<void> handled;
  Fixture fixture([&](const Request&) {
    Response response;
    response.pending = std::make_unique<Abandoned>(gone);
    handled.set_value();
    return response;
  });
  auto client = std::make_unique<TestClient>(fixture.port());
  ASSERT_TRUE(client->Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  handled.get_future().wait();
  client.reset();
  gone.get_future().wait();
}

TEST(Server, FinishesRequestsAndEndsStreamsWhenItStops) {
  PushedStream stream;
  std::promise<void> release;
  std::shared_future<void> released(release.get_future());
  std::promise<void> entered;
  Fixture fixture([&](const Request& request) {
    if (request.path == "/stream") return Streamed(std::make_unique<PushedSource>(stream));
    if (request.path == "/slow") {
      entered.set_value();
      released.wait();
    }
    return Echo(request);
  });
  TestClient idle(fixture.port());
  TestClient slow(fixture.port());
  TestClient streaming(fixture.port());
  EXPECT_EQ(idle.Get("/").status(), 200);
  ASSERT_TRUE(streaming.Send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"));
  streaming.ReadHead();
  ASSERT_TRUE(slow.Send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"));
  entered.get_future().wait();
  auto stopping = std::async(std::launch::async, [&] { fixture.server->Stop(20s); });
  EXPECT_EQ(idle.ReadToEnd(), "");
  EXPECT_FALSE(Server::Start({.port = -1}, fixture.loops, fixture.handler));
  release.set_value();
  const auto last = slow.ReadAnswer();
  EXPECT_EQ(last.body, "GET /slow");
  EXPECT_EQ(slow.ReadToEnd(), "");
  EXPECT_EQ(streaming.ReadChunk(), "") << "ended in order";
  EXPECT_EQ(streaming.ReadToEnd(), "");
  stopping.wait();
  EXPECT_EQ(fixture.server->stats().connections, 0);
}

// A part of an answer that was made as it is taken is not to pass for the whole.
TEST(Server, WhatEndsByItselfIsFinishedWhenItStopsOrCut) {
  TestAuthority authority;
  const auto leaf = authority.IssueServer();
  const Server::Options tls{.tls = ServerTls{.certificate_pem = leaf.certificate_pem,
                                             .key_pem = leaf.key_pem}};
  const ClientTls trust{.ca_pem = authority.certificate_pem()};
  for (const bool finishes : {true, false}) {
    PushedStream chunked, bare;
    chunked.ends_by_itself = bare.ends_by_itself = true;
    Fixture fixture(
        [&](const Request& request) {
          return Streamed(std::make_unique<PushedSource>(request.path == "/new" ? chunked : bare));
        },
        tls);
    TestClient newer(fixture.port(), trust), older(fixture.port(), trust);
    TestClient idle(fixture.port(), trust);
    SSL_clear_options(older.ssl(), SSL_OP_IGNORE_UNEXPECTED_EOF);  // It minds how it ends.
    ASSERT_TRUE(newer.Send("GET /new HTTP/1.1\r\nHost: h\r\n\r\n"));
    ASSERT_TRUE(older.Send("GET /old HTTP/1.0\r\n\r\n"));
    newer.ReadHead();
    older.ReadHead();
    chunked.Push("part ");
    bare.Push("part ");
    EXPECT_EQ(newer.ReadChunk(), "part ");
    EXPECT_EQ(older.Read(5), "part ");
    auto stopping = std::async(std::launch::async,
                               [&] { fixture.server->Stop(finishes ? 20s : 200ms); });
    EXPECT_EQ(idle.ReadToEnd(), "");
    if (finishes) {
      for (PushedStream* stream : {&chunked, &bare}) {
        stream->Push("and rest");
        stream->End();
      }
      EXPECT_EQ(newer.ReadChunk(), "and rest");
      EXPECT_EQ(newer.ReadChunk(), "");
      EXPECT_EQ(older.ReadToEnd(), "and rest");
      EXPECT_TRUE(older.closed_in_order());
    } else {
      EXPECT_EQ(newer.ReadToEnd(), "") << "no last chunk";
      EXPECT_EQ(older.ReadToEnd(), "");
      EXPECT_FALSE(older.closed_in_order());
    }
    stopping.wait();
  }
}

size_t ResidentBytes() {
  std::ifstream status("/proc/self/statm");
  size_t total = 0;
  size_t resident = 0;
  status >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// The client's half of a TLS connection would count as well, so this part of the test is another
// process, in which only plain sockets and its own TLS states live.
pid_t ForkIdleStreams(int port, const ClientTls& tls, int count, int ready_fd, int release_fd) {
  const pid_t child = fork();
  if (child != 0) return child;
  std::deque<TestClient> clients;
  char ok = 'y';
  for (int i = 0; i < count; ++i) {
    TestClient& client = clients.emplace_back(port, tls);
    if (!client.Send("GET /watch HTTP/1.1\r\nHost: h\r\n\r\n") || client.ReadHead().status != 200) {
      ok = 'n';
    }
  }
  (void)!write(ready_fd, &ok, 1);
  (void)!read(release_fd, &ok, 1);
  _exit(0);
}

class IdleSource : public StreamSource {
 public:
  void Attach(Waker waker) override { waker_ = std::move(waker); }
  Pulled Pull(size_t, std::vector<SharedBytes>&) override { return Pulled::kIdle; }

 private:
  Waker waker_;
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif

TEST(Server, HoldsIdleStreamsInLittleMemoryAndNoThreads) {
  if (kIsSanitized) GTEST_SKIP() << "what a sanitizer adds to memory and threads is not ours";
  constexpr int kStreams = 2'000;
  TestAuthority authority;
  const auto leaf = authority.IssueServer();
  Fixture fixture(
      [](const Request& request) {
        if (request.path != "/watch") return Echo(request);
        return Streamed(std::make_unique<IdleSource>());
      },
      {.tls = ServerTls{.certificate_pem = leaf.certificate_pem, .key_pem = leaf.key_pem},
       .limits = {.workers_max = 4}});
  const ClientTls trust{.ca_pem = authority.certificate_pem()};
  {
    TestClient warm(fixture.port(), trust);
    EXPECT_EQ(warm.Get("/").status(), 200);
  }
  const size_t before = ResidentBytes();
  int ready[2];
  int release[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(release), 0);
  const pid_t child = ForkIdleStreams(fixture.port(), trust, kStreams, ready[1], release[0]);
  char ok = 'n';
  ASSERT_EQ(read(ready[0], &ok, 1), 1);
  EXPECT_EQ(ok, 'y');
  // What other tests left may go meanwhile: then it is less than nothing.
  const auto each = static_cast<int64_t>(ResidentBytes() - before) / kStreams;
  std::printf("idle TLS stream: %jd bytes each, %d threads\n", intmax_t{each}, ThreadCount());
  EXPECT_GE(fixture.server->stats().connections, kStreams);
  EXPECT_LE(each, 8'000);
  EXPECT_LE(ThreadCount(), 1 + 2 + 4);
  ASSERT_EQ(write(release[1], "x", 1), 1);
  int status = 0;
  waitpid(child, &status, 0);
  for (const int fd : {ready[0], ready[1], release[0], release[1]}) close(fd);
}

}  // namespace
}  // namespace skiff::http
