#include "proxy/ingress/ingress_loop.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <set>
#include <thread>

#include "proxy/ingress/ingress_fixture.h"

namespace skiff::ingress {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class IngressLoopTest : public IngressFixture {
 protected:
  // Services web and api, an endpoint each.
  void ServeTwo() {
    Serve("web", 1);
    Serve("api", 2);
    objects_.AddService("web", {Ip(1)});
    objects_.AddService("api", {Ip(2)});
  }
};

TEST_F(IngressLoopTest, HostsAndPathsLeadWhereTheirRulesSay) {
  ServeTwo();
  Serve("exact", 3);
  objects_.AddService("exact", {Ip(3)});
  objects_.AddRule("a", "foo.com", "/", "Prefix", "web");
  objects_.AddRule("b", "foo.com", "/api/", "Prefix", "api");
  objects_.AddRule("c", "foo.com", "/api/v1", "Exact", "exact");
  objects_.AddRule("d", "*.foo.com", "/", "Prefix", "api");
  objects_.AddRule("e", "", "/any", "ImplementationSpecific", "web");
  objects_.AddRule("f", "foo.com", "/caf\xc3\xa9 \"x\" #", "Prefix", "exact");
  auto& last = objects_.AddRule("g", "bar.com", "/only", "Exact", "web");
  last.spec.default_backend = last.spec.rules[0].http->paths[0].backend;
  objects_.AddRule("h", "gone.com", "/", "Prefix", "nobody");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  EXPECT_EQ(Get("foo.com", "/api"), "200 api");
  EXPECT_EQ(Get("foo.com", "/api/x?y=/z"), "200 api");
  EXPECT_EQ(Get("foo.com", "/apix"), "200 web") << "a prefix is of whole elements";
  EXPECT_EQ(Get("foo.com", "/api/v1"), "200 exact");
  EXPECT_EQ(Get("foo.com", "/api/v1/"), "200 api");
  EXPECT_EQ(Get("FOO.com.:80", "/api"), "200 api");
  EXPECT_EQ(Get("foo.com", "/caf%C3%A9%20%22x%22%20%23/more"), "200 exact");
  EXPECT_EQ(Get("foo.com", "/caf%c3%a9%20%22x%22%20%23"), "200 exact");
  EXPECT_EQ(Get("a.foo.com", "/"), "200 api");
  EXPECT_EQ(Get("b.a.foo.com", "/").substr(0, 3), "404") << "a star is one label";
  EXPECT_EQ(Get("other.com", "/any/thing"), "200 web");
  EXPECT_EQ(Get("other.com", "/").substr(0, 3), "404");
  EXPECT_EQ(Get("bar.com", "/what/ever"), "200 web") << "the default backend";
  EXPECT_EQ(Get("gone.com", "/").substr(0, 3), "503");
  EXPECT_EQ(Get("foo.com", "/%zz").substr(0, 3), "400");
  EXPECT_TRUE(Until(
      [&] { return Written().find("service \\\"nobody\\\" not found") != std::string::npos; }));
  EXPECT_THAT(Written(), HasSubstr("/ingresses/a/status {\"metadata\""));
  EXPECT_THAT(Written(), HasSubstr("192.0.2.1"));
}

TEST_F(IngressLoopTest, EveryByteOfAPathIsTheOneThatIsAskedFor) {
  Serve("web", 1);
  objects_.AddService("web", {Ip(1)});
  auto& paths = objects_.AddRule("a", "", "/", "Exact", "web").spec.rules[0].http->paths;
  for (int byte = 1; byte < 256; ++byte) {
    paths.push_back(paths[0]);
    // As the API has it, in UTF-8.
    std::string text = byte < 128 ? std::string(1, static_cast<char>(byte))
                                  : std::string{static_cast<char>(0xc0 | byte >> 6),
                                                static_cast<char>(0x80 | (byte & 63))};
    paths.back().path = "/x" + text + "y";
  }
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  for (size_t i = 1; i < paths.size(); ++i) {
    std::string target = "/x";
    for (size_t at = 2; at + 1 < paths[i].path.size(); ++at) {
      target += fmt::format("%{:02x}", static_cast<unsigned char>(paths[i].path[at]));
    }
    EXPECT_EQ(Get("foo.com", target + "y"), "200 web") << target;
  }
}

TEST_F(IngressLoopTest, EndpointsLearnWhoAskedAndHow) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  const std::string said = Curl({"-H", "X-Forwarded-For: 6.6.6.6", "--resolve",
                                 "foo.com:443:127.0.0.1", "https://foo.com/x?y=1"});
  EXPECT_THAT(said, AllOf(HasSubstr("web /x?y=1\n"), HasSubstr("x-forwarded-for: 127.0.0.1\n"),
                          HasSubstr("x-forwarded-proto: https\n"), HasSubstr("host: foo.com\n")));
}

