#include "api/rules/identity/rbac_reconcile.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

Json RoleOf(const char* rules) {
  return Json{{"metadata", {{"name", "r"}}}, {"rules", Json::parse(rules)}};
}

// What takes its place; nullopt where nothing has to.
Result<std::optional<Json>> Mended(const Json& present, const Json& wanted,
                                   const RbacExtras& extras = {}) {
  ReconciledRbac next = TRY(ReconcileRbac(present, wanted, extras));
  if (next.is_protected || next.need == RbacNeed::kNone) return std::nullopt;
  return std::move(next.object);
}

TEST(RbacReconcileTest, ARoleGetsWhatItLacksAndKeepsWhatUsersAdded) {
  const Json present =
      RoleOf(R"([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "delete"]}])");
  const Json wanted =
      RoleOf(R"([{"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get"]}])");
  const auto next = *Mended(present, wanted);
  ASSERT_TRUE(next);
  EXPECT_EQ((*next)["rules"],
            Json::parse(R"([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "delete"]},
                            {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}])"));
  EXPECT_FALSE(*Mended(*next, wanted)) << "once is enough";
}

TEST(RbacReconcileTest, ARoleThatCannotBeComparedIsNotMendedInPart) {
  Json rule = Json::parse(R"({"apiGroups": [], "resources": [], "verbs": ["get"]})");
  for (int i = 0; i < 101; ++i) {
    rule["apiGroups"].push_back("g" + std::to_string(i));
    rule["resources"].push_back("r" + std::to_string(i));
  }
  Json wanted = RoleOf("[]");
  wanted["rules"].push_back(rule);
  const auto next = Mended(RoleOf("[]"), wanted);
  ASSERT_FALSE(next) << "what is missing is more than is listed";
  EXPECT_EQ(next.error().reason, Reason::kInvalid);
  EXPECT_FALSE(*Mended(wanted, wanted)) << "it has it all";
}

TEST(RbacReconcileTest, ABindingGetsTheSubjectsItLacks) {
  Json present = Json::parse(R"({"metadata": {"name": "b"}, "roleRef": {"name": "r"},
                                 "subjects": [{"kind": "User", "name": "mine"}]})");
  const Json wanted = Json::parse(R"({"metadata": {"name": "b"}, "roleRef": {"name": "r"},
                                      "subjects": [{"kind": "Group", "name": "theirs"}]})");
  const auto next = *Mended(present, wanted);
  ASSERT_TRUE(next);
  EXPECT_EQ((*next)["subjects"].size(), 2u);
  present["metadata"]["annotations"] = {
      {"rbac.authorization.kubernetes.io/autoupdate", "false"}};
  EXPECT_FALSE(*Mended(present, wanted)) << "whoever says so keeps it as it is";
}

TEST(RbacReconcileTest, WhatIsTooMuchGoesWhereThatIsAskedFor) {
  const Json present =
      RoleOf(R"([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "delete"]}])");
  const Json wanted = RoleOf(R"([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])");
  EXPECT_FALSE(*Mended(present, wanted));
  EXPECT_EQ((*Mended(present, wanted, {.remove_permissions = true}))->at("rules"),
            wanted["rules"]);
  const auto next = ReconcileRbac(present, wanted, {.remove_permissions = true});
  ASSERT_EQ(next->extra_rules.size(), 1u);
  EXPECT_EQ(next->extra_rules[0].verbs, std::vector<std::string>{"delete"});
}

TEST(RbacReconcileTest, LabelsOfOthersStay) {
  Json present = RoleOf("[]"), wanted = RoleOf("[]");
  present["metadata"]["labels"] = {{"a", "theirs"}};
  wanted["metadata"]["labels"] = {{"a", "ours"}, {"b", "ours"}};
  const auto next = *Mended(present, wanted);
  ASSERT_TRUE(next);
  EXPECT_EQ((*next)["metadata"]["labels"], Json({{"a", "theirs"}, {"b", "ours"}}));
}

TEST(RbacReconcileTest, SelectorsOfAggregatedRolesAreAdded) {
  const auto role = [](const char* rule) {
    Json made = RoleOf("[]");
    made["aggregationRule"] = Json::parse(rule);
    return made;
  };
  const Json one = role(R"({"clusterRoleSelectors": [{"matchLabels": {"a": "1"}}]})");
  const Json other = role(R"({"clusterRoleSelectors": [{"matchLabels": {"b": "1"}}]})");
  EXPECT_EQ((**Mended(one, other))["aggregationRule"]["clusterRoleSelectors"].size(), 2u);
  EXPECT_EQ((**Mended(one, other, {.remove_permissions = true}))["aggregationRule"],
            other["aggregationRule"]);
  EXPECT_FALSE((**Mended(one, RoleOf("[]"))).contains("aggregationRule"));
}

TEST(RbacReconcileTest, ABindingOfAnotherRoleHasToBeMadeAnew) {
  const Json present = {{"roleRef", {{"name", "a"}}}}, wanted = {{"roleRef", {{"name", "b"}}}};
  const auto next = ReconcileRbac(present, wanted, {});
  EXPECT_EQ(next->need, RbacNeed::kRecreate);
  EXPECT_EQ(next->object, wanted);
}

}  // namespace
}  // namespace skiff
