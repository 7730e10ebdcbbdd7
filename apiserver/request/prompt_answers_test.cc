// What the server answers on a loop of connections, and what it leaves to workers.
#include <gmock/gmock.h>

#include "apiserver/server/server_fixture.h"
#include "base/at_once.h"
#include "base/processors.h"

namespace skiff {
namespace {

using testing::HasSubstr;

class PromptAnswersTest : public ServerFixture {
 protected:
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

  PromptAnswersTest() { Reopen(); }

  // As after a start: nothing is remembered.
  void Reopen(FlowControlOptions flow_control = {}, size_t cache_bytes_max = 32 << 20) {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_ = nullptr;
    store_ = nullptr;
    store_ = *RocksdbStore::Open(
        {.path = "/store", .env = env_.get(), .cache_bytes_max = cache_bytes_max}, clock_);
    server_ = *ApiServer::Create({.authorization_modes = {"Node", "RBAC"},
                                  .token_file_text = kTokens,
                                  .advertise_address = "192.0.2.7",
                                  .enabled_admission_plugins = {"NodeRestriction"},
                                  .flow_control = flow_control},
                                 {*store_, clock_, random_});
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Settle();
  }
  static http::Request RequestOf(const Question& question) {
    http::Request request;
    request.method = question.method;
    request.target = question.path;
    const size_t mark = question.path.find('?');
    request.path = question.path.substr(0, mark);
    if (mark != std::string::npos) request.query = http::ParseQuery(question.path.substr(mark + 1));
    if (!question.token.empty()) {
      request.headers.emplace("Authorization", "Bearer " + question.token);
    }
    if (!question.accept.empty()) request.headers.emplace("Accept", question.accept);
    request.headers.insert(question.headers.begin(), question.headers.end());
    request.body = question.body;
    request.remote_address = question.from;
    request.http2 = question.http2;
    return request;
  }
  // Also in its turn.
  ApiServer::Outcome Try(const Question& question) {
    const http::Request request = RequestOf(question);
    auto outcome = server_->TryHandle(request);
    if (outcome.in_turn) outcome = outcome.in_turn(request);
    EXPECT_TRUE(MayWait()) << "the attempt is over";
    return outcome;
  }
  ApiServer::Outcome Try(const std::string& path, const std::string& token = "admin") {
    return Try(Question{.path = path, .token = token});
  }
  // As a worker goes on.
  http::Response Rest(const ApiServer::Outcome& outcome, const Question& question) {
    const http::Request request = RequestOf(question);
    return Awaited(outcome.rest ? *outcome.rest(request, nullptr) : server_->Handle(request));
  }
  void PutMap(const std::string& name, const std::string& text = "x") {
    const Json map = {{"metadata", {{"name", name}}}, {"data", {{"text", text}}}};
    ASSERT_EQ(Post(kMaps, map.dump()).code, 201);
  }
  // A number of /metrics.
  int64_t Metric(const std::string& name) {
    const std::string text = Get("/metrics").response.body;
    const size_t at = text.find(name + " ");
    return at == std::string::npos ? 0 : std::stoll(text.substr(at + name.size() + 1));
  }
};

// By header, but for what differs from answer to answer.
std::vector<std::string> HeadersOf(const http::Response& response) {
  std::vector<std::string> headers;
  for (const auto& [name, value] : response.headers) {
    if (name != "Audit-Id") headers.push_back(name + ": " + value);
  }
  return headers;
}

TEST_F(PromptAnswersTest, AnObjectInMemoryIsAnsweredAsByAWorker) {
  PutMap("a");
  const std::string path = std::string(kMaps) + "/a";
  for (const char* accept : {"", "application/yaml", "application/vnd.kubernetes.protobuf",
                             "application/json;as=Table;g=meta.k8s.io;v=v1", "image/png"}) {
    const Question question{.path = path, .accept = accept};
    const auto prompt = Try(question);
    ASSERT_TRUE(prompt.response) << accept;
    const auto slow = Ask(question).response;
    EXPECT_EQ(prompt.response->status, slow.status);
    EXPECT_EQ(prompt.response->content_type, slow.content_type);
    EXPECT_EQ(prompt.response->body, slow.body);
    EXPECT_EQ(HeadersOf(*prompt.response), HeadersOf(slow));
    EXPECT_FALSE(prompt.response->Header("Audit-Id").empty());
  }
}

TEST_F(PromptAnswersTest, WhatIsAnsweredIsTheNewest) {
  PutMap("a");
  const std::string path = std::string(kMaps) + "/a";
  for (int i = 0; i < 5; ++i) {
    const std::string text = std::to_string(i);
    ASSERT_EQ(Merge(path, R"({"data": {"text": ")" + text + "\"}}").code, 200);
    const auto prompt = Try(path);
    ASSERT_TRUE(prompt.response);
    EXPECT_THAT(prompt.response->body, HasSubstr(R"("text":")" + text + "\""));
  }
  Ask("DELETE", path);
  const auto gone = Try(path);
  ASSERT_TRUE(gone.response);
  EXPECT_EQ(gone.response->status, 404);
}

