// What a policy says of one request.
#include "apiserver/policies/policy.h"

#include <gtest/gtest.h>

#include "api/codec/typed.h"
#include "base/thread_stack.h"

namespace skiff {
namespace {

using Texts = std::vector<std::string>;
using admissionregistration_v1::ValidatingAdmissionPolicySpec;

PolicyVerdict JudgeBy(const char* spec, const Json& object) {
  const auto decoded = FromJson<ValidatingAdmissionPolicySpec>(Json::parse(spec));
  EXPECT_TRUE(decoded);
  const PolicyExpressions policy = CompilePolicy(*decoded);
  return Judge(policy, {.object = cel::Value::Document(object)});
}

Texts Messages(const PolicyVerdict& verdict) {
  Texts texts;
  for (const auto& refusal : verdict.refusals) texts.push_back(refusal.message);
  return texts;
}

TEST(PolicyTest, AllValidationsAreAsked) {
  const auto verdict = JudgeBy(R"j({"validations": [{"expression": "object.a == 2"},
      {"expression": "true"}, {"expression": " object.a > 1 ", "reason": "Forbidden"}]})j",
                               {{"a", 1}});
  EXPECT_EQ(Messages(verdict),
            (Texts{"failed expression: object.a == 2", "failed expression: object.a > 1"}));
  EXPECT_EQ(verdict.refusals[1].index, 2);
  EXPECT_EQ(verdict.refusals[1].reason, Reason::kForbidden);
}

TEST(PolicyTest, WhatIsAskedForBeforehandIsBounded) {
  const auto reads = [](size_t count) {
    ValidatingAdmissionPolicySpec spec;
    for (size_t i = 0; i < count; ++i) {
      spec.validations.emplace_back().expression = "object.a == 1";
    }
    const PolicyExpressions policy = CompilePolicy(spec);
    policy.Prefetch();
    return policy.read.size();
  };
  EXPECT_EQ(reads(0), 0U);
  EXPECT_EQ(reads(2), 2 * reads(1));
  EXPECT_LT(reads(1000), 1000 * reads(1));
  EXPECT_EQ(reads(2000), reads(1000));
}

TEST(PolicyTest, TheBestMessageThereIsIsShown) {
  const auto verdict = JudgeBy(R"j({"validations": [
      {"expression": "false", "message": "plain", "messageExpression": "' a is ' + string(object.a)"},
      {"expression": "false", "message": "plain", "messageExpression": "object.nope"},
      {"expression": "false", "message": "plain", "messageExpression": "'two\\nlines'"},
      {"expression": "false", "messageExpression": "'  '"}]})j",
                               {{"a", 1}});
  EXPECT_EQ(Messages(verdict), (Texts{"a is 1", "plain", "plain", "failed expression: false"}));
}

TEST(PolicyTest, ErrorsRefuseUnlessTheyAreIgnored) {
  const char* const spec = R"j({"failurePolicy": "Ignore", "validations": [
      {"expression": "object.nope == 1"}, {"expression": "false", "message": "no"}],
      "auditAnnotations": [{"key": "k", "valueExpression": "object.nope"}]})j";
  const auto verdict = JudgeBy(spec, {{"a", 1}});
  EXPECT_EQ(Messages(verdict), Texts{"no"});
  EXPECT_TRUE(verdict.failed_annotations.empty());
}

TEST(PolicyTest, AuditAnnotationsAreTextOrNothing) {
  const auto verdict = JudgeBy(R"j({"auditAnnotations": [
      {"key": "a", "valueExpression": "' x '"}, {"key": "b", "valueExpression": "null"},
      {"key": "c", "valueExpression": "''"}, {"key": "d", "valueExpression": "string(object.x)"}]})j",
                               {{"a", 1}});
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(verdict.annotations, (Pairs{{"a", "x"}}));
  EXPECT_EQ(verdict.failed_annotations,
            Texts{"expression 'string(object.x)' resulted in error: no such key: x"});
}

