#include "apiserver/audit/audit_policy.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

using Level = AuditLevel;
using Stage = AuditStage;

Result<AuditPolicy> Parse(const std::string& rules, std::vector<std::string>* notes = nullptr) {
  std::vector<std::string> own;
  return AuditPolicy::Parse("apiVersion: audit.k8s.io/v1\nkind: Policy\n" + rules,
                            notes != nullptr ? *notes : own);
}

// The level that a request gets by the rules.
struct Asked {
  std::string method = "GET";
  std::string path;
  User user = {.name = "alice", .groups = {"dev", "system:authenticated"}};
};
Level LevelOf(const std::string& rules, const Asked& asked) {
  const auto policy = Parse("rules:\n" + rules);
  EXPECT_TRUE(policy) << (policy ? "" : policy.error().message);
  http::Request request;
  request.method = asked.method;
  request.path = request.target = asked.path;
  return policy->Decide(asked.user, ParseRequestInfo(request)).level;
}

constexpr const char* kPods = "/api/v1/namespaces/a/pods";
constexpr const char* kPod = "/api/v1/namespaces/a/pods/p";

TEST(AuditPolicy, TheFirstRuleThatFitsDecides) {
  const std::string rules = R"(
- {level: None, users: [bob]}
- {level: Request, users: [alice], verbs: [delete]}
- {level: Metadata, userGroups: [ops, dev]}
)";
  EXPECT_EQ(LevelOf(rules, {.path = kPod}), Level::kMetadata);
  EXPECT_EQ(LevelOf(rules, {.method = "DELETE", .path = kPod}), Level::kRequest);
  EXPECT_EQ(LevelOf(rules, {.path = kPod, .user = {.name = "bob", .groups = {"dev"}}}),
            Level::kNone);
  EXPECT_EQ(LevelOf(rules, {.path = kPod, .user = {.name = "carol"}}), Level::kNone)
      << "no rule fits";
}

TEST(AuditPolicy, ResourcesFitByGroupNameAndSubresource) {
  const auto level = [](const std::string& resources, const std::string& path) {
    return LevelOf("- {level: Metadata, resources: [" + resources + "]}", {.path = path});
  };
  EXPECT_EQ(level("{group: '', resources: [pods]}", kPod), Level::kMetadata);
  EXPECT_EQ(level("{group: '', resources: [pods]}", std::string(kPod) + "/log"), Level::kNone);
  EXPECT_EQ(level("{group: '', resources: [pods/log]}", std::string(kPod) + "/log"),
            Level::kMetadata);
  EXPECT_EQ(level("{group: '', resources: ['pods/*']}", std::string(kPod) + "/log"),
            Level::kMetadata);
  EXPECT_EQ(level("{group: '', resources: ['*/log']}", std::string(kPod) + "/log"),
            Level::kMetadata);
  EXPECT_EQ(level("{group: '', resources: ['*/log']}", kPod), Level::kNone);
  EXPECT_EQ(level("{group: '', resources: ['*']}", std::string(kPod) + "/log"), Level::kMetadata);
  EXPECT_EQ(level("{group: ''}", kPod), Level::kMetadata);
  EXPECT_EQ(level("{group: apps}", kPod), Level::kNone);
  EXPECT_EQ(level("{group: '', resources: [pods], resourceNames: [p]}", kPod), Level::kMetadata);
  EXPECT_EQ(level("{group: '', resources: [pods], resourceNames: [p]}", kPods), Level::kNone);
  EXPECT_EQ(level("{group: ''}", "/healthz"), Level::kNone);
}

TEST(AuditPolicy, NamespacesAndPathsTellRequestsApart) {
  const std::string spaces = "- {level: Metadata, namespaces: [a]}";
  EXPECT_EQ(LevelOf(spaces, {.path = kPods}), Level::kMetadata);
  EXPECT_EQ(LevelOf(spaces, {.path = "/api/v1/pods"}), Level::kNone);
  EXPECT_EQ(LevelOf(spaces, {.path = "/healthz"}), Level::kNone);
  EXPECT_EQ(LevelOf("- {level: Metadata, namespaces: ['']}", {.path = "/api/v1/nodes"}),
            Level::kMetadata);
  const std::string paths = "- {level: Metadata, nonResourceURLs: ['/health*', /version]}";
  EXPECT_EQ(LevelOf(paths, {.path = "/healthz"}), Level::kMetadata);
  EXPECT_EQ(LevelOf(paths, {.path = "/version"}), Level::kMetadata);
  EXPECT_EQ(LevelOf(paths, {.path = "/versions"}), Level::kNone);
  EXPECT_EQ(LevelOf(paths, {.path = kPods}), Level::kNone);
}

