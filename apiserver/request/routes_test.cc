// What a connection passes on its way, and where a proxied path leads. Who gets where at all is
// walked in route_walk_test.cc.
#include "apiserver/request/routes.h"

#include <unistd.h>

#include <future>

#include "apiserver/identity/node_connections.h"
#include "apiserver/server/server_fixture.h"
#include "apiserver/subresources/connect_options.h"
#include "http/server.h"
#include "http/socket.h"

namespace skiff {
namespace {

RequestInfo InfoOf(std::string method, std::string path) {
  http::Request request;
  request.method = std::move(method);
  request.path = request.target = std::move(path);
  return ParseRequestInfo(request);
}

RouteTable Table() {
  return RouteTable({BuiltInKinds().begin(), BuiltInKinds().end()});
}

TEST(Routes, EachVerbThatAKindListsHasARouteAndNoOther) {
  const RouteTable table = Table();
  for (const KindInfo* kind : table.kinds()) {
    std::map<std::string_view, std::set<std::string_view>> verbs;
    for (const Route& route : table.RoutesOf(*kind)) {
      ASSERT_NE(route.handle, nullptr);
      if (!route.verb.empty()) {
        verbs[route.subresource ? route.subresource->name : ""].insert(route.verb);
      }
    }
    EXPECT_EQ(verbs[""], std::set<std::string_view>(kind->verbs.begin(), kind->verbs.end()))
        << kind->resource;
    for (const Subresource& each : kind->subresources) {
      EXPECT_EQ(verbs[each.name], std::set<std::string_view>(each.verbs.begin(), each.verbs.end()))
          << kind->resource << "/" << each.name;
    }
    EXPECT_EQ(verbs.size(), kind->subresources.size() + 1) << kind->resource;
  }
}

TEST(Routes, NoTwoRoutesAnswerTheSame) {
  const RouteTable table = Table();
  for (const KindInfo* kind : table.kinds()) {
    std::set<std::tuple<PathForm, std::string_view, std::string_view, std::string_view>> seen;
    for (const Route& route : table.RoutesOf(*kind)) {
      const std::string_view name = route.subresource ? route.subresource->name : "";
      EXPECT_TRUE(seen.insert({route.form, name, route.method, route.verb}).second)
          << kind->resource << "/" << name << " " << route.method;
    }
  }
}

TEST(Routes, ATableOfOtherKindsServesThose) {
  std::vector<const KindInfo*> some;
  for (const KindInfo* kind : BuiltInKinds()) {
    if (kind->group == "apps") some.push_back(kind);
  }
  const RouteTable table(some);
  const auto find = [&](const char* path) { return table.Find(InfoOf("GET", path), "GET").found; };
  EXPECT_EQ(find("/apis/apps/v1/deployments"), RouteMatch::Found::kRoute);
  EXPECT_EQ(find("/apis/apps/v1/nonsense"), RouteMatch::Found::kNoPath);
  EXPECT_EQ(find("/apis/batch/v1/jobs"), RouteMatch::Found::kNoGroup);
  EXPECT_EQ(find("/api/v1/pods"), RouteMatch::Found::kNoPath);
}

TEST(Routes, AProxyPassesOnWhatFollowsItsOwnPath) {
  const std::pair<const char*, const char*> rows[] = {
      {"/api/v1/namespaces/a/services/proxy/proxy/healthz", "/healthz"},
      {"/api/v1/namespaces/proxy/services/proxy/proxy/healthz", "/healthz"},
      {"/api/v1/namespaces/proxy/pods/proxy/proxy/proxy/x", "/proxy/x"},
      {"/api/v1/nodes/proxy/proxy/proxy/", "/proxy/"},
      {"/api/v1/nodes/n/proxy/", "/"},
      {"/api/v1/nodes/n/proxy", ""},
      {"/api/v1/nodes/n/proxy/a//b", "/a//b"},
  };
  const RouteTable table = Table();
  for (const auto& [path, behind] : rows) {
    const RequestInfo info = InfoOf("GET", path);
    ASSERT_EQ(table.Find(info, "GET").found, RouteMatch::Found::kRoute) << path;
    EXPECT_EQ(PathBehindProxy(info), behind) << path;
  }
}

class ConnectTest : public ServerFixture {
 protected:
  void SetUp() override {
    Post("/api/v1/namespaces/default/pods",
         R"({"metadata": {"name": "p"}, "spec": {"nodeName": "n", "containers":
            [{"name": "c", "image": "i"}]}})");
  }
  // The same store, by a server that can reach nodes.
  std::unique_ptr<ApiServer> Second(std::vector<std::string> plugins) {
    return *ApiServer::Create({.authorization_modes = {"RBAC"},
                               .token_file_text = kTokens,
                               .advertise_address = "192.0.2.7",
                               .enabled_admission_plugins = std::move(plugins)},
                              {*store_, clock_, random_, &nodes_});
  }
  Answer AskOf(ApiServer& server, const std::string& method, const std::string& path) {
    http::Request request;
    request.method = method;
    request.target = path;
    request.path = path.substr(0, path.find('?'));
    if (path.find('?') != std::string::npos) {
      request.query = http::ParseQuery(path.substr(path.find('?') + 1));
    }
    request.headers.emplace("Authorization", "Bearer admin");
    Answer answer{0, Json(), server.Handle(request)};
    answer.code = answer.response.status;
    answer.body = Json::parse(answer.response.body, nullptr, false);
    return answer;
  }

