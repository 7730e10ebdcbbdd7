// What every kind promises, and the verbs in detail.
#include <string>
#include <thread>
#include <vector>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class ApiServerTest : public ServerFixture {};

struct Sample {
  const char* collection;
  const char* body;
};

class EveryKindTest : public ApiServerTest, public testing::WithParamInterface<Sample> {};

TEST_P(EveryKindTest, IsCreatedReadListedWatchedChangedAndDeleted) {
  const Sample& sample = GetParam();
  const std::string collection = sample.collection;
  auto watch =
      Get(collection + "?watch=1&resourceVersion=" + std::to_string(store_->Current().value));
  ASSERT_TRUE(watch.response.stream);
  watch.response.stream->Attach([] {});
  const auto created = Post(collection, sample.body);
  ASSERT_EQ(created.code, 201) << created.body;
  const Json& metadata = created.body["metadata"];
  const std::string name = metadata["name"];
  const std::string path = collection + "/" + name;
  EXPECT_FALSE(metadata["uid"].get<std::string>().empty());
  EXPECT_EQ(metadata["creationTimestamp"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(Post(collection, sample.body).body["reason"], "AlreadyExists");
  EXPECT_EQ(Get(path).body, created.body);
  bool listed = false;
  const Answer list = Get(collection);
  for (const Json& item : list.body["items"]) {
    EXPECT_FALSE(item.contains("kind"));
    listed |= item["metadata"]["uid"] == metadata["uid"];
  }
  EXPECT_TRUE(listed);
  const auto patched = Ask("PATCH", path, R"({"metadata": {"labels": {"changed": "yes"}}})",
                           "application/merge-patch+json");
  ASSERT_EQ(patched.code, 200) << patched.body;
  EXPECT_NE(patched.body["metadata"]["resourceVersion"], metadata["resourceVersion"]);
  // The object as it was before: somebody else has changed it meanwhile.
  EXPECT_EQ(Ask("PUT", path, created.body.dump()).body["reason"], "Conflict");
  EXPECT_EQ(Ask("PUT", path, patched.body.dump()).code, 200);
  EXPECT_EQ(Ask("DELETE", path + "?gracePeriodSeconds=0&propagationPolicy=Background").code, 200);
  const auto events = Events(watch.response);
  ASSERT_GE(events.size(), 3u);
  EXPECT_EQ(events[0]["type"], "ADDED");
  EXPECT_EQ(events[0]["object"], created.body);
  EXPECT_EQ(events[1]["type"], "MODIFIED");
  EXPECT_EQ(events[1]["object"]["metadata"]["labels"]["changed"], "yes");
}

constexpr Sample kSamples[] = {
    {"/api/v1/namespaces/default/configmaps", R"({"metadata": {"name": "a"}, "data": {"k": "v"}})"},
    {"/api/v1/namespaces/default/secrets", R"({"metadata": {"name": "a"}, "data": {"k": "dg=="}})"},
    {"/api/v1/namespaces/default/pods",
     R"({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})"},
    {"/api/v1/namespaces/default/services",
     R"({"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}})"},
    {"/api/v1/namespaces/default/serviceaccounts", R"({"metadata": {"name": "a"}})"},
    {"/api/v1/nodes", R"({"metadata": {"name": "a"}})"},
    {"/api/v1/namespaces/default/limitranges",
     R"({"metadata": {"name": "a"}, "spec": {"limits": []}})"},
    {"/apis/apps/v1/namespaces/default/deployments",
     R"({"metadata": {"name": "a"}, "spec": {"selector": {"matchLabels": {"a": "b"}},
         "template": {"metadata": {"labels": {"a": "b"}},
                      "spec": {"containers": [{"name": "c", "image": "i"}]}}}})"},
    {"/apis/batch/v1/namespaces/default/jobs",
     R"({"metadata": {"name": "a"}, "spec": {"template":
         {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}})"},
    {"/apis/rbac.authorization.k8s.io/v1/clusterroles",
     R"({"metadata": {"name": "a"}, "rules": []})"},
    {"/apis/networking.k8s.io/v1/namespaces/default/networkpolicies",
     R"({"metadata": {"name": "a"}, "spec": {"podSelector": {}}})"},
    {"/apis/scheduling.k8s.io/v1/priorityclasses", R"({"metadata": {"name": "a"}, "value": 5})"},
    {"/apis/coordination.k8s.io/v1/namespaces/default/leases",
     R"({"metadata": {"name": "a"}, "spec": {}})"},
    {"/apis/policy/v1/namespaces/default/poddisruptionbudgets",
     R"({"metadata": {"name": "a"}, "spec": {"minAvailable": 1}})"},
};
INSTANTIATE_TEST_SUITE_P(Kinds, EveryKindTest, testing::ValuesIn(kSamples));

