// What is remembered of roles is never older than the store.
#include <fmt/format.h>

#include "apiserver/auth/rbac.h"
#include "apiserver/identity/caches.h"
#include "apiserver/server/server_fixture.h"
#include "base/at_once.h"

namespace skiff {
namespace {

const std::string kGroupPath = "/apis/rbac.authorization.k8s.io/v1";

class RoleHoldingsTest : public ServerFixture {
 protected:
  RoleHoldingsTest() {
    Post(kGroupPath + "/clusterroles", R"({"metadata": {"name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]})");
  }
  void Bind(const std::string& name, const std::string& subject_kind, const std::string& subject) {
    const auto made = Post(kGroupPath + "/namespaces/default/rolebindings",
                           fmt::format(R"({{"metadata": {{"name": "{}"}},
        "roleRef": {{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"}},
        "subjects": [{{"apiGroup": "rbac.authorization.k8s.io", "kind": "{}", "name": "{}"}}]}})",
                                       name, subject_kind, subject));
    ASSERT_EQ(made.code, 201) << made.message();
  }
  bool May(const User& user, const std::string& verb = "get") {
    return rbac_
        .Authorize(user, {.verb = verb, .resource = "pods", .namespace_name = "default"})
        .allowed();
  }

  Caches caches_{*store_};
  RbacAuthorizer rbac_{{caches_.cluster_roles, caches_.cluster_role_bindings, caches_.roles,
                        caches_.role_bindings}};
  const User bob_{.name = "bob", .groups = {"dev"}};
};

TEST_F(RoleHoldingsTest, WhatIsHeldIsWorkedOutOnce) {
  EXPECT_FALSE(May(bob_));
  const uint64_t once = rbac_.worked_out();
  EXPECT_EQ(once, 2) << "in the cluster, and in the namespace";
  EXPECT_FALSE(May(bob_));
  Post("/api/v1/namespaces/default/configmaps", R"({"metadata": {"name": "another"}})");
  EXPECT_FALSE(May(bob_));
  EXPECT_EQ(rbac_.worked_out(), once) << "nothing that gives rights has changed";
}

TEST_F(RoleHoldingsTest, WhatIsGivenAndTakenCountsAtOnce) {
  EXPECT_FALSE(May(bob_));
  Bind("by-group", "Group", "dev");
  EXPECT_TRUE(May(bob_));
  EXPECT_FALSE(May(bob_, "list"));
  Merge(kGroupPath + "/clusterroles/reader",
        R"({"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]})");
  EXPECT_FALSE(May(bob_));
  EXPECT_TRUE(May(bob_, "list"));
  Ask("DELETE", kGroupPath + "/namespaces/default/rolebindings/by-group");
  EXPECT_FALSE(May(bob_, "list"));
}

TEST_F(RoleHoldingsTest, UsersWhoseNamesRunTogetherAreTwo) {
  Bind("for-the-group", "Group", "bc");
  EXPECT_TRUE(May({.name = "a", .groups = {"bc"}}));
  EXPECT_FALSE(May({.name = "a", .groups = {"b", "c"}}));
  EXPECT_FALSE(May({.name = "ab", .groups = {"c"}}));
  EXPECT_FALSE(May({.name = "a", .groups = {"b", "", "c"}}));
}

// Anybody may ask about namespaces of any name, and needs no right to.
TEST_F(RoleHoldingsTest, LongNamesThatNobodyHasAreNotKept) {
  RoleHoldings holdings({caches_.cluster_roles, caches_.cluster_role_bindings, caches_.roles,
                         caches_.role_bindings});
  const std::string long_name(size_t{1} << 20, 'a');
  for (int i = 0; i < 20; ++i) holdings.Of(bob_, std::to_string(i) + long_name);
  EXPECT_EQ(holdings.bytes(), 0);
  const std::string name(size_t{100} << 10, 'a');
  for (int i = 0; i < 1000; ++i) holdings.Of(bob_, std::to_string(i) + name);
  EXPECT_LE(holdings.bytes(), RoleHoldings::kBytesMax);
  EXPECT_GE(holdings.bytes(), name.size());
  const uint64_t before = holdings.worked_out();
  holdings.Of(bob_, "999" + name);
  EXPECT_EQ(holdings.worked_out(), before) << "the last ones are remembered";
}

// Of namespaces that anybody asked about there may be a hundred thousand, and each of a few answers
// may be of thousands of roles.
TEST_F(RoleHoldingsTest, MuchThatIsRememberedIsForgottenByWhoMayWait) {
  RoleHoldings holdings({caches_.cluster_roles, caches_.cluster_role_bindings, caches_.roles,
                         caches_.role_bindings});
  for (const char space : {'a', 'b', 'c'}) holdings.Of(bob_, std::string(100'000, space));
  const size_t all = holdings.bytes();
  Bind("another", "User", "alice");
  {
    const AtOnce attempt;
    holdings.Of(bob_, "7");
    EXPECT_TRUE(attempt.failed());
  }
  EXPECT_EQ(holdings.bytes(), all);
  holdings.Of(bob_, "7");
  EXPECT_LT(holdings.bytes(), all / 100);
  Bind("third", "User", "alice");
  {
    const AtOnce attempt;
    holdings.Of(bob_, "8");
    EXPECT_TRUE(attempt.failed());
  }
  EXPECT_EQ(holdings.bytes(), 0u) << "little is forgotten at once";
}

TEST_F(RoleHoldingsTest, ARoleThatIsMissingIsToldAndCountsWhenItComes) {
  Bind("reading", "User", "bob");
  Ask("DELETE", kGroupPath + "/clusterroles/reader");
  std::vector<std::string> errors;
  EXPECT_TRUE(rbac_.RolesHeld(bob_, "default", errors).empty());
  ASSERT_EQ(errors.size(), 1);
  EXPECT_EQ(errors[0], R"(clusterrole.rbac.authorization.k8s.io "reader" not found)");
  Post(kGroupPath + "/clusterroles", R"({"metadata": {"name": "reader"},
      "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]})");
  EXPECT_TRUE(May(bob_));
}

}  // namespace
}  // namespace skiff
