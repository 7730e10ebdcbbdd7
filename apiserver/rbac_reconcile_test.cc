#include "apiserver/rbac_reconcile.h"

#include <gtest/gtest.h>

#include "apiserver/server_fixture.h"

namespace skiff {
namespace {

Json RoleOf(const char* rules) {
  return Json{{"metadata", {{"name", "r"}}}, {"rules", Json::parse(rules)}};
}

TEST(RbacReconcileTest, ARoleGetsWhatItLacksAndKeepsWhatUsersAdded) {
  const Json present =
      RoleOf(R"([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "delete"]}])");
  const Json wanted =
      RoleOf(R"([{"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get"]}])");
  const auto next = *ReconciledRbac(present, wanted);
  ASSERT_TRUE(next);
  EXPECT_EQ((*next)["rules"],
            Json::parse(R"([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "delete"]},
                            {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}])"));
  EXPECT_FALSE(*ReconciledRbac(*next, wanted)) << "once is enough";
}

TEST(RbacReconcileTest, ARoleThatCannotBeComparedIsNotMendedInPart) {
  Json rule = Json::parse(R"({"apiGroups": [], "resources": [], "verbs": ["get"]})");
  for (int i = 0; i < 101; ++i) {
    rule["apiGroups"].push_back("g" + std::to_string(i));
    rule["resources"].push_back("r" + std::to_string(i));
  }
  Json wanted = RoleOf("[]");
  wanted["rules"].push_back(rule);
  const auto next = ReconciledRbac(RoleOf("[]"), wanted);
  ASSERT_FALSE(next) << "what is missing is more than is listed";
  EXPECT_EQ(next.error().reason, Reason::kInvalid);
  EXPECT_FALSE(*ReconciledRbac(wanted, wanted)) << "it has it all";
}

TEST(RbacReconcileTest, ABindingGetsTheSubjectsItLacks) {
  Json present = Json::parse(R"({"metadata": {"name": "b"}, "roleRef": {"name": "r"},
                                 "subjects": [{"kind": "User", "name": "mine"}]})");
  const Json wanted = Json::parse(R"({"metadata": {"name": "b"}, "roleRef": {"name": "r"},
                                      "subjects": [{"kind": "Group", "name": "theirs"}]})");
  const auto next = *ReconciledRbac(present, wanted);
  ASSERT_TRUE(next);
  EXPECT_EQ((*next)["subjects"].size(), 2u);
  present["metadata"]["annotations"] = {
      {"rbac.authorization.kubernetes.io/autoupdate", "false"}};
  EXPECT_FALSE(*ReconciledRbac(present, wanted)) << "whoever says so keeps it as it is";
}

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

}  // namespace
}  // namespace skiff
