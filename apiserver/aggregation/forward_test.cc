// Requests that other servers answer, and what those servers may do to their clients.
#include <gmock/gmock.h>

#include <algorithm>

#include "apiserver/aggregation/aggregation_fixture.h"
#include "http/test_streams.h"

namespace skiff {
namespace {

using http::testing::EchoDuplex;
using http::testing::PushedSource;
using http::testing::PushedStream;
using http::testing::TestClient;
using testing::HasSubstr;
using testing::StartsWith;

class ForwardTest : public AggregationFixture {
 protected:
  ForwardTest() : ForwardTest(ForwardLimits{}) {}
  explicit ForwardTest(ForwardLimits limits) : AggregationFixture(limits) {
    At(kFlunders, [](const http::Request& request) {
      auto answer = Says200(request.method + " " + request.target + " " + request.body);
      answer.status = 203;
      answer.SetHeader("X-Own", "yes");
      answer.SetHeader("Access-Control-Allow-Origin", "*");
      return answer;
    });
  }
  static constexpr const char* kFlunders = "/apis/wardle.example.com/v1/flunders";

  // Goes over to a protocol that echoes, unless X-Refuse says 1.
  void AtEcho(const std::string& path) {
    At(path, [](const http::Request& request) {
      http::Response response;
      if (request.Header("X-Refuse") == "1") {
        response.status = 400;
        response.body = "not here";
        return response;
      }
      response.status = 101;
      response.SetHeader("Connection", "Upgrade");
      response.SetHeader("Upgrade", "echo");
      response.upgrade = std::make_unique<EchoDuplex>();
      return response;
    });
  }
};

TEST_F(ForwardTest, ARequestAndItsAnswerPass) {
  Serve();
  TestClient client(front_->port());
  const std::string more =
      "Content-Length: 4\r\nX-Mine: 1\r\nAudit-Id: 7\r\n"
      "X_Forwarded_Uri: /x\r\nX_Forwarded_Host: x\r\n";
  const auto answer = client.Ask(
      TextOf("POST", std::string(kFlunders) + "?z=1&a=x%20y&z=0", "admin", more) + "body");
  EXPECT_EQ(answer.status(), 203);
  EXPECT_EQ(answer.body, "POST " + std::string(kFlunders) + "?a=x+y&z=1&z=0 body");
  EXPECT_EQ(answer.Header("X-Own"), "yes");
  EXPECT_EQ(answer.Header("Access-Control-Allow-Origin"), "");
  EXPECT_EQ(answer.Header("Audit-Id"), "7");
  EXPECT_EQ(answer.Header("Cache-Control"), "no-cache, private");
  const auto seen = LastTo(kFlunders);
  ASSERT_TRUE(seen);
  const std::string host = "localhost:" + std::to_string(backend_->port());
  EXPECT_EQ(seen->Header("Host"), host);
  EXPECT_EQ(seen->Header("X-Mine"), "1");
  EXPECT_EQ(seen->Header("Audit-Id"), "7");
  EXPECT_EQ(seen->Header("X-Forwarded-For"), "127.0.0.1");
  EXPECT_EQ(seen->Header("X-Forwarded-Uri"), kFlunders);
  EXPECT_EQ(seen->Header("X-Forwarded-Proto"), "https");
  EXPECT_EQ(seen->headers.count("X_Forwarded_Uri"), 0u);
  EXPECT_EQ(seen->headers.count("X_Forwarded_Host"), 0u);
  EXPECT_EQ(client.Get("/version").status(), 200) << "the client's connection is kept";
}

TEST_F(ForwardTest, RequestsShareConnectionsWhateverTheyDo) {
  Serve();
  TestClient client(front_->port());
  const size_t before = backend_->stats().accepted;
  constexpr size_t kRounds = 10;
  for (size_t i = 0; i < kRounds; ++i) {
    for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
      const std::string text = TextOf(method, kFlunders, "admin", "Content-Length: 1\r\n") + "x";
      EXPECT_EQ(client.Ask(text).status(), 203) << method;
    }
  }
  // Some are of this server's own, which looks at what there is.
  EXPECT_LT(backend_->stats().accepted - before, kRounds);
}

TEST_F(ForwardTest, WhatABrowserShowsIsNoPageOfThisServer) {
  Serve();
  TestClient client(front_->port());
  const auto policy = [&](const std::string& headers) {
    const auto answer = client.Ask(TextOf("GET", kFlunders, "admin", headers));
    EXPECT_EQ(answer.status(), 203);
    return std::string(answer.Header("Content-Security-Policy"));
  };
  EXPECT_THAT(policy("Sec-Fetch-Site: none\r\n"), StartsWith("sandbox "));
  EXPECT_EQ(policy(""), "");
}

TEST_F(ForwardTest, ACertificateThatWasRenewedIsShownFromThenOn) {
  Serve();
  const auto renewed = proxies_.Issue({.common_name = "front-proxy-renewed"});
  const auto other = proxies_.Issue({.common_name = "front-proxy-other"});
  EXPECT_FALSE(server_->UseProxyCertificate(renewed.certificate_pem, other.key_pem));
  TestClient client(front_->port());
  const auto shown = [&] {
    EXPECT_EQ(client.Ask(TextOf("GET", kFlunders)).status(), 203);
    const auto seen = LastTo(kFlunders);
    return seen && seen->peer_certificate ? seen->peer_certificate->common_name : "";
  };
  EXPECT_EQ(shown(), "front-proxy-client") << "what is no pair is not taken";
  ASSERT_TRUE(server_->UseProxyCertificate(renewed.certificate_pem, renewed.key_pem));
  EXPECT_EQ(shown(), "front-proxy-renewed");
}

TEST_F(ForwardTest, WhoAsksIsSaidByThisServerAlone) {
  Serve();
  LetAliceDoAll();
  TestClient client(front_->port());
  const auto answer = client.Ask(
      TextOf("GET", kFlunders, "alice",
             "X-Remote-User: root\r\nx-remote-group: system:masters\r\nX-REMOTE-UID: 0\r\n"
             "X-Remote-Extra-Scopes: all\r\nImpersonate-Foo: bar\r\n"
             "x-login: root\r\nX-Login-Scopes: all\r\n"));
  EXPECT_EQ(answer.status(), 203);
  const auto seen = LastTo(kFlunders);
  ASSERT_TRUE(seen && seen->peer_certificate);
  EXPECT_EQ(seen->peer_certificate->common_name, "front-proxy-client");
  EXPECT_EQ(seen->Header("X-Remote-User"), "alice");
  EXPECT_EQ(seen->Header("X-Remote-Uid"), "u2");
  EXPECT_EQ(seen->headers.count("X-Remote-User"), 1u);
  EXPECT_EQ(seen->headers.count("X-Remote-Group"), 2u) << "dev and system:authenticated";
  EXPECT_EQ(seen->headers.count("X-Remote-Extra-Scopes"), 0u);
  EXPECT_EQ(seen->headers.count("Authorization"), 0u);
  EXPECT_EQ(seen->headers.count("Impersonate-Foo"), 0u);
  EXPECT_EQ(seen->headers.count("X-Login"), 0u) << "--requestheader-username-headers";
  EXPECT_EQ(seen->headers.count("X-Login-Scopes"), 0u);
  EXPECT_EQ(seen->headers.count("Via"), 1u) << "so that it is known where it has been";
  const auto other = client.Ask(
      TextOf("GET", kFlunders, "admin",
             "Impersonate-User: bob\r\nImpersonate-Group: system:masters\r\n"));
  EXPECT_EQ(other.status(), 203);
  EXPECT_EQ(LastTo(kFlunders)->Header("X-Remote-User"), "bob") << "whom the request is for";
}

TEST_F(ForwardTest, WhoMayNotAsksNobody) {
  Serve();
  TestClient client(front_->port());
  const auto refused = client.Ask(TextOf("GET", kFlunders, "alice"));
  EXPECT_EQ(refused.status(), 403);
  EXPECT_THAT(refused.body, HasSubstr("User \\\"alice\\\" cannot list resource \\\"flunders\\\" in "
                                      "API group \\\"wardle.example.com\\\""));
  EXPECT_EQ(client.Ask(TextOf("GET", kFlunders, "nobody")).status(), 401);
  EXPECT_FALSE(LastTo(kFlunders));
}

TEST_F(ForwardTest, WhatIsNotAvailableIsAnsweredSo) {
  ASSERT_EQ(Register().code, 201);
  for (const std::string& path : {std::string(kVersion), std::string(kFlunders)}) {
    const auto answer = Get(path);
    EXPECT_EQ(answer.code, 503) << path;
    EXPECT_EQ(answer.response.body, "service unavailable\n");
    EXPECT_EQ(answer.response.content_type, "text/plain; charset=utf-8");
  }
  EXPECT_EQ(Get("/apis/wardle.example.com/v2/flunders").code, 404) << "another version";
}

TEST_F(ForwardTest, AServerThatIsNotTheOneIsNotTold) {
  MakeService();
  http::testing::TestAuthority stranger("stranger");
  ASSERT_EQ(Register({{"caBundle", EncodeBase64(stranger.certificate_pem())}}).code, 201);
  ASSERT_TRUE(Becomes("Passed")) << "whether it answers is seen without a look at who it is";
  TestClient client(front_->port());
  const auto answer = client.Ask(TextOf("GET", kFlunders));
  EXPECT_EQ(answer.status(), 503);
  EXPECT_THAT(answer.body, StartsWith("error trying to reach service: tls: failed to verify "
                                      "certificate: x509: certificate signed by unknown"));
  EXPECT_FALSE(LastTo(kFlunders));
  const std::string path = std::string(kApiServices) + "/" + kName;
  ASSERT_EQ(
      Merge(path, R"({"spec": {"caBundle": null, "insecureSkipTLSVerify": true}})").code, 200);
  EXPECT_EQ(client.Ask(TextOf("GET", kFlunders)).status(), 203);
}

TEST_F(ForwardTest, ARedirectIsRefused) {
  At(kFlunders, [](const http::Request&) {
    http::Response moved;
    moved.status = 302;
    moved.SetHeader("Location", "https://elsewhere.example.com/");
    return moved;
  });
  Serve();
  TestClient client(front_->port());
  const auto answer = client.Ask(TextOf("GET", kFlunders));
  EXPECT_EQ(answer.status(), 502);
  EXPECT_EQ(answer.body,
            "the backend attempted to redirect this request, which is not permitted");
  EXPECT_EQ(answer.Header("Location"), "");
}

TEST_F(ForwardTest, AWatchStreamsAndOutlivesItsApiService) {
  PushedStream events;
  At(kFlunders, [&](const http::Request&) {
    return http::testing::Streamed(std::make_unique<PushedSource>(events));
  });
  Serve();
  TestClient client(front_->port());
  ASSERT_TRUE(client.Send(TextOf("GET", std::string(kFlunders) + "?watch=1")));
  events.Push("one");
  EXPECT_EQ(client.ReadHead().status, 200);
  EXPECT_EQ(client.ReadChunk(), "one");
  ASSERT_EQ(Ask("DELETE", std::string(kApiServices) + "/" + kName).code, 200);
  EXPECT_EQ(Get(kFlunders).code, 404);
  events.Push("two");
  EXPECT_EQ(client.ReadChunk(), "two") << "who watches already goes on";
  client.Close();
  EXPECT_EQ(events.gone.get_future().wait_for(10s), std::future_status::ready)
      << "the other server hears that the client left";
}

TEST_F(ForwardTest, AnUpgradeBecomesATunnel) {
  const std::string exec = "/apis/wardle.example.com/v1/namespaces/default/flunders/f/exec";
  AtEcho(exec);
  Serve();
  const std::string asks = "Connection: Upgrade\r\nUpgrade: echo\r\nX-Remote-User: root\r\n";
  TestClient client(front_->port());
  ASSERT_TRUE(client.Send(TextOf("GET", exec, "admin", asks)));
  EXPECT_EQ(client.ReadHead().status, 101);
  ASSERT_TRUE(client.Send("hello"));
  EXPECT_EQ(client.Read(5), "hello");
  EXPECT_EQ(LastTo(exec)->Header("X-Remote-User"), "admin");
  TestClient refused(front_->port());
  const auto answer = refused.Ask(TextOf("GET", exec, "admin", asks + "X-Refuse: 1\r\n"));
  EXPECT_EQ(answer.status(), 400);
  EXPECT_EQ(answer.body, "not here");
}

class FewAnswersForwardTest : public ForwardTest {
 protected:
  FewAnswersForwardTest() : ForwardTest(ForwardLimits{.answering_max = 2}) {}  // One user has one.
  // Those of which the metrics say that they go on.
  bool GoOn(int count) {
    return Get("/metrics")
               .response.body.find(
                   R"(apiserver_longrunning_requests{verb="GET",group="",version="",resource="",)"
                   R"(subresource="",scope="",component="apiserver"} )" +
                   std::to_string(count) + "\n") != std::string::npos;
  }
};

TEST_F(FewAnswersForwardTest, ATunnelHasAPlaceUntilItIsClosed) {
  const std::string exec = "/apis/wardle.example.com/v1/namespaces/default/flunders/f/exec";
  AtEcho(exec);
  Serve();
  TestClient client(front_->port());
  const std::string asks = "Connection: Upgrade\r\nUpgrade: echo\r\n";
  ASSERT_TRUE(client.Send(TextOf("GET", exec, "admin", asks)));
  EXPECT_EQ(client.ReadHead().status, 101);
  EXPECT_TRUE(GoOn(1));
  const auto ask = [&] {
    TestClient other(front_->port());
    return other.Ask(TextOf("GET", kFlunders)).status();
  };
  EXPECT_EQ(ask(), 429);
  client.Close();
  EXPECT_TRUE(Eventually([&] { return ask() == 203; }));
  EXPECT_TRUE(Eventually([&] { return GoOn(0); }));
}

TEST_F(ForwardTest, ATunnelEndsWithTheServer) {
  const std::string exec = "/apis/wardle.example.com/v1/namespaces/default/flunders/f/exec";
  AtEcho(exec);
  Serve();
  TestClient client(front_->port());
  ASSERT_TRUE(
      client.Send(TextOf("GET", exec, "admin", "Connection: Upgrade\r\nUpgrade: echo\r\n")));
  EXPECT_EQ(client.ReadHead().status, 101);
  front_->Stop(600s);  // Nobody knows when it would end, so that is not waited for.
  EXPECT_EQ(client.ReadToEnd(), "");
}

TEST_F(ForwardTest, AnApiServiceThatWasThereGoesBeforeADefinition) {
  Serve();
  const std::string definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  ASSERT_EQ(Post(definitions, R"({"metadata": {"name": "flunders.wardle.example.com"},
                "spec": {"group": "wardle.example.com", "scope": "Cluster",
                "names": {"plural": "flunders", "kind": "Flunder"},
                "versions": [{"name": "v1", "served": true, "storage": true,
                              "schema": {"openAPIV3Schema": {"type": "object"}}}]}})")
                .code,
            201);
  TestClient client(front_->port());
  EXPECT_EQ(client.Ask(TextOf("GET", kFlunders)).status(), 203);
  const std::string path = definitions + "/flunders.wardle.example.com";
  ASSERT_EQ(Ask("DELETE", path).code, 200);
  EXPECT_TRUE(Eventually([&] { return Get(path).code == 404; }));
  EXPECT_EQ(LastTo(kFlunders)->method, "GET") << "what the definition has goes, and no more";
}

