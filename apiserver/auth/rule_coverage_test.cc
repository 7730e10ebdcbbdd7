#include "apiserver/auth/rule_coverage.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

using rbac_v1::PolicyRule;
using Strings = std::vector<std::string>;

PolicyRule On(Strings groups, Strings resources, Strings verbs, Strings names = {}) {
  PolicyRule rule;
  rule.api_groups = std::move(groups);
  rule.resources = std::move(resources);
  rule.verbs = std::move(verbs);
  rule.resource_names = std::move(names);
  return rule;
}

std::vector<std::string> Missing(const PolicyRules& held, const PolicyRules& wanted) {
  std::vector<std::string> texts;
  for (const PolicyRule& rule : MissingRules(held, wanted)) texts.push_back(RuleText(rule));
  return texts;
}

TEST(RuleCoverage, SeveralRulesTogetherCoverOne) {
  const PolicyRules held = {On({""}, {"pods"}, {"get"}), On({"", "apps"}, {"*"}, {"list"})};
  EXPECT_EQ(Missing(held, {On({""}, {"pods"}, {"get", "list"})}), Strings{});
  EXPECT_EQ(Missing(held, {On({""}, {"pods", "secrets"}, {"get", "watch"})}),
            (Strings{R"({APIGroups:[""], Resources:["pods"], Verbs:["watch"]})",
                     R"({APIGroups:[""], Resources:["secrets"], Verbs:["get" "watch"]})"}));
}

TEST(RuleCoverage, ANameIsLessThanAllNames) {
  const PolicyRules one = {On({""}, {"secrets"}, {"get"}, {"a"})};
  EXPECT_EQ(Missing(one, one), Strings{});
  EXPECT_EQ(Missing(one, {On({""}, {"secrets"}, {"get"})}),
            (Strings{R"({APIGroups:[""], Resources:["secrets"], Verbs:["get"]})"}));
  EXPECT_EQ(Missing({On({""}, {"secrets"}, {"get"})}, one), Strings{});
}

TEST(RuleCoverage, StarsCoverSubresourcesAndPaths) {
  EXPECT_EQ(
      Missing({On({"*"}, {"*/scale"}, {"*"})}, {On({"apps"}, {"deployments/scale"}, {"get"})}),
      Strings{});
  EXPECT_EQ(Missing({On({"*"}, {"pods"}, {"*"})}, {On({""}, {"pods/exec"}, {"create"})}).size(),
            1u);
  PolicyRule paths;
  paths.non_resource_urls = {"/healthz/*"};
  paths.verbs = {"get"};
  PolicyRule wanted = paths;
  wanted.non_resource_urls = {"/healthz/etcd", "/metrics"};
  EXPECT_EQ(Missing({paths}, {wanted}),
            (Strings{R"({NonResourceURLs:["/metrics"], Verbs:["get"]})"}));
}

}  // namespace
}  // namespace skiff
