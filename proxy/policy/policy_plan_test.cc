#include "proxy/policy/policy_plan.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/source_root.h"
#include "proxy/policy/policy_test_objects.h"

namespace skiff::netpol {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

// UPDATE_GOLDEN=1 rewrites the file.
void ExpectGoldenTable(const std::string& name, const std::string& text) {
  const std::string path = std::string(kSourceRoot) + "/proxy/policy/testdata/" + name;
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream in(path);
  std::stringstream golden;
  golden << in.rdbuf();
  EXPECT_EQ(golden.str(), text) << name;
}

TEST(PolicyPlanTest, ATableWithOneOfEach) {
  TestPlan test;
  test.SetPolicy("closed", "{podSelector: {}}");
  test.SetPolicy("web", R"({
    podSelector: {matchLabels: {app: a}}, policyTypes: [Ingress, Egress],
    ingress: [{from: [{podSelector: {matchLabels: {app: b}}},
                      {namespaceSelector: {matchLabels: {team: x}},
                       podSelector: {matchLabels: {app: d}}}],
               ports: [{port: web}, {port: 9000, endPort: 9010}, {port: 9005, endPort: 9020},
                       {port: 53, protocol: UDP}, {protocol: SCTP}]}],
    egress: [{to: [{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.64/26, 192.0.2.65/32]}},
                   {ipBlock: {cidr: 198.51.100.7/32}}, {ipBlock: {cidr: 198.51.100.0/24}},
                   {ipBlock: {cidr: "fd00::/8"}}]}]})");
  ExpectGoldenTable("one_of_each.nft", test.table().WholeText());
}

TEST(PolicyPlanTest, AChangeIsTheDifference) {
  TestPlan test;
  test.SetPolicy("web", "{podSelector: {matchLabels: {app: a}}, ingress: [{from: [{podSelector: "
                        "{matchLabels: {app: b}}}]}]}");
  test.table().CommitWhole();
  EXPECT_EQ(test.table().ChangeText(), "");
  // A second pod that is meant: its two addresses, that they are known, and a pod's.
  TestPod second = kB;
  second.name = "b2";
  second.end = "0.9";
  test.SetPod(second);
  EXPECT_THAT(test.table().ChangeText(),
              testing::MatchesRegex(
                  "add element inet skiff-policy known4 . 10.244.0.9 .\n"
                  "add element inet skiff-policy known6 . fd00:244::9 .\n"
                  "(add element inet skiff-policy pods4-[0-9a-f]+ . 10.244.0.9 .\n){2}"
                  "(add element inet skiff-policy pods6-[0-9a-f]+ . fd00:244::9 .\n){2}"));
  // Gone before it was written: there is nothing to write.
  test.RemovePod(second);
  EXPECT_EQ(test.table().ChangeText(), "");
  // A peer on another node is in sets of peers alone.
  test.SetPod({"default", "far", "b", "node-b", "1.7"});
  EXPECT_THAT(test.table().ChangeText(), Not(HasSubstr("known")));
  EXPECT_THAT(test.table().ChangeText(), HasSubstr("10.244.1.7"));
  test.table().CommitChange();
  // Nobody is meant by this policy here.
  test.SetPolicy("else", "{podSelector: {matchLabels: {app: z}}, ingress: [{from: [{podSelector: "
                         "{}}]}]}");
  test.SetPolicy("there", "{podSelector: {matchLabels: {app: d}}}", "other");
  EXPECT_EQ(test.table().ChangeText(), "");
}

TEST(PolicyPlanTest, WhatGoesIsEmptiedFirstAndDeletedByTheNextText) {
  TestPlan test;
  const std::string spec = "{podSelector: {}, ingress: [{ports: [{port: 80}]}]}";
  test.SetPolicy("web", spec);
  test.table().CommitWhole();
  test.SetPolicy("web", "");
  const std::string emptied = test.table().ChangeText();
  EXPECT_THAT(emptied, HasSubstr("flush chain inet skiff-policy in/default/web\n"));
  EXPECT_THAT(emptied, HasSubstr("delete element inet skiff-policy in4 { 10.244.0.2, "));
  EXPECT_THAT(emptied, Not(HasSubstr("delete chain")));
  test.table().CommitChange();
  EXPECT_TRUE(test.table().has_leftovers());
  const std::string deleted = test.table().ChangeText();
  EXPECT_THAT(deleted, HasSubstr("delete chain inet skiff-policy in/default/web\n"));
  // Wanted again in between: it is filled, and not deleted.
  test.SetPolicy("web", spec);
  const std::string filled = test.table().ChangeText();
  EXPECT_THAT(filled, Not(HasSubstr("delete")));
  EXPECT_THAT(filled, HasSubstr("add rule inet skiff-policy in/default/web jump"));
  test.table().CommitChange();
  EXPECT_FALSE(test.table().has_leftovers());
  EXPECT_EQ(test.table().ChangeText(), "");
}