// Within another connection protocol the client could say himself who he is.
TEST_F(ForwardTest, AConnectionIsNotHandedOver) {
  Serve();
  for (const std::string protocol : {"h2c", "websocket, H2C", "HTTP/2.0"}) {
    TestClient client(front_->port());
    const auto answer = client.Ask(TextOf(
        "GET", kFlunders, "admin",
        "Connection: Upgrade, X-Remote-User\r\nUpgrade: " + protocol + "\r\n"));
    EXPECT_EQ(answer.status(), 203) << protocol;
    const auto seen = LastTo(kFlunders);
    EXPECT_EQ(seen->Header("Upgrade"), "");
    EXPECT_EQ(seen->Header("X-Remote-User"), "admin") << "no word of the client takes it away";
  }
}

// A part of this process has no loop to pull a stream by.
TEST_F(ForwardTest, ACallerInThisProcessGetsAWholeAnswer) {
  Serve();
  http::Request request;
  request.method = "GET";
  request.path = kFlunders;
  request.target = kFlunders;
  const auto answer = server_->Handle(request, {.name = "gc", .groups = {"system:masters"}});
  EXPECT_FALSE(answer.pending);
  EXPECT_FALSE(answer.stream);
  EXPECT_EQ(answer.status, 203);
  EXPECT_EQ(answer.body, "GET " + std::string(kFlunders) + " ");
  EXPECT_EQ(LastTo(kFlunders)->Header("X-Remote-User"), "gc");
}

