// MutatingAdmissionPolicies and their bindings as kube-apiserver judges them.
#include <gtest/gtest.h>

#include "api/rules/policy/policy_validation.h"
#include "api/rules/rules_fixture.h"

namespace skiff {
namespace {

Json MutatingPolicy(const char* spec) {
  Json document = Parsed(R"j({"apiVersion": "admissionregistration.k8s.io/v1beta1",
    "kind": "MutatingAdmissionPolicy", "metadata": {"name": "p"}, "spec": {
    "reinvocationPolicy": "Never", "mutations": [{"patchType": "ApplyConfiguration",
    "applyConfiguration": {"expression": "Object{}"}}], "matchConstraints":
    {"resourceRules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"],
      "resources": ["configmaps"]}]}}})j");
  document["spec"].update(Json::parse(spec));
  return document;
}

Sentences MutatingErrors(const char* spec) {
  return CreateErrors(Defaulted(MutatingPolicy(spec)));
}

TEST(MutatingPolicyTest, DefaultsAreThoseOfValidatingOnes) {
  const Json spec = Defaulted(MutatingPolicy("{}"))["spec"];
  EXPECT_EQ(spec["failurePolicy"], "Fail");
  EXPECT_EQ(spec["matchConstraints"]["matchPolicy"], "Equivalent");
  EXPECT_EQ(spec["matchConstraints"]["objectSelector"], Json::object());
  EXPECT_EQ(spec["matchConstraints"]["resourceRules"][0]["scope"], "*");
  EXPECT_EQ(MutatingErrors("{}"), Sentences{});
}

TEST(MutatingPolicyTest, EachPatchTypeHasItsOwnExpression) {
  EXPECT_EQ(MutatingErrors(R"j({"mutations": []})j"),
            Sentences{"spec.mutations: Required value: mutations must contain at least one item"});
  EXPECT_EQ(
      MutatingErrors(R"j({"mutations": [{"patchType": ""}, {"patchType": "JSONPatch"},
      {"patchType": "ApplyConfiguration"}, {"patchType": "Merge"}]})j"),
      (Sentences{"spec.mutations[0].patchType: Required value",
                 "spec.mutations[1].jsonPatch: Required value: must be specified when patchType "
                 "is JSONPatch",
                 "spec.mutations[2].applyConfiguration: Required value: must be specified when "
                 "patchType is ApplyConfiguration",
                 "spec.mutations[3].patchType: Unsupported value: \"Merge\": supported values: "
                 "\"ApplyConfiguration\", \"JSONPatch\""}));
  EXPECT_EQ(
      MutatingErrors(R"j({"mutations": [{"patchType": "JSONPatch",
      "jsonPatch": {"expression": " "}, "applyConfiguration": {"expression": "Object{}"}}]})j"),
      (Sentences{"spec.mutations[0].jsonPatch.expression: Required value",
                 "spec.mutations[0].applyConfiguration: Invalid value: \"{applyConfiguration}\": "
                 "must not be specified when patchType is JSONPatch"}));
}

TEST(MutatingPolicyTest, OnlyWhatIsCreatedUpdatedOrConnectedCanBeChanged) {
  const char* const rules = R"j({"matchConstraints": {"resourceRules": [{
      "operations": ["DELETE", "*"], "apiGroups": [""], "apiVersions": ["v1"],
      "resources": ["configmaps"]}]}, "reinvocationPolicy": "Always"})j";
  EXPECT_EQ(
      MutatingErrors(rules),
      (Sentences{"spec.matchConstraints.resourceRules[0].operations: Invalid value: "
                 "[\"DELETE\",\"*\"]: if '*' is present, must not specify other operations",
                 "spec.matchConstraints.resourceRules.operations: Unsupported value: \"DELETE\": "
                 "supported values: \"*\", \"CONNECT\", \"CREATE\", \"UPDATE\"",
                 "spec.reinvocationPolicy: Unsupported value: \"Always\": supported values: "
                 "\"IfNeeded\", \"Never\""}));
  const Json binding = Defaulted(Json{
      {"apiVersion", "admissionregistration.k8s.io/v1beta1"},
      {"kind", "MutatingAdmissionPolicyBinding"},
      {"metadata", {{"name", "b"}}},
      {"spec", Json::parse(R"j({"policyName": "P", "paramRef": {}, "matchResources": {
          "resourceRules": [{"operations": ["DELETE"], "apiGroups": [""], "apiVersions": ["v1"],
          "resources": ["configmaps"]}]}})j")}});
  EXPECT_EQ(CreateErrors(binding).size(), 4u);
  EXPECT_EQ(CreateErrors(binding).back(),
            "spec.matchResources.resourceRules.operations: Unsupported value: \"DELETE\": supported "
            "values: \"*\", \"CONNECT\", \"CREATE\", \"UPDATE\"");
}

TEST(MutatingPolicyTest, MutationsAloneMakeObjects) {
  EXPECT_EQ(MutatingErrors(R"j({"variables": [{"name": "a", "expression": "Object{}"}]})j").size(),
            1u);
  EXPECT_EQ(MutatingErrors(R"j({"matchConditions": [{"name": "n",
      "expression": "jsonpatch.escapeKey('a') == 'a'"}]})j").size(), 1u);
  EXPECT_EQ(MutatingErrors(R"j({"variables": [{"name": "a", "expression": "1"}],
      "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression":
      "[JSONPatch{op: 'add', path: '/' + jsonpatch.escapeKey('a/b~'), value: variables.a}]"}}]})j"),
            Sentences{});
}

}  // namespace
}  // namespace skiff