TEST_F(IngressLoopTest, CertificatesAreChosenByNameAndABadOneHarmsNoOther) {
  ServeTwo();
  AddSecret("one", CertificateFor("one.com"));
  AddSecret("any", CertificateFor("any.com"));
  AddSecret("bad", {.certificate_pem = CertificateFor("bad.com").certificate_pem,
                    .key_pem = CertificateFor("bad.com").key_pem});
  auto& ingress = objects_.AddRule("a", "", "/", "Prefix", "web");
  ingress.spec.tls.resize(3);
  ingress.spec.tls[0].hosts = {"one.com", "*.one.com"};
  ingress.spec.tls[0].secret_name = "one";
  ingress.spec.tls[1].secret_name = "any";
  ingress.spec.tls[2].hosts = {"bad.com"};
  ingress.spec.tls[2].secret_name = "bad";
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  const auto subject = [&](const std::string& name) {
    const std::string said = Curl({"-v", "-o", "/dev/null", "-w", "%{http_version}\n", "--resolve",
                                   name + ":443:127.0.0.1", "https://" + name + "/"});
    const size_t at = said.find("subject: ");
    EXPECT_THAT(said, HasSubstr("ALPN: server accepted h2"));
    return at == std::string::npos ? said : said.substr(at + 9, said.find('\n', at) - at - 9);
  };
  EXPECT_EQ(subject("one.com"), "CN=one.com");
  EXPECT_EQ(subject("x.one.com"), "CN=one.com");
  EXPECT_EQ(subject("any.com"), "CN=any.com");
  EXPECT_EQ(subject("bad.com"), "CN=default.invalid");
  EXPECT_EQ(subject("other.com"), "CN=default.invalid");
  EXPECT_TRUE(Until([&] { return Written().find("InvalidCertificate") != std::string::npos; }));
}

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

TEST_F(IngressLoopTest, PodsMayWantTlsAndHttp2) {
  const KeyPair own = CertificateFor("pod");
  Serve("web", 1, http::ServerTls{own.certificate_pem, own.key_pem, ""});
  objects_.AddService("web", {Ip(1)}).spec.ports[0].app_protocol = "https";
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  EXPECT_TRUE(UntilGet("foo.com", "/", "200 web"));
  EXPECT_THAT(body_, HasSubstr("HTTP/2\n"));
}

TEST_F(IngressLoopTest, GrpcGoesThroughWithItsStatusBehindTheAnswer) {
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

TEST_F(IngressLoopTest, ARequestWithoutAnAnswerIsAskedElsewhereUnlessItMayNotBeAskedTwice) {
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

TEST_F(IngressLoopTest, NoRequestGoesByAConnectionThatItsPodMayCloseAtThatMoment) {
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

TEST_F(IngressLoopTest, WebSocketsGoThroughAndOutliveAReload) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  std::unique_ptr<http::testing::TestClient> client;
  host_->Run([&] { client = std::make_unique<http::testing::TestClient>(80); });
  ASSERT_TRUE(client->Send(
      "GET /ws HTTP/1.1\r\nHost: foo.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"));
  EXPECT_EQ(client->ReadHead().status, 101);
  const std::string kMaskedHi = {'\x81', '\x82', 0, 0, 0, 0, 'h', 'i'};
  ASSERT_TRUE(client->Send(kMaskedHi));
  EXPECT_EQ(client->Read(4), "\x81\x02hi");
  objects_.AddRule("b", "", "/api", "Prefix", "api");
  Publish();
  ASSERT_TRUE(UntilGet("foo.com", "/api", "200 api"));
  EXPECT_TRUE(Until([&] { return loop_->reloads() == 1; }));
  ASSERT_TRUE(client->Send(kMaskedHi));
  EXPECT_EQ(client->Read(4), "\x81\x02hi");
}

TEST_F(IngressLoopTest, EndpointsChangeWithoutAReload) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  SetEndpoints("web", {2});
  Publish();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 api"));
  SetEndpoints("web", {});
  Publish();
  ASSERT_TRUE(Until([&] { return Get("foo.com", "/").starts_with("503"); }));
  SetEndpoints("web", {1});
  Publish();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  EXPECT_EQ(loop_->reloads(), 0);
  EXPECT_GE(loop_->syncs(), 3);
}

// A haproxy that takes its time to check a configuration, as on a busy machine.
class SlowCheck {
 public:
  explicit SlowCheck(const std::string& directory) : path_(std::getenv("PATH")) {
    const std::string folder = directory + "/slow";
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/haproxy") << "#!/bin/sh\n[ \"$1\" != -c ] || sleep 4\nexec "
                                       << *FindProgram("haproxy") << " \"$@\"\n";
    std::filesystem::permissions(folder + "/haproxy", std::filesystem::perms::owner_all);
    setenv("PATH", (folder + ":" + path_).c_str(), 1);
  }
  ~SlowCheck() { setenv("PATH", path_.c_str(), 1); }

 private:
  const std::string path_;
};

TEST_F(IngressLoopTest, APodThatEndsDuringAReloadGetsNoRequestsAnyMore) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  const SlowCheck slow(directory_);
  objects_.AddRule("b", "", "/b", "Prefix", "api");
  Publish();
  ASSERT_TRUE(Until([&] { return std::filesystem::exists(directory_ + "/config.1/haproxy.cfg"); }));
  SetEndpoints("web", {2});
  Publish();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 api"));
  EXPECT_EQ(loop_->reloads(), 0) << "that was told to the worker before";
  ASSERT_TRUE(UntilGet("foo.com", "/b", "200 api"));
  EXPECT_EQ(Get("foo.com", "/"), "200 api");
  EXPECT_TRUE(Until([&] { return loop_->reloads() == 1; }));
  EXPECT_THAT(Haproxy(directory_).ConfigText(), Not(HasSubstr("server 10.244.0.1_8080")))
      << "nor has the new one to be told";
}