TEST_F(ForwardTest, NobodyWaitsLongerThanHeAsksFor) {
  At(kFlunders, [&](const http::Request&) {
    Hang();
    return http::Response();
  });
  Serve();
  const std::string target = std::string(kFlunders) + "?timeout=100ms";
  TestClient client(front_->port());
  const auto answer = client.Ask(TextOf("GET", target));
  EXPECT_EQ(answer.status(), 504);
  EXPECT_THAT(answer.body, HasSubstr("within the allotted timeout"));
  http::Request request;
  request.method = "GET";
  request.path = kFlunders;
  request.target = target;
  request.query = {{"timeout", "100ms"}};
  EXPECT_EQ(server_->Handle(request, {.name = "gc", .groups = {"system:masters"}}).status, 504);
}

TEST_F(ForwardTest, AnAnswerThatIsNotThereByThenIsCut) {
  PushedStream trickle;
  At(kFlunders, [&](const http::Request&) {
    return http::testing::Streamed(std::make_unique<PushedSource>(trickle));
  });
  Serve();
  TestClient client(front_->port());
  ASSERT_TRUE(client.Send(TextOf("GET", std::string(kFlunders) + "?timeout=2s")));
  trickle.Push("a");
  EXPECT_EQ(client.ReadHead().status, 200);
  EXPECT_EQ(client.ReadChunk(), "a");
  EXPECT_EQ(client.ReadToEnd(), "");
  trickle.gone.get_future().wait();  // Whoever makes it is let go as well.
}