  http::Loops loops_{1};
  NodeConnections nodes_{loops_, *http::MakeClientContext({.insecure = true})};
};

TEST_F(ConnectTest, WhoConnectsPassesAdmission) {
  const auto deny = Second({"AlwaysDeny"});
  const auto allow = Second({});
  const std::string pod = "/api/v1/namespaces/default/pods/p";
  for (const std::string& path :
       {pod + "/exec?command=x", pod + "/attach", pod + "/portforward?ports=80", pod + "/proxy/x",
        std::string("/api/v1/namespaces/default/services/kubernetes/proxy/x"),
        std::string("/api/v1/nodes/n/proxy/x")}) {
    for (const char* method : {"GET", "POST"}) {
      const auto answer = AskOf(*deny, method, path);
      EXPECT_EQ(answer.code, 403) << path;
      EXPECT_TRUE(answer.message().ends_with(
          "is forbidden: admission control is denying all modifications"))
          << answer.message();
      EXPECT_NE(AskOf(*allow, method, path).code, 403) << path;
    }
  }
  EXPECT_EQ(AskOf(*deny, "GET", pod).code, 200);
  // Options come first: what cannot be read cannot be admitted.
  EXPECT_EQ(AskOf(*deny, "POST", pod + "/portforward?ports=x").code, 400);
}

TEST_F(ConnectTest, AServiceLeadsToPodsOnly) {
  const auto server = Second({});
  Post("/api/v1/namespaces/default/services",
       R"({"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})");
  const std::string endpoints = "/api/v1/namespaces/default/endpoints";
  const std::string proxy = "/api/v1/namespaces/default/services/s/proxy/x";
  const auto lead = [&](const std::string& address) {
    Ask("DELETE", endpoints + "/s");
    const auto made = Post(endpoints, R"({"metadata": {"name": "s"}, "subsets": [{"addresses": [)" +
                                          address + R"(], "ports": [{"port": 80}]}]})");
    EXPECT_EQ(made.code, 201) << made.body;
    return AskOf(*server, "GET", proxy);
  };
  const auto has = [&](const std::string& ip) {
    const auto patched = Merge("/api/v1/namespaces/default/pods/p/status",
                               R"({"status": {"podIP": ")" + ip + R"(", "podIPs": [{"ip": ")" + ip +
                                   R"("}]}})");
    EXPECT_EQ(patched.code, 200) << patched.body;
  };
  const std::string ref = R"("targetRef": {"kind": "Pod", "namespace": "default", "name": "p"})";
  has("192.0.2.1");
  EXPECT_EQ(lead(R"({"ip": "192.0.2.1"})").code, 503);
  EXPECT_EQ(lead(R"({"ip": "192.0.2.2", )" + ref + "}").code, 503);
  EXPECT_EQ(lead(R"({"ip": "192.0.2.1", "targetRef": {"kind": "Pod", "namespace": "kube-system",
                     "name": "p"}})")
                .code,
            503);
  EXPECT_EQ(lead(R"({"ip": "192.0.2.1", )" + ref + "}").code, 200);  // Pending: it would be asked.
  EXPECT_EQ(lead(R"({"ip": "192.0.2.2"}, {"ip": "192.0.2.1", )" + ref + "}").code, 200);
}

TEST_F(ConnectTest, NothingLeadsToTheServersOwnMachineOrLink) {
  const auto server = Second({});
  for (const char* ip :
       {"127.0.0.1", "169.254.169.254", "224.0.0.1", "fe80::1", "::1", "0.0.0.0"}) {
    Merge("/api/v1/namespaces/default/pods/p/status",
          std::string(R"({"status": {"podIP": ")") + ip + R"(", "podIPs": [{"ip": ")" + ip +
              R"("}]}})");
    const auto answer = AskOf(*server, "GET", "/api/v1/namespaces/default/pods/p:80/proxy/x");
    EXPECT_EQ(answer.code, 400) << ip;
    EXPECT_EQ(answer.message(), "address not allowed");
  }
}