TEST_F(IngressLoopTest, WhatARuleLedToServesUntilTheRuleIsAnotherOne) {
  ServeTwo();
  auto& ingress = objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  const SlowCheck slow(directory_);
  ingress.spec.rules[0].http->paths[0].backend.service->name = "api";
  Publish();
  std::set<std::string> said;
  EXPECT_TRUE(Until([&] {
    said.insert(Get("foo.com", "/"));
    return said.contains("200 api");
  }));
  EXPECT_THAT(said, testing::ElementsAre("200 api", "200 web"));
}

TEST_F(IngressLoopTest, OneThatDoesNotAnswerIsPassedOver) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  SetEndpoints("web", {1, 77});  // Nobody listens there.
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Get("foo.com", "/"), "200 web");
}

TEST_F(IngressLoopTest, WhatLeadsBackHereGoesAroundAFewTimesAndNoMore) {
  ServeTwo();
  objects_.AddService("circle", {Ip(9)}, 80);  // Where it listens itself.
  objects_.AddRule("a", "", "/", "Prefix", "web");
  objects_.AddRule("b", "", "/circle", "Prefix", "circle");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  EXPECT_EQ(Get("foo.com", "/circle"), "508 508");
  EXPECT_EQ(Get("foo.com", "/"), "200 web");
}

// Requests by connections of their own and by one that is kept, one after the other, and what was
// answered to those that were not answered well.
class Load {
 public:
  explicit Load(const TestHost& host) {
    for (const bool keep : {true, false, false}) {
      threads_.emplace_back([this, &host, keep] {
        host.Enter();
        Run(keep);
      });
    }
  }
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  int asked() const { return asked_; }
  std::string failures() {
    const MutexLock lock(mutex_);
    return failures_;
  }

 private:
  void Run(bool keep) {
    std::unique_ptr<http::testing::TestClient> client;
    while (!stop_) {
      if (!client) client = std::make_unique<http::testing::TestClient>(80);
      client->Send("GET /load HTTP/1.1\r\nHost: foo.com\r\n\r\n");
      const std::string head = client->ReadUntil("\r\n\r\n");
      const size_t length = head.find("ontent-");
      ++asked_;
      if (!head.starts_with("HTTP/1.1 200") || length == std::string::npos) {
        const MutexLock lock(mutex_);
        failures_ += "[" + head + "]\n";
        client.reset();
        continue;
      }
      client->ReadUntil("HTTP/1.1\n");  // The body's end.
      // HAProxy says so when the worker that has the connection is about to end.
      if (!keep || head.find("onnection: close") != std::string::npos) client.reset();
    }
  }
  std::atomic<bool> stop_ = false;
  std::atomic<int> asked_ = 0;
  Mutex mutex_;
  std::string failures_ GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

TEST_F(IngressLoopTest, NoRequestIsLostWhileRulesAndEndpointsChange) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  Load load(*host_);
  int on = 1;
  for (int round = 0; round < 4; ++round) {
    // A rolling update: the new endpoint is there, then the old one goes, and then its server.
    const int next = 3 - on;
    SetEndpoints("web", {on, next});
    Publish();
    SetEndpoints("web", {next});
    Publish();
    const std::string name = "rule" + std::to_string(round);
    objects_.AddRule(name, "", "/" + name, "Exact", next == 1 ? "web" : "api");
    Publish();
    ASSERT_TRUE(Until([&] { return loop_->reloads() > round; }));
    ASSERT_TRUE(UntilGet("foo.com", "/", next == 1 ? "200 web" : "200 api"));
    on = next;
  }
  const int asked = load.asked();
  ASSERT_TRUE(Until([&] { return load.asked() > asked + 20; }));
  load.Stop();
  EXPECT_EQ(load.failures(), "") << "of " << load.asked();
  EXPECT_GT(load.asked(), 50);
}

