#include "http/tunnel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>

#include "http/head.h"
#include "http/pipe.h"
#include "http/server.h"
#include "http/test_client.h"
#include "http/test_server.h"
#include "http/test_streams.h"
#include "http/x509_test_certs.h"

namespace skiff::http {
namespace {

using testing::Echo;
using testing::EchoDuplex;
using testing::Fixture;
using testing::TestAuthority;
using testing::TestClient;
using testing::Text;

Response Upgraded(std::unique_ptr<Duplex> duplex) {
  Response response;
  response.status = 101;
  response.SetHeader("Connection", "Upgrade");
  response.SetHeader("Upgrade", "echo");
  response.upgrade = std::move(duplex);
  return response;
}

constexpr std::string_view kUpgrade =
    "POST /up?x=1 HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

// A front that puts every request to another server.
struct Proxy {
  explicit Proxy(Upstream upstream, TunnelOptions tunnel = {})
      : front([this, upstream, tunnel](const Request& request) {
          return Forward(front.loops, {.upstream = upstream,
                                       .request = ForwardedRequest(request),
                                       .tunnel = tunnel,
                                       .on_error = [](const Error& error) {
                                         Response response = Text(error.message);
                                         response.status = 503;
                                         return response;
                                       }});
        }) {}
  int port() const { return front.port(); }
  Fixture front;
};

Upstream To(const Fixture& fixture) {
  return {.host = "127.0.0.1", .port = fixture.port()};
}

TEST(Forward, PassesRequestAndAnswerOn) {
  Fixture back([](const Request& request) {
    Response response = Echo(request);
    response.status = 418;
    response.SetHeader("X-Seen", std::string(request.Header("X-Forwarded-For")) + " " +
                                     std::string(request.Header("X-Own")) + " " +
                                     std::string(request.Header("X-Hop")) + "|");
    return response;
  });
  Proxy proxy(To(back));
  TestClient client(proxy.port());
  const auto answer = client.Ask(
      "DELETE /a%20b?q=1 HTTP/1.1\r\nHost: h\r\nX-Own: 1\r\nX-Hop: 2\r\nConnection: x-hop\r\n"
      "Content-Length: 4\r\n\r\nbody");
  EXPECT_EQ(answer.status(), 418);
  EXPECT_EQ(answer.body, "DELETE /a b q=1 body=body");
  EXPECT_EQ(answer.Header("X-Seen"), "127.0.0.1 1 |");
  EXPECT_EQ(answer.head.framing.content_length, answer.body.size());
  EXPECT_EQ(client.Get("/next").body, "GET /next") << "the client's connection is kept";
  const auto head = client.Ask("HEAD /head HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(head.Header("Content-Length"), "10");
}

// Yields what the test gives it, piece by piece.
class Tap : public StreamSource {
 public:
  explicit Tap(std::shared_ptr<Pipe> pipe) : source_(std::move(pipe)) {}
  void Attach(Waker waker) override { source_.Attach(std::move(waker)); }
  Pulled Pull(size_t bytes_max, std::vector<SharedBytes>& out) override {
    return source_.Pull(bytes_max, out);
  }

 private:
  PipeSource source_;
};

TEST(Forward, SaysOnThatTrailersAreTaken) {
  Request request;
  request.method = "GET";
  request.target = "/";
  request.headers.emplace("TE", "deflate, trailers");
  const ClientRequest forwarded = ForwardedRequest(request);
  const auto said = forwarded.headers.find("Te");
  ASSERT_NE(said, forwarded.headers.end());
  EXPECT_EQ(said->second, "trailers");
  request.headers.find("Te")->second = "deflate";
  EXPECT_EQ(ForwardedRequest(request).headers.count("Te"), 0) << "that ends with the connection";
}

// No struct leaves the process: its text does.
TEST(Forward, SendsTheTextOfWhatWasHanded) {
  class Greeting final : public Handed {
   public:
    const std::string& Text() const override { return text_; }

   private:
    const std::string text_ = "hello";
  };
  Request request;
  request.method = "POST";
  request.target = "/";
  request.handed = std::make_shared<Greeting>();
  EXPECT_EQ(ForwardedRequest(request).body, "hello");
}

TEST(Forward, DropsWhatConnectionNames) {
  Request request;
  request.headers = {{"Connection", "x-one ,\tX-Two"},
                     {"connection", ", connection,X-THREE"},
                     {"X-One", "1"},
                     {"x-two", "2"},
                     {"X-Two", "3"},
                     {"X-Three", "4"},
                     {"X-Four", "5"}};
  const auto sent = ForwardedRequest(request).headers;
  EXPECT_EQ(sent, (Headers{{"X-Four", "5"}}));
}

// As many as fit into a head: to look through all of them for each header takes a minute.
TEST(Forward, DropsWhatVeryManyNames) {
  constexpr size_t kNames = 500'000;
  Request request;
  for (size_t i = 1; i < kHeadersMax; ++i) request.headers.emplace("A" + std::to_string(i), "");
  std::string names;
  for (size_t i = 0; i < kNames; ++i) names += "b,";
  request.headers.emplace("Connection", names + "a7");
  for (int i = 0; i < 4; ++i) {
    const auto sent = ForwardedRequest(request).headers;
    EXPECT_EQ(sent.size(), kHeadersMax - 2);
    EXPECT_FALSE(sent.contains("A7"));
  }
}

TEST(Forward, NamesEveryOneThatTheRequestCameThrough) {
  Request request;
  request.headers = {{"X-Forwarded-For", "192.0.2.1"}, {"x-forwarded-for", "192.0.2.2, 192.0.2.3"}};
  request.remote_address = "192.0.2.4";
  const auto sent = ForwardedRequest(request).headers;
  ASSERT_EQ(sent.count("X-Forwarded-For"), 1u);
  EXPECT_EQ(sent.find("X-Forwarded-For")->second,
            "192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4");
}

TEST(Forward, StreamsTheAnswerAsItComes) {
  const auto pipe = std::make_shared<Pipe>(1 << 20);
  Fixture back([&](const Request&) {
    Response response;
    response.stream = std::make_unique<Tap>(pipe);
    return response;
  });
  Proxy proxy(To(back));
  TestClient client(proxy.port());
  ASSERT_TRUE(client.Send("GET /logs HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_TRUE(client.ReadHead().framing.chunked);
  for (const std::string line : {"one\n", "two\n"}) {
    pipe->Write(line);
    EXPECT_EQ(client.ReadChunk(), line);
  }
  pipe->End(true);
  EXPECT_EQ(client.ReadChunk(), "");
}

TEST(Forward, CutsTheClientWhenTheAnswerBreaksOff) {
  const auto pipe = std::make_shared<Pipe>(1 << 20);
  Fixture back([&](const Request&) {
    Response response;
    response.stream = std::make_unique<Tap>(pipe);
    return response;
  });
  Proxy proxy(To(back));
  TestClient client(proxy.port());
  ASSERT_TRUE(client.Send("GET /logs HTTP/1.1\r\nHost: h\r\n\r\n"));
  client.ReadHead();
  pipe->Write("part");
  EXPECT_EQ(client.ReadChunk(), "part");
  pipe->End(false);
  EXPECT_EQ(client.ReadToEnd(), "") << "no last chunk";
}

TEST(Forward, LetsGoOfTheUpstreamWhenTheClientLeaves) {
  const auto pipe = std::make_shared<Pipe>(1 << 20);
  std::promise<void> left;
  pipe->OnRoom([&] { left.set_value(); });
  Fixture back([&](const Request&) {
    Response response;
    response.stream = std::make_unique<Tap>(pipe);
    return response;
  });
  Proxy proxy(To(back));
  auto client = std::make_unique<TestClient>(proxy.port());
  ASSERT_TRUE(client->Send("GET /logs HTTP/1.1\r\nHost: h\r\n\r\n"));
  client->ReadHead();
  client.reset();
  left.get_future().wait();
}

TEST(Forward, LetsTheCallerAnswerForADeadUpstream) {
  int free_port = 0;
  {
    Fixture gone(Echo);
    free_port = gone.port();
  }
  Proxy proxy({.host = "127.0.0.1", .port = free_port});
  TestClient client(proxy.port());
  const auto answer = client.Get("/");
  EXPECT_EQ(answer.status(), 503);
  EXPECT_EQ(answer.body,
            "dial tcp 127.0.0.1:" + std::to_string(free_port) + ": connect: connection refused");
  Proxy nameless({.host = "no-such-host.invalid", .port = 1});
  TestClient other(nameless.port());
  EXPECT_EQ(other.Get("/").body.substr(0, 39), "dial tcp: lookup no-such-host.invalid: ");
}

TEST(Forward, TimesOutWhenTheUpstreamSaysNothing) {
  // Connections to it stand, since the kernel accepts them, but nobody reads.
  const auto listener = ListenOn({.host = "127.0.0.1"});
  ASSERT_TRUE(listener);
  Proxy proxy({.host = "127.0.0.1", .port = LocalPort(*listener), .head_timeout = 20ms});
  TestClient client(proxy.port());
  EXPECT_EQ(client.Get("/").body, "timeout awaiting response headers");
  close(*listener);
}

TEST(Forward, FindsNamesAndTriesEveryAddress) {
  Fixture back(Echo);
  Proxy proxy({.host = "localhost", .port = back.port()});
  TestClient client(proxy.port());
  EXPECT_EQ(client.Get("/named").body, "GET /named");
}

TEST(Forward, ConnectsToNoAddressThatIsNotAllowedWhateverTheName) {
  std::atomic<int> asked = 0;
  Fixture back([&](const Request& request) {
    ++asked;
    return Echo(request);
  });
  using Allows = std::function<bool(const std::string&)>;
  const auto through = [&](const std::string& host, Allows allows) {
    Proxy proxy({.host = host, .port = back.port(), .allows = std::move(allows)});
    TestClient client(proxy.port());
    return client.Get("/x").body;
  };
  const auto none = [](const std::string&) { return false; };
  EXPECT_EQ(through("localhost", none), "address not allowed");
  EXPECT_EQ(through("127.0.0.1", none), "address not allowed");
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(through("localhost", [](const std::string& address) {
              return address.starts_with("127.") || address == "::1";
            }),
            "GET /x");
}

TEST(Forward, SpeaksTlsAndShowsItsCertificate) {
  TestAuthority authority;
  const auto leaf = authority.IssueServer();
  const auto admin = authority.Issue({.common_name = "front"});
  const std::string ca = authority.certificate_pem();
  Fixture back(
      [](const Request& request) {
        return Text(request.peer_certificate ? request.peer_certificate->common_name : "nobody");
      },
      {.tls = ServerTls{leaf.certificate_pem, leaf.key_pem, ca}});
  Upstream upstream = To(back);
  upstream.tls = *MakeClientContext(
      {.ca_pem = ca, .certificate_pem = admin.certificate_pem, .key_pem = admin.key_pem});
  Proxy proxy(upstream);
  TestClient client(proxy.port());
  EXPECT_EQ(client.Get("/").body, "front");
  upstream.tls = *MakeClientContext({.ca_pem = TestAuthority("other").certificate_pem()});
  Proxy distrusting(upstream);
  TestClient second(distrusting.port());
  EXPECT_EQ(second.Get("/").status(), 503);
  upstream.tls = *MakeClientContext({.insecure = true});
  Proxy trusting(upstream);
  TestClient third(trusting.port());
  EXPECT_EQ(third.Get("/").body, "nobody");
  upstream.tls = *MakeClientContext({.ca_pem = ca});
  upstream.server_name = "elsewhere";
  Proxy misnamed(upstream);
  TestClient fourth(misnamed.port());
  EXPECT_EQ(fourth.Get("/").status(), 503);
}

TEST(Tunnel, CarriesAnUpgradeBothWays) {
  Fixture back([](const Request&) { return Upgraded(std::make_unique<EchoDuplex>(false)); });
  Proxy proxy(To(back));
  TestClient client(proxy.port());
  ASSERT_TRUE(client.Send(std::string(kUpgrade) + "early"));
  const auto head = client.ReadHead();
  EXPECT_EQ(head.status, 101);
  EXPECT_EQ(head.headers.find("Upgrade")->second, "echo");
  EXPECT_EQ(client.Read(5), "early");
  const std::string big(3'000'000, 'z');
  auto sending = std::async(std::launch::async, [&] { return client.Send(big); });
  EXPECT_EQ(client.Read(big.size()), big);
  EXPECT_TRUE(sending.get());
  client.CloseWrite();
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_TRUE(client.closed_in_order());
}

TEST(Tunnel, KeepsTheOtherWayOpenWhenOneIsClosed) {
  Fixture back([](const Request&) { return Upgraded(std::make_unique<EchoDuplex>()); });
  Proxy proxy(To(back), {.half_close = true});
  TestClient client(proxy.port());
  ASSERT_TRUE(client.Send(kUpgrade));
  client.ReadHead();
  ASSERT_TRUE(client.Send("last words"));
  client.CloseWrite();
  EXPECT_EQ(client.ReadToEnd(), "last words");
  EXPECT_TRUE(client.closed_in_order());
}

TEST(Tunnel, PassesARefusedUpgradeOn) {
  Fixture back([](const Request& request) {
    Response response = Text("no");
    response.status = request.path == "/up" ? 403 : 200;
    return response;
  });
  Proxy proxy(To(back));
  TestClient client(proxy.port());
  const auto refused = client.Ask(kUpgrade);
  EXPECT_EQ(refused.status(), 403);
  EXPECT_EQ(refused.body, "no");
  const auto ignored =
      client.Ask("GET /other HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
  EXPECT_EQ(ignored.body, "invalid upgrade response: status code 200");
}

// Whoever stands before this server may put requests of others on the same connection.
TEST(Tunnel, IsNotMadeForWhoAskedForNone) {
  Fixture back([](const Request&) { return Upgraded(std::make_unique<EchoDuplex>()); });
  Proxy proxy(To(back));
  TestClient client(proxy.port());
  const auto refused = client.Get("/");
  EXPECT_EQ(refused.status(), 503);
  EXPECT_EQ(refused.body, "backend tried to switch protocol \"echo\" when \"\" was requested");
  EXPECT_EQ(client.Get("/again").status(), 503) << "the client's connection is kept";
}

// Takes nothing until told.
class Stubborn : public Duplex {
 public:
  explicit Stubborn(std::atomic<bool>& willing, std::promise<Waker>& waker)
      : willing_(willing), waker_(waker) {}
  void Attach(Waker waker) override { waker_.set_value(std::move(waker)); }
  Pulled Pull(size_t, std::vector<SharedBytes>& out) override {
    if (closed_) out.push_back(std::make_shared<const std::string>(std::to_string(taken_)));
    return closed_ ? Pulled::kEnd : Pulled::kIdle;
  }
  size_t OnBytes(std::string_view bytes) override {
    if (!willing_) return 0;
    taken_ += bytes.size();
    return bytes.size();
  }
  void OnPeerClosed() override { closed_ = true; }

 private:
  std::atomic<bool>& willing_;
  std::promise<Waker>& waker_;
  size_t taken_ = 0;
  bool closed_ = false;
};

TEST(Tunnel, StopsASenderWhoseOtherSideDoesNotRead) {
  std::atomic<bool> willing = false;
  std::promise<Waker> waker;
  Fixture back(
      [&](const Request&) { return Upgraded(std::make_unique<Stubborn>(willing, waker)); });
  Proxy proxy(To(back), {.half_close = true});
  TestClient client(proxy.port());
  ASSERT_TRUE(client.Send(kUpgrade));
  client.ReadHead();
  // Without blocking: how much do the kernel's buffers and ours hold?
  fcntl(client.fd(), F_SETFL, fcntl(client.fd(), F_GETFL) | O_NONBLOCK);
  const std::string block(64 << 10, 'x');
  size_t sent = 0;
  pollfd writable{.fd = client.fd(), .events = POLLOUT, .revents = 0};
  while (poll(&writable, 1, 200) == 1) {
    const ssize_t count = send(client.fd(), block.data(), block.size(), MSG_NOSIGNAL);
    if (count > 0) sent += count;
  }
  EXPECT_LT(sent, 64U << 20);
  willing = true;
  waker.get_future().get()();
  client.CloseWrite();
  fcntl(client.fd(), F_SETFL, fcntl(client.fd(), F_GETFL) & ~O_NONBLOCK);
  EXPECT_EQ(client.ReadToEnd(), std::to_string(sent)) << "every byte arrived";
}

TEST(Dial, CarriesAClientToARawServer) {
  const auto listener = ListenOn({.host = "127.0.0.1"});
  ASSERT_TRUE(listener);
  std::promise<std::string> error;
  Fixture front([&](const Request& request) {
    const int port = request.path == "/dead" ? 1 : LocalPort(*listener);
    return Upgraded(Dial(front.loops, {.host = "127.0.0.1", .port = port}, {.half_close = true},
                         [&](const Error& why) { error.set_value(why.message); }));
  });
  TestClient client(front.port());
  ASSERT_TRUE(client.Send(std::string(kUpgrade) + "ping"));
  client.ReadHead();
  pollfd incoming{.fd = *listener, .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&incoming, 1, 10'000), 1);
  const int accepted = accept(*listener, nullptr, nullptr);
  char buffer[8] = "";
  ASSERT_EQ(recv(accepted, buffer, 4, MSG_WAITALL), 4);
  EXPECT_STREQ(buffer, "ping");
  ASSERT_EQ(send(accepted, "pong", 4, 0), 4);
  EXPECT_EQ(client.Read(4), "pong");
  close(accepted);
  EXPECT_EQ(client.ReadToEnd(), "");
  close(*listener);
  TestClient unlucky(front.port());
  ASSERT_TRUE(unlucky.Send("GET /dead HTTP/1.1\r\nHost: h\r\n\r\n"));
  EXPECT_EQ(error.get_future().get(), "dial tcp 127.0.0.1:1: connect: connection refused");
  unlucky.ReadHead();
  EXPECT_EQ(unlucky.ReadToEnd(), "");
}

}  // namespace
}  // namespace skiff::http