TEST_F(ApiServerTest, StartsReadyWithTheObjectsOfACluster) {
  EXPECT_EQ(Ask("GET", "/readyz", "", "", "").code, 200);
  EXPECT_EQ(Get("/api/v1/namespaces/kube-system").body["status"]["phase"], "Active");
  EXPECT_EQ(Get("/api/v1/namespaces/default/services/kubernetes").body["spec"]["clusterIP"],
            "10.0.0.1");
  EXPECT_EQ(Get("/apis/rbac.authorization.k8s.io/v1/clusterroles/cluster-admin").code, 200);
}

TEST_F(ApiServerTest, RefusesWhatNoRoleAllows) {
  const auto refused = Ask("GET", "/api/v1/nodes/x", "", "", "alice");
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.body["message"],
            "nodes \"x\" is forbidden: User \"alice\" cannot get resource \"nodes\" in API group "
            "\"\" at the cluster scope");
  EXPECT_EQ(Ask("GET", "/api", "", "", "alice").code, 200);
  EXPECT_EQ(Ask("GET", "/api", "", "", "nobody").code, 401);
}

TEST_F(ApiServerTest, OnlyWhoIsTurnedAwayIsToldNotToGuessWhatTheAnswerIs) {
  const auto guard = [&](const std::string& path, const std::string& token,
                         const http::Headers& headers = {}) {
    const auto answer = Ask({.path = path, .token = token, .headers = headers});
    return std::string(answer.response.Header("X-Content-Type-Options"));
  };
  EXPECT_EQ(guard("/api/v1/nodes", "alice"), "nosniff");
  EXPECT_EQ(guard("/api/v1/nodes", "nobody"), "");
  EXPECT_EQ(guard("/api/v1/nodes", "alice", {{"Impersonate-User", "admin"}}), "nosniff");
  EXPECT_EQ(guard("/api/v1/nodes", "admin", {{"Impersonate-Group", "g"}}), "nosniff");
  EXPECT_EQ(guard("/api/v1/nodes/none", "admin"), "") << "it is not there";
  EXPECT_EQ(guard("/livez", "admin"), "nosniff");
  EXPECT_EQ(guard("/livez/ping", "admin"), "");
}

TEST_F(ApiServerTest, WhoDoesNotSayWhoHeIsHasOneRequestOfAConnectionOfHttp2) {
  const auto closes = [&](const std::string& token, bool http2) {
    const auto answer =
        Ask({.method = "GET", .path = "/version", .token = token, .http2 = http2});
    return std::string(answer.response.Header("Connection"));
  };
  EXPECT_EQ(closes("", true), "close");
  EXPECT_EQ(closes("nobody", true), "close");
  EXPECT_EQ(closes("alice", true), "");
  EXPECT_EQ(closes("", false), "");
}

TEST_F(ApiServerTest, ARoleThatIsBoundAllowsAtOnce) {
  Post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
       R"({"metadata": {"name": "b"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io",
           "kind": "ClusterRole", "name": "cluster-admin"},
           "subjects": [{"kind": "User", "name": "alice",
                         "apiGroup": "rbac.authorization.k8s.io"}]})");
  EXPECT_EQ(Ask("GET", "/api/v1/nodes", "", "", "alice").code, 200);
}