TEST_F(PromptAnswersTest, WhatTheDiskHasIsLeftToAWorker) {
  PutMap("0");  // The first one is read when objects are counted, for /metrics.
  PutMap("a");
  Reopen();
  const Question question{.path = std::string(kMaps) + "/a"};
  const std::string gets =
      "etcd_requests_total{operation=\"get\",group=\"\",resource=\"configmaps\"}";
  const std::string answers =
      "apiserver_request_total{verb=\"GET\",dry_run=\"\",group=\"\",version=\"v1\","
      "resource=\"configmaps\",subresource=\"\",scope=\"resource\",component=\"apiserver\","
      "code=\"200\"}";
  const int64_t before = Metric(gets);
  const auto cold = Try(question);
  EXPECT_FALSE(cold.response);
  ASSERT_TRUE(cold.rest);
  EXPECT_EQ(Metric(gets), before);
  EXPECT_EQ(Metric(answers), 0);
  const auto answer = Rest(cold, question);
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr(R"("name":"a")"));
  EXPECT_EQ(Metric(gets), before + 1);
  EXPECT_EQ(Metric(answers), 1);
  EXPECT_TRUE(Try(question).response) << "now it is at hand";
  EXPECT_EQ(Metric(answers), 2);
}

TEST_F(PromptAnswersTest, ANamespaceIsAuthorizedTheSameByWhoGoesOn) {
  Post("/apis/rbac.authorization.k8s.io/v1/namespaces/kube-public/roles",
       R"({"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["namespaces"],
           "verbs": ["get"]}]})");
  Post("/apis/rbac.authorization.k8s.io/v1/namespaces/kube-public/rolebindings",
       R"({"metadata": {"name": "b"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io",
           "kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "alice",
           "apiGroup": "rbac.authorization.k8s.io"}]})");
  Reopen({}, 0);
  const Question question{.path = "/api/v1/namespaces/kube-public", .token = "alice"};
  EXPECT_EQ(Ask(question).code, 200);
  const auto tried = Try(question);
  ASSERT_FALSE(tried.response);
  EXPECT_EQ(Rest(tried, question).status, 200);
}

TEST_F(PromptAnswersTest, WhoIsNotKnownOrMayNotIsToldAtOnce) {
  PutMap("a");
  const Question question{.path = std::string(kMaps) + "/a", .token = "alice"};
  const auto unknown = Try("/version", "nobody");
  ASSERT_TRUE(unknown.response);
  EXPECT_EQ(unknown.response->status, 401);
  const auto first = Try(question);
  EXPECT_FALSE(first.response) << "what roles she has is worked out by a worker";
  EXPECT_EQ(Rest(first, question).status, 403);
  const auto second = Try(question);
  ASSERT_TRUE(second.response);
  EXPECT_EQ(second.response->status, 403);
  EXPECT_EQ(second.response->body, Ask(question).response.body);
}

TEST_F(PromptAnswersTest, ARoleThatIsTakenAwayCountsAtOnce) {
  PutMap("a");
  const std::string binding = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
  Post(binding, R"({"metadata": {"name": "b"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole", "name": "cluster-admin"},
                    "subjects": [{"kind": "User", "name": "alice",
                                  "apiGroup": "rbac.authorization.k8s.io"}]})");
  const Question question{.path = std::string(kMaps) + "/a", .token = "alice"};
  EXPECT_EQ(Ask(question).code, 200);
  ASSERT_TRUE(Try(question).response);
  EXPECT_EQ(Try(question).response->status, 200);
  Ask("DELETE", binding + "/b");
  const auto tried = Try(question);
  EXPECT_EQ(tried.response ? tried.response->status : Rest(tried, question).status, 403);
}

