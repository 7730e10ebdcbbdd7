#include "controllers/machinery/policy_type_check.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/declared_types.h"
#include "api/gen/apiextensions_v1.h"
#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"

namespace skiff {
namespace {

using namespace admissionregistration_v1;

const std::vector<DeclaredKind>& Workloads() {
  static const std::vector<DeclaredKind> kinds = {
      {"apps", "v1", "Deployment", DeclaredType(apps_v1::Deployment::Describe(), "Deployment")},
      {"apps", "v1", "ReplicaSet", DeclaredType(apps_v1::ReplicaSet::Describe(), "ReplicaSet")}};
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
                            "object.spec.template.spec.containers.all(c, c.image != '')",
                            "object.metadata.namespace == object.metadata.__namespace__"})
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
  const cel::TypeRef map = DeclaredType(core_v1::ConfigMap::Describe(), "ConfigMap");
  EXPECT_TRUE(Warnings({}, {"params.data['a'] == 'b'"}, map).empty());
  EXPECT_EQ(Warnings({}, {"params.data['a'] == 1"}, map).size(), 1);
}

// What kube-controller-manager v1.35 says of the same expressions.
TEST(PolicyTypeCheckTest, WhatTheOpenApiGivesNoPlainTypeIsNoField) {
  const auto undefined = [](const std::string& path, const std::string& field) {
    const auto warnings = Warnings({}, {path + "." + field + " == 1"});
    return warnings.size() == 1 &&
           warnings[0].find("undefined field '" + field + "'\n") != warnings[0].npos;
  };
  const std::string pod = "object.spec.template.spec";
  EXPECT_TRUE(undefined(pod + ".volumes[0].emptyDir", "sizeLimit"));
  EXPECT_TRUE(undefined(pod + ".containers[0].resources", "limits"));
  EXPECT_TRUE(undefined("object.metadata.managedFields[0].fieldsV1", "any"));
  EXPECT_TRUE(Warnings({}, {pod + ".containers[0].ports[0].containerPort == 1"}).empty());
  const auto named = Warnings({}, {"object.spec.template.metadata == 1"});
  ASSERT_EQ(named.size(), 1);
  EXPECT_NE(named[0].find("'(Deployment.spec.template.metadata, int)'"), std::string::npos);
}

TEST(PolicyTypeCheckTest, SchemasShowNoFieldsWithinThemselves) {
  const cel::TypeRef type = DeclaredType(apiextensions_v1::CustomResourceDefinition::Describe(),
                                         "CustomResourceDefinition");
  const auto warnings = [&](const std::string& below) {
    ValidatingAdmissionPolicySpec spec;
    spec.validations.emplace_back().expression =
        "object.spec.versions[0].schema.openAPIV3Schema." + below + " == 1";
    std::string text;
    for (const auto& warning :
         CheckPolicyTypes(spec, {{"apiextensions.k8s.io", "v1", "X", type}}, nullptr)) {
      text += warning.warning;
    }
    return text;
  };
  EXPECT_EQ(warnings("maxLength"), "");
  for (const char* nothing : {"default", "items", "foo"}) {
    EXPECT_NE(warnings(nothing).find(fmt::format("undefined field '{}'", nothing)),
              std::string::npos)
        << warnings(nothing);
  }
  EXPECT_NE(warnings("properties['a'].maxLength").find("undefined field 'maxLength'"),
            std::string::npos);
}

class KindsToCheckTest : public ::testing::Test {
 protected:
  void Add(std::vector<std::string> groups, const char* version,
           std::vector<std::string> resources) {
    if (!spec_.match_constraints) spec_.match_constraints.emplace();
    auto& rule = spec_.match_constraints->resource_rules.emplace_back();
    rule.api_groups = std::move(groups);
    rule.api_versions = {version};
    rule.resources = std::move(resources);
  }
  // Names of the kinds, where each resource has one that is called as it is, and "two" has two.
  std::vector<std::string> Found() {
    asked_.clear();
    const auto kinds = KindsToCheck(spec_, [this](const NamedResource& resource) {
      asked_.push_back(resource.resource);
      std::vector<DeclaredKind> kinds{
          {resource.group, resource.version, resource.resource, nullptr}};
      if (resource.resource == "two") kinds.push_back({"z", resource.version, "twin", nullptr});
      return Result<std::vector<DeclaredKind>>(kinds);
    });
    std::vector<std::string> names;
    for (const DeclaredKind& kind : *kinds) names.push_back(kind.Name());
    return names;
  }

  ValidatingAdmissionPolicySpec spec_;
  std::vector<std::string> asked_;
};

TEST_F(KindsToCheckTest, OnlyResourcesNamedInFullAreLookedAt) {
  Add({"apps"}, "v1", {"deployments"});
  Add({"*"}, "v1", {"pods"});
  Add({""}, "v1", {"pods/status"});
  Add({""}, "v1", {"pods"});
  Add({""}, "v1", {"pods", "two"});
  EXPECT_EQ(Found(), (std::vector<std::string>{"/v1, Kind=pods", "/v1, Kind=two",
                                               "apps/v1, Kind=deployments", "z/v1, Kind=twin"}));
  EXPECT_EQ(asked_, (std::vector<std::string>{"deployments", "pods", "two"}));
}

TEST_F(KindsToCheckTest, ARuleOfTenIsTheLast) {
  Add({"a"}, "v1", {"1", "2", "3", "4", "5", "6", "7", "8", "9"});
  Add({"b"}, "v1", {"1", "2", "3", "4", "5", "6", "7", "8", "two", "x"});
  Add({"c"}, "v1", {"1"});
  EXPECT_EQ(Found().size(), 19);  // All of b but x, and of "two" both.
}

TEST_F(KindsToCheckTest, AHundredResourcesAreAskedFor) {
  for (int i = 0; i < 300; ++i) Add({std::to_string(i)}, "v1", {"things"});
  EXPECT_EQ(Found().size(), 100);
}

}  // namespace
}  // namespace skiff