TEST(PolicyTest, WhatCostsTooMuchIsNotAskedToTheEnd) {
  Json object;
  for (int i = 0; i < 300; ++i) object["items"].push_back(i);
  // Nearly a million each, which one may cost; all together they may not.
  Json spec;
  for (int i = 0; i < 40; ++i) {
    spec["validations"].push_back(
        {{"expression", "object.items.all(a, object.items.all(b, a != -b - 1))"}});
  }
  const auto verdict = JudgeBy(spec.dump().c_str(), object);
  EXPECT_EQ(Messages(verdict), Texts{"validation failed due to running out of cost budget, no "
                                     "further validation rules will be run"});
}

TEST(PolicyTest, OneConditionThatIsFalseIsEnough) {
  const char* const spec = R"j({"matchConditions": [{"name": "a", "expression": "object.x == 1"},
      {"name": "b", "expression": "object.a == 2"}], "validations": [{"expression": "false"}]})j";
  EXPECT_TRUE(JudgeBy(spec, {{"a", 1}}).refusals.empty());
  EXPECT_EQ(Messages(JudgeBy(spec, {{"a", 2}})),
            Texts{"expression 'object.x == 1' resulted in error: no such key: x"});
}

// Of validations, messages and annotations together, each of which sees variables of its own.
TEST(PolicyTest, WhatVariablesHoldIsBoundedForAll) {
  Json spec = {{"validations", Json::array()}, {"variables", Json::array()}};
  for (int i = 0; i < 8; ++i) {
    const std::string name = "v" + std::to_string(i);
    spec["variables"].push_back({{"name", name}, {"expression", "lists.range(900000)"}});
    spec["validations"].push_back({{"expression", "variables." + name + ".size() > 0"}});
  }
  const auto verdict = JudgeBy(spec.dump().c_str(), {{"a", 1}});
  const Texts messages = Messages(verdict);
  ASSERT_FALSE(messages.empty());
  EXPECT_NE(messages[0].find("fails to evaluate: operation cancelled: actual cost limit exceeded"),
            std::string::npos)
      << messages[0];
}

// What the policy says whose only validation is `expression`; `variables`: of each the expression,
// by which v0, v1 and so on are called.
Texts SaidWith(const std::vector<std::string>& variables, const std::string& expression) {
  Json spec = {{"validations", {{{"expression", expression}}}}, {"variables", Json::array()}};
  for (size_t i = 0; i < variables.size(); ++i) {
    spec["variables"].push_back({{"name", "v" + std::to_string(i)}, {"expression", variables[i]}});
  }
  return Messages(JudgeBy(spec.dump().c_str(), {{"a", 1}}));
}

TEST(PolicyTest, AVariableIsNoDeeperThanItMayBeWritten) {
  std::string sum = "1";
  for (int i = 1; i < 31000; ++i) sum += "+1";
  const Texts messages = SaidWith({sum}, "variables.v0 > 0");
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_NE(messages[0].find("max recursion depth exceeded"), std::string::npos) << messages[0];
}

// Each stands at the bottom of the next.
TEST(PolicyTest, VariablesOfVariablesAreNoDeeperThanAThreadAllows) {
  SetThreadStacks();
  const int result = RunWithThreadStack([] {
    std::string more;
    for (int i = 0; i < 245; ++i) more += " + 1";
    std::vector<std::string> variables = {"1"};
    for (int i = 0; i < 500; ++i) {
      variables.push_back("(variables.v" + std::to_string(i) + " + 1)" + more);
    }
    EXPECT_EQ(SaidWith(variables, "variables.v70 > 0"), Texts());
    const Texts messages = SaidWith(variables, "variables.v500 > 0");
    EXPECT_EQ(messages.size(), 1u);
    EXPECT_NE(messages.at(0).find("variables are nested too deeply"), std::string::npos)
        << messages.at(0);
    return 7;
  });
  EXPECT_EQ(result, 7);
}

}  // namespace
}  // namespace skiff