TEST(PolicyPlanTest, PodsOfTheSamePoliciesShareTheirRulesAndSelectorsTheirSets) {
  TestPlan test;
  const std::string spec =
      "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}], ports: [{port: 80}]}]}";
  for (int i = 0; i < 50; ++i) test.SetPolicy("p" + std::to_string(i), spec);
  const size_t rules = test.table().rules(), elements = test.table().elements();
  for (int i = 10; i < 110; ++i) {
    test.SetPod({"default", "x" + std::to_string(i), "x", "node-a", "0." + std::to_string(i)});
  }
  EXPECT_EQ(test.table().rules(), rules) << "no rule is a pod's own";
  // An address each in known, self, in and the one set of pods; for both families.
  EXPECT_EQ(test.table().elements(), elements + 100 * 8);
}

TEST(PolicyPlanTest, ANamedPortIsWhatEachPodCallsSo) {
  TestPlan test;
  test.SetPolicy("web", "{podSelector: {}, ingress: [{ports: [{port: web}]}]}");
  auto renamed = MakePod(kB);
  renamed->spec.containers[0].ports[0].container_port = 9090;
  test.plan.SetPod({"default", "b"}, renamed.get());
  const std::string text = test.table().WholeText();
  EXPECT_THAT(text, HasSubstr("10.244.0.2 . 8080"));
  EXPECT_THAT(text, HasSubstr("10.244.0.3 . 9090"));
  EXPECT_THAT(text, Not(HasSubstr("10.244.0.3 . 8080")));
  EXPECT_THAT(text, ContainsRegex("ip daddr \\. tcp dport @port4-[0-9a-f]+ accept"));
}

TEST(PolicyPlanTest, WhoHasEndedOrIsOfTheNodeIsNoPod) {
  TestPlan test;
  test.SetPolicy("web", "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}");
  TestPod ended = kB, of_node = kC;
  ended.phase = "Succeeded";
  test.SetPod(ended);
  of_node.namespace_ = "default";
  of_node.name = "agent";
  of_node.host_network = true;
  of_node.end = "7.7";
  test.SetPod(of_node);
  TestPod early = kB;
  early.name = "early";
  early.end = "";
  test.SetPod(early);
  EXPECT_THAT(test.table().WholeText(), Not(HasSubstr("10.244.0.3")));
  EXPECT_THAT(test.table().WholeText(), Not(HasSubstr("10.244.7.7")));
}

TEST(PolicyPlanTest, AnAddressThatTwoPodsSayTheyHaveIsTheLastOnes) {
  TestPlan test;
  test.SetPolicy("web", "{podSelector: {matchLabels: {app: b}}}");
  test.table().CommitWhole();
  TestPod heir = kB;
  heir.name = "heir";
  heir.app = "free";
  test.SetPod(heir);
  EXPECT_THAT(test.table().ChangeText(),
              HasSubstr("delete element inet skiff-policy in4 { 10.244.0.3 }"));
  test.RemovePod(kB);
  EXPECT_THAT(test.table().WholeText(),
              HasSubstr("known4 { type ipv4_addr; elements = { 10.244.0.2, 10.244.0.3, "));
  test.RemovePod(heir);
  EXPECT_THAT(test.table().WholeText(), Not(HasSubstr("10.244.0.3")));
}

TEST(PolicyPlanTest, NamespacesComeToBeMeantByTheirLabels) {
  TestPlan test;
  test.SetPolicy("web", "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: "
                        "{team: blue}}}]}]}");
  test.table().CommitWhole();
  test.SetNamespace("other", {{"team", "blue"}});
  EXPECT_THAT(test.table().ChangeText(), HasSubstr("{ 10.244.0.4, 10.244.1.2 }"));
  test.SetNamespace("other", {});
  EXPECT_EQ(test.table().ChangeText(), "");
  test.SetNamespace("other", {{"team", "blue"}});
  test.table().CommitChange();
  test.plan.SetNamespace("other", nullptr);
  EXPECT_THAT(test.table().ChangeText(), HasSubstr("{ 10.244.0.4, 10.244.1.2 }"));
}

