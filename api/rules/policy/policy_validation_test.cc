// Admission policies and their bindings as kube-apiserver judges them.
#include "api/rules/policy/policy_validation.h"

#include <gtest/gtest.h>

#include "api/rules/rules_fixture.h"

namespace skiff {
namespace {

Json Policy(const char* spec) {
  Json document = Parsed(R"j({"apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy", "metadata": {"name": "p"}, "spec": {"matchConstraints":
    {"resourceRules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"],
      "resources": ["configmaps"]}]}}})j");
  document["spec"].update(Json::parse(spec));
  return document;
}

Sentences PolicyErrors(const char* spec) {
  return CreateErrors(Defaulted(Policy(spec)));
}

Json Binding(const char* spec) {
  return Defaulted(Json{{"apiVersion", "admissionregistration.k8s.io/v1"},
                        {"kind", "ValidatingAdmissionPolicyBinding"},
                        {"metadata", {{"name", "b"}}},
                        {"spec", Json::parse(spec)}});
}

TEST(PolicyValidationTest, AnExpressionIsOfTheTypeThatIsAskedFor) {
  EXPECT_EQ(PolicyErrors(R"j({"validations": [{"expression": "object.metadata.name == 'a'"}]})j"),
            Sentences{});
  EXPECT_EQ(
      PolicyErrors(R"j({"validations": [{"expression": "object.spec"}]})j"),
      Sentences{"spec.validations[0].expression: Invalid value: \"object.spec\": must evaluate to "
                "bool but got dyn"});
  EXPECT_EQ(PolicyErrors(R"j({"validations": [{"expression": "[duration('1s')]"}]})j"),
            Sentences{"spec.validations[0].expression: Invalid value: \"[duration('1s')]\": must "
                      "evaluate to bool but got list(google.protobuf.Duration)"});
  EXPECT_EQ(PolicyErrors(R"j({"auditAnnotations": [{"key": "k", "valueExpression": "null"}]})j"),
            Sentences{});
}

TEST(PolicyValidationTest, ParamsAreThereOnlyWithAKind) {
  const char* const without = R"j({"matchConditions": [{"name": "n", "expression": "params.a"}],
                                  "validations": [{"expression": "params.b == 1"}]})j";
  EXPECT_EQ(PolicyErrors(without).size(), 2);
  EXPECT_EQ(PolicyErrors(R"j({"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
      "validations": [{"expression": "params.b == 1", "messageExpression": "params.m + ''"}]})j"),
            Sentences{});
}

TEST(PolicyValidationTest, VariablesHaveTypesAndKnowThoseBeforeThem) {
  EXPECT_EQ(PolicyErrors(R"j({"variables": [{"name": "a", "expression": "1"},
      {"name": "b", "expression": "variables.a + 1"}, {"name": "ip", "expression": "ip('::1')"}],
      "validations": [{"expression": "variables.b == 2 && variables.ip.family() == 6"}]})j"),
            Sentences{});
  EXPECT_EQ(
      PolicyErrors(R"j({"variables": [{"name": "a", "expression": "{'k': [1]}"}],
      "validations": [{"expression": "variables.a['k'] == 'x'"}]})j"),
      Sentences{"spec.validations[0].expression: Invalid value: \"variables.a['k'] == 'x'\": "
                "compilation failed: ERROR: <input>:1:18: found no matching overload for '_==_' "
                "applied to '(list(int), string)'\n | variables.a['k'] == 'x'\n | "
                ".................^"});
  // One that does not compile is reported once.
  EXPECT_EQ(PolicyErrors(R"j({"variables": [{"name": "a", "expression": "nope"}],
      "validations": [{"expression": "variables.a == 'x'"}]})j")
                .size(),
            1);
}

TEST(PolicyValidationTest, OnlyMessagesDoNotKnowTheAuthorizer) {
  const char* const policy = R"j({
    "matchConditions": [{"name": "n", "expression": "authorizer.path('/x').check('get').allowed()"}],
    "validations": [{"expression": "authorizer.requestResource.check('get').allowed()",
                     "messageExpression": "authorizer.path('/x').check('get').reason()"}]})j";
  const Sentences wrong = PolicyErrors(policy);
  ASSERT_EQ(wrong.size(), 1);
  EXPECT_TRUE(wrong[0].starts_with("spec.validations[0].messageExpression: Invalid value"));
}

TEST(PolicyValidationTest, ConditionsThatWereTakenAreNotLookedAtAgain) {
  Json old = Defaulted(Policy(R"j({"matchConditions": [{"name": "n", "expression": "gone()"}],
                                  "validations": [{"expression": "true"}]})j"));
  Json object = old;
  object["spec"]["validations"][0]["message"] = "new";
  EXPECT_EQ(UpdateErrors(old, object), Sentences{});
  object["spec"]["paramKind"] = {{"apiVersion", "v1"}, {"kind", "ConfigMap"}};
  EXPECT_EQ(UpdateErrors(old, object).size(), 1);
}

TEST(PolicyValidationTest, ParamKindsAreNamedByGroupAndVersion) {
  const auto errors = [](const char* api_version) {
    Json policy = Policy(R"j({"validations": [{"expression": "true"}]})j");
    policy["spec"]["paramKind"] = {{"apiVersion", api_version}, {"kind", "Limit"}};
    return CreateErrors(Defaulted(policy));
  };
  EXPECT_EQ(errors("example.com/v1"), Sentences{});
  EXPECT_EQ(errors("example.com/"),
            Sentences{"spec.paramKind.apiVersion: Invalid value: \"example.com/\": version must be "
                      "specified"});
  EXPECT_EQ(errors("a/b/c"), Sentences{"spec.paramKind.apiVersion: Invalid value: \"a/b/c\": "
                                       "unexpected GroupVersion string: a/b/c"});
}

TEST(PolicyValidationTest, AStatusSaysWhereItsWarningsBelong) {
  const Json old = Defaulted(Policy(R"j({"validations": [{"expression": "true"}]})j"));
  Json object = old;
  object["status"] = Json::parse(R"j({"typeChecking": {"expressionWarnings": [
      {"fieldRef": "spec.validations[0].expression", "warning": "w"},
      {"fieldRef": "a[", "warning": ""}]}})j");
  EXPECT_EQ(StatusErrors(old, object),
            (Sentences{"status.typeChecking.expressionWarnings[1].warning: Required value",
                       "status.typeChecking.expressionWarnings[1].fieldRef: Invalid value: \"a[\": "
                       "invalid JSONPath: unterminated array"}));
}

TEST(PolicyValidationTest, ABindingSaysWhatItDoes) {
  EXPECT_EQ(CreateErrors(Binding(R"j({"policyName": "p", "validationActions": ["Deny"]})j")),
            Sentences{});
  EXPECT_EQ(CreateErrors(Binding(R"j({"policyName": "p", "validationActions": ["Deny"],
                "paramRef": {"name": "x"}})j")),
            Sentences{"spec.paramRef.parameterNotFoundAction: Required value"});
}

}  // namespace
}  // namespace skiff
