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
using testing::StartsWith;

class IngressLoopTest : public IngressFixture {};

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

TEST_F(IngressLoopTest, WhereThereAreTwoFamiliesBothAreServedAndTold) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  addresses_ = {kAddress, "2001:db8::1"};
  binds_ = {"0.0.0.0", "::"};
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  EXPECT_THAT(Curl({"-g", "http://[::1]/x"}), AllOf(HasSubstr("web /x"), HasSubstr("for: ::1\n")));
  EXPECT_THAT(Curl({"-g", "https://[::1]/x"}), HasSubstr("web /x"));
  EXPECT_TRUE(Until([&] { return Written().find("2001:db8::1") != std::string::npos; }));
  EXPECT_THAT(Written(),
              AllOf(HasSubstr("192.0.2.1"), HasSubstr("Served at 192.0.2.1, 2001:db8::1")));
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

TEST_F(IngressLoopTest, NobodySaysHimselfFromWhereHeComes) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  const std::string url = "http://127.0.0.1/x";
  const std::string said = Curl({"-H", "X_Forwarded_For: 6.6.6.6", "-H", "X-Real_IP: 6.6.6.6", "-H",
                                 "X_Forwarded-Proto: 6.6.6.6", "-H", "Forwarded: for=6.6.6.6", "-H",
                                 "X-Forwarded-Prefix: /6.6.6.6", "-H", "X-Forwarded-Ssl: 6.6.6.6",
                                 "-H", "X-Scheme: 6.6.6.6", url});
  EXPECT_THAT(said, AllOf(HasSubstr("web /x\n"), HasSubstr("x-forwarded-for: 127.0.0.1\n")));
  EXPECT_THAT(said, Not(HasSubstr("6.6.6.6")));
  // A proxy behind this one may drop what it names.
  EXPECT_THAT(Curl({"-H", "Connection: close, x-forwarded-for", url}), Not(HasSubstr("web /x\n")));
}

// What is led by one path and is another to the pod would reach what no Ingress shows.
TEST_F(IngressLoopTest, APathIsToThePodWhatItWasLedBy) {
  ServeTwo();
  objects_.AddRule("a", "", "/shown", "Prefix", "web");
  objects_.AddRule("b", "", "/guarded", "Prefix", "api");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/shown", "200 web"));
  const std::pair<const char*, const char*> led[] = {
      {"/shown/../guarded/x?y=/../z", "api /guarded/x?y=/../z\n"},
      {"/shown/../../guarded", "api /guarded\n"},
      {"/./guarded/.", "api /guarded/\n"},
      {"//guarded//x", "api //guarded//x\n"},
      {"/%67uarded/..x/.y/...", "api /%67uarded/..x/.y/...\n"},
      {"http://foo.com/shown/../guarded", "api http://foo.com/guarded\n"}};
  for (const auto& [path, said] : led) {
    EXPECT_EQ(Get("foo.com", path), "200 api") << path;
    EXPECT_THAT(body_, HasSubstr(said)) << path;
  }
  for (const char* path : {"/shown/..", "/shown/../x", "/guarded/../.."}) {
    EXPECT_EQ(Get("foo.com", path).substr(0, 3), "404") << path;
  }
  for (const char* path :
       {"/shown/%2e%2E/guarded", "/shown/.%2e/guarded", "/shown/..%2Fguarded",
        "/shown%2f../guarded", "/shown%2f%2e", "/shown/..\\guarded", "/shown\\../guarded",
        "/shown\\..\\guarded", "/shown%5c..%5Cguarded", "/shown/..%5cguarded", "/shown/..;/guarded",
        "/shown/..;x=1/guarded", "/shown/..%3b/guarded", "/shown/..%00/guarded", "/shown/.;/x"}) {
    EXPECT_EQ(Get("foo.com", path).substr(0, 3), "400") << path;
  }
  // Host and path are one key.
  EXPECT_EQ(Get("%2Fshown", "/secret").substr(0, 3), "404");
}

