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
#include "http/x509_test_certs.h"

namespace skiff::http {
namespace {

using testing::Echo;
using testing::Fixture;
using testing::TestAuthority;
using testing::TestClient;
using testing::Text;

// Chunks that a test pushes, from its own thread.
struct PushedStream {
  void Push(const std::string& chunk) {
    Waker wake;
    {
      std::lock_guard lock(mutex);
      chunks.push_back(std::make_shared<const std::string>(chunk));
      wake = waker;
    }
    if (wake) wake();
  }
  void End() {
    {
      std::lock_guard lock(mutex);
      ended = true;
    }
    Push("");
  }
  std::mutex mutex;
  std::deque<SharedBytes> chunks;
  bool ended = false;
  Waker waker;
  std::atomic<int> pulls = 0;
  std::promise<void> gone;
};

class PushedSource : public StreamSource {
 public:
  explicit PushedSource(PushedStream& stream, int every_ms = 0)
      : stream_(stream), every_ms_(every_ms) {}
  ~PushedSource() override { stream_.gone.set_value(); }
  void Attach(Waker waker) override {
    std::lock_guard lock(stream_.mutex);
    stream_.waker = std::move(waker);
  }
  Pulled Pull(size_t, std::vector<SharedBytes>& out) override {
    std::lock_guard lock(stream_.mutex);
    ++stream_.pulls;
    out.insert(out.end(), stream_.chunks.begin(), stream_.chunks.end());
    stream_.chunks.clear();
    return stream_.ended ? Pulled::kEnd : Pulled::kIdle;
  }
  int PullEveryMs() const override { return every_ms_; }

 private:
  PushedStream& stream_;
  const int every_ms_;
};

// Never runs dry.
class EndlessSource : public StreamSource {
 public:
  explicit EndlessSource(std::atomic<size_t>& pulled) : pulled_(pulled) {}
  void Attach(Waker) override {}
  Pulled Pull(size_t bytes_max, std::vector<SharedBytes>& out) override {
    out.push_back(std::make_shared<const std::string>(bytes_max, 'x'));
    pulled_ += bytes_max;
    return Pulled::kMore;
  }

 private:
  std::atomic<size_t>& pulled_;
};

Response Streamed(std::unique_ptr<StreamSource> source) {
  Response response;
  response.stream = std::move(source);
  return response;
}

int ThreadCount() {
  int count = 0;
  for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    ++count;
  }
  return count;
}

TEST(Server, AnswersManyRequestsOnOneConnection) {
  Fixture fixture(Echo);
  TestClient client(fixture.port());
  for (int i = 0; i < 100; ++i) {
    const auto answer = client.Get("/p" + std::to_string(i) + "?b=1&a=%20");
    EXPECT_EQ(answer.status(), 200);
    EXPECT_EQ(answer.body, "GET /p" + std::to_string(i) + " b=1 a= ");
  }
  EXPECT_EQ(fixture.server->stats().accepted, 1);
  EXPECT_EQ(fixture.server->stats().requests, 100);
}

TEST(Server, AnswersPipelinedRequestsInOrder) {
  Fixture fixture(Echo);
  TestClient client(fixture.port());
  std::string requests;
  for (int i = 0; i < 500; ++i) {
    requests +=
        "POST /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
  }
  ASSERT_TRUE(client.Send(requests));
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(client.ReadAnswer().body, "POST /" + std::to_string(i) + " body=abc");
  }
}

TEST(Server, TakesRequestsByteByByte) {
  Fixture fixture(Echo);
  TestClient client(fixture.port());
  for (const char c : std::string("PUT /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")) {
    ASSERT_TRUE(client.Send({&c, 1}));
  }
  EXPECT_EQ(client.ReadAnswer().body, "PUT /x body=abcde");
  EXPECT_EQ(client.Get("/again").body, "GET /again");
}