TEST(AuditPolicy, StagesAndManagedFieldsAreLeftOutByThePolicyOrARule) {
  const auto policy = Parse(R"(
omitStages: [RequestReceived]
omitManagedFields: true
rules:
- {level: Metadata, verbs: [get], omitStages: [ResponseStarted]}
- {level: Metadata, omitManagedFields: false}
)");
  ASSERT_TRUE(policy) << policy.error().message;
  http::Request request;
  request.method = "GET";
  request.path = kPod;
  const AuditDecision first = policy->Decide({.name = "a"}, ParseRequestInfo(request));
  EXPECT_FALSE(first.Tells(Stage::kRequestReceived));
  EXPECT_FALSE(first.Tells(Stage::kResponseStarted));
  EXPECT_TRUE(first.Tells(Stage::kResponseComplete));
  EXPECT_TRUE(first.omits_managed_fields);
  request.method = "DELETE";
  const AuditDecision second = policy->Decide({.name = "a"}, ParseRequestInfo(request));
  EXPECT_TRUE(second.Tells(Stage::kResponseStarted));
  EXPECT_FALSE(second.omits_managed_fields);
}

TEST(AuditPolicy, WhatCannotBeIsRefusedInKubernetesWords) {
  const auto error = [](const std::string& rules) {
    const auto policy = Parse(rules);
    return policy ? std::string() : policy.error().message;
  };
  EXPECT_EQ(error("rules: []"), "loaded illegal policy with 0 rules");
  EXPECT_EQ(error("rules: [{level: ''}]"), "rules[0].level: Required value");
  EXPECT_EQ(error("rules: [{level: All}]"),
            "rules[0].level: Unsupported value: \"All\": supported values: \"None\", "
            "\"Metadata\", \"Request\", \"RequestResponse\"");
  EXPECT_EQ(error("rules: [{level: None, omitStages: [Begin]}]"),
            "rules[0].omitStages[0]: Invalid value: \"Begin\": allowed stages are "
            "RequestReceived,ResponseStarted,ResponseComplete,Panic");
  EXPECT_EQ(error("rules: [{level: None, nonResourceURLs: [a]}]"),
            "rules[0].nonResourceURLs[0]: Invalid value: \"a\": non-resource URL rules must begin "
            "with a '/' character");
  EXPECT_EQ(error("rules: [{level: None, nonResourceURLs: [/a*b]}]"),
            "rules[0].nonResourceURLs[0]: Invalid value: \"/a*b\": non-resource URL wildcards '*' "
            "must be the final character of the rule");
  EXPECT_EQ(error("rules: [{level: None, namespaces: [a], nonResourceURLs: [/a]}]"),
            "rules[0].nonResourceURLs: Invalid value: [\"/a\"]: rules cannot apply to both regular "
            "resources and non-resource URLs");
  EXPECT_EQ(error("rules: [{level: None, resources: [{resourceNames: [x]}]}]"),
            "rules[0].resources.resourceNames: Invalid value: [\"x\"]: using resourceNames "
            "requires at least one resource");
  EXPECT_EQ(error("rules: [{level: None, resources: [{group: a/b}]}]").substr(0, 59),
            "rules[0].resources.group: Invalid value: \"a/b\": a lowercase");
  EXPECT_EQ(error("rules: [{level: None, users: bob}]"),
            "failed decoding: json: cannot unmarshal string into Go struct field PolicyRule.rules."
            "users of type []string");
  EXPECT_EQ(error("rules: [{level: 1}]"),
            "failed decoding: json: cannot unmarshal number into Go struct field PolicyRule.rules."
            "level of type v1.Level");
  EXPECT_EQ(error("rules: [{level: None, omitStages: [1]}]"),
            "failed decoding: json: cannot unmarshal number into Go struct field PolicyRule.rules."
            "omitStages of type v1.Stage");
  std::vector<std::string> notes;
  const auto head = [&](const std::string& text) {
    const auto policy = AuditPolicy::Parse(text + "\nrules: [{level: None}]\n", notes);
    return policy ? std::string() : policy.error().message;
  };
  EXPECT_EQ(head("kind: Policy\napiVersion: v1"),
            "failed decoding: no kind \"Policy\" is registered for version \"v1\" in scheme "
            "\"pkg/runtime/scheme.go:111\"");
  EXPECT_EQ(head("kind: Policy"),
            "unknown group version field audit.k8s.io/__internal, Kind=Policy in policy");
  EXPECT_EQ(head("apiVersion: audit.k8s.io/v1\nkind: Event"),
            "failed decoding: converting (v1.Event) to (audit.Policy): unknown conversion");
  EXPECT_EQ(head("apiVersion: audit.k8s.io/v1"), "") << "of what kind it is goes without saying";
  EXPECT_TRUE(Parse("rules: [{level: None, user: [x]}]", &notes));
  EXPECT_EQ(notes, std::vector<std::string>({"audit policy: unknown field \"rules[0].user\""}));
}

}  // namespace
}  // namespace skiff
