// Expressions from text to value: what is refused, and what comes out.
#include "api/cel/program.h"

#include <gtest/gtest.h>

#include "api/cel/evaluator.h"

namespace skiff::cel {
namespace {

std::string ValueOf(std::string_view expression) {
  auto environment = Environment::Kubernetes({});
  environment.check_literals = false;
  const auto program = Compile(expression, environment);
  if (!program) return program.error().message;
  const Outcome outcome = (*program)->Eval({}, kCallCostMax);
  if (outcome.failed()) return "error: " + std::string(outcome.value.text());
  return KeyText(outcome.value);
}

TEST(CelProgramTest, ArithmeticOverflowsAreErrors) {
  EXPECT_EQ(ValueOf("1 + 2 * 3"), "7");
  EXPECT_EQ(ValueOf("9223372036854775807 + 1"), "error: integer overflow");
  EXPECT_EQ(ValueOf("0u - 1u"), "error: unsigned integer overflow");
  EXPECT_EQ(ValueOf("1 / 0"), "error: division by zero");
  EXPECT_EQ(ValueOf("-7 % 4"), "-3");
}

TEST(CelProgramTest, AnOperandThatDecidesAbsorbsErrors) {
  EXPECT_EQ(ValueOf("1 / 0 == 1 || true"), "true");
  EXPECT_EQ(ValueOf("1 / 0 == 1 && false"), "false");
  EXPECT_EQ(ValueOf("[1, 0, 2].all(x, 2 / x == 2)"), "false");
  EXPECT_EQ(ValueOf("[1, 0, 2].exists(x, 2 / x == 3)"), "error: division by zero");
}

TEST(CelProgramTest, MacrosMakeListsAndMaps) {
  EXPECT_EQ(ValueOf("[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]"), "true");
  EXPECT_EQ(ValueOf("[3, 4].transformMap(i, v, v * v) == {0: 9, 1: 16}"), "true");
  EXPECT_EQ(ValueOf("{'a': 1, 'b': 1}.transformMapEntry(k, v, {v: k}) == {}"),
            "error: insert failed: key 1 already exists");
  EXPECT_EQ(ValueOf("{'a': 1}.?b.orValue(5)"), "5");
}

TEST(CelProgramTest, DeepAndLongExpressionsAreRefused) {
  EXPECT_EQ(ValueOf(std::string(300, '(') + "1" + std::string(300, ')')),
            "compilation failed: ERROR: <input>:-1:0: expression recursion limit exceeded: 250");
  std::string chain = "1";
  for (int i = 0; i < 300; ++i) chain += "+1";
  EXPECT_EQ(ValueOf(chain),
            "compilation failed: ERROR: <input>:-1:0: expression recursion limit exceeded: 250");
  EXPECT_EQ(ValueOf(std::string(100001, ' ') + "1"),
            "compilation failed: ERROR: <input>:-1:0: expression code point size exceeds limit: "
            "size: 100002, limit 100000");
}

TEST(CelProgramTest, EvaluationStopsAtItsBudget) {
  const auto program = Compile("[1, 2, 3].map(x, [1, 2, 3].map(y, x + y)).size() > 0",
                               Environment::Kubernetes({}));
  ASSERT_TRUE(program.has_value()) << program.error().message;
  const Outcome all = (*program)->Eval({}, kCallCostMax);
  EXPECT_FALSE(all.failed());
  EXPECT_GT(all.cost, 50u);
  const Outcome some = (*program)->Eval({}, all.cost - 1);
  EXPECT_TRUE(some.over_budget);
  EXPECT_EQ(some.value.text(), "operation cancelled: actual cost limit exceeded");
}

}  // namespace
}  // namespace skiff::cel
