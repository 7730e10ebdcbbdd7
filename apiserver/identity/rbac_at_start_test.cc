// Default roles and bindings that are there already when a server starts.
#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

class RbacAtStartTest : public ServerFixture {
 protected:
  void StartAnew() {
    for (ControlLoop* loop : server_->loops()) executor_.Remove(*loop);
    server_ = *ApiServer::Create(
        {.authorization_modes = {"Node", "RBAC"}, .token_file_text = kTokens},
        {*store_, clock_, random_});
    for (ControlLoop* loop : server_->loops()) executor_.Add(*loop);
    Settle();
  }
};

TEST_F(RbacAtStartTest, DefaultRolesAreMendedAndRightsOfEarlierVersionsEnd) {
  const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/";
  ASSERT_EQ(Merge(rbac + "clusterroles/system:discovery", R"({"rules": []})").code, 200);
  ASSERT_EQ(Post(rbac + "clusterrolebindings", R"({"metadata": {"name": "skiff:node-proxier",
      "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
      "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                  "name": "system:node-proxier"},
      "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group",
                    "name": "system:nodes"}]})")
                .code,
            201);
  ASSERT_EQ(Ask("GET", "/apis/discovery.k8s.io/v1/endpointslices", "", "", "node1").code, 200);
  StartAnew();
  EXPECT_FALSE(Get(rbac + "clusterroles/system:discovery").body["rules"].empty());
  EXPECT_EQ(Get(rbac + "clusterrolebindings/skiff:node-proxier").code, 404);
  EXPECT_EQ(Ask("GET", "/apis/discovery.k8s.io/v1/endpointslices", "", "", "node1").code, 403);
}

TEST_F(RbacAtStartTest, ABindingOfAnotherRoleIsMadeAnewUnlessItIsProtected) {
  const std::string bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/";
  const auto make = [&](const std::string& name, const std::string& autoupdate) {
    ASSERT_EQ(Ask("DELETE", bindings + name).code, 200);
    const Json binding = {
        {"metadata",
         {{"name", name},
          {"annotations", {{"rbac.authorization.kubernetes.io/autoupdate", autoupdate}}}}},
        {"roleRef",
         {{"apiGroup", "rbac.authorization.k8s.io"},
          {"kind", "ClusterRole"},
          {"name", "cluster-admin"}}},
        {"subjects",
         {{{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "User"}, {"name", "alice"}}}}};
    ASSERT_EQ(Post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding.dump()).code,
              201);
  };
  make("system:discovery", "true");
  make("system:basic-user", "false");
  StartAnew();
  const Json anew = Get(bindings + "system:discovery").body;
  EXPECT_EQ(anew["roleRef"]["name"], "system:discovery");
  ASSERT_EQ(anew["subjects"].size(), 1u) << "nobody keeps the other role's";
  EXPECT_EQ(anew["subjects"][0]["name"], "system:authenticated");
  EXPECT_EQ(Get(bindings + "system:basic-user").body["roleRef"]["name"], "cluster-admin");
}

}  // namespace
}  // namespace skiff