// Who may make roles may make them long, and hold many.
TEST_F(PromptAnswersTest, LongRolesAreGoneThroughByAWorker) {
  const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
  const auto hold = [&](int words) {
    const Json rule = {{"apiGroups", {""}},
                       {"resources", std::vector<std::string>(words, "x")},
                       {"verbs", {"get"}}};
    Ask("DELETE", rbac + "/roles/r");
    const Json role = {{"metadata", {{"name", "r"}}}, {"rules", {rule}}};
    ASSERT_EQ(Post(rbac + "/roles", role.dump()).code, 201);
  };
  Post(rbac + "/rolebindings",
       R"({"metadata": {"name": "b"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io",
           "kind": "Role", "name": "r"}, "subjects": [{"kind": "User", "name": "alice",
           "apiGroup": "rbac.authorization.k8s.io"}]})");
  const Question question{.path = std::string(kMaps) + "/a", .token = "alice"};
  hold(1'000);
  EXPECT_EQ(Ask(question).code, 403);
  EXPECT_TRUE(Try(question).response);
  hold(20'000);
  EXPECT_EQ(Ask(question).code, 403);
  const auto tried = Try(question);
  EXPECT_FALSE(tried.response);
  ASSERT_TRUE(tried.rest);
  EXPECT_EQ(Rest(tried, question).status, 403);
}

TEST_F(PromptAnswersTest, ARequestIsLetInOnceAndWaitsForItsTurn) {
  PutMap("0");  // As above.
  PutMap("a");
  Reopen({.read_slots = 1});
  Post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
       R"({"metadata": {"name": "b"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io",
           "kind": "ClusterRole", "name": "cluster-admin"},
           "subjects": [{"kind": "User", "name": "alice",
                         "apiGroup": "rbac.authorization.k8s.io"}]})");
  PutMap("b");
  const Question hot{.path = std::string(kMaps) + "/b", .token = "alice"};
  const Question cold{.path = std::string(kMaps) + "/a", .token = "alice"};
  EXPECT_EQ(Ask(hot).code, 200);
  const std::string dispatched =
      "apiserver_flowcontrol_dispatched_requests_total{flow_schema=\"global-default\","
      "priority_level=\"global-default\"}";
  const int64_t before = Metric(dispatched);
  auto taken = Try(cold);
  ASSERT_FALSE(taken.response);
  ASSERT_TRUE(taken.rest);
  EXPECT_EQ(Metric(dispatched), before + 1);
  auto waiting = Try(hot);
  ASSERT_TRUE(waiting.response);
  ASSERT_TRUE(waiting.response->pending) << "its turn has not come";
  std::promise<http::Response> answer;
  waiting.response->pending->Start([&](http::Response late) { answer.set_value(std::move(late)); });
  EXPECT_EQ(Rest(taken, cold).status, 200);
  EXPECT_EQ(answer.get_future().get().status, 200);
  EXPECT_EQ(Metric(dispatched), before + 2);
  taken = {};
  ASSERT_TRUE(Try(hot).response);
  EXPECT_FALSE(Try(hot).response->pending);
}

TEST_F(PromptAnswersTest, AListOfFewInMemoryIsAnsweredAsByAWorker) {
  for (const char* name : {"a", "b", "c"}) PutMap(name);
  Merge(std::string(kMaps) + "/b", R"({"metadata": {"labels": {"app": "x"}}})");
  const std::string maps = kMaps;
  const std::string by_label = maps + "?labelSelector=app%3Dx";
  EXPECT_FALSE(Try(by_label).response) << "which have a label a worker finds out, the first time";
  EXPECT_EQ(Get(by_label).body["items"].size(), 1);
  for (const std::string& path :
       {maps, maps + "?limit=2", maps + "?limit=3", by_label, by_label + "&limit=1",
        maps + "?fieldSelector=metadata.name%3Da", maps + "?resourceVersion=0",
        maps + "?labelSelector=app!%3Dx&limit=1", std::string("/api/v1/namespaces/none/pods")}) {
    const auto prompt = Try(path);
    ASSERT_TRUE(prompt.response) << path;
    const auto slow = Get(path).response;
    EXPECT_EQ(prompt.response->status, 200) << path;
    EXPECT_EQ(prompt.response->body, slow.body) << path;
    EXPECT_EQ(HeadersOf(*prompt.response), HeadersOf(slow)) << path;
  }
  for (const char* accept : {"application/yaml", "application/vnd.kubernetes.protobuf",
                             "application/json;as=Table;g=meta.k8s.io;v=v1"}) {
    const Question question{.path = maps + "?limit=2", .accept = accept};
    const auto prompt = Try(question);
    ASSERT_TRUE(prompt.response) << accept;
    EXPECT_EQ(prompt.response->body, Ask(question).response.body) << accept;
  }
}

