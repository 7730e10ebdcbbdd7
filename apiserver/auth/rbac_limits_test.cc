// What somebody with few rights can make the server do with the rules of RBAC.
#include <gtest/gtest.h>

#include "apiserver/server/server_fixture.h"

namespace skiff {
namespace {

const std::string kRbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";

class RbacLimitsTest : public ServerFixture {
 protected:
  void Bind(const std::string& name, const std::string& kind, const std::string& role) {
    const char* group = "rbac.authorization.k8s.io";
    const Json alice = {{"apiGroup", group}, {"kind", "User"}, {"name", "alice"}};
    const Json binding = {{"metadata", {{"name", name}}},
                          {"roleRef", {{"apiGroup", group}, {"kind", kind}, {"name", role}}},
                          {"subjects", Json::array({alice})}};
    ASSERT_EQ(Post(kRbac + "/rolebindings", binding.dump()).code, 201);
  }
  static Json Words(const std::string& prefix, int count) {
    Json words = Json::array();
    for (int i = 0; i < count; ++i) words.push_back(prefix + std::to_string(i));
    return words;
  }
  Answer PostRole(const Json& rule, const char* token) {
    const Json role = {{"metadata", {{"name", "r"}}}, {"rules", {rule}}};
    return Ask("POST", kRbac + "/roles", role.dump(), "", token);
  }
};

TEST_F(RbacLimitsTest, ARoleOfMillionsOfRightsIsRefusedForWhatIsMissing) {
  const Json maker = {{"metadata", {{"name", "maker"}}},
                      {"rules",
                       {{{"apiGroups", {"rbac.authorization.k8s.io"}},
                         {"resources", {"roles"}},
                         {"verbs", {"create"}}}}}};
  ASSERT_EQ(Post(kRbac + "/roles", maker.dump()).code, 201);
  Bind("alice", "Role", "maker");
  const auto refused = PostRole({{"apiGroups", Words("g", 80)},
                                 {"resources", Words("r", 80)},
                                 {"verbs", Words("v", 80)},
                                 {"resourceNames", Words("n", 80)}},
                                "alice");
  EXPECT_EQ(refused.code, 403);
  EXPECT_NE(refused.message().find(
                "user \"alice\" (groups=[\"dev\" \"system:authenticated\"]) is attempting to grant "
                "RBAC permissions not currently held:\n{APIGroups:[\"g0\"], Resources:[\"r0\"], "
                "ResourceNames:[\"n0\"], Verbs:[\"v0\" \"v1\" "),
            std::string::npos)
      << refused.message().substr(0, 400);
  EXPECT_TRUE(refused.message().ends_with("\n(and more than can be listed)"));
  EXPECT_LT(refused.response.body.size(), size_t{5} << 20);
}

TEST_F(RbacLimitsTest, ARuleOfTheEmptyNameIsOneOfWhatHasNone) {
  const Json rule = {{"apiGroups", {"rbac.authorization.k8s.io"}},
                     {"resources", {"roles"}},
                     {"verbs", {"list", "get"}},
                     {"resourceNames", {""}}};
  const Json lister = {{"metadata", {{"name", "lister"}}}, {"rules", {rule}}};
  ASSERT_EQ(Post(kRbac + "/roles", lister.dump()).code, 201);
  Bind("alice", "Role", "lister");
  EXPECT_EQ(Ask("GET", kRbac + "/roles", "", "", "alice").code, 200);
  EXPECT_EQ(Ask("GET", kRbac + "/roles/lister", "", "", "alice").code, 403);
}

// By its path: what is made by POST has no name there yet.
TEST_F(RbacLimitsTest, WhoMayEscalateOneRoleMakesNoneOfThatName) {
  const char* group = "rbac.authorization.k8s.io";
  const Json write = {
      {"apiGroups", {group}}, {"resources", {"roles"}}, {"verbs", {"create", "update"}}};
  const Json escalate = {{"apiGroups", {group}},
                         {"resources", {"roles"}},
                         {"verbs", {"escalate"}},
                         {"resourceNames", {"r"}}};
  const Json maker = {{"metadata", {{"name", "maker"}}}, {"rules", {write, escalate}}};
  ASSERT_EQ(Post(kRbac + "/roles", maker.dump()).code, 201);
  Bind("alice", "Role", "maker");
  const Json secrets = {{"apiGroups", {""}}, {"resources", {"secrets"}}, {"verbs", {"get"}}};
  const Answer refused = PostRole(secrets, "alice");
  EXPECT_EQ(refused.code, 403);
  EXPECT_NE(refused.message().find("is attempting to grant RBAC permissions not currently held"),
            std::string::npos)
      << refused.message();
  const Json own = {{"apiGroups", {group}}, {"resources", {"roles"}}, {"verbs", {"create"}}};
  ASSERT_EQ(PostRole(own, "alice").code, 201);
  const Json role = {{"metadata", {{"name", "r"}}}, {"rules", {secrets}}};
  EXPECT_EQ(Ask("PUT", kRbac + "/roles/r", role.dump(), "", "alice").code, 200);
  const Json other = {{"metadata", {{"name", "maker"}}}, {"rules", {secrets}}};
  EXPECT_EQ(Ask("PUT", kRbac + "/roles/maker", other.dump(), "", "alice").code, 403);
}

TEST_F(RbacLimitsTest, AListOfRulesSaysWhereItEnds) {
  const Json rule = {{"apiGroups", {""}},
                     {"resources", {"pods"}},
                     {"verbs", {"get"}},
                     {"resourceNames", Words("a-name-that-is-long-", 40'000)}};
  ASSERT_EQ(PostRole(rule, "admin").code, 201);
  for (int i = 0; i < 12; ++i) Bind("b" + std::to_string(i), "Role", "r");
  const auto review =
      Ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
          R"({"spec": {"namespace": "default"}})", "", "alice");
  EXPECT_EQ(review.code, 201);
  const Json& status = review.body["status"];
  EXPECT_EQ(status["incomplete"], true);
  EXPECT_EQ(status["evaluationError"], "there are more rules than can be listed");
  EXPECT_LT(review.response.body.size(), size_t{10} << 20);
}

// By the binding that says so; whose group needs none is told nothing more.
TEST_F(RbacLimitsTest, WhoMayDoEverythingIsToldSoOnce) {
  const auto review = Ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
                          R"({"metadata": {"uid": "x", "creationTimestamp": "2020-01-01T00:00:00Z"},
              "spec": {"namespace": "default"}})",
                          "", "admin");
  ASSERT_EQ(review.code, 201) << review.message();
  int all = 0;
  for (const Json& rule : review.body["status"]["resourceRules"]) all += rule["verbs"][0] == "*";
  EXPECT_EQ(all, 1);
}

TEST_F(RbacLimitsTest, WhatOnlyTheServerKnowsIsTakenFromAReview) {
  const auto review = Ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                          R"({"metadata": {"uid": "x", "creationTimestamp": "2020-01-01T00:00:00Z",
                           "selfLink": "/x"},
              "spec": {"nonResourceAttributes": {"path": "/", "verb": "get"}}})",
                          "", "alice");
  EXPECT_EQ(review.code, 201) << review.message();
  EXPECT_FALSE(review.body["metadata"].contains("uid"));
}

