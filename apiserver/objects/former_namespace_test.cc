// Who may read a namespace, and not the one that had its name before.
#include "apiserver/objects/former_namespace.h"

#include <gtest/gtest.h>

#include "apiserver/request/list_options.h"
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class FormerNamespaceTest : public ServerFixture {
 protected:
  static constexpr const char* kSecrets = "/api/v1/namespaces/shop/secrets";

  void MakeNamespace() {
    ASSERT_EQ(Post("/api/v1/namespaces", R"({"metadata": {"name": "shop"}})").code, 201);
  }
  void RemoveNamespace() {
    ASSERT_EQ(Ask("DELETE", "/api/v1/namespaces/shop").code, 200);
    Json left = Get("/api/v1/namespaces/shop").body;
    left["spec"]["finalizers"] = Json::array();
    ASSERT_EQ(Ask("PUT", "/api/v1/namespaces/shop/finalize", left.dump(), "application/json").code,
              200);
    ASSERT_EQ(Get("/api/v1/namespaces/shop").code, 404);
  }
  void MakeSecret(const std::string& name) {
    ASSERT_EQ(Post(kSecrets, R"({"metadata": {"name": ")" + name + "\"}}").code, 201);
  }
  void LetAliceRead(const std::string& path, const std::string& kind) {
    const std::string rbac = "/apis/rbac.authorization.k8s.io/v1" + path;
    ASSERT_EQ(Post(rbac + "roles", R"({"metadata": {"name": "reads"}, "rules": [{"apiGroups": [""],
        "resources": ["secrets"], "verbs": ["list", "watch", "deletecollection"]}]})").code, 201);
    ASSERT_EQ(Post(rbac + "rolebindings", R"({"metadata": {"name": "reads"}, "roleRef": {"apiGroup":
        "rbac.authorization.k8s.io", "kind": ")" + kind + R"(", "name": "reads"}, "subjects": [
        {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "alice"}]})").code, 201);
    Settle();
  }
  // A secret of the former namespace, and one of that which has its name now.
  void MakeBoth() {
    MakeNamespace();
    MakeSecret("former");
    MakeSecret("former-too");
    then_ = Now();
    ASSERT_EQ(Ask("DELETE", kSecrets).code, 200);
    RemoveNamespace();
    between_ = Now();
    MakeNamespace();
    MakeSecret("present");
    LetAliceRead("/namespaces/shop/", "Role");
  }
  std::string Now() { return std::to_string(store_->Current().value); }
  static std::string Exact(const std::string& revision) {
    return "?resourceVersionMatch=Exact&resourceVersion=" + revision;
  }
  Answer As(const std::string& user, const std::string& query, const std::string& method = "GET") {
    return Ask({.method = method, .path = kSecrets + query, .token = user});
  }

  std::string then_;
  std::string between_;
};

TEST_F(FormerNamespaceTest, ARightInTheOneOfNowIsNoneInTheFormer) {
  MakeBoth();
  EXPECT_EQ(As("alice", "").body["items"].size(), 1u);
  const std::string now = Now();
  EXPECT_EQ(As("alice", Exact(now)).body["items"].size(), 1u);
  const auto refused = As("alice", Exact(then_));
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.message(),
            "secrets is forbidden: User \"alice\" cannot list resource \"secrets\" in API group "
            "\"\" at the cluster scope: the namespace \"shop\" of revision " + then_ +
                " was another one, of which rights in that of now say nothing");
  EXPECT_EQ(As("alice", "?limit=5&resourceVersion=" + then_).code, 403);
  EXPECT_EQ(As("alice", "?fieldSelector=metadata.name%3Dformer&resourceVersionMatch=Exact"
                        "&resourceVersion=" + then_).code, 403);
  const std::string token =
      EncodeContinue({.revision = std::stoll(then_), .start = "former"});
  EXPECT_EQ(As("alice", "?limit=5&continue=" + token).code, 403);
  EXPECT_EQ(As("alice", Exact(then_), "DELETE").code, 403);
  EXPECT_EQ(As("admin", "").body["items"].size(), 1u) << "nothing is deleted";
}

TEST_F(FormerNamespaceTest, WhoMayReadAllNamespacesMayReadThatToo) {
  MakeBoth();
  EXPECT_EQ(As("admin", Exact(then_)).body["items"].size(), 2u);
  const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/";
  ASSERT_EQ(Post(rbac + "clusterroles", R"({"metadata": {"name": "reads"}, "rules": [{"apiGroups":
      [""], "resources": ["secrets"], "verbs": ["list"]}]})").code, 201);
  ASSERT_EQ(Post(rbac + "clusterrolebindings", R"({"metadata": {"name": "reads"}, "roleRef":
      {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reads"}, "subjects":
      [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "alice"}]})").code, 201);
  Settle();
  EXPECT_EQ(As("alice", Exact(then_)).body["items"].size(), 2u);
}

TEST_F(FormerNamespaceTest, WhereNoneHadTheNameNothingIsShown) {
  MakeBoth();
  const auto empty = As("alice", Exact(between_));
  EXPECT_EQ(empty.code, 200);
  EXPECT_EQ(empty.body["items"].size(), 0u);
}

TEST_F(FormerNamespaceTest, AWatchDoesNotGoOnFromTheFormer) {
  MakeBoth();
  const auto names = [](Answer watch) {
    std::vector<std::string> seen;
    if (!watch.response.stream) return seen;
    watch.response.stream->Attach([] {});
    for (const Json& event : Events(watch.response)) {
      seen.push_back(event["type"].get<std::string>() + " " +
                     event["object"]["metadata"].value("name", ""));
    }
    return seen;
  };
  const auto gone = As("alice", "?watch=1&resourceVersion=" + then_);
  EXPECT_EQ(gone.code, 410);
  EXPECT_EQ(gone.body["reason"], "Expired");
  EXPECT_EQ(names(As("admin", "?watch=1&resourceVersion=" + then_)),
            (std::vector<std::string>{"DELETED former", "DELETED former-too", "ADDED present"}));
  const std::string created =
      Get("/api/v1/namespaces/shop").body["metadata"]["resourceVersion"].get<std::string>();
  EXPECT_EQ(names(As("alice", "?watch=1&resourceVersion=" + created)),
            std::vector<std::string>{"ADDED present"});
  EXPECT_EQ(As("alice", "?watch=1").code, 200);
}

}  // namespace
}  // namespace skiff