// --request-timeout of kube-apiserver.
TEST(ForwardLimitsTest, AnAnswerIsWaitedForAsLongAsByKubeApiserver) {
  EXPECT_EQ(ForwardLimits().head_time, 60s);
}

class ImpatientForwardTest : public ForwardTest {
 protected:
  ImpatientForwardTest()
      : ForwardTest({.waiting_max = 3,  // One user may have two.
                     .head_time = 2s,
                     .answer_time = std::chrono::seconds(1)}) {}
};

TEST_F(ImpatientForwardTest, OneThatHangsHoldsItsOwnRequestsAlone) {
  Serve();
  At(kFlunders, [&](const http::Request&) {
    Hang();
    return http::Response();
  });
  TestClient first(front_->port());
  TestClient second(front_->port());
  TestClient third(front_->port());
  const std::string watch = TextOf("GET", std::string(kFlunders) + "?watch=1");
  ASSERT_TRUE(first.Send(watch));
  ASSERT_TRUE(second.Send(watch));
  ASSERT_TRUE(Eventually([&] {
    const std::lock_guard lock(mutex_);
    return hanging_ == 2;
  }));
  const auto refused = third.Ask(TextOf("GET", kFlunders));
  EXPECT_EQ(refused.status(), 429);
  EXPECT_EQ(refused.Header("Retry-After"), "1");
  EXPECT_EQ(third.Ask(TextOf("GET", "/api/v1/namespaces")).status(), 200);
  Post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
       R"({"metadata": {"name": "dev"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io",
           "kind": "ClusterRole", "name": "cluster-admin"},
           "subjects": [{"kind": "Group", "name": "dev"}]})");
  EXPECT_EQ(third.Ask(TextOf("GET", kFlunders, "alice")).status(), 504) << "others wait their time";
  first.Close();
  // Whose place is free again. What does not go on has a deadline.
  ASSERT_TRUE(Eventually([&] {
    TestClient again(front_->port());
    const auto answer = again.Ask(TextOf("GET", kFlunders));
    if (answer.status() != 504) return false;
    EXPECT_THAT(answer.body, HasSubstr("\"message\":\"Timeout: request did not complete within the "
                                       "allotted timeout\""));
    return true;
  }));
}