TEST_F(ApiServerTest, PagesAListAtOneRevision) {
  const std::string path = "/api/v1/namespaces/default/configmaps";
  for (const char* name : {"a", "b", "c"}) {
    Post(path, std::string(R"({"metadata": {"name": ")") + name + "\"}}");
  }
  const auto first = Get(path + "?limit=2");
  ASSERT_EQ(first.body["items"].size(), 2u);
  EXPECT_EQ(first.body["metadata"]["remainingItemCount"], 1);
  Post(path, R"({"metadata": {"name": "d"}})");
  const auto second =
      Get(path + "?limit=2&continue=" + first.body["metadata"]["continue"].get<std::string>());
  ASSERT_EQ(second.body["items"].size(), 1u);
  EXPECT_EQ(second.body["items"][0]["metadata"]["name"], "c");
  EXPECT_EQ(second.body["metadata"]["resourceVersion"], first.body["metadata"]["resourceVersion"]);
}

TEST_F(ApiServerTest, AWatchWithASelectorSeesObjectsComeAndGo) {
  const std::string path = "/api/v1/namespaces/default/configmaps";
  Post(path, R"({"metadata": {"name": "a"}})");
  auto watch = Get(path + "?watch=1&labelSelector=in=yes&resourceVersion=" +
                   std::to_string(store_->Current().value));
  watch.response.stream->Attach([] {});
  const std::string patch = "application/merge-patch+json";
  Ask("PATCH", path + "/a", R"({"metadata": {"labels": {"in": "yes"}}})", patch);
  Ask("PATCH", path + "/a", R"({"metadata": {"labels": {"in": null}}})", patch);
  const auto events = Events(watch.response);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]["type"], "ADDED");
  EXPECT_EQ(events[1]["type"], "DELETED");
  EXPECT_EQ(events[1]["object"]["metadata"]["labels"]["in"], "yes");
}

