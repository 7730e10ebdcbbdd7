// The transport through proxies that really forward, over loopback.
#include "client/proxy_route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>

#include "api/codec/json.h"
#include "client/test_proxy.h"
#include "http/test_server.h"
#include "http/test_streams.h"
#include "http/tunnel.h"
#include "http/x509_test_certs.h"

namespace skiff {
namespace {

using testing::ElementsAre;

constexpr char kUnreachable[] = "Unable to connect to the server ";

// What comes of it until there is `text`, or its end.
std::string ReadUntil(http::StreamSource& source, const std::string& text) {
  struct Signal {
    Mutex mutex;
    CondVar changed;
    bool woken = true;
  };
  const auto signal = std::make_shared<Signal>();
  source.Attach([signal] {
    const MutexLock lock(signal->mutex);
    signal->woken = true;
    signal->changed.notify_all();
  });
  std::string got;
  while (true) {
    {
      MutexLock lock(signal->mutex);
      while (!signal->woken) signal->changed.wait(lock);
      signal->woken = false;
    }
    http::Pulled pulled = http::Pulled::kMore;
    while (pulled == http::Pulled::kMore) {
      std::vector<http::SharedBytes> chunks;
      pulled = source.Pull(1 << 16, chunks);
      for (const http::SharedBytes& chunk : chunks) got += *chunk;
    }
    if (pulled != http::Pulled::kIdle || got.find(text) != std::string::npos) return got;
  }
}

class ProxyRouteTest : public testing::Test {
 protected:
  static http::Response Answer(const http::Request& request) {
    if (!request.HasQuery("watch")) return http::testing::Echo(request);
    auto line = std::make_unique<http::testing::EchoDuplex>();
    line->OnBytes("line\n");
    line->OnPeerClosed();
    return http::testing::Streamed(std::move(line));
  }
  http::Server::Options WithTls() const {
    const auto certificate = authority_.IssueServer();
    return {.tls = http::ServerTls{.certificate_pem = certificate.certificate_pem,
                                   .key_pem = certificate.key_pem}};
  }
  http::TlsContext ProxyTls() const {
    const auto certificate = authority_.IssueServer();
    return *http::MakeServerContext(
        {.certificate_pem = certificate.certificate_pem, .key_pem = certificate.key_pem}, false);
  }

  // What a server of that URL answers to a plain request; or why nothing came back.
  std::string Ask(const std::string& server, const std::string& proxy_url) {
    HttpsOptions options = Options(server, proxy_url);
    const auto transport = MakeHttpsTransport(options);
    if (!transport) return transport.error().message;
    const auto response = (*transport)->Send({.method = "GET", .path = "/x"});
    if (response.status != 503) return std::to_string(response.status) + " " + response.body;
    const std::string message = Json::parse(response.body).at("message");
    const std::string prefix = kUnreachable + server + ": ";
    return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
  }
  // The same of a watch, as far as the first line.
  std::string Watch(const std::string& server, const std::string& proxy_url) {
    const auto transport = MakeHttpsTransport(Options(server, proxy_url));
    http::Request request{.method = "GET", .path = "/x"};
    request.query = {{"watch", "true"}};
    auto response = (*transport)->Send(std::move(request));
    if (!response.stream) return std::to_string(response.status) + " " + response.body;
    return ReadUntil(*response.stream, "\n");
  }
  HttpsOptions Options(const std::string& server, const std::string& proxy_url) const {
    return {.server = server,
            .certificate_authority = authority_.certificate_pem(),
            .tls_server_name = "localhost",
            .proxy_url = proxy_url,
            .proxies = std::make_shared<const ProxyEnvironment>(environment_)};
  }
  static std::string At(const char* scheme, const TestProxy& proxy, const char* user = "") {
    return scheme + std::string("://") + user + "127.0.0.1:" + std::to_string(proxy.port());
  }

