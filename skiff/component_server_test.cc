// What a control plane's program serves, and to whom.
#include "skiff/component_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apiserver/auth/pki.h"
#include "apiserver/server/api_server.h"
#include "apiserver/storage/rocksdb_store.h"
#include "base/build_info.h"
#include "controllers/program.h"
#include "skiff/component.h"
#include "skiff/component_clients.h"

namespace skiff {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Serves beside a real API server that decides who may see what.
class ComponentServerTest : public testing::Test {
 protected:
  ComponentServerTest() : env_(NewMemoryDisk()) {
    store_ = *RocksdbStore::Open({.path = "/store", .env = env_.get()}, clock_);
    api_ = *ApiServer::Create(
        {.authorization_modes = {"RBAC"},
         .token_file_text = "watcher,prometheus,u1,\"system:monitoring\"\nguest,guest,u2\n"
                            "admin,admin,u3,\"system:masters\"\n"},
        {*store_, clock_, random_});
    AddProgramMetrics(metrics_);
  }
  http::Response Get(const std::string& path, const std::string& token = "") {
    http::Request request;
    request.method = "GET";
    request.path = path;
    if (!token.empty()) request.headers.emplace("Authorization", "Bearer " + token);
    return server_.Handle(request);
  }

  FakeClock clock_;
  SeededRandom random_{7};
  std::shared_ptr<rocksdb::Env> env_;
  std::unique_ptr<RocksdbStore> store_;
  std::unique_ptr<ApiServer> api_;
  int asked_ = 0;
  InProcessTransport transport_{[this](const http::Request& request) {
    ++asked_;
    return api_->Handle(request,
                        {.name = "system:kube-scheduler", .groups = {"system:authenticated"}});
  }};
  Client client_{transport_, "test"};
  MetricRegistry metrics_;
  ComponentServer server_{{client_, client_, clock_, metrics_},
                          {.open_paths = {"/healthz", "/readyz", "/livez"}}};
};

TEST_F(ComponentServerTest, HealthIsForAnyone) {
  for (const char* path : {"/healthz", "/readyz", "/livez"}) {
    EXPECT_EQ(Get(path).status, 200) << path;
    EXPECT_EQ(Get(path).body, "ok");
  }
  EXPECT_EQ(asked_, 0) << "nobody is asked about it";
}

TEST_F(ComponentServerTest, WhatIsWrongIsNamedWhereAProgramIsNotReady) {
  std::string fault = "handlers are not fully synchronized";
  const auto well = [] { return std::string(); };
  ComponentServer server(
      {client_,
       client_,
       clock_,
       metrics_,
       nullptr,
       {{"readyz", "shutdown", well}, {"readyz", "sched-handler-sync", [&] { return fault; }}}},
      {.open_paths = {"/*"}});
  const auto get = [&](const std::string& path, const std::string& exclude = "") {
    http::Request request;
    request.method = "GET";
    request.path = path;
    if (!exclude.empty()) request.query.emplace_back("exclude", exclude);
    return server.Handle(request);
  };
  const http::Response bad = get("/readyz");
  EXPECT_EQ(bad.status, 500);
  EXPECT_EQ(bad.body,
            "[+]shutdown ok\n[-]sched-handler-sync failed: reason withheld\nreadyz check failed\n");
  EXPECT_EQ(get("/readyz/sched-handler-sync").body,
            "internal server error: handlers are not fully synchronized\n");
  EXPECT_EQ(get("/readyz", "sched-handler-sync").status, 200);
  EXPECT_EQ(get("/readyz", "no-such-check").status, 500);
  EXPECT_EQ(get("/livez").body, "ok") << "which is another matter";
  EXPECT_EQ(get("/livez/ping").body, "ok");
  EXPECT_EQ(get("/livez/shutdown").status, 404);
  fault.clear();
  EXPECT_EQ(get("/readyz").body, "ok");
  EXPECT_EQ(get("/readyz/sched-handler-sync").body, "ok");
}

TEST_F(ComponentServerTest, MetricsAreForThoseWhomTheApiServerLetsSeeThem) {
  EXPECT_EQ(Get("/metrics").status, 403);
  EXPECT_EQ(Get("/metrics", "guest").status, 403);
  EXPECT_EQ(Get("/metrics", "nobody").status, 401);
  const auto answer = Get("/metrics", "watcher");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(answer.body, AllOf(HasSubstr("process_resident_memory_bytes"),
                                 HasSubstr("kubernetes_build_info{git_version=\"v1.35.6+skiff-"),
                                 HasSubstr("\",major=\"1\",minor=\"35\",git_commit="),
                                 HasSubstr("\",platform=\"linux/")));
  EXPECT_EQ(Get("/no-such-path", "watcher").status, 403) << "system:monitoring names its paths";
}

TEST_F(ComponentServerTest, WhatHealthChecksSayIsCounted) {
  EXPECT_EQ(Get("/metrics/slis").status, 403);
  EXPECT_EQ(Get("/metrics/slis", "watcher").body, "") << "nobody has asked";
  (void)Get("/readyz");
  (void)Get("/readyz/ping", "admin");
  (void)Get("/livez");
  EXPECT_THAT(Get("/metrics/slis", "watcher").body,
              AllOf(HasSubstr("kubernetes_healthcheck{name=\"ping\",type=\"livez\"} 1\n"),
                    HasSubstr("kubernetes_healthcheck{name=\"ping\",type=\"readyz\"} 1\n"),
                    HasSubstr("kubernetes_healthchecks_total{name=\"ping\",status=\"success\","
                              "type=\"readyz\"} 2\n")));
  std::string fault = "no";
  ComponentServer server({client_,
                          client_,
                          clock_,
                          metrics_,
                          nullptr,
                          {{"readyz", "sched-handler-sync", [&] { return fault; }}}},
                         {.open_paths = {"/*"}});
  const auto get = [&](const char* path) {
    http::Request request;
    request.method = "GET";
    request.path = path;
    return server.Handle(request).body;
  };
  (void)get("/readyz");
  EXPECT_THAT(get("/metrics/slis"),
              AllOf(HasSubstr("{name=\"sched-handler-sync\",type=\"readyz\"} 0\n"),
                    HasSubstr("{name=\"sched-handler-sync\",status=\"error\","
                              "type=\"readyz\"} 1\n")));
}

TEST_F(ComponentServerTest, OnlyWhoCountsResourcesTellsOfThem) {
  EXPECT_EQ(Get("/metrics/resources").status, 403);
  EXPECT_EQ(Get("/metrics/resources", "admin").status, 404);
  MetricRegistry resources;
  resources.AddCounter({"kube_pod_resource_request", "What pods ask for."}).Add({});
  ComponentServer server({client_, client_, clock_, metrics_, &resources},
                         {.open_paths = {"/metrics/resources"}});
  http::Request request;
  request.method = "GET";
  request.path = "/metrics/resources";
  const auto answer = server.Handle(request);
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("\nkube_pod_resource_request 1\n"));
}

