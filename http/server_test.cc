#include "http/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <filesystem>
#include <future>
#include <latch>
#include <thread>

#include "base/allocated_bytes.h"
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

TEST(Server, ARequestArrivesWithItsHead) {
  const SystemClock clock;
  std::atomic<Duration> arrived = Duration::zero();
  Fixture fixture([&](const Request& request) {
    arrived = request.arrived;
    return Echo(request);
  });
  const Duration before = clock.Monotonic();
  TestClient client(fixture.port());
  ASSERT_TRUE(client.Send(
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_NE(client.ReadUntil("\r\n\r\n"), "");
  const Duration asked_for_body = clock.Monotonic();
  EXPECT_EQ(client.Ask("ok").body, "POST / body=ok");
  EXPECT_GE(arrived.load(), before);
  EXPECT_LE(arrived.load(), asked_for_body);
}

TEST(Server, RefusesMalformedRequestsAndCloses) {
  Fixture fixture(Echo);
  for (const std::string text :
       {"nonsense\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\nHost: h\n\n",
        "GET /a%zz HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a%2 HTTP/1.1\r\nHost: h\r\n\r\n",
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

// As Go's server, which says why only of what it finds later.
TEST(Server, AnEscapeThatIsNoneIsNoPath) {
  Fixture fixture(Echo);
  TestClient client(fixture.port());
  EXPECT_EQ(client.Ask("GET /api/%zz HTTP/1.1\r\nHost: h\r\n\r\n").body, "400 Bad Request");
  TestClient other(fixture.port());
  EXPECT_EQ(other.Get("/a%2Fb?c=%zz").status(), 200);
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

TEST(Server, BodiesThatHaveNoRoomAreRefusedAndOthersServed) {
  Fixture fixture(
      Echo, {.limits = {.intake_bytes_max = 1 << 20, .intake_bytes_per_address_max = 300'000}});
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n";
  TestClient greedy(fixture.port());
  ASSERT_TRUE(greedy.Send(head + std::string(100'000, 'x')));
  TestClient other(fixture.port());
  ASSERT_TRUE(other.Send(head + std::string(400'000, 'x')));
  const auto refused = other.ReadAnswer();
  EXPECT_EQ(refused.status(), 429);
  EXPECT_EQ(refused.Header("Retry-After"), "1");
  EXPECT_EQ(refused.Header("Connection"), "close");
  TestClient small(fixture.port());
  EXPECT_EQ(small.Ask("PUT /s HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc").body,
            "PUT /s body=abc");
  greedy.Close();
  // What it held is free again once the server has seen it go.
  fixture.AwaitNothingHeld();
  TestClient later(fixture.port());
  EXPECT_EQ(later
                .Ask("PUT /l HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" +
                     std::string(100'000, 'x'))
                .status(),
            200);
}

TEST(Server, ABodyIsHeldUntilItHasBeenHandled) {
  std::promise<void> release;
  std::shared_future<void> released(release.get_future());
  std::atomic<int> entered = 0;
  Fixture fixture(
      [&](const Request& request) {
        if (++entered == 1) {
          entered.notify_all();
          released.wait();
        }
        return Text(std::to_string(request.body.size()));
      },
      {.limits = {.intake_bytes_per_address_max = 600'000, .workers_max = 1}});
  const auto post = [](size_t bytes) {
    return "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(bytes) + "\r\n\r\n" +
           std::string(bytes, 'x');
  };
  TestClient first(fixture.port());
  ASSERT_TRUE(first.Send(post(200'000)));
  entered.wait(0);
  // Both with their heads.
  EXPECT_GE(fixture.server->stats().held_bytes, 200'000u);
  EXPECT_LT(fixture.server->stats().held_bytes, 201'000u);
  TestClient second(fixture.port());
  ASSERT_TRUE(second.Send(post(50'000)));
  while (fixture.server->stats().waiting_requests == 0) std::this_thread::yield();
  EXPECT_GE(fixture.server->stats().held_bytes, 250'000u);
  EXPECT_LT(fixture.server->stats().held_bytes, 252'000u);
  TestClient third(fixture.port());
  EXPECT_EQ(third.Ask(post(400'000)).status(), 429) << "although nothing of it is being received";
  release.set_value();
  EXPECT_EQ(first.ReadAnswer().body, "200000");
  EXPECT_EQ(second.ReadAnswer().body, "50000");
  fixture.AwaitNothingHeld();
}

TEST(Server, OfABodyOverTheLimitNothingIsHeld) {
  if (!AllocatedBytes()) GTEST_SKIP() << "this allocator does not count";
  constexpr int kClients = 8;  // All together less than one address may hold: none is refused.
  constexpr size_t kBodyBytesMax = 2 << 20;
  std::promise<void> release;
  std::shared_future<void> released(release.get_future());
  std::latch entered(kClients);
  Fixture fixture(
      [&](const Request& request) {
        entered.count_down();
        released.wait();
        return Text(request.body_too_large ? "too large" : "");
      },
      {.limits = {.body_bytes_max = kBodyBytesMax}});
  std::string sent = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (size_t bytes = 0; bytes <= kBodyBytesMax; bytes += 1 << 16) {
    sent += "10000\r\n" + std::string(1 << 16, 'x') + "\r\n";
  }
  const size_t before = *AllocatedBytes();
  std::deque<TestClient> clients;
  for (int i = 0; i < kClients; ++i) {
    ASSERT_TRUE(clients.emplace_back(fixture.port()).Send(sent));
  }
  entered.wait();
  EXPECT_LT(*AllocatedBytes(), before + 2 * kBodyBytesMax);
  release.set_value();
  for (TestClient& client : clients) EXPECT_EQ(client.ReadAnswer().body, "too large");
}

TEST(Server, UrgentPathsAreAnsweredWhileAllWorkersAreBusy) {
  std::promise<void> release;
  std::shared_future<void> released(release.get_future());
  std::atomic<int> entered = 0;
  Fixture fixture(
      [&](const Request& request) {
        if (request.path.starts_with("/readyz")) return Text("ok");
        ++entered;
        entered.notify_all();
        released.wait();
        return Text("late");
      },
      {.limits = {.waiting_requests_max = 1, .workers_max = 1}, .urgent_paths = {"/readyz"}});
  TestClient first(fixture.port());
  ASSERT_TRUE(first.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  entered.wait(0);
  TestClient probe(fixture.port());
  EXPECT_EQ(probe.Get("/readyz").body, "ok");
  EXPECT_EQ(probe.Get("/readyz/etcd?verbose").body, "ok");
  EXPECT_EQ(entered, 1);
  TestClient waiting(fixture.port());
  ASSERT_TRUE(waiting.Send("GET /readyzed HTTP/1.1\r\nHost: h\r\n\r\n"));
  while (fixture.server->stats().waiting_requests == 0) std::this_thread::yield();
  release.set_value();
  EXPECT_EQ(first.ReadAnswer().body, "late");
  EXPECT_EQ(waiting.ReadAnswer().body, "ok") << "only the path itself and what lies below it";
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

TEST(Server, ServesTlsAndKnowsItsClients) {
  TestAuthority authority;
  TestAuthority stranger("stranger");
  const auto leaf = authority.IssueServer();
  const auto failed = std::make_shared<std::atomic<uint64_t>>(0);
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
                        .client_ca_pem = authority.certificate_pem()},
       .failed_handshakes = failed});
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
  EXPECT_GE(failed->load(), 1U);  // The one who distrusts may have been heard of later.
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

}  // namespace
}  // namespace skiff::http