TEST_F(PromptAnswersTest, AListTakesItsTurnAmongThoseOfOthersAndAnObjectDoesNot) {
  PutMap("a");
  const std::string maps = "/api/v1/namespaces/default/configmaps";
  for (const bool too_many_wait : {false, true}) {
    for (const char* query : {"", "?limit=1", "?fieldSelector=metadata.name%3Da"}) {
      const Question question{.path = maps + query};
      const http::Request request = RequestOf(question);
      auto outcome = server_->TryHandle(request);
      EXPECT_FALSE(outcome.response) << query;
      EXPECT_EQ(outcome.owner, "admin");
      ASSERT_TRUE(outcome.in_turn);
      if (!too_many_wait) outcome = outcome.in_turn(request);
      ASSERT_EQ(outcome.response.has_value(), !too_many_wait);
      const auto answer = outcome.response ? *std::move(outcome.response) : Rest(outcome, question);
      EXPECT_THAT(answer.body, HasSubstr(R"("name":"a")"));
    }
  }
  EXPECT_TRUE(server_->TryHandle(RequestOf({.path = maps + "/a"})).response);
}

TEST_F(PromptAnswersTest, AListOfManyOrFromTheDiskIsLeftToAWorker) {
  for (int i = 0; i < 70; ++i) PutMap("m" + std::to_string(i));
  const std::string maps = kMaps;
  const std::string some = maps + "?limit=40";
  EXPECT_TRUE(Try(some).response);
  EXPECT_FALSE(Try(Question{.path = some, .accept = "application/yaml"}).response)
      << "so many take long to make";
  EXPECT_FALSE(Try(maps).response);
  EXPECT_FALSE(Try(maps + "?labelSelector=app!%3Dx").response);
  EXPECT_EQ(Rest(Try(maps), {.path = maps}).status, 200);
  Reopen();
  EXPECT_FALSE(Try(some).response);
  EXPECT_EQ(Rest(Try(some), {.path = some}).status, 200);
  EXPECT_TRUE(Try(some).response) << "now they are at hand";
}

TEST_F(PromptAnswersTest, DiscoveryThatWasMadeIsAtHand) {
  const std::string all =
      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
  for (const Question& question :
       {Question{.path = "/apis", .accept = all}, Question{.path = "/api"},
        Question{.path = "/apis/apps"}, Question{.path = "/apis/apps/v1", .accept = "*/*"}}) {
    const auto first = Try(question);
    EXPECT_FALSE(first.response) << question.path;
    const auto slow = Rest(first, question);
    const auto prompt = Try(question);
    ASSERT_TRUE(prompt.response) << question.path;
    EXPECT_EQ(prompt.response->body, slow.body) << question.path;
    EXPECT_EQ(prompt.response->content_type, slow.content_type) << question.path;
    EXPECT_EQ(HeadersOf(*prompt.response), HeadersOf(slow)) << question.path;
    const std::string tag(slow.Header("ETag"));
    if (tag.empty()) continue;
    http::Request again = RequestOf(question);
    again.headers.emplace("If-None-Match", tag);
    const auto known = server_->TryHandle(again);
    ASSERT_TRUE(known.response) << question.path;
    EXPECT_EQ(known.response->status, 304) << question.path;
    EXPECT_EQ(known.response->body, "") << question.path;
  }
  ASSERT_EQ(Post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                 R"({"metadata": {"name": "gadgets.example.com"}, "spec": {"group": "example.com",
                     "names": {"kind": "Gadget", "plural": "gadgets"}, "scope": "Namespaced",
                     "versions": [{"name": "v1", "served": true, "storage": true,
                       "schema": {"openAPIV3Schema": {"type": "object"}}}]}})")
                .code,
            201);
  Settle();
  const Question question{.path = "/apis", .accept = all};
  EXPECT_THAT(Ask(question).response.body, HasSubstr("gadgets"));
  EXPECT_THAT(Try(question).response->body, HasSubstr("gadgets"));
}