  mutable http::testing::TestAuthority authority_;
  ProxyEnvironment environment_;
  http::testing::Fixture tls_server_{&Answer, WithTls()};
  http::testing::Fixture plain_server_{&Answer};
};

TEST_F(ProxyRouteTest, AServerWithTlsIsReachedByConnect) {
  TestProxy proxy({.server_port = tls_server_.port()});
  EXPECT_EQ(Ask("https://api.test:6443", At("http", proxy, "me:p%40ss@")), "200 GET /x");
  EXPECT_EQ(Watch("https://[fd00::1]", At("http", proxy)), "line\n");
  EXPECT_THAT(proxy.asked(),
              ElementsAre("CONNECT api.test:6443 Basic bWU6cEBzcw==", "CONNECT [fd00::1]:443"));
}

TEST_F(ProxyRouteTest, APlainServerIsAskedForByItsUrl) {
  TestProxy proxy({.server_port = plain_server_.port()});
  EXPECT_EQ(Ask("http://api.test:8080/sub", At("http", proxy, "me@")), "200 GET /sub/x");
  EXPECT_EQ(Watch("http://api.test", At("http", proxy)), "line\n");
  EXPECT_THAT(proxy.asked(), ElementsAre("GET http://api.test:8080/sub/x Basic bWU6",
                                         "GET http://api.test/x?watch=true"));
}

TEST_F(ProxyRouteTest, AProxyMaySpeakTls) {
  TestProxy to_tls({.server_port = tls_server_.port(), .tls = ProxyTls()});
  EXPECT_EQ(Ask("https://api.test", At("https", to_tls, "me:pw@")), "200 GET /x");
  EXPECT_EQ(Watch("https://api.test", At("https", to_tls)), "line\n");
  EXPECT_THAT(to_tls.asked(),
              ElementsAre("CONNECT api.test:443 Basic bWU6cHc=", "CONNECT api.test:443"));
  EXPECT_EQ(Ask("https://api.test", "https://:" + std::to_string(to_tls.port())), "200 GET /x")
      << "no host is this machine";
  TestProxy to_plain({.server_port = plain_server_.port(), .tls = ProxyTls()});
  EXPECT_EQ(Ask("http://api.test", At("https", to_plain)), "200 GET /x");
  EXPECT_EQ(Watch("http://api.test", At("https", to_plain)), "line\n");
}

TEST_F(ProxyRouteTest, SocksProxiesLookUpTheNames) {
  TestProxy anybody({.server_port = tls_server_.port(), .speaks_socks = true});
  EXPECT_EQ(Ask("https://api.test:6443", At("socks5", anybody)), "200 GET /x");
  EXPECT_EQ(Watch("https://10.9.9.9", At("socks5", anybody, "me:pw@")), "line\n");
  EXPECT_THAT(anybody.asked(), ElementsAre("SOCKS api.test:6443", "SOCKS IPv4:443"));
  TestProxy only_me({.server_port = plain_server_.port(), .speaks_socks = true, .user = "me:pw"});
  EXPECT_EQ(Ask("http://api.test", At("socks5", only_me, "me:pw@")), "200 GET /x");
  EXPECT_THAT(only_me.asked(), ElementsAre("SOCKS api.test:80 me:pw"));
}

TEST_F(ProxyRouteTest, RefusalsAreToldInGosWords) {
  const auto told = [&](const std::string& answer) {
    TestProxy proxy({.answer = answer});
    return Ask("https://api.test", At("http", proxy));
  };
  EXPECT_EQ(told("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"),
            "Proxy Authentication Required");
  EXPECT_EQ(told("HTTP/1.0 403 Not By Me\r\n\r\nno"), "Not By Me");
  EXPECT_EQ(told("HTTP/1.1 599\r\n\r\n"), "unknown status code");
  EXPECT_EQ(told("HTTP/1.1 200 "), "unexpected EOF");
  EXPECT_EQ(told("garbage"), "malformed HTTP response \"garbage\"");
  TestProxy closed({.answer = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"});
  EXPECT_EQ(Ask("http://api.test", At("http", closed)), "407 ");
}

TEST_F(ProxyRouteTest, RefusalsOfSocksProxiesAreToldInGosWords) {
  const auto told = [&](TestProxy::Options options, const char* user) {
    options.speaks_socks = true;
    TestProxy proxy(std::move(options));
    std::string text = Ask("https://api.test", At("socks5", proxy, user));
    const std::string port = std::to_string(proxy.port());
    const size_t at = text.find(port);
    return at == std::string::npos ? text : text.replace(at, port.size(), "P");
  };
  const std::string where = "socks connect tcp 127.0.0.1:P->api.test:443: ";
  EXPECT_EQ(told({.answer = std::string("\x05\x02\0\x01", 4)}, ""),
            where + "unknown error connection not allowed by ruleset");
  EXPECT_EQ(told({.answer = std::string("\x05\x63\0\x01", 4)}, ""),
            where + "unknown error unknown code: 99");
  EXPECT_EQ(told({.answer = "\x05"}, ""), where + "unexpected EOF");
  EXPECT_EQ(told({.user = "me:pw"}, ""), where + "no acceptable authentication methods");
  EXPECT_EQ(told({.user = "me:pw"}, "me:no@"), where + "username/password authentication failed");
}

TEST_F(ProxyRouteTest, AProxyThatIsNotThereIsSaidToBeTheProxy) {
  std::string url;
  {
    TestProxy gone({});
    url = At("http", gone);
  }
  const std::string address = url.substr(7);
  for (const char* scheme : {"http://", "https://", "socks5://"}) {
    EXPECT_EQ(Ask("https://api.test", scheme + address),
              "proxyconnect tcp: dial tcp " + address + ": connect: connection refused");
  }
  EXPECT_EQ(Ask("https://api.test", "http://p:99999"),
            "proxyconnect tcp: dial tcp: address 99999: invalid port");
  const auto other = http::testing::TestAuthority("other").IssueServer();
  TestProxy untrusted(
      {.tls = *http::MakeServerContext(
           {.certificate_pem = other.certificate_pem, .key_pem = other.key_pem}, false)});
  EXPECT_EQ(Ask("https://api.test", At("https", untrusted)),
            "proxyconnect tcp: tls: failed to verify certificate: x509: certificate signed by "
            "unknown authority");
}

TEST_F(ProxyRouteTest, TheKubeconfigsProxyWinsOverThatOfTheEnvironment) {
  TestProxy of_variable({.server_port = tls_server_.port()});
  TestProxy of_cluster({.server_port = tls_server_.port()});
  environment_ = {.https_proxy = At("http", of_variable), .no_proxy = "10.0.0.0/8"};
  EXPECT_EQ(Ask("https://api.test", ""), "200 GET /x");
  EXPECT_EQ(of_variable.asked().size(), 1u);
  const std::string local = "https://127.0.0.1:" + std::to_string(tls_server_.port());
  EXPECT_EQ(Ask(local, ""), "200 GET /x");
  EXPECT_EQ(Ask(local, At("http", of_cluster)), "200 GET /x");
  EXPECT_EQ(Ask("https://10.9.9.9", At("http", of_cluster)), "200 GET /x");
  EXPECT_EQ(of_variable.asked().size(), 1u) << "loopback is reached without";
  EXPECT_EQ(of_cluster.asked().size(), 2u) << "NO_PROXY says nothing of it";
}

TEST_F(ProxyRouteTest, ATunnelCarriesAnUpgradedConnection) {
  http::testing::Fixture server([](const http::Request&) {
    http::Response response;
    response.status = 101;
    response.SetHeader("Connection", "Upgrade");
    response.SetHeader("Upgrade", "echo");
    response.upgrade = std::make_unique<http::testing::EchoDuplex>();
    return response;
  });
  for (const bool socks : {false, true}) {
    TestProxy proxy({.server_port = server.port(), .speaks_socks = socks});
    const HttpsOptions options = Options("http://api.test", At(socks ? "socks5" : "http", proxy));
    const auto route = *ProxyRoute::To(options, *ParseServerUrl(options.server));
    http::Loops loops;
    std::promise<Result<http::Opened>> promise;
    const auto exchange = http::Open(
        loops, {.host = "api.test", .port = 80, .dial = [route] { return route->Tunnel(5s); }},
        {.headers = {{"Connection", "Upgrade"}, {"Upgrade", "echo"}}},
        [&](Result<http::Opened> opened) { promise.set_value(std::move(opened)); });
    auto opened = promise.get_future().get();
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(opened->status, 101);
    ASSERT_NE(opened->raw, nullptr);
    auto [ours, theirs] = http::MakeTunnel();
    opened->raw->Carry(std::move(theirs));
    ours->OnBytes("ping");
    EXPECT_EQ(ReadUntil(*ours, "ping"), "ping");
    EXPECT_EQ(proxy.asked().size(), 1u);
  }
}

}  // namespace
}  // namespace skiff