TEST_F(ComponentServerTest, ADecisionIsKeptForTenSeconds) {
  Get("/metrics", "watcher");
  const int before = asked_;
  EXPECT_EQ(Get("/metrics", "watcher").status, 200);
  EXPECT_EQ(asked_, before);
  clock_.Advance(11s);
  EXPECT_EQ(Get("/metrics", "watcher").status, 200);
  EXPECT_GT(asked_, before);
}

TEST_F(ComponentServerTest, HowLongADecisionIsKeptIsChosen) {
  ComponentServer server({client_, client_, clock_, metrics_},
                         {.token_ttl = 1min, .allowed_ttl = 30s, .denied_ttl = 0s});
  const auto asked = [&](const std::string& token) {
    const int before = asked_;
    http::Request request;
    request.method = "GET";
    request.path = "/metrics";
    request.headers.emplace("Authorization", "Bearer " + token);
    server.Handle(request);
    return asked_ - before;
  };
  EXPECT_EQ(asked("watcher"), 2);
  clock_.Advance(29s);
  EXPECT_EQ(asked("watcher"), 0);
  clock_.Advance(2s);
  EXPECT_EQ(asked("watcher"), 2);
  EXPECT_EQ(asked("guest"), 2);
  EXPECT_EQ(asked("guest"), 2) << "a refusal is not kept";
  EXPECT_EQ(asked("nobody"), 1);
  EXPECT_EQ(asked("nobody"), 0) << "whose a token is, is";
}