TEST_F(RbacLimitsTest, WhatIsWrongByItselfIsSaidInPlaceOfWhatIsMissing) {
  const std::string cluster = "/apis/rbac.authorization.k8s.io/v1";
  const Json maker = {{"metadata", {{"name", "maker"}}},
                      {"rules",
                       {{{"apiGroups", {"rbac.authorization.k8s.io"}},
                         {"resources", {"clusterroles", "clusterrolebindings"}},
                         {"verbs", {"create"}}}}}};
  ASSERT_EQ(Post(cluster + "/clusterroles", maker.dump()).code, 201);
  const char* group = "rbac.authorization.k8s.io";
  Json binding = {{"metadata", {{"name", "alice"}}},
                  {"roleRef", {{"apiGroup", group}, {"kind", "ClusterRole"}, {"name", "maker"}}},
                  {"subjects", {{{"apiGroup", group}, {"kind", "User"}, {"name", "alice"}}}}};
  ASSERT_EQ(Post(cluster + "/clusterrolebindings", binding.dump()).code, 201);
  binding["metadata"]["name"] = "other";
  binding["roleRef"]["kind"] = "Role";
  const auto bound = Ask("POST", cluster + "/clusterrolebindings", binding.dump(), "", "alice");
  EXPECT_EQ(bound.code, 400);
  EXPECT_EQ(bound.message(), "Namespace parameter required.");
  const auto role = [&](const char* selectors) {
    return Ask("POST", cluster + "/clusterroles",
               std::string(R"({"metadata": {"name": "r"},
                               "aggregationRule": {"clusterRoleSelectors": )") +
                   selectors + "}}",
               "", "alice");
  };
  EXPECT_EQ(role("[]").code, 422) << "a rule that gathers nothing takes no right";
  EXPECT_EQ(role(R"([{"matchLabels": {"a": "b"}}])").code, 403);
}

}  // namespace
}  // namespace skiff
