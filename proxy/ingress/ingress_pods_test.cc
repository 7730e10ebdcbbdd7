// How pods are asked: by which protocol, by which connection, and what is done without an answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <set>
#include <thread>

#include "proxy/ingress/ingress_fixture.h"

namespace skiff::ingress {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class IngressPodsTest : public IngressFixture {};

// An endpoint that answers as it likes, one connection after the other, until it ends.
class OddServer {
 public:
  OddServer(const TestHost& host, const std::string& ip, std::function<void(int)> answer) {
    host.Run([&] {
      listening_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      auto at = TestAddress::Of(ip, 8080);
      CHECK(bind(listening_, at.get(), at.length) == 0);
      CHECK(listen(listening_, 16) == 0);
    });
    thread_ = std::thread([this, answer = std::move(answer)] {
      for (;;) {
        const int client = accept(listening_, nullptr, nullptr);
        if (client < 0) return;
        ++asked_;
        answer(client);
        close(client);
      }
    });
  }
  ~OddServer() {
    shutdown(listening_, SHUT_RDWR);
    thread_.join();
    close(listening_);
  }
  int asked() const { return asked_; }

 private:
  int listening_ = -1;
  std::atomic<int> asked_ = 0;
  std::thread thread_;
};

// Of HTTP/2: its length, type, flags and stream, and what is in it.
std::string Frame(char type, char flags, char stream, const std::string& payload) {
  return std::string{0, 0, static_cast<char>(payload.size()), type, flags, 0, 0, 0, stream} +
         payload;
}
// A header as HPACK has one that is in no table.
std::string Plain(const std::string& name, const std::string& value) {
  return std::string{0, static_cast<char>(name.size())} + name +
         static_cast<char>(value.size()) + value;
}

// Answers the first request of a connection as a server of gRPC does, and hears it out.
void AnswerGrpc(int client) {
  constexpr char kData = 0, kHeaders = 1, kSettings = 4;
  constexpr char kEndStream = 1, kEndHeaders = 4;
  std::string said;
  char text[4096];
  size_t at = std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").size();
  std::string answer = Frame(kSettings, 0, 0, "");
  for (;;) {
    const ssize_t got = recv(client, text, sizeof text, 0);
    if (got <= 0) return;
    said.append(text, got);
    while (said.size() >= at + 9) {
      const size_t length = static_cast<unsigned char>(said[at + 1]) * 256 +
                            static_cast<unsigned char>(said[at + 2]);
      if (said.size() < at + 9 + length) break;
      const char type = said[at + 3], flags = said[at + 4], stream = said[at + 8];
      if (type == kSettings && flags == 0) answer += Frame(kSettings, 1, 0, "");
      if ((type == kHeaders || type == kData) && (flags & kEndStream) != 0) {
        constexpr char kStatus200 = static_cast<char>(0x88);
        answer += Frame(kHeaders, kEndHeaders, stream,
                        kStatus200 + Plain("content-type", "application/grpc")) +
                  Frame(kData, 0, stream, std::string(5, 0) + "said") +
                  Frame(kHeaders, kEndHeaders | kEndStream, stream, Plain("grpc-status", "7"));
      }
      at += 9 + length;
    }
    if (send(client, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
    answer.clear();
  }
}

TEST_F(IngressPodsTest, PodsMayWantTlsAndHttp2) {
  const KeyPair own = CertificateFor("pod");
  Serve("web", 1, http::ServerTls{own.certificate_pem, own.key_pem, ""});
  objects_.AddService("web", {Ip(1)}).spec.ports[0].app_protocol = "https";
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  EXPECT_TRUE(UntilGet("foo.com", "/", "200 web"));
  EXPECT_THAT(body_, HasSubstr("HTTP/2\n"));
}

// How many connections a pod sees while a client asks three times by one of its own.
TEST_F(IngressPodsTest, RequestsThatCannotBeSentTwiceHaveAConnectionEach) {
  const KeyPair own = CertificateFor("pod");
  const http::ServerTls tls{own.certificate_pem, own.key_pem, ""};
  Serve("plain", 1);
  Serve("tls", 3, tls);
  Serve("tls1", 4, tls, false);
  objects_.AddService("plain", {Ip(1)});
  objects_.AddService("tls", {Ip(3)}).spec.ports[0].app_protocol = "https";
  objects_.AddService("tls1", {Ip(4)}).spec.ports[0].app_protocol = "https";
  for (const char* each : {"plain", "tls", "tls1"}) {
    objects_.AddRule(each, "", std::string("/") + each, "Prefix", each);
  }
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/plain", "200 plain"));
  const auto connections = [&](const std::string& method, const std::string& name) {
    const size_t before = servers_[name]->server->stats().accepted;
    host_->Run([&] {
      http::testing::TestClient client(80);
      for (int i = 0; i < 3; ++i) {
        const auto answer = client.Ask(method + " /" + name +
                                       " HTTP/1.1\r\nHost: foo.com\r\nContent-Length: 0\r\n\r\n");
        EXPECT_EQ(answer.status(), 200) << method << " " << name;
        EXPECT_THAT(answer.body, testing::StartsWith(name + " /"));
      }
    });
    return servers_[name]->server->stats().accepted - before;
  };
  for (const char* name : {"plain", "tls", "tls1"}) {
    for (const char* method : {"POST", "PATCH", "PUT", "DELETE", "GET"}) {
      const bool kept = name != std::string("plain") && method == std::string("GET");
      EXPECT_EQ(connections(method, name), kept ? 1u : 3u) << method << " " << name;
    }
  }
  // And gRPC, which is HTTP/2 only.
  EXPECT_THAT(Curl({"-d", "x", "http://127.0.0.1/tls"}), HasSubstr("\nHTTP/1.1\n"));
  EXPECT_THAT(Curl({"-d", "x", "-H", "content-type: application/grpc+proto",
                    "http://127.0.0.1/tls"}),
              HasSubstr("\nHTTP/2\n"));
}

// Also by the second backend of TLS, and by another worker, which has other servers before these.
TEST_F(IngressPodsTest, AClientStaysWithItsPodWhateverItAsks) {
  const KeyPair own = CertificateFor("pod");
  const http::ServerTls tls{own.certificate_pem, own.key_pem, ""};
  for (int host = 1; host <= 6; ++host) Serve("pod" + std::to_string(host), host, tls);
  auto& service = objects_.AddService("web", {Ip(2), Ip(3), Ip(4), Ip(5)});
  service.spec.ports[0].app_protocol = "https";
  service.spec.session_affinity = "ClientIP";
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(Until([&] { return Get("foo.com", "/").starts_with("200 pod"); }));
  const auto pods = [&](const char* method) {
    std::vector<std::string> said;
    for (int client = 101; client <= 116; ++client) {
      const std::string answer =
          Curl({"--interface", Ip(client), "-X", method, "http://127.0.0.1/"});
      said.push_back(answer.substr(0, answer.find(' ')));
    }
    return said;
  };
  const auto first = pods("GET");
  EXPECT_GT(std::set<std::string>(first.begin(), first.end()).size(), 2u) << "all have theirs";
  EXPECT_EQ(pods("POST"), first);
  // One comes, and another after it, told to the worker that runs; then a new one.
  SetEndpoints("web", {1, 2, 3, 4, 5, 6});
  Publish();
  ASSERT_TRUE(Until([&] { return pods("GET") != first; }));
  const auto more = pods("GET");
  EXPECT_EQ(pods("POST"), more);
  for (size_t i = 0; i < more.size(); ++i) {
    EXPECT_THAT(more[i], testing::AnyOf(first[i], "pod1", "pod6"));
  }
  SetEndpoints("web", {2, 3, 4, 5, 6});
  objects_.AddRule("b", "", "/new", "Prefix", "web");
  Publish();
  ASSERT_TRUE(Until([&] { return loop_->reloads() > 0; }));
  const auto after = pods("GET");
  EXPECT_EQ(pods("POST"), after);
  for (size_t i = 0; i < more.size(); ++i) {
    if (more[i] == "pod1") continue;
    EXPECT_EQ(after[i], more[i]);
  }
}

TEST_F(IngressPodsTest, GrpcGoesThroughWithItsStatusBehindTheAnswer) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  objects_.AddService("grpc", {Ip(7)}).spec.ports[0].app_protocol = "kubernetes.io/h2c";
  objects_.AddRule("b", "", "/grpc.Service", "Prefix", "grpc");
  const OddServer grpc(*host_, Ip(7), &AnswerGrpc);
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  for (const char* address : {"http://127.0.0.1", "https://127.0.0.1"}) {
    const std::string said =
        Curl({"-v", "--http2-prior-knowledge", "-H", "content-type: application/grpc", "-H",
              "te: trailers", "-d", "asked", std::string(address) + "/grpc.Service/Method"});
    EXPECT_THAT(said, AllOf(HasSubstr("< HTTP/2 200"), HasSubstr("said"),
                            HasSubstr("< grpc-status: 7")));
  }
}

TEST_F(IngressPodsTest, ARequestWithoutAnAnswerIsAskedElsewhereUnlessItMayNotBeAskedTwice) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  SetEndpoints("web", {1, 7});
  const OddServer hangs_up(*host_, Ip(7), [](int client) {
    char text[4096];
    (void)!recv(client, text, sizeof text, 0);
  });
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  const auto codes = [&](const std::string& method) {
    std::string all;
    for (int i = 0; i < 6; ++i) {
      all += Curl({"-X", method, "-o", "/dev/null", "-w", "%{http_code} ", "http://127.0.0.1/"});
    }
    return all;
  };
  for (const char* method : {"GET", "PUT", "DELETE"}) {
    const int before = hangs_up.asked();
    EXPECT_EQ(codes(method), "200 200 200 200 200 200 ") << method;
    EXPECT_GT(hangs_up.asked(), before) << method;
  }
  for (const char* method : {"POST", "PATCH"}) {
    EXPECT_THAT(codes(method), AllOf(HasSubstr("502"), HasSubstr("200"))) << method;
  }
}

// As a pod that ends closes connections that are kept in the moment something is asked by one.
void AnswerOnceAndHangUp(int client) {
  constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nweb 1";
  char text[4096];
  if (recv(client, text, sizeof text, 0) <= 0) return;
  if (send(client, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL) < 0) return;
  (void)!recv(client, text, sizeof text, 0);
}

TEST_F(IngressPodsTest, NoRequestGoesByAConnectionThatItsPodMayCloseAtThatMoment) {
  objects_.AddService("web", {Ip(7)});
  objects_.AddRule("a", "", "/", "Prefix", "web");
  const OddServer closing(*host_, Ip(7), &AnswerOnceAndHangUp);
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  std::unique_ptr<http::testing::TestClient> client;
  host_->Run([&] { client = std::make_unique<http::testing::TestClient>(80); });
  for (const char* method : {"POST", "POST", "PATCH", "GET", "POST"}) {
    client->Send(std::string(method) + " / HTTP/1.1\r\nHost: foo.com\r\nContent-Length: 0\r\n\r\n");
    ASSERT_THAT(client->ReadUntil("\r\n\r\n"), testing::StartsWith("HTTP/1.1 200")) << method;
    ASSERT_EQ(client->Read(5), "web 1");
  }
}

}  // namespace
}  // namespace skiff::ingress
