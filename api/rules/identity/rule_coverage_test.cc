#include "api/rules/identity/rule_coverage.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

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

MissingRights Compared(const PolicyRules& held, const PolicyRules& wanted,
                       const CoverageLimits& limits = {}) {
  std::vector<const PolicyRule*> pointers;
  for (const PolicyRule& rule : held) pointers.push_back(&rule);
  return FindMissingRights(pointers, wanted, limits);
}

std::vector<std::string> Missing(const PolicyRules& held, const PolicyRules& wanted) {
  std::vector<std::string> texts;
  for (const PolicyRule& rule : Compared(held, wanted).rules) texts.push_back(RuleText(rule));
  return texts;
}

Strings Words(const char* prefix, int count) {
  Strings words;
  for (int i = 0; i < count; ++i) words.push_back(prefix + std::to_string(i));
  return words;
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

// 41 million rights in 4 KB; written out they were a gigabyte. Each of them would be a step, and
// there are only so many of these.
TEST(RuleCoverage, AProductIsNotWrittenOut) {
  const PolicyRule bomb =
      On(Words("g", 80), Words("r", 80), Words("v", 80), Words("n", 80));
  ASSERT_LT(CoverageLimits().steps_max, 80u * 80 * 80 * 80);
  const MissingRights none_held = Compared({On({""}, {"pods"}, {"get"})}, {bomb});
  EXPECT_FALSE(none_held.complete);
  EXPECT_LE(none_held.rules.size(), 10'000u);
  EXPECT_FALSE(none_held.rules.empty());
  // All of it is held, in pieces; and all but one right.
  PolicyRules pieces;
  for (const std::string& group : bomb.api_groups) {
    pieces.push_back(On({group}, bomb.resources, bomb.verbs, bomb.resource_names));
  }
  EXPECT_TRUE(Compared(pieces, {bomb}).none());
  pieces[7] = On({"g7"}, bomb.resources, Words("v", 79), bomb.resource_names);
  pieces.push_back(On({"g7"}, Words("r", 79), {"v79"}));
  pieces.push_back(On({"g7"}, {"r79"}, {"v79"}, Words("n", 79)));
  const MissingRights one = Compared(pieces, {bomb});
  EXPECT_TRUE(one.complete);
  ASSERT_EQ(one.rules.size(), 1u);
  EXPECT_EQ(RuleText(one.rules[0]),
            R"({APIGroups:["g7"], Resources:["r79"], ResourceNames:["n79"], Verbs:["v79"]})");
}

TEST(RuleCoverage, WhatTakesTooLongToCompareIsNotTakenForCovered) {
  const PolicyRule wanted = On({""}, Words("r", 100), Words("v", 100));
  PolicyRules held;
  for (const std::string& resource : wanted.resources) {
    held.push_back(On({""}, {resource}, wanted.verbs));
  }
  EXPECT_TRUE(Compared(held, {wanted}).none());
  const MissingRights given_up = Compared(held, {wanted}, {.steps_max = 50});
  EXPECT_TRUE(given_up.rules.empty());
  EXPECT_FALSE(given_up.none());
}

// Who may write roles may give himself as many as he likes, and then write another.
TEST(RuleCoverage, WhatIsHeldCountsEvenIfNobodyAsksForIt) {
  const PolicyRules held = {On({"g"}, Words("r", 1000), {"v"})};
  const PolicyRules wanted = {On({"g"}, {"r1"}, {"v"})};
  EXPECT_TRUE(Compared(held, wanted).none());
  const MissingRights given_up = Compared(held, wanted, {.steps_max = 1000});
  EXPECT_TRUE(given_up.rules.empty());
  EXPECT_FALSE(given_up.none());
}

// The same by writing every right out, as Kubernetes does it.
bool CoversOne(const PolicyRule& held, const PolicyRule& right) {
  const auto has = [](const Strings& list, const std::string& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
  };
  if (!has(held.verbs, "*") && !has(held.verbs, right.verbs[0])) return false;
  if (!has(held.api_groups, "*") && !has(held.api_groups, right.api_groups[0])) return false;
  const std::string& resource = right.resources[0];
  const size_t slash = resource.find('/');
  const bool by_sub =
      slash != std::string::npos && has(held.resources, "*" + resource.substr(slash));
  if (!has(held.resources, "*") && !has(held.resources, resource) && !by_sub) return false;
  if (held.resource_names.empty()) return true;
  return !right.resource_names.empty() && has(held.resource_names, right.resource_names[0]);
}

TEST(RuleCoverage, FindsWhatComparingEachRightFinds) {
  std::mt19937 random(7);
  const auto some = [&](Strings words, bool may_be_empty) {
    std::erase_if(words, [&](const auto&) { return random() % 3 == 0; });
    if (words.empty() && !may_be_empty) words = {"x"};
    return words;
  };
  const auto any_rule = [&](bool stars) {
    Strings groups = {"a", "b"}, resources = {"p", "q", "p/s", "q/s"}, verbs = {"get", "list"};
    if (stars && random() % 4 == 0) groups.push_back("*");
    if (stars && random() % 4 == 0) resources = {"*/s", "q"};
    if (stars && random() % 4 == 0) verbs.push_back("*");
    Strings names = random() % 2 == 0 ? Strings() : some({"m", "n"}, true);
    return On(some(groups, false), some(resources, false), some(verbs, false), names);
  };
  for (int round = 0; round < 2000; ++round) {
    PolicyRules held, wanted = {any_rule(false), any_rule(false)};
    for (unsigned i = random() % 6; i > 0; --i) held.push_back(any_rule(true));
    std::multiset<std::string> expected, found;
    const auto note = [](const PolicyRule& rule, const std::string& verb, auto& out) {
      PolicyRule one = rule;
      one.verbs = {verb};
      out.insert(RuleText(one));
    };
    for (const PolicyRule& rule : wanted) {
      for (const auto& group : rule.api_groups) {
        for (const auto& resource : rule.resources) {
          for (const auto& verb : rule.verbs) {
            const bool has_names = !rule.resource_names.empty();
            for (const auto& name : has_names ? rule.resource_names : Strings{""}) {
              const PolicyRule right = On({group}, {resource}, {verb},
                                          has_names ? Strings{name} : Strings());
              if (std::none_of(held.begin(), held.end(),
                               [&](const auto& each) { return CoversOne(each, right); })) {
                note(right, verb, expected);
              }
            }
          }
        }
      }
    }
    for (const PolicyRule& rule : Compared(held, wanted).rules) {
      for (const auto& verb : rule.verbs) note(rule, verb, found);
    }
    ASSERT_EQ(found, expected) << "round " << round;
  }
}

}  // namespace
}  // namespace skiff