TEST_F(ImpatientForwardTest, AnAnswerThatNeverEndsIsCut) {
  PushedStream trickle;
  At(kFlunders, [&](const http::Request&) {
    return http::testing::Streamed(std::make_unique<PushedSource>(trickle));
  });
  Serve();
  TestClient client(front_->port());
  ASSERT_TRUE(client.Send(TextOf("GET", kFlunders)));
  trickle.Push("a");
  EXPECT_EQ(client.ReadHead().status, 200);
  EXPECT_EQ(client.ReadChunk(), "a");
  EXPECT_EQ(client.ReadToEnd(), "") << "no last chunk: nobody takes it for the end";
  EXPECT_EQ(trickle.gone.get_future().wait_for(10s), std::future_status::ready);
}

// What speaks TLS, and then no HTTP that anybody could use.
class LyingServerTest : public ForwardTest {
 protected:
  // Answers the request for kFlunders with these bytes, and closes.
  void Lie(std::string bytes) {
    At(kFlunders, [bytes = std::move(bytes)](const http::Request&) {
      // Behind a 101 the bytes are the test's own.
      class Bytes final : public http::Duplex {
       public:
        explicit Bytes(std::string text) : text_(std::move(text)) {}
        void Attach(http::Waker) override {}
        http::Pulled Pull(size_t, std::vector<http::SharedBytes>& out) override {
          out.push_back(std::make_shared<const std::string>(std::exchange(text_, "")));
          return http::Pulled::kEnd;
        }
        size_t OnBytes(std::string_view given) override { return given.size(); }
        void OnPeerClosed() override {}

       private:
        std::string text_;
      };
      http::Response response;
      response.status = 103;  // Not the head that counts.
      response.upgrade = std::make_unique<Bytes>(bytes);
      return response;
    });
  }
};