// A server whose users and whose proxy in front show certificates.
class ComponentServerFrontTest : public ComponentServerTest {
 protected:
  // What somebody shows; "": no header.
  struct Shown {
    std::string user = "";
    std::vector<std::string> groups = {};
    std::string token = "";
  };
  http::Request RequestOf(const Shown& shown) {
    http::Request request;
    request.method = "GET";
    request.path = "/metrics";
    if (!shown.user.empty()) request.headers.emplace("X-Remote-User", shown.user);
    for (const std::string& group : shown.groups) request.headers.emplace("X-Remote-Group", group);
    if (!shown.token.empty()) request.headers.emplace("Authorization", "Bearer " + shown.token);
    return request;
  }
  http::Response GetBy(const CertificateAuthority& authority, const std::string& name,
                       const Shown& shown) {
    const auto pair = *authority.Issue({.common_name = name, .client = true}, clock_.Now());
    http::Request request = RequestOf(shown);
    request.peer_certificate = std::make_shared<http::PeerCertificate>(
        http::PeerCertificate{name, {}, pair.certificate_pem});
    return front_.Handle(request);
  }
  http::Response GetByToken(const std::string& token) {
    return front_.Handle(RequestOf({.token = token}));
  }
  const CertificateAuthority users_ = *CertificateAuthority::Create("users", clock_.Now());
  const CertificateAuthority proxies_ = *CertificateAuthority::Create("proxies", clock_.Now());
  ComponentServer front_{{client_, client_, clock_, metrics_},
                         {.client_ca_pem = users_.pem().certificate_pem,
                          .front_proxy = {.client_ca_pem = proxies_.pem().certificate_pem,
                                          .allowed_names = {"proxy"},
                                          .username_headers = {"X-Remote-User"},
                                          .group_headers = {"X-Remote-Group"}}}};
};

TEST_F(ComponentServerFrontTest, AProxyInFrontNamesTheUser) {
  const Shown monitor = {"somebody", {"system:monitoring"}};
  EXPECT_EQ(GetBy(proxies_, "proxy", monitor).status, 200);
  EXPECT_THAT(GetBy(proxies_, "proxy", {"somebody", {"others"}}).body,
              HasSubstr("User \"somebody\""));
  EXPECT_EQ(GetBy(proxies_, "impostor", monitor).status, 401);
  EXPECT_THAT(GetBy(users_, "proxy", monitor).body, HasSubstr("User \"proxy\""))
      << "headers of a user are nobody's word";
}

TEST_F(ComponentServerFrontTest, NoTokenReadsLikeAUserWhoIsKnown) {
  EXPECT_EQ(GetBy(proxies_, "proxy", {"prometheus", {"system:monitoring"}}).status, 200);
  for (const std::string groups :
       {R"(["system:monitoring","system:authenticated"])", R"(["system:monitoring"])"}) {
    const std::string token =
        R"({"extra":{},"groups":)" + groups + R"(,"name":"prometheus","uid":""})";
    EXPECT_EQ(GetByToken(token).status, 401) << token;
  }
  std::string token("user\0", 5);
  token += "10:prometheus0:2;17:system:monitoring20:system:authenticated";
  EXPECT_EQ(GetByToken(token).status, 401);
}

TEST_F(ComponentServerFrontTest, NamesOfOtherBytesAreOtherUsers) {
  const auto asked = [&](const Shown& shown) {
    const int before = asked_;
    GetBy(proxies_, "proxy", shown);
    return asked_ - before;
  };
  EXPECT_EQ(asked({"a\xff", {"x", "y"}}), 1);
  EXPECT_EQ(asked({"a\xff", {"x", "y"}}), 0);
  EXPECT_EQ(asked({"a\xfe", {"x", "y"}}), 1);
  EXPECT_EQ(asked({"a\xff", {"x1:y"}}), 1);
}

TEST_F(ComponentServerFrontTest, WhoeverIsCalledAnonymousIsNotAuthenticated) {
  std::vector<std::string> groups;
  InProcessTransport transport([&](const http::Request& request) {
    const Json review = Json::parse(request.body);
    groups = review["spec"]["groups"].get<std::vector<std::string>>();
    return transport_.Send(request);
  });
  Client client(transport, "test");
  ComponentServer server({client_, client, clock_, metrics_},
                         {.front_proxy = {.client_ca_pem = proxies_.pem().certificate_pem,
                                          .username_headers = {"X-Remote-User"},
                                          .group_headers = {"X-Remote-Group"}}});
  const auto get = [&](const Shown& shown) {
    const auto pair = *proxies_.Issue({.common_name = "proxy", .client = true}, clock_.Now());
    http::Request request = RequestOf(shown);
    request.peer_certificate = std::make_shared<http::PeerCertificate>(
        http::PeerCertificate{"proxy", {}, pair.certificate_pem});
    server.Handle(request);
    return groups;
  };
  EXPECT_THAT(get({"system:anonymous", {"system:unauthenticated"}}),
              ElementsAre("system:unauthenticated"));
  EXPECT_THAT(get({"somebody", {"system:authenticated"}}), ElementsAre("system:authenticated"));
  EXPECT_THAT(get({"somebody", {"devs"}}), ElementsAre("devs", "system:authenticated"));
}