// A node says where it is; a name says so only when it is looked up.
TEST_F(ConnectTest, ANameOfANodeThatLeadsToTheServersOwnMachineIsRefused) {
  const auto server = Second({});
  ASSERT_EQ(Post("/api/v1/nodes", R"({"metadata": {"name": "named"}})").code, 201);
  ASSERT_EQ(Merge("/api/v1/nodes/named/status",
                  R"({"status": {"addresses": [{"type": "Hostname", "address": "localhost"}],
                      "daemonEndpoints": {"kubeletEndpoint": {"Port": 1}}}})")
                .code,
            200);
  const auto answer = AskOf(*server, "GET", "/api/v1/nodes/named/proxy/x");
  ASSERT_NE(answer.response.pending, nullptr) << answer.message();
  std::promise<http::Response> replied;
  answer.response.pending->Start(
      [&](http::Response response) { replied.set_value(std::move(response)); });
  const http::Response reply = replied.get_future().get();
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(Json::parse(reply.body)["message"], "address not allowed");
}

// Whoever has a node, or a pod, may answer anything: it is no page of this server's.
TEST_F(ConnectTest, WhatANodeAnswersIsNoPageOfThisServer) {
  const std::string path = testing::TempDir() + "liar-" + std::to_string(getpid()) + ".sock";
  struct : http::Handler {
    http::Response Handle(const http::Request& request) override {
      http::Response response;
      response.content_type = "text/html";
      response.SetHeader("Service-Worker-Allowed", "/");
      response.SetHeader("Location", "https://evil.example/");
      if (request.path.ends_with("/moved")) response.status = 302;
      response.body = "<script>evil()</script>";
      return response;
    }
  } liar;
  const auto kubelet = http::Server::Start({.unix_path = path}, loops_, liar);
  ASSERT_TRUE(kubelet);
  nodes_.socket_of_simulated = [&](const std::string&) { return path; };
  const auto server = Second({});
  ASSERT_EQ(Post("/api/v1/nodes", R"({"metadata": {"name": "n"}})").code, 201);
  ASSERT_EQ(Post("/api/v1/namespaces/default/pods",
                 R"({"metadata": {"name": "q"}, "spec": {"nodeName": "n", "containers":
            [{"name": "moved", "image": "i"}]}})")
                .code,
            201);
  const auto answer_of = [&](const std::string& target, bool by_browser) {
    http::Request request;
    request.method = "GET";
    request.path = request.target = target;
    request.headers.emplace("Authorization", "Bearer admin");
    if (by_browser) request.headers.emplace("Sec-Fetch-Site", "none");
    const auto answer = server->Handle(request);
    std::promise<http::Response> replied;
    if (answer.pending == nullptr) return http::Response();
    answer.pending->Start(
        [&](http::Response response) { replied.set_value(std::move(response)); });
    return replied.get_future().get();
  };
  const auto log = answer_of("/api/v1/namespaces/default/pods/p/log", false);
  EXPECT_EQ(log.status, 200);
  EXPECT_EQ(log.content_type, "text/plain");
  EXPECT_EQ(log.Header("Content-Type"), "");
  EXPECT_EQ(log.Header("Location"), "");
  EXPECT_EQ(log.Header("X-Content-Type-Options"), "nosniff");
  const auto moved = answer_of("/api/v1/namespaces/default/pods/q/log", false);
  EXPECT_EQ(moved.status, 500);
  EXPECT_EQ(moved.Header("Location"), "");
  const auto page = answer_of("/api/v1/nodes/n/proxy/x", true);
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(page.Header("Content-Security-Policy").starts_with("sandbox "));
  EXPECT_EQ(page.Header("Service-Worker-Allowed"), "");
  const auto other = answer_of("/api/v1/nodes/n/proxy/x", false);
  EXPECT_EQ(other.Header("Content-Security-Policy"), "");
}

// The scraper of metrics is one of them: a kubelet that hangs is not to end it for all nodes.
TEST_F(ConnectTest, APartOfThisProcessDoesNotWaitForANodeThatSaysNothing) {
  const std::string path = testing::TempDir() + "silent-" + std::to_string(getpid()) + ".sock";
  const auto silent = http::ListenOn({.unix_path = path});  // Nobody accepts.
  ASSERT_TRUE(silent);
  nodes_.socket_of_simulated = [&](const std::string&) { return path; };
  nodes_.own_head_timeout = 50ms;
  const auto server = Second({});
  ASSERT_EQ(Post("/api/v1/nodes", R"({"metadata": {"name": "n"}})").code, 201);
  http::Request request;
  request.method = "GET";
  request.path = request.target = "/api/v1/nodes/n/proxy/metrics/resource";
  const auto own = server->Handle(request, User{.name = "scraper", .groups = {"system:masters"}});
  ASSERT_NE(own.pending, nullptr);
  std::promise<int> replied;
  own.pending->Start([&](http::Response response) { replied.set_value(response.status); });
  auto reply = replied.get_future();
  ASSERT_EQ(reply.wait_for(30s), std::future_status::ready);
  EXPECT_EQ(reply.get(), 503);
  close(*silent);
  unlink(path.c_str());
}

}  // namespace
}  // namespace skiff