TEST_F(IngressLoopTest, WhoKeepsAConnectionOverAReloadGetsOneMoreAnswer) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  std::unique_ptr<http::testing::TestClient> client;
  host_->Run([&] { client = std::make_unique<http::testing::TestClient>(80); });
  EXPECT_EQ(client->Get("/x").Header("connection"), "");
  objects_.AddRule("b", "", "/api", "Prefix", "api");
  Publish();
  ASSERT_TRUE(UntilGet("foo.com", "/api", "200 api"));
  const auto answer = client->Get("/x");
  EXPECT_THAT(answer.body, HasSubstr("web /x"));
  EXPECT_EQ(answer.Header("connection"), "close");
}

TEST_F(IngressLoopTest, OneThatIsKilledComesBack) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  ASSERT_TRUE(Until([&] { return Written().find("/status") != std::string::npos; }));
  const auto first = Haproxy(directory_).Process();
  ASSERT_TRUE(first);
  SignalProcess(*first, SIGKILL);
  ASSERT_TRUE(WaitUntilGone(*first, 10s));
  ASSERT_TRUE(Until([&] { return Haproxy(directory_).Process().has_value(); }));
  EXPECT_TRUE(UntilGet("foo.com", "/", "200 web"));
}

TEST_F(IngressLoopTest, TheNextStartFindsItAsItIs) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  const auto first = Haproxy(directory_).Process();
  End();
  EXPECT_EQ(Get("foo.com", "/"), "200 web");
  SetEndpoints("web", {2});
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 api"));
  EXPECT_EQ(Haproxy(directory_).Process(), first);
  EXPECT_EQ(loop_->reloads(), 0);
}

TEST_F(IngressLoopTest, ItEndsWithTheLastIngress) {
  ServeTwo();
  Begin();
  EXPECT_EQ(Get("foo.com", "/"), "nobody");
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Publish();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  objects_.ingresses.clear();
  Publish();
  ASSERT_TRUE(UntilGet("foo.com", "/", "nobody"));
  EXPECT_TRUE(Until([&] { return !Haproxy(directory_).Process(); }));
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/master.sock"));
}

TEST_F(IngressLoopTest, APortOfSomebodyElseIsLeftAloneUntilItIsFree) {
  ServeTwo();
  TestServers other;
  int taken = -1;
  host_->Run([&] {
    taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto at = TestAddress::Of("0.0.0.0", 80);
    ASSERT_EQ(bind(taken, at.get(), at.length), 0);
    ASSERT_EQ(listen(taken, 8), 0);
  });
  auto& balancer = objects_.AddService("balancer", {});
  balancer.spec.type = "LoadBalancer";
  balancer.spec.ports[0].port = 443;
  balancer.status.load_balancer.ingress.emplace_back().ip = kAddress;
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(Until([&] {
    return Written().find("port 443 of this machine: it is service default/balancer's") !=
           std::string::npos;
  }));
  EXPECT_THAT(Written(), HasSubstr("port 80 of this machine: Address already in use"));
  EXPECT_THAT(Written(), Not(HasSubstr("/status")));
  objects_.services.erase("balancer");
  Publish();
  ASSERT_TRUE(Until([&] {
    return Curl({"--resolve", "foo.com:443:127.0.0.1", "https://foo.com/"}).starts_with("web");
  }));
  close(taken);
  objects_.AddRule("b", "", "/api", "Prefix", "api");
  Publish();
  EXPECT_TRUE(UntilGet("foo.com", "/api", "200 api"));
}

TEST_F(IngressLoopTest, CountsAndWritesDownWhatItServes) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  EXPECT_THAT(Curl({"http://127.0.0.1:10254/metrics"}),
              HasSubstr("haproxy_backend_http_responses_total{proxy=\"default.web.80\""));
  std::string log;  // A line is written after its answer is sent.
  EXPECT_TRUE(Until([&] {
    std::ifstream in(directory_ + "/haproxy.log");
    log.assign(std::istreambuf_iterator<char>(in), {});
    return log.find("ingress default.web.80/10.244.0.1_8080") != std::string::npos;
  })) << log;
  EXPECT_THAT(log, HasSubstr("{foo.com} \"GET / HTTP/1.1\""));
}

}  // namespace
}  // namespace skiff::ingress