TEST_F(ComponentServerFrontTest, ATokenCountsBesideACertificateThatNamesNobody) {
  const auto strangers = *CertificateAuthority::Create("strangers", clock_.Now());
  EXPECT_EQ(GetBy(strangers, "eve", {}).status, 401);
  EXPECT_EQ(GetBy(strangers, "eve", {.token = "watcher"}).status, 200);
  EXPECT_EQ(GetBy(proxies_, "proxy", {.token = "watcher"}).status, 200);
  EXPECT_EQ(GetBy(strangers, "eve", {.token = "nobody"}).status, 401);
  http::Request request = RequestOf({.token = "watcher"});
  request.peer_certificate_error = "certificate has expired";
  EXPECT_EQ(front_.Handle(request).status, 200);
  request.headers.clear();
  EXPECT_EQ(front_.Handle(request).status, 401) << "who shows one is not anonymous";
}

class NothingYet final : public http::StreamSource {
 public:
  void Attach(http::Waker) override {}
  http::Pulled Pull(size_t, std::vector<http::SharedBytes>&) override {
    return http::Pulled::kIdle;
  }
};

TEST_F(ComponentServerTest, AnswersThatAreStreamedHaveNoSize) {
  const auto counting =
      MakeCountingTransport(std::make_unique<InProcessTransport>([](const http::Request&) {
                              http::Response answer;
                              answer.stream = std::make_unique<NothingYet>();
                              return answer;
                            }),
                            "h", clock_, RequestMetrics(metrics_));
  http::Request request;
  request.method = "GET";
  EXPECT_TRUE(counting->Send(request).stream);
  EXPECT_THAT(metrics_.Text(),
              AllOf(HasSubstr(R"(rest_client_requests_total{code="200",host="h",method="GET"} 1)"),
                    Not(HasSubstr("rest_client_response_size_bytes_count"))));
}

TEST_F(ComponentServerTest, RequestsAndQueuesAreCounted) {
  const auto counting = MakeCountingTransport(
      std::make_unique<InProcessTransport>(
          [this](const http::Request& request) { return api_->Handle(request, LoopbackUser()); }),
      "127.0.0.1:6443", clock_, RequestMetrics(metrics_));
  Client client(*counting, "test");
  InformerFactory informers({client, clock_, random_});
  Manager manager({*counting, clock_, random_, informers, "test"});
  AddServiceAccountController(manager);
  AddQueueMetrics(metrics_, manager);
  (void)client.Get<core_v1::Namespace>({"", "none"});  // Only counted.
  EXPECT_THAT(
      metrics_.Text(),
      AllOf(
          HasSubstr(
              R"(rest_client_requests_total{code="404",host="127.0.0.1:6443",method="GET"} 1)"),
          HasSubstr("rest_client_request_duration_seconds_bucket{host=\"127.0.0.1:6443\","
                    "verb=\"GET\",le=\"0.005\"} 1\n"),
          HasSubstr("rest_client_request_size_bytes_sum{host=\"127.0.0.1:6443\",verb=\"GET\"} 0\n"),
          HasSubstr("rest_client_response_size_bytes_bucket{host=\"127.0.0.1:6443\",verb=\"GET\","
                    "le=\"64\"} 0\n"),
          HasSubstr("rest_client_response_size_bytes_count{host=\"127.0.0.1:6443\",verb=\"GET\"} "
                    "1\n"),
          HasSubstr(R"(workqueue_depth{name="serviceaccount"} 0)"),
          HasSubstr(R"(workqueue_adds_total{name="serviceaccount"} 0)"),
          HasSubstr(R"(workqueue_queue_duration_seconds_count{name="serviceaccount"} 0)"),
          HasSubstr(R"(workqueue_work_duration_seconds_count{name="serviceaccount"} 0)"),
          HasSubstr(R"(workqueue_unfinished_work_seconds{name="serviceaccount"} 0)"),
          HasSubstr(R"(workqueue_longest_running_processor_seconds{name="serviceaccount"} 0)")));
}

TEST_F(ComponentServerTest, QueuesOfOneNameAreCountedTogether) {
  InProcessTransport transport(
      [this](const http::Request& request) { return api_->Handle(request, LoopbackUser()); });
  Client client(transport, "test");
  InformerFactory informers({client, clock_, random_});
  Manager manager({transport, clock_, random_, informers, "test"});
  AddDisruptionController(manager);
  AddQueueMetrics(metrics_, manager);
  const std::string text = metrics_.Text();
  const std::string line = R"(workqueue_depth{name="disruption"} )";
  const size_t first = text.find(line);
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(text.find(line, first + 1), std::string::npos);
}

}  // namespace
}  // namespace skiff