TEST_F(ApiServerTest, InitialEventsEndWithABookmark) {
  auto watch =
      Get("/api/v1/namespaces?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
          "&allowWatchBookmarks=true");
  watch.response.stream->Attach([] {});
  const auto events = Events(watch.response);
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(events[4]["type"], "BOOKMARK");
  EXPECT_EQ(events[4]["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
}

TEST_F(ApiServerTest, AWatchFromTheFutureIsToldNothingUntilThen) {
  for (const std::string version : {"18446744073709551615", "900000000000"}) {
    auto watch =
        Get("/api/v1/namespaces?watch=1&allowWatchBookmarks=true&resourceVersion=" + version);
    watch.response.stream->Attach([] {});
    ASSERT_EQ(Post("/api/v1/namespaces", R"({"metadata": {"generateName": "n"}})").code, 201);
    EXPECT_TRUE(Events(watch.response).empty()) << version;
    clock_.Advance(kBookmarkPeriod);
    EXPECT_TRUE(Events(watch.response).empty()) << version << ": no bookmark either";
  }
}

TEST_F(ApiServerTest, APodOnANodeGoesAfterItsGracePeriod) {
  const std::string path = "/api/v1/namespaces/default/pods";
  Post(path,
       R"({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}})");
  Post(path + "/p/binding", R"({"metadata": {"name": "p"}, "target": {"name": "n"}})");
  const auto first = Ask("DELETE", path + "/p");
  EXPECT_EQ(first.body["metadata"]["deletionGracePeriodSeconds"], 30);
  EXPECT_EQ(Get(path + "/p").code, 200);
  EXPECT_EQ(Ask("DELETE", path + "/p?gracePeriodSeconds=0").code, 200);
  EXPECT_EQ(Get(path + "/p").code, 404);
}

TEST_F(ApiServerTest, AFinalizerKeepsAnObjectUntilItIsTaken) {
  const std::string path = "/api/v1/namespaces/default/configmaps";
  Post(path, R"({"metadata": {"name": "f", "finalizers": ["example.com/f"]}})");
  Ask("DELETE", path + "/f");
  EXPECT_TRUE(Get(path + "/f").body["metadata"].contains("deletionTimestamp"));
  Ask("PATCH", path + "/f", R"({"metadata": {"finalizers": null}})",
      "application/merge-patch+json");
  EXPECT_EQ(Get(path + "/f").code, 404);
}

TEST_F(ApiServerTest, AServiceAccountTokenIsGoodWhileItsAccountIsThere) {
  const auto made = Post("/api/v1/namespaces/default/serviceaccounts/default/token", "{}");
  ASSERT_EQ(made.code, 201) << made.body;
  const std::string token = made.body["status"]["token"];
  const auto who =
      Ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}", "", token);
  EXPECT_EQ(who.body["status"]["userInfo"]["username"], "system:serviceaccount:default:default");
  Ask("DELETE", "/api/v1/namespaces/default/serviceaccounts/default");
  EXPECT_EQ(Ask("GET", "/api", "", "", token).code, 401);
}

TEST_F(ApiServerTest, OnlyWhatIsStoredMayNotHaveAVersion) {
  constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";
  const std::string dry = std::string(kMaps) + "?dryRun=All";
  const char* body = R"({"metadata": {"name": "v", "resourceVersion": "5"}})";
  const auto tried = Post(dry, body);
  EXPECT_EQ(tried.code, 201) << tried.message();
  EXPECT_EQ(tried.body["metadata"]["resourceVersion"], "5");
  const auto refused = Post(kMaps, body);
  EXPECT_EQ(refused.code, 500);
  EXPECT_EQ(refused.message(), "resourceVersion should not be set on objects to be created");
  EXPECT_EQ(Post(kMaps, R"({"metadata": {"name": "v", "resourceVersion": "x"}})").code, 201);
  EXPECT_EQ(Post(dry, body).code, 409);
  // Whether it is valid comes first.
  EXPECT_EQ(Post(kMaps, R"({"metadata": {"name": "V", "resourceVersion": "5"}})").code, 422);
}

// Charts give namespaces to all that they hold, and write it again with each upgrade.
TEST_F(ApiServerTest, ANamespaceOfWhatHasNoneIsNotMinded) {
  constexpr const char* kRoles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
  const std::string role = std::string(kRoles) + "/r";
  const std::string body = R"({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
      "metadata": {"name": "r", "namespace": "foo"}})";
  EXPECT_EQ(Post(kRoles, body).code, 201);
  EXPECT_EQ(Ask("PUT", role, body).code, 200);
  for (const char* type : {"application/merge-patch+json", "application/strategic-merge-patch+json",
                           "application/apply-patch+yaml"}) {
    const bool applies = std::string_view(type).starts_with("application/apply");
    const std::string query = applies ? "?fieldManager=m&force=true" : "";
    const auto patched = Ask("PATCH", role + query, body, type);
    EXPECT_EQ(patched.code, 200) << type << patched.message();
    EXPECT_FALSE(patched.body["metadata"].contains("namespace")) << type;
  }
}

TEST_F(ApiServerTest, ADryRunChangesNothing) {
  const Revision before = store_->Current();
  const auto answer =
      Post("/api/v1/namespaces/default/configmaps?dryRun=All", R"({"metadata": {"name": "d"}})");
  EXPECT_EQ(answer.code, 201);
  EXPECT_EQ(store_->Current(), before);
  // In the order of what is stored.
  EXPECT_TRUE(answer.response.body.starts_with(
      R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"d","namespace":"default",)"))
      << answer.response.body;
}

TEST_F(ApiServerTest, WhatIsPutWithoutAVersionIsPutAgainWhereSomebodyWasFaster) {
  const std::string map = "/api/v1/namespaces/default/configmaps/m";
  const auto put_many = [&](const std::string& who) {
    for (int i = 0; i < 100; ++i) {
      const std::string value = who + std::to_string(i);
      const auto put = Ask("PUT", map + "?fieldValidation=Warn",
                           R"({"metadata": {"name": "m"}, "data": {"v": ")" + value +
                               R"("}, "zzz": 1})");
      ASSERT_EQ(put.code, 200) << put.message();
      EXPECT_EQ(put.body["data"]["v"], value);
      EXPECT_EQ(put.response.headers.count("Warning"), 1u);
    }
  };
  Post("/api/v1/namespaces/default/configmaps", R"({"metadata": {"name": "m"}})");
  std::vector<std::jthread> writers;
  for (const char* who : {"a", "b", "c", "d"}) writers.emplace_back(put_many, who);
}

}  // namespace
}  // namespace skiff