TEST(Server, SpeaksHttp10) {
  Fixture fixture(Echo);
  TestClient closing(fixture.port());
  const auto answer = closing.Ask("GET /old HTTP/1.0\r\n\r\n");
  EXPECT_EQ(answer.body, "GET /old");
  EXPECT_EQ(answer.Header("Connection"), "close");
  EXPECT_EQ(closing.ReadToEnd(), "");
  EXPECT_TRUE(closing.closed_in_order());
  TestClient keeping(fixture.port());
  const auto kept = keeping.Ask("GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(kept.Header("Connection"), "keep-alive");
  EXPECT_EQ(keeping.Get("/more").body, "GET /more");
}

TEST(Server, AnswersHeadWithoutABody) {
  Fixture fixture(Echo);
  TestClient client(fixture.port());
  const auto answer = client.Ask("HEAD /path HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(answer.Header("Content-Length"), "10");
  EXPECT_EQ(client.Get("/next").body, "GET /next");
}

TEST(Server, SendsNoBodyBehind204) {
  Fixture fixture([](const Request&) {
    Response response = Text("never seen");
    response.status = 204;
    return response;
  });
  TestClient client(fixture.port());
  EXPECT_EQ(client.Get("/").Header("Content-Length"), "");
  EXPECT_EQ(client.Get("/").status(), 204);
}

TEST(Server, AsksForTheBodyWhenTheClientWaits) {
  Fixture fixture(Echo);
  TestClient client(fixture.port());
  ASSERT_TRUE(client.Send(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(client.Ask("ok").body, "POST / body=ok");
}

TEST(Server, RefusesMalformedRequestsAndCloses) {
  Fixture fixture(Echo);
  for (const std::string text :
       {"nonsense\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\nHost: h\n\n",
        "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    TestClient client(fixture.port());
    const auto answer = client.Ask(text);
    EXPECT_EQ(answer.status(), 400) << text;
    EXPECT_EQ(answer.body.substr(0, 15), "400 Bad Request");
    EXPECT_EQ(answer.Header("Connection"), "close");
    EXPECT_EQ(client.ReadToEnd(), "");
    EXPECT_TRUE(client.closed_in_order());
  }
  EXPECT_EQ(fixture.server->stats().requests, 0);
}

TEST(Server, BoundsHeads) {
  Fixture fixture(Echo, {.limits = {.head_bytes_max = 10'000}});
  TestClient whole(fixture.port());
  EXPECT_EQ(whole.Get("/" + std::string(20'000, 'x')).status(), 431);
  TestClient endless(fixture.port());
  EXPECT_EQ(endless.Ask("GET /" + std::string(20'000, 'x')).status(), 431);
  TestClient fitting(fixture.port());
  EXPECT_EQ(fitting.Get("/" + std::string(9'000, 'x')).status(), 200);
}

TEST(Server, TellsTheHandlerOfBodiesOverTheLimit) {
  Fixture fixture(
      [](const Request& request) {
        Response response = Text(std::to_string(request.body.size()));
        if (request.body_too_large) response.status = 413;
        return response;
      },
      {.limits = {.body_bytes_max = 100'000}});
  const std::string post = "POST / HTTP/1.1\r\nHost: h\r\n";
  TestClient fitting(fixture.port());
  EXPECT_EQ(fitting.Ask(post + "Content-Length: 100000\r\n\r\n" + std::string(100'000, 'x')).body,
            "100000");
  TestClient announced(fixture.port());
  EXPECT_EQ(
      announced.Ask(post + "Content-Length: 100001\r\n\r\n" + std::string(100'001, 'x')).status(),
      413);
  EXPECT_EQ(announced.ReadToEnd(), "");
  TestClient asking(fixture.port());
  EXPECT_EQ(asking.Ask(post + "Content-Length: 100001\r\nExpect: 100-continue\r\n\r\n").status(),
            413);
  TestClient chunked(fixture.port());
  std::string chunks;
  for (int i = 0; i < 11; ++i) chunks += "2710\r\n" + std::string(10'000, 'x') + "\r\n";
  EXPECT_EQ(chunked.Ask(post + "Transfer-Encoding: chunked\r\n\r\n" + chunks).status(), 413);
}

TEST(Server, ClosesConnectionsThatDawdle) {
  Fixture fixture(Echo,
                  {.limits = {.idle_timeout = 30ms, .head_timeout = 30ms, .body_timeout = 30ms}});
  TestClient silent(fixture.port());
  TestClient slow_head(fixture.port());
  TestClient slow_body(fixture.port());
  TestClient idle(fixture.port());
  ASSERT_TRUE(slow_head.Send("GET / HT"));
  ASSERT_TRUE(slow_body.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab"));
  EXPECT_EQ(idle.Get("/").status(), 200);
  for (TestClient* client : {&silent, &slow_head, &slow_body, &idle}) {
    EXPECT_EQ(client->ReadToEnd(), "");
  }
}

TEST(Server, SendsStoredBytesInPieces) {
  const auto big = std::make_shared<const std::string>(300'000, 'a');
  const auto small = std::make_shared<const std::string>("b");
  Fixture fixture([&](const Request&) {
    Response response;
    response.body = "[";
    for (int i = 0; i < 10; ++i) {
      response.pieces.push_back(big);
      response.pieces.push_back(small);
    }
    return response;
  });
  std::string expected = "[";
  for (int i = 0; i < 10; ++i) expected += *big + *small;
  TestClient client(fixture.port());
  EXPECT_EQ(client.Get("/").body, expected);
  EXPECT_EQ(client.Get("/").body, expected);
}

TEST(Server, AnswersWith500WhenAHandlerThrows) {
  Fixture fixture([](const Request&) -> Response { throw std::runtime_error("bug"); });
  TestClient client(fixture.port());
  EXPECT_EQ(client.Get("/").status(), 500);
  EXPECT_EQ(client.Get("/").status(), 500);
}

TEST(Server, RefusesRequestsWhenTooManyWait) {
  std::promise<void> release;
  std::shared_future<void> released(release.get_future());
  std::atomic<int> entered = 0;
  Fixture fixture(
      [&](const Request&) {
        ++entered;
        entered.notify_all();
        released.wait();
        return Text("late");
      },
      {.limits = {.waiting_requests_max = 1, .workers_max = 1}}, 1);
  TestClient first(fixture.port());
  TestClient second(fixture.port());
  TestClient third(fixture.port());
  const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  ASSERT_TRUE(first.Send(get));
  entered.wait(0);
  ASSERT_TRUE(second.Send(get));
  while (fixture.server->stats().waiting_requests == 0) std::this_thread::yield();
  const auto refused = third.Ask(get);
  EXPECT_EQ(refused.status(), 429);
  EXPECT_EQ(refused.Header("Retry-After"), "1");
  release.set_value();
  EXPECT_EQ(first.ReadAnswer().body, "late");
  EXPECT_EQ(second.ReadAnswer().body, "late");
  EXPECT_EQ(third.Get("/").body, "late");
}

TEST(Server, RefusesConnectionsOverTheLimit) {
  Fixture fixture(Echo, {.limits = {.connections_max = 1}});
  TestClient first(fixture.port());
  EXPECT_EQ(first.Get("/").status(), 200);
  TestClient second(fixture.port());
  EXPECT_EQ(second.ReadToEnd(), "");
  EXPECT_EQ(first.Get("/").status(), 200);
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
  while (stream.pulls < 10) std::this_thread::yield();
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

TEST(Server, ServesTlsAndKnowsItsClients) {
  TestAuthority authority;
  TestAuthority stranger("stranger");
  const auto leaf = authority.IssueServer();
  Fixture fixture(
      [](const Request& request) {
        std::string text = request.secure ? "secure" : "plain";
        if (request.peer_certificate) {
          text += " " + request.peer_certificate->common_name;
          for (const auto& group : request.peer_certificate->organizations) text += " " + group;
        } else if (!request.peer_certificate_error.empty()) {
          text += " refused";
        }
        return Text(text + " " + std::to_string(request.body.size()));
      },
      {.tls = ServerTls{.certificate_pem = leaf.certificate_pem,
                        .key_pem = leaf.key_pem,
                        .client_ca_pem = authority.certificate_pem()}});
  const std::string ca = authority.certificate_pem();
  TestClient anonymous(fixture.port(), ClientTls{.ca_pem = ca});
  EXPECT_EQ(anonymous.Get("/").body, "secure 0");
  EXPECT_EQ(anonymous
                .Ask("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n" +
                     std::string(200'000, 'x'))
                .body,
            "secure 200000");
  const auto admin = authority.Issue({.common_name = "admin", .organizations = {"a", "b"}});
  TestClient known(
      fixture.port(),
      ClientTls{.ca_pem = ca, .certificate_pem = admin.certificate_pem, .key_pem = admin.key_pem});
  EXPECT_EQ(known.Get("/").body, "secure admin a b 0");
  const auto forged = stranger.Issue({.common_name = "admin"});
  TestClient unknown(fixture.port(), ClientTls{.ca_pem = ca,
                                               .certificate_pem = forged.certificate_pem,
                                               .key_pem = forged.key_pem});
  EXPECT_EQ(unknown.Get("/").body, "secure refused 0");
  TestClient distrusting(fixture.port(), ClientTls{.ca_pem = stranger.certificate_pem()});
  EXPECT_FALSE(distrusting.handshake_ok());
  TestClient plain(fixture.port());
  ASSERT_TRUE(plain.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_EQ(plain.ReadToEnd(),
            "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
}

std::string ServedName(TestClient& client) {
  X509* certificate = SSL_get0_peer_certificate(client.ssl());
  char name[64] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  return name;
}

TEST(Server, UsesNewCertificatesForNewConnections) {
  TestAuthority authority;
  const auto tls = [&](const std::string& name) {
    const auto leaf = authority.IssueServer(name);
    return ServerTls{.certificate_pem = leaf.certificate_pem, .key_pem = leaf.key_pem};
  };
  Fixture fixture(Echo, {.tls = tls("old")});
  const ClientTls trust{.ca_pem = authority.certificate_pem()};
  TestClient before(fixture.port(), trust);
  EXPECT_EQ(ServedName(before), "old");
  EXPECT_FALSE(fixture.server->ReloadTls({.certificate_pem = "junk", .key_pem = "junk"}));
  ASSERT_TRUE(fixture.server->ReloadTls(tls("new")));
  TestClient after(fixture.port(), trust);
  EXPECT_EQ(ServedName(after), "new");
  EXPECT_EQ(before.Get("/").status(), 200);
}

TEST(Server, ServesAUnixSocketAndReplacesADeadOne) {
  const std::string path = "/tmp/skiff-http-test-" + std::to_string(getpid()) + ".sock";
  for (int round = 0; round < 2; ++round) {
    Fixture fixture(Echo, {.unix_path = path});
    TestClient client(SocketAddress{.unix_path = path});
    EXPECT_EQ(client.Get("/u").body, "GET /u");
    const auto second = Server::Start({.unix_path = path}, fixture.loops, fixture.handler);
    EXPECT_FALSE(second) << "a living server's socket is not taken away";
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Server, SaysWhyItCannotListen) {
  Fixture fixture(Echo);
  const auto taken = Server::Start({.port = fixture.port()}, fixture.loops, fixture.handler);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().message, "listen tcp 127.0.0.1:" + std::to_string(fixture.port()) +
                                       ": bind: address already in use");
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

TEST(Server, HoldsIdleStreamsInLittleMemoryAndNoThreads) {
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
  const size_t each = (ResidentBytes() - before) / kStreams;
  std::printf("idle TLS stream: %zu bytes each, %d threads\n", each, ThreadCount());
  EXPECT_GE(fixture.server->stats().connections, kStreams);
  EXPECT_LE(each, 20'000U);
  EXPECT_LE(ThreadCount(), 1 + 2 + 4);
  ASSERT_EQ(write(release[1], "x", 1), 1);
  int status = 0;
  waitpid(child, &status, 0);
  for (const int fd : {ready[0], ready[1], release[0], release[1]}) close(fd);
}

}  // namespace
}  // namespace skiff::http
