#include "controllers/machinery/policy_type_check.h"

#include <gtest/gtest.h>

#include "api/declared_types.h"
#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"

namespace skiff {
namespace {

using namespace admissionregistration_v1;

const std::vector<DeclaredKind>& Workloads() {
  static const std::vector<DeclaredKind> kinds = {
      {"apps/v1, Kind=Deployment", DeclaredType(apps_v1::Deployment::Describe())},
      {"apps/v1, Kind=ReplicaSet", DeclaredType(apps_v1::ReplicaSet::Describe())}};
  return kinds;
}

// "field: warning" of a policy with these validations.
std::vector<std::string> Warnings(const std::vector<Variable>& variables,
                                  const std::vector<std::string>& expressions,
                                  const cel::TypeRef& params = nullptr) {
  ValidatingAdmissionPolicySpec spec;
  spec.variables = variables;
  for (const std::string& expression : expressions) {
    spec.validations.emplace_back().expression = expression;
  }
  std::vector<std::string> texts;
  for (const auto& warning : CheckPolicyTypes(spec, Workloads(), params)) {
    texts.push_back(warning.field_ref + ": " + warning.warning);
  }
  return texts;
}

TEST(PolicyTypeCheckTest, WhatFitsTheKindsIsNotMentioned) {
  EXPECT_TRUE(Warnings({}, {"object.spec.replicas > 1 && object.metadata.labels['a'] == 'b'",
                            "object.spec.template.spec.containers.all(c, c.image != '')"})
                  .empty());
}

TEST(PolicyTypeCheckTest, EachKindIsMentionedThatAnExpressionDoesNotFit) {
  EXPECT_EQ(Warnings({}, {"true", "object.spec.paused"}),
            std::vector<std::string>{
                "spec.validations[1].expression: apps/v1, Kind=ReplicaSet: ERROR: <input>:1:12: "
                "undefined field 'paused'\n | object.spec.paused\n | ...........^\n"});
  const auto both = Warnings({}, {"object.spec.replicas > '1'"});
  ASSERT_EQ(both.size(), 1);
  EXPECT_TRUE(both[0].find("apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching "
                           "overload for '_>_' applied to '(int, string)'") != both[0].npos);
  EXPECT_TRUE(both[0].find("^\n\napps/v1, Kind=ReplicaSet: ") != both[0].npos) << both[0];
}

TEST(PolicyTypeCheckTest, VariablesAndParametersHaveTheirTypes) {
  Variable replicas;
  replicas.name = "replicas";
  replicas.expression = "object.spec.replicas";
  EXPECT_EQ(Warnings({replicas}, {"variables.replicas == 'x'"}).size(), 1);
  EXPECT_TRUE(Warnings({replicas}, {"variables.replicas == 1"}).empty());
  const cel::TypeRef map = DeclaredType(core_v1::ConfigMap::Describe());
  EXPECT_TRUE(Warnings({}, {"params.data['a'] == 'b'"}, map).empty());
  EXPECT_EQ(Warnings({}, {"params.data['a'] == 1"}, map).size(), 1);
}

TEST(PolicyTypeCheckTest, OnlyResourcesNamedInFullAreLookedAt) {
  ValidatingAdmissionPolicySpec spec;
  spec.match_constraints.emplace();
  auto& rules = spec.match_constraints->resource_rules;
  const auto add = [&](const char* group, const char* version, const char* resource) {
    auto& rule = rules.emplace_back();
    rule.api_groups = {group};
    rule.api_versions = {version};
    rule.resources = {resource};
  };
  add("apps", "v1", "deployments");
  add("*", "v1", "pods");
  add("", "v1", "pods/status");
  add("", "v1", "pods");
  add("", "v1", "pods");
  const std::vector<NamedResource> expected = {{"", "v1", "pods"}, {"apps", "v1", "deployments"}};
  EXPECT_EQ(ResourcesToCheck(spec), expected);
}

}  // namespace
}  // namespace skiff
