// API priority and fairness through the whole server: real connections, real lists.
#include <gmock/gmock.h>

#include <algorithm>
#include <list>
#include <sstream>
#include <thread>

#include "apiserver/server/server_fixture.h"
#include "http/server.h"
#include "http/test_client.h"

namespace skiff {
namespace {

using http::testing::TestClient;
using testing::HasSubstr;

class FlowControlServerTest : public ServerFixture {
 protected:
  static constexpr const char* kFlow = "/apis/flowcontrol.apiserver.k8s.io/v1/";

  FlowControlServerTest() {
    Open({.patience = 15s});
    const Json binding = {
        {"metadata", {{"name", "all"}}},
        {"roleRef", {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "ClusterRole"},
                     {"name", "cluster-admin"}}},
        {"subjects", Json::array({{{"kind", "Group"}, {"name", "dev"}}})}};
    Post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding.dump());
  }
  void Open(FlowControlOptions options) {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_ = nullptr;
    server_ = *ApiServer::Create({.authorization_modes = {"Node", "RBAC"},
                                  .token_file_text = std::string(kTokens) +
                                                     "bob,bob,u4,\"dev\"\ncarol,carol,u5,\"dev\"\n",
                                  .advertise_address = "192.0.2.7",
                                  .flow_control = options},
                                 {*store_, clock_, random_});
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Settle();
  }
  // A level that refuses who finds no seat, and whoever is in dev comes by.
  void MakeLevelOfDev(Json limited) {
    limited["limitResponse"] = {{"type", "Reject"}};
    const Json level = {{"metadata", {{"name", "dev"}}},
                        {"spec", {{"type", "Limited"}, {"limited", std::move(limited)}}}};
    ASSERT_EQ(Post(std::string(kFlow) + "prioritylevelconfigurations", level.dump()).code, 201);
    const Json schema = {
        {"metadata", {{"name", "dev"}}},
        {"spec",
         {{"matchingPrecedence", 500},
          {"priorityLevelConfiguration", {{"name", "dev"}}},
          {"rules",
           Json::array({{{"subjects",
                          Json::array({{{"kind", "Group"}, {"group", {{"name", "dev"}}}}})},
                         {"resourceRules",
                          Json::array({{{"verbs", Json::array({"*"})},
                                        {"apiGroups", Json::array({"*"})},
                                        {"resources", Json::array({"*"})},
                                        {"clusterScope", true},
                                        {"namespaces", Json::array({"*"})}}})}}})}}}};
    const auto made = Post(std::string(kFlow) + "flowschemas", schema.dump());
    ASSERT_EQ(made.code, 201) << made.response.body;
    Settle();
  }
  std::string UidOf(const std::string& path) {
    return Get(kFlow + path).body["metadata"]["uid"].get<std::string>();
  }
  static std::string RequestOf(const std::string& token, const std::string& target) {
    return "GET " + target + " HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer " + token +
           "\r\n\r\n";
  }
  // A number of /metrics.
  int64_t Metric(const std::string& name) {
    const std::string text = Get("/metrics").response.body;
    const size_t at = text.find(name + " ");
    return at == std::string::npos ? 0 : std::stoll(text.substr(at + name.size() + 1));
  }
};

TEST_F(FlowControlServerTest, EveryAnswerSaysWhichSchemaAndLevelItCameBy) {
  const auto answer = Ask("GET", "/api/v1/namespaces", "", "", "alice");
  EXPECT_EQ(answer.response.Header("X-Kubernetes-PF-FlowSchema-UID"),
            UidOf("flowschemas/global-default"));
  EXPECT_EQ(answer.response.Header("X-Kubernetes-PF-PriorityLevel-UID"),
            UidOf("prioritylevelconfigurations/global-default"));
  EXPECT_EQ(Get("/api/v1/namespaces").response.Header("X-Kubernetes-PF-FlowSchema-UID"),
            UidOf("flowschemas/exempt"));
  EXPECT_EQ(Ask("GET", "/api/v1/namespaces", "", "", "nobody").response.Header(
                "X-Kubernetes-PF-FlowSchema-UID"),
            "")
      << "refused before it was known who asks";
}

TEST_F(FlowControlServerTest, LoginsOfTheConsoleWaitTheirTurnToo) {
  const auto schema = [this](const std::string& path, const std::string& token) {
    return std::string(Ask("POST", path, R"({"code": "guessed"})", "application/json", token)
                           .response.Header("X-Kubernetes-PF-FlowSchema-UID"));
  };
  EXPECT_EQ(schema("/console/login", ""), UidOf("flowschemas/global-default")) << "as anybody";
  EXPECT_EQ(schema("/console/link", "nobody"), UidOf("flowschemas/global-default"));
  EXPECT_EQ(schema("/console/link", "alice"), UidOf("flowschemas/global-default"));
}