TEST_F(IngressLoopTest, WhatAPodMightReadOtherwiseDoesNotReachIt) {
  ServeTwo();
  objects_.AddRule("a", "foo.com", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  EXPECT_EQ(Ask("GET / HTTP/1.1\r\n").substr(0, 3), "400");
  EXPECT_EQ(Ask("GET / HTTP/1.1\r\nHost: a.com\r\nHost: foo.com\r\n").substr(0, 3), "400");
  EXPECT_EQ(Get("a.com, foo.com", "/").substr(0, 3), "404");
  EXPECT_EQ(Get("foo.com", "/ HTTP/1.1\r\nX: " + std::string(1, '\0') + "\r\nY: ").substr(0, 3),
            "400");
  const std::string post = "POST / HTTP/1.1\r\nHost: foo.com\r\n";
  EXPECT_EQ(Ask(post + "Content-Length: 1\r\nContent-Length: 2\r\n").substr(0, 3), "400");
  EXPECT_EQ(Ask(post + "Transfer-Encoding: xchunked\r\n").substr(0, 3), "400");
  EXPECT_EQ(Ask("GET / HTTP/1.1\r\nHost: foo.com\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
                "Connection: Upgrade, HTTP2-Settings\r\n"),
            "200 web");
  EXPECT_THAT(body_, Not(HasSubstr("h2c")));
}

TEST_F(IngressLoopTest, CertificatesAreChosenByNameAndABadOneHarmsNoOther) {
  ServeTwo();
  AddSecret("one", CertificateFor("one.com"));
  AddSecret("any", CertificateFor("any.com"));
  AddSecret("bad", {.certificate_pem = CertificateFor("bad.com").certificate_pem,
                    .key_pem = CertificateFor("bad.com").key_pem});
  AddSecret("asks", {.certificate_pem = kPassPhraseCertificate, .key_pem = kPassPhraseKey});
  auto& ingress = objects_.AddRule("a", "", "/", "Prefix", "web");
  ingress.spec.tls.resize(4);
  ingress.spec.tls[0].hosts = {"one.com", "*.one.com"};
  ingress.spec.tls[0].secret_name = "one";
  ingress.spec.tls[1].secret_name = "any";
  ingress.spec.tls[2].hosts = {"bad.com"};
  ingress.spec.tls[2].secret_name = "bad";
  ingress.spec.tls[3].hosts = {"a.com"};
  ingress.spec.tls[3].secret_name = "asks";
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
  EXPECT_EQ(subject("a.com"), "CN=default.invalid");
  EXPECT_EQ(subject("other.com"), "CN=default.invalid");
  EXPECT_TRUE(Until([&] { return Written().find("InvalidCertificate") != std::string::npos; }));
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

// It named another class while no program of ours was there.
TEST_F(IngressLoopTest, WhatIsServedHereNoMoreDoesNotSaySoForEver) {
  objects_.AddClass("theirs", "example.com/theirs");
  auto& left = objects_.AddIngress("{metadata: {name: left}, spec: {ingressClassName: theirs}}");
  auto& said = left.status.load_balancer.ingress.emplace_back();
  said.ip = kAddress;
  said.ports.emplace_back().port = 80;
  auto& theirs =
      objects_.AddIngress("{metadata: {name: theirs}, spec: {ingressClassName: theirs}}");
  theirs.status.load_balancer.ingress.emplace_back().ip = kAddress;
  Begin();
  EXPECT_TRUE(Until([&] { return Written().find("/ingresses/left/status") != std::string::npos; }));
  EXPECT_EQ(Written().find("/ingresses/theirs/status"), std::string::npos);
}

TEST_F(IngressLoopTest, WhatIsServedHereNoMoreDoesNotSaySoThoughItChangesMeanwhile) {
  objects_.AddClass("theirs", "example.com/theirs");
  auto& left = objects_.AddIngress("{metadata: {name: left}, spec: {ingressClassName: theirs}}");
  auto& said = left.status.load_balancer.ingress.emplace_back();
  said.ip = kAddress;
  said.ports.emplace_back().port = 80;
  conflicts_ = 1;
  const auto tries = [&] {
    const std::string written = Written();
    size_t count = 0;
    constexpr std::string_view kWhat = "/ingresses/left/status";
    for (size_t at = 0; (at = written.find(kWhat, at)) != written.npos; at += kWhat.size()) ++count;
    return count;
  };
  Begin();
  ASSERT_TRUE(Until([&] { return tries() >= 1; }));
  left.metadata.annotations["changed"] = "meanwhile";
  Publish();
  EXPECT_TRUE(Until([&] { return tries() >= 2; }));
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
  // By which it could be asked, and each worker by itself.
  EXPECT_TRUE(Until([&] {
    for (const auto& each : std::filesystem::directory_iterator(directory_)) {
      if (each.is_socket()) return false;
    }
    return true;
  }));
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

TEST_F(IngressLoopTest, APortThatAServiceIsGivenIsLeftToIt) {
  ServeTwo();
  objects_.AddRule("a", "", "/", "Prefix", "web");
  Begin();
  ASSERT_TRUE(UntilGet("foo.com", "/", "200 web"));
  auto& balancer = objects_.AddService("balancer", {});
  balancer.spec.type = "LoadBalancer";
  balancer.spec.ports[0].port = 80;
  balancer.status.load_balancer.ingress.emplace_back().ip = kAddress;
  Publish();
  ASSERT_TRUE(Until([&] {
    return Written().find("port 80 of this machine: it is service default/balancer's") !=
           std::string::npos;
  }));
  ASSERT_TRUE(Until([&] { return Curl({"http://127.0.0.1/"}).empty(); }));
  EXPECT_THAT(Curl({"--resolve", "foo.com:443:127.0.0.1", "https://foo.com/"}), StartsWith("web"));
  auto both = std::make_shared<core_v1::Service>(balancer);
  auto& second = both->spec.ports.emplace_back(balancer.spec.ports[0]);
  second.name = "second";
  second.port = 443;
  objects_.services["balancer"] = both;
  Publish();
  ASSERT_TRUE(Until([&] {
    return Written().find("port 443 of this machine: it is service default/balancer's") !=
           std::string::npos;
  }));
  EXPECT_TRUE(Until([&] { return Written().find("NotServed") != std::string::npos; }));
  objects_.services.erase("balancer");
  Publish();
  EXPECT_TRUE(UntilGet("foo.com", "/", "200 web"));
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