TEST_F(PromptAnswersTest, WritesAndLongReadsAreLeftToWorkersByWhoKnowsTheUser) {
  PutMap("a");
  for (const Question& question :
       {Question{.method = "DELETE", .path = std::string(kMaps) + "/a"},
        Question{.path = "/apis"}, Question{.path = std::string(kMaps) + "?watch=1"},
        Question{.path = std::string(kMaps) + "?watch=1&resourceVersion=0"},
        Question{.path = "/api/v1/componentstatuses/etcd-0"}}) {
    const auto tried = Try(question);
    EXPECT_FALSE(tried.response) << question.path;
    ASSERT_TRUE(tried.rest) << question.path;
    EXPECT_EQ(Rest(tried, question).status, 200) << question.path;
  }
}

// No worker is woken to find out that somebody's turn has not come.
TEST_F(PromptAnswersTest, AWriteIsLetInBeforeAWorkerHasIt) {
  Post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
       R"({"metadata": {"name": "b"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io",
           "kind": "ClusterRole", "name": "cluster-admin"},
           "subjects": [{"kind": "User", "name": "alice",
                         "apiGroup": "rbac.authorization.k8s.io"}]})");
  const Question question{.method = "POST",
                          .path = kMaps,
                          .body = R"({"metadata": {"generateName": "m-"}})",
                          .token = "alice"};
  std::vector<ApiServer::Outcome> begun;
  std::optional<http::Response> kept;
  while (!kept && begun.size() < 1000) {
    auto tried = Try(question);
    kept = std::move(tried.response);
    if (!kept) begun.push_back(std::move(tried));
  }
  ASSERT_TRUE(kept);
  ASSERT_TRUE(kept->pending) << "its turn has not come";
  EXPECT_LE(begun.size(), static_cast<size_t>(UsableProcessors()));
  std::promise<http::Response> answer;
  kept->pending->Start([&](http::Response late) { answer.set_value(std::move(late)); });
  for (const auto& each : begun) EXPECT_EQ(Rest(each, question).status, 201);
  EXPECT_EQ(Awaited(answer.get_future().get()).status, 201);
}

TEST_F(PromptAnswersTest, AWatchThatGoesOnFromSomewhereBeginsAtOnce) {
  const std::string from = Get(kMaps).body["metadata"]["resourceVersion"].get<std::string>();
  auto watch = Try(std::string(kMaps) + "?watch=1&resourceVersion=" + from);
  ASSERT_TRUE(watch.response);
  ASSERT_TRUE(watch.response->stream);
  watch.response->stream->Attach([] {});
  PutMap("a");
  const auto events = Events(*watch.response);
  ASSERT_EQ(events.size(), 1);
  EXPECT_EQ(events[0]["type"], "ADDED");
}

TEST_F(PromptAnswersTest, WhatIsLargeIsLeftToAWorker) {
  PutMap("small", std::string(60'000, 'x'));
  PutMap("large", std::string(70'000, 'x'));
  EXPECT_TRUE(Try(std::string(kMaps) + "/small").response);
  const auto tried = Try(std::string(kMaps) + "/large");
  EXPECT_FALSE(tried.response);
  EXPECT_TRUE(tried.rest);
}

TEST_F(PromptAnswersTest, HealthAndVersionAreTold) {
  EXPECT_FALSE(Try("/livez").response) << "the checks are made for it";
  server_->WatchHealth();
  for (const char* path : {"/livez", "/readyz?verbose", "/healthz/ping", "/version"}) {
    const auto tried = Try(path);
    ASSERT_TRUE(tried.response) << path;
    EXPECT_EQ(tried.response->status, 200) << path;
    EXPECT_EQ(tried.response->body, Get(path).response.body);
  }
}

// To pack as much as may be sent as it is takes ten times as long.
TEST_F(PromptAnswersTest, LongListsArePackedByWorkers) {
  for (int i = 0; i < 6; ++i) PutMap("map-" + std::to_string(i), std::string(50 << 10, 'x'));
  Question list{.path = kMaps, .from = "192.0.2.9"};
  Rest(Try(list), list);
  EXPECT_TRUE(Try(list).response);
  list.headers.emplace("Accept-Encoding", "gzip");
  EXPECT_FALSE(Try(list).response);
  list.path += "?limit=1";
  EXPECT_TRUE(Try(list).response) << "what is short";
}

}  // namespace
}  // namespace skiff