TEST_F(LyingServerTest, WhatIsNoAnswerIsAFailureOfItsOwnRequest) {
  Serve();
  TestClient client(front_->port());
  struct Case {
    std::string bytes;
    std::string says;
  };
  const Case cases[] = {
      {"nonsense\r\n\r\n", "error trying to reach service: "},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(2 << 20, 'x'),
       "error trying to reach service: server response headers exceeded the limit"},
      {"", "error trying to reach service: EOF"},
  };
  for (const Case& each : cases) {
    Lie(each.bytes);
    const auto answer = client.Ask(TextOf("POST", kFlunders, "admin", "Content-Length: 0\r\n"));
    EXPECT_EQ(answer.status(), 503) << each.bytes.substr(0, 20);
    EXPECT_THAT(answer.body, StartsWith(each.says));
  }
  EXPECT_EQ(client.Get("/version").status(), 200);
}

TEST_F(LyingServerTest, NobodySwitchesProtocolsWhoWasNotAsked) {
  Serve();
  Lie("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: mine\r\n\r\nHTTP/1.1 "
      "200 OK\r\n\r\n");
  TestClient client(front_->port());
  const auto answer = client.Ask(TextOf("POST", kFlunders, "admin", "Content-Length: 0\r\n"));
  EXPECT_EQ(answer.status(), 503);
  EXPECT_EQ(answer.body, "backend tried to switch protocol \"mine\" when \"\" was requested\n");
}

TEST_F(LyingServerTest, AnAnswerThatBreaksOffIsNotTakenForWhole) {
  Serve();
  Lie("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  TestClient client(front_->port());
  ASSERT_TRUE(client.Send(TextOf("POST", kFlunders, "admin", "Content-Length: 0\r\n")));
  const auto head = client.ReadHead();
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.framing.content_length, 10u);
  EXPECT_EQ(client.ReadToEnd(), "half");
}

}  // namespace
}  // namespace skiff