TEST(PolicyPlanTest, ALongNameIsAShortChain) {
  TestPlan test;
  const std::string name(200, 'n');
  test.SetPolicy(name, "{podSelector: {}}");
  EXPECT_THAT(test.table().WholeText(), Not(HasSubstr(name)));
  EXPECT_THAT(test.table().WholeText(), ContainsRegex("jump in-policy-[0-9a-f]+\n"));
}

TEST(PolicyPlanTest, AnEventCostsWhatItConcerns) {
  TestPlan test;
  constexpr int kMany = 500;
  for (int i = 0; i < kMany; ++i) {
    const std::string number = std::to_string(i);
    test.SetNamespace("n" + number, {{"number", number}});
    test.SetPod({"n" + number, "far", "a", "node-b",
                 std::to_string(9 + i / 250) + "." + std::to_string(i % 250)});
    test.SetPolicy("p" + number, "{podSelector: {matchLabels: {app: x" + number +
                                     "}}, ingress: [{from: [{podSelector: {matchLabels: {app: y" +
                                     number + "}}}, {namespaceSelector: {matchLabels: {number: '" +
                                     number + "'}}}]}]}");
    test.SetPod({"default", "x" + number, "x" + number, "node-a",
                 std::to_string(20 + i / 250) + "." + std::to_string(i % 250)});
  }
  const auto looks = [&](auto event) {
    const size_t before = test.plan.looks();
    event();
    return test.plan.looks() - before;
  };
  // A pod: the selectors under its labels, and none of the other hundreds.
  EXPECT_LE(looks([&] { test.SetPod({"default", "new", "y7", "node-b", "5.5"}); }), 4u);
  EXPECT_LE(looks([&] { test.SetPod({"default", "more", "x7", "node-a", "5.6"}); }), 4u);
  EXPECT_LE(looks([&] { test.SetPod({"n7", "more", "a", "node-b", "5.7"}); }), 4u);
  EXPECT_LE(looks([&] { test.RemovePod({"default", "new", "", "", ""}); }), 4u);
  // What it does to the table is its own.
  test.table().CommitWhole();
  test.SetPod({"default", "last", "y9", "node-b", "5.8"});
  EXPECT_LT(test.table().ChangeText().size(), 300u);
  EXPECT_GT(test.table().WholeText().size(), 100'000u);
}

// A policy of many names and selectors would have the kernel look for each among all: minutes.
TEST(PolicyPlanTest, WhatTakesTooMuchClosesAndHarmsNoOtherNamespace) {
  TestPlan test;
  std::string peers;
  for (int i = 0; i < 1600; ++i) {
    peers += (i == 0 ? "" : ", ") + fmt::format("{{podSelector: {{matchLabels: {{k: v{}}}}}}}", i);
  }
  const std::string spec = "{podSelector: {}, ingress: [{from: [" + peers + "]}]}";
  test.SetPolicy("a", spec);
  const auto second = FromYaml<networking_v1::NetworkPolicy>(
      "{metadata: {name: b, namespace: default}, spec: " + spec + "}");
  const auto refused = test.plan.SetPolicy({"default", "b"}, second.get());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, Reason::kTooManyRequests);
  EXPECT_THAT(test.table().WholeText(), HasSubstr("chain in/default/a {\n\t\tip saddr @pods4-"));
  EXPECT_THAT(test.table().WholeText(), HasSubstr("chain in/default/b {\n\t}"));
  test.SetPolicy("a", spec, "other");
  test.SetPolicy("a", "");
  EXPECT_THAT(test.table().WholeText(), HasSubstr("chain in/default/b {\n\t\tip saddr @pods4-"))
      << "there is room for it now";
}

TEST(PolicyPlanTest, ManyPortsStandInSetsOfAFewHundred) {
  TestPlan test;
  std::string ports;
  for (int port = 1; port < 2000; port += 2) {
    ports += (ports.empty() ? "" : ", ") + fmt::format("{{port: {}}}, {{port: web}}", port);
  }
  test.SetPolicy("web", "{podSelector: {}, ingress: [{ports: [" + ports + "]}]}");
  const std::string text = test.table().WholeText();
  size_t lines = 0;
  for (size_t at = 0; (at = text.find("tcp dport {", at)) != std::string::npos; ++at) ++lines;
  EXPECT_EQ(lines, 4u);
  EXPECT_EQ(text.find("@port4-"), text.rfind("@port4-")) << "one name, once";
}

}  // namespace
}  // namespace skiff::netpol
