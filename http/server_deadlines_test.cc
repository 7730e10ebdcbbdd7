// Who keeps a server waiting, or holds what others want.
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>

#include "http/server.h"
#include "http/test_client.h"
#include "http/test_server.h"
#include "http/x509_test_certs.h"

namespace skiff::http {
namespace {

using testing::Echo;
using testing::Fixture;
using testing::TestAuthority;
using testing::TestClient;

TEST(Server, ClosesConnectionsThatDawdle) {
  Fixture fixture(Echo, {.limits = {.head_timeout = 30ms, .body_timeout = 30ms}});
  TestClient silent(fixture.port());
  TestClient slow_head(fixture.port());
  TestClient slow_body(fixture.port());
  ASSERT_TRUE(slow_head.Send("GET / HT"));
  ASSERT_TRUE(slow_body.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab"));
  for (TestClient* client : {&silent, &slow_head, &slow_body}) EXPECT_EQ(client->ReadToEnd(), "");
}

TEST(Server, ClosesConnectionsThatHaveBeenIdle) {
  Fixture fixture(Echo, {.limits = {.idle_timeout = 30ms}});
  TestClient idle(fixture.port());
  EXPECT_EQ(idle.Get("/").status(), 200);
  EXPECT_EQ(idle.ReadToEnd(), "");
}

// Sends a byte as soon as the last one was taken, until the server has had enough.
Duration TrickleUntilClosed(TestClient& client, std::string_view bytes) {
  SystemClock clock;
  const Duration begin = clock.Monotonic();
  // A read that waits a moment sees the end at once, where a write sees it one too late.
  const timeval moment{.tv_sec = 0, .tv_usec = 5'000};
  setsockopt(client.fd(), SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment);
  char byte;
  for (size_t i = 0; clock.Monotonic() - begin < 10s; i = (i + 1) % bytes.size()) {
    if (!client.Send(bytes.substr(i, 1))) break;
    const ssize_t count = recv(client.fd(), &byte, 1, 0);
    if (count == 0 || (count < 0 && errno != EAGAIN)) break;
  }
  return clock.Monotonic() - begin;
}

TEST(Server, BytesThatTrickleInMoveNoDeadline) {
  // Long enough for an honest request on a machine that has other things to do.
  Fixture fixture(Echo,
                  {.limits = {.idle_timeout = 10min, .head_timeout = 400ms, .body_timeout = 80ms}});
  TestClient head(fixture.port());
  ASSERT_TRUE(head.Send("GET / HTTP/1.1\r\nX: "));
  EXPECT_LT(TrickleUntilClosed(head, "a"), 5s);
  TestClient second_head(fixture.port());
  EXPECT_EQ(second_head.Get("/").status(), 200);
  ASSERT_TRUE(second_head.Send("GET / HTTP/1.1\r\nX: "));
  EXPECT_LT(TrickleUntilClosed(second_head, "a"), 5s);
  TestClient body(fixture.port());
  ASSERT_TRUE(body.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n"));
  EXPECT_LT(TrickleUntilClosed(body, "b"), 5s);
  TestClient chunked(fixture.port());
  ASSERT_TRUE(chunked.Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"));
  EXPECT_LT(TrickleUntilClosed(chunked, "1\r\nb\r\n"), 5s);
}

TEST(Server, AHandshakeThatIsNotFinishedIsNotWaitedFor) {
  TestAuthority authority;
  const auto leaf = authority.IssueServer();
  const auto failed = std::make_shared<std::atomic<uint64_t>>(0);
  Fixture fixture(
      Echo, {.tls = ServerTls{.certificate_pem = leaf.certificate_pem, .key_pem = leaf.key_pem},
             .limits = {.head_timeout = 80ms},
             .failed_handshakes = failed});
  TestClient silent(fixture.port());
  EXPECT_EQ(silent.ReadToEnd(), "");
  EXPECT_EQ(failed->load(), 1U);
  TestClient halfway(fixture.port());
  // A record of a handshake whose 512 bytes come one by one.
  ASSERT_TRUE(halfway.Send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11)));
  EXPECT_LT(TrickleUntilClosed(halfway, "a"), 5s);
  EXPECT_EQ(failed->load(), 2U);
  TestClient mute(fixture.port(), ClientTls{.ca_pem = authority.certificate_pem()});
  EXPECT_EQ(mute.ReadToEnd(), "") << "a head that never begins";
  EXPECT_EQ(failed->load(), 2U);
}

TEST(Server, TheOldestSilentConnectionMakesRoom) {
  Fixture fixture(Echo, {.limits = {.arriving_max = 2, .arriving_per_address_max = 2}}, 1);
  TestClient asked(fixture.port());
  EXPECT_EQ(asked.Get("/").status(), 200);
  std::deque<TestClient> silent;
  for (int i = 0; i < 5; ++i) silent.emplace_back(fixture.port());
  EXPECT_EQ(silent.front().ReadToEnd(), "");
  for (int i = 1; i < 5; ++i) EXPECT_EQ(silent[i].Get("/").status(), 200);
  EXPECT_EQ(asked.Get("/").status(), 200);
}

// What a client says first, and many who mean no good say last.
std::string ClientHello() {
  const auto context = MakeClientContext({.insecure = true});
  std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context->get()), SSL_free);
  BIO* const out = BIO_new(BIO_s_mem());
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
  EXPECT_LT(SSL_connect(ssl.get()), 0);
  char* bytes = nullptr;
  const long length = BIO_get_mem_data(out, &bytes);
  return {bytes, static_cast<size_t>(length)};
}

class HandshakeTest : public ::testing::Test {
 protected:
  Fixture Serve(Duration patience) {
    return Fixture(
        Echo,
        {.tls = ServerTls{.certificate_pem = leaf_.certificate_pem, .key_pem = leaf_.key_pem},
         .limits = {.handshake_bytes_max = 2 * kHandshakeBytes,
                    .handshake_bytes_per_address_max = 2 * kHandshakeBytes,
                    .handshake_patience = patience}},
        1);
  }
  ClientTls Trusted() const { return {.ca_pem = authority_.certificate_pem()}; }
  static bool HasAnswer(TestClient& client) {
    pollfd ready{.fd = client.fd(), .events = POLLIN, .revents = 0};
    return poll(&ready, 1, 0) == 1;
  }