TEST_F(FlowControlServerTest, AFlowSchemaThatIsWrittenActsAtOnce) {
  MakeLevelOfDev({{"nominalConcurrencyShares", 10}});
  const auto uid = [this] {
    return std::string(Ask("GET", "/api/v1/pods", "", "", "alice")
                           .response.Header("X-Kubernetes-PF-FlowSchema-UID"));
  };
  EXPECT_EQ(uid(), UidOf("flowschemas/dev"));
  Ask("DELETE", std::string(kFlow) + "prioritylevelconfigurations/dev");
  Settle();
  EXPECT_EQ(uid(), UidOf("flowschemas/global-default")) << "a schema that leads nowhere";
}

TEST_F(FlowControlServerTest, WhoIsRefusedIsCountedAndToldToWaitLongerEachTime) {
  MakeLevelOfDev({{"nominalConcurrencyShares", 0}, {"borrowingLimitPercent", 0}});
  // A level without seats works on one request at a time.
  const auto watch = Ask("GET", "/api/v1/pods?watch=1", "", "", "alice");
  ASSERT_EQ(watch.code, 200) << watch.response.body;
  const auto refused = [this] {
    const auto answer = Ask("GET", "/api/v1/pods", "", "", "alice");
    EXPECT_EQ(answer.code, 429);
    return std::string(answer.response.Header("Retry-After"));
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(refused(), "1");
  clock_.Advance(1s);
  EXPECT_EQ(refused(), "2");
  EXPECT_EQ(Metric("apiserver_request_total{verb=\"LIST\",dry_run=\"\",group=\"\",version=\"v1\","
                   "resource=\"pods\",subresource=\"\",scope=\"cluster\","
                   "component=\"apiserver\",code=\"429\"}"),
            4);
  EXPECT_EQ(Metric("apiserver_request_terminations_total{verb=\"LIST\",group=\"\",version=\"v1\","
                   "resource=\"pods\",subresource=\"\",scope=\"cluster\","
                   "component=\"apiserver\",code=\"429\"}"),
            4);
}

TEST_F(FlowControlServerTest, WhoMayLooksAtTheQueues) {
  for (const char* page : {"dump_priority_levels", "dump_queues", "dump_requests"}) {
    const std::string path = std::string("/debug/api_priority_and_fairness/") + page;
    const auto answer = Get(path);
    EXPECT_EQ(answer.code, 200);
    EXPECT_THAT(answer.response.body, testing::StartsWith("PriorityLevelName,"));
    EXPECT_EQ(Ask("GET", path, "", "", "node1").code, 403);
  }
}

TEST_F(FlowControlServerTest, AWatchHasItsSeatsUntilItsFirstEventsAreSent) {
  for (int i = 0; i < 240; ++i) {
    Post("/api/v1/namespaces/default/configmaps",
         Json{{"metadata", {{"name", "m" + std::to_string(i)}}}}.dump());
  }
  clock_.Advance(11s);  // They are counted anew.
  const auto seats = [this] {
    return Metric("apiserver_flowcontrol_current_executing_seats{flow_schema=\"global-default\","
                  "priority_level=\"global-default\"}");
  };
  auto watch = Ask("GET",
                   "/api/v1/configmaps?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&"
                   "resourceVersionMatch=NotOlderThan",
                   "", "", "alice");
  ASSERT_EQ(watch.code, 200) << watch.response.body;
  watch.response.stream->Attach([] {});
  EXPECT_GE(seats(), 3);
  EXPECT_GE(Events(watch.response).size(), 240u);
  EXPECT_EQ(seats(), 0);
  auto left = Ask("GET", "/api/v1/configmaps?watch=1&resourceVersion=0", "", "", "alice");
  EXPECT_EQ(seats(), 1);
  left.response.stream = nullptr;
  EXPECT_EQ(seats(), 0);
}

TEST_F(FlowControlServerTest, AKindWithManyWatchersMakesWritesLonger) {
  std::list<Answer> watches;
  for (int i = 0; i < 25; ++i) watches.push_back(Get("/api/v1/configmaps?watch=1"));
  const std::string maps = "/api/v1/namespaces/default/configmaps";
  Ask("POST", maps, R"({"metadata": {"name": "a"}})", "", "alice");
  const std::string seats =
      "apiserver_flowcontrol_work_estimated_seats_sum{flow_schema=\"global-default\","
      "priority_level=\"global-default\"}";
  EXPECT_EQ(Metric(seats), 3);
  watches.clear();
  Ask("POST", maps, R"({"metadata": {"name": "b"}})", "", "alice");
  EXPECT_EQ(Metric(seats), 4);
}

// Else whoever may watch in a namespace could slow down all writes of a kind.
TEST_F(FlowControlServerTest, WatchesOfOtherPlacesMakeNoWriteLonger) {
  std::list<Answer> watches;
  const auto watch = [&](const std::string& target) {
    for (int i = 0; i < 25; ++i) watches.push_back(Get(target));
  };
  const std::string maps = "/api/v1/namespaces/default/configmaps";
  const std::string seats =
      "apiserver_flowcontrol_work_estimated_seats_sum{flow_schema=\"global-default\","
      "priority_level=\"global-default\"}";
  const auto seats_of_write = [&](const std::string& path) {
    const int64_t before = Metric(seats);
    Ask("PATCH", path, "{}", "application/merge-patch+json", "alice");
    return Metric(seats) - before;
  };
  watch("/api/v1/namespaces/kube-system/configmaps?watch=1");
  watch("/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3Dnode1");
  watch(maps + "?watch=1&fieldSelector=metadata.name%3Dother");
  EXPECT_EQ(seats_of_write(maps + "/a"), 1);
  EXPECT_EQ(seats_of_write("/api/v1/namespaces/default/pods/a"), 1);
  EXPECT_EQ(seats_of_write(maps + "/other"), 3);
  EXPECT_EQ(seats_of_write("/api/v1/namespaces/kube-system/configmaps/a"), 3);
  watch("/api/v1/pods?watch=1&fieldSelector=spec.nodeName%3D");
  EXPECT_EQ(seats_of_write("/api/v1/namespaces/default/pods/a"), 3);
  watch(maps + "?watch=1");
  EXPECT_EQ(seats_of_write(maps + "/a"), 3);
  EXPECT_EQ(seats_of_write(maps + "/other"), 5);
}

// Two hundred connections ask for lists without pause, each many times ahead.
class Flood {
 public:
  Flood(int port, const std::string& request, int connections) {
    for (int i = 0; i < connections; ++i) {
      clients_.emplace_back(port);
      std::string ahead;
      for (int j = 0; j < 200; ++j) ahead += request;
      clients_.back().Send(ahead);
    }
    reader_ = std::jthread([this](std::stop_token stop) {
      std::vector<pollfd> polled;
      for (TestClient& client : clients_) polled.push_back({client.fd(), POLLIN, 0});
      std::string buffer(1 << 18, '\0');
      while (!stop.stop_requested()) {
        poll(polled.data(), polled.size(), 10);
        for (pollfd& each : polled) {
          if ((each.revents & POLLIN) == 0) continue;
          if (recv(each.fd, buffer.data(), buffer.size(), MSG_DONTWAIT) == 0) each.fd = -1;
        }
      }
    });
  }

 private:
  std::list<TestClient> clients_;
  std::jthread reader_;
};

// The server, listening.
class FloodedServerTest : public FlowControlServerTest {
 protected:
  FloodedServerTest() {
    for (int i = 0; i < 300; ++i) {
      const Json map = {{"metadata", {{"name", "m" + std::to_string(i)}}},
                        {"data", {{"text", std::string(500, 'x')}}}};
      Post("/api/v1/namespaces/default/configmaps", map.dump());
    }
    for (ControlLoop* loop : server_->loops()) {
      executor_.Remove(*loop);
      threads_.Add(*loop);
    }
    front_ = *http::Server::Start({}, loops_, *server_);
  }
  ~FloodedServerTest() override {
    flood_ = nullptr;
    front_ = nullptr;
    server_->EndCalls();
    for (ControlLoop* loop : server_->loops()) threads_.Remove(*loop);
  }
  // A column of what is shown of the level that the flood is in.
  int64_t Shown(size_t column) {
    const std::string text =
        Get("/debug/api_priority_and_fairness/dump_priority_levels").response.body;
    std::istringstream row(text.substr(text.find("\nglobal-default,") + 1));
    std::string cell;
    for (size_t i = 0; i <= column; ++i) row >> cell;
    return std::stoll(cell);
  }
  int64_t Waiting() { return Shown(4); }
  int64_t Dispatched() { return Shown(6); }
  void StartFlood() {
    flood_ = std::make_unique<Flood>(front_->port(), RequestOf("alice", "/api/v1/configmaps"), 200);
    // Until it is as much as it will be.
    const auto patience = std::chrono::steady_clock::now() + 60s;
    while (Waiting() < 100) {
      ASSERT_LT(std::chrono::steady_clock::now(), patience) << "it never waits";
      std::this_thread::yield();
    }
  }
  // How many of the flood's lists begin while that request is on its way: the middle one of many,
  // since the slowest ones say what else the machine does.
  int64_t Overtaken(const std::string& token, const std::string& target, int times) {
    TestClient client(front_->port());
    std::vector<int64_t> overtaken;
    for (int i = 0; i < times; ++i) {
      const int64_t before = Dispatched();
      const auto answer = client.Ask(RequestOf(token, target));
      EXPECT_EQ(answer.status(), 200) << answer.body;
      overtaken.push_back(Dispatched() - before);
    }
    std::sort(overtaken.begin(), overtaken.end());
    return overtaken[overtaken.size() / 2];
  }

  ThreadExecutor threads_{"flooded", 2};
  http::Loops loops_{2};
  std::unique_ptr<http::Server> front_;
  std::unique_ptr<Flood> flood_;
};

TEST_F(FloodedServerTest, AQuietNeighbourOfAFloodIsServedAtOnce) {
  StartFlood();
  const int64_t before = Dispatched();
  // In the order in which they came two hundred others would have been served before.
  EXPECT_LE(Overtaken("bob", "/api/v1/namespaces/default", 200), 60);
  EXPECT_GT(Dispatched() - before, 200 + 20) << "the flood has gone on";
}

TEST_F(FloodedServerTest, NodesRenewTheirLeasesAndMastersPass) {
  Post("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases",
       R"({"metadata": {"name": "node1"}, "spec": {"holderIdentity": "node1"}})");
  StartFlood();
  const int64_t before = Dispatched();
  const std::string lease =
      "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node1";
  // On a busy machine these may be over before the flood gets a processor.
  for (int rounds = 0; rounds < 100 && Dispatched() - before <= 20; ++rounds) {
    EXPECT_LE(Overtaken("node1", lease, 100), 60);
    EXPECT_LE(Overtaken("admin", "/api/v1/namespaces/default", 100), 60);
  }
  EXPECT_GT(Dispatched() - before, 20) << "the flood has gone on";
}

// Else whoever may list could have the server hold any number of lists.
TEST_F(FloodedServerTest, WhoTakesNoAnswersGetsNoMoreOfThem) {
  for (int i = 0; i < 20; ++i) {
    const Json map = {{"metadata", {{"name", "large" + std::to_string(i)}}},
                      {"data", {{"text", std::string(1'000'000, 'x')}}}};
    Post("/api/v1/namespaces/default/configmaps", map.dump());
  }
  const std::string list = RequestOf("alice", "/api/v1/configmaps");
  std::list<TestClient> idle;
  for (int i = 0; i < 300; ++i) {
    idle.emplace_back(front_->port());
    ASSERT_TRUE(idle.back().Send(list));
  }
  const auto patience = std::chrono::steady_clock::now() + 60s;
  const auto is_late = [&] { return std::chrono::steady_clock::now() > patience; };
  // Nobody works, and some wait all the same: each holds a megabyte of a list that is made as it is
  // taken, and 256 of them hold as much as is left.
  while (!(Waiting() >= 2 && Shown(5) == 0) && !is_late()) std::this_thread::yield();
  EXPECT_GE(Waiting(), 2);
  TestClient client(front_->port());
  const auto answer = client.Ask(RequestOf("bob", "/api/v1/configmaps"));
  EXPECT_EQ(answer.status(), 200) << "others get theirs, and whole";
  EXPECT_EQ(Json::parse(answer.body), Get("/api/v1/configmaps").body);
  idle.clear();
  EXPECT_EQ(client.Ask(list).status(), 200);
}

TEST_F(FloodedServerTest, ConnectionsThatCloseLeaveTheQueues) {
  StartFlood();
  flood_ = nullptr;
  const auto patience = std::chrono::steady_clock::now() + 60s;
  while (Waiting() > 0 && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
  EXPECT_EQ(Waiting(), 0);
  TestClient client(front_->port());
  EXPECT_EQ(client.Ask(RequestOf("carol", "/api/v1/namespaces/default")).status(), 200);
}

}  // namespace
}  // namespace skiff