  TestAuthority authority_;
  const decltype(authority_.IssueServer()) leaf_ = authority_.IssueServer();
};

TEST_F(HandshakeTest, BeyondWhatTheyMayHoldTheNewestWaitsForAPlace) {
  Fixture fixture = Serve(1h);
  TestClient known(fixture.port(), Trusted());
  EXPECT_EQ(known.Get("/").status(), 200);
  std::deque<TestClient> halfway;
  for (int i = 0; i < 4; ++i) {
    halfway.emplace_back(fixture.port());
    ASSERT_TRUE(halfway.back().Send(ClientHello()));
    // When this is answered, the loop has looked at the hello before it.
    EXPECT_EQ(known.Get("/").status(), 200);
  }
  EXPECT_TRUE(HasAnswer(halfway[0]) && HasAnswer(halfway[1]));
  EXPECT_FALSE(HasAnswer(halfway[2]) || HasAnswer(halfway[3]));
  halfway[0].Close();
  EXPECT_EQ(halfway[3].Read(1), "\x16");
  EXPECT_FALSE(HasAnswer(halfway[2]));
}

TEST_F(HandshakeTest, WhatHadItsTimeGivesWayToWhoWaits) {
  Fixture fixture = Serve(50ms);
  std::deque<TestClient> halfway;
  for (int i = 0; i < 20; ++i) {
    halfway.emplace_back(fixture.port());
    ASSERT_TRUE(halfway.back().Send(ClientHello()));
  }
  TestClient honest(fixture.port(), Trusted());
  EXPECT_EQ(honest.Get("/").status(), 200);
}

}  // namespace
}  // namespace skiff::http
