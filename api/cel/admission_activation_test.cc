// What expressions of policies see, and what they spend.
#include "api/cel/admission_activation.h"

#include <gtest/gtest.h>

#include "api/cel/limits.h"

namespace skiff::cel {
namespace {

class AdmissionActivationTest : public testing::Test {
 protected:
  void Define(const std::string& name, const std::string& expression) {
    variables_.push_back({name, scope_.Compile(expression, {})});
    scope_.AddVariable(name, variables_.back().expression.type());
  }
  // "true", "'text'", or the error.
  std::string Run(const std::string& expression, const AdmissionInputs& inputs = {},
                  const AdmissionScope::Wanted& wanted = {}) {
    const CompiledExpression compiled = scope_.Compile(expression, wanted);
    AdmissionActivation activation(variables_, inputs);
    const Evaluation result = activation.Evaluate(compiled, budget_);
    if (result.failed()) return result.error;
    if (result.value.Is(Kind::kBool)) return result.value.IsTrue() ? "true" : "false";
    return std::string(result.value.text());
  }

  AdmissionScope scope_{{.params = true, .composed = true}};
  std::vector<AdmissionVariable> variables_;
  uint64_t budget_ = kObjectCostMax;
};

TEST_F(AdmissionActivationTest, ObjectsAreNullWhereThereIsNone) {
  const Json object = {{"metadata", {{"name", "x"}}}};
  EXPECT_EQ(Run("object.metadata.name", {.object = Value::Document(object)}), "x");
  EXPECT_EQ(Run("oldObject == null && params == null && namespaceObject == null",
                {.object = Value::Document(object)}),
            "true");
  EXPECT_EQ(Run("object.spec.a", {.object = Value::Document(object)}),
            "expression 'object.spec.a' resulted in error: no such key: spec");
}

TEST_F(AdmissionActivationTest, AVariableIsEvaluatedOnceAndOnlyWhenItIsAsked) {
  Define("costly", "[1, 2, 3].map(x, x * 2)");
  Define("sum", "variables.costly.sum()");
  EXPECT_EQ(Run("true"), "true");
  const uint64_t unused = kObjectCostMax - budget_;
  budget_ = kObjectCostMax;
  EXPECT_EQ(Run("variables.sum == 12"), "true");
  const uint64_t once = kObjectCostMax - budget_;
  EXPECT_GT(once, unused + 30);
  budget_ = kObjectCostMax;
  EXPECT_EQ(Run("variables.sum == 12 && variables.sum == 12"), "true");
  EXPECT_LT(kObjectCostMax - budget_, once + 10);
}

TEST_F(AdmissionActivationTest, VariablesAreFoundByNameInWhateverOrder) {
  Define("zone", "'z'");
  Define("area", "variables.zone + 'a'");
  Define("middle", "variables.area + 'm'");
  EXPECT_EQ(Run("variables.middle + variables.zone + variables.area"), "zamzza");
  // Validation refuses a second one of a name; of what is stored all the same the last counts.
  Define("zone", "'last'");
  EXPECT_EQ(Run("variables.zone"), "last");
}

TEST_F(AdmissionActivationTest, AVariableThatFailsFailsWhoUsesIt) {
  const Json object = {{"name", "x"}};
  Define("bad", "int(object.name)");
  Define("broken", "nope");
  EXPECT_EQ(Run("variables.bad == 1", {.object = Value::Document(object)}),
            "expression 'variables.bad == 1' resulted in error: composited variable \"bad\" fails "
            "to evaluate: type conversion error from 'string' to 'int'");
  EXPECT_TRUE(Run("variables.broken").find("composited variable \"broken\" fails to compile: "
                                           "compilation failed: ERROR") != std::string::npos);
  EXPECT_EQ(Run("false && variables.bad == 1", {.object = Value::Document(object)}), "false");
}

TEST_F(AdmissionActivationTest, NamesWithoutAValueAreErrorsOfWhoNamesThem) {
  Define("may", "authorizer.path('/x').check('get').allowed()");
  const std::string error = Run("string(variables.may)", {}, {.authorizer = false});
  EXPECT_TRUE(error.ends_with("no such attribute(s): authorizer")) << error;
}

TEST_F(AdmissionActivationTest, ABudgetIsForAll) {
  Define("ten", "[1, 1, 1, 1, 1, 1, 1, 1, 1, 1].map(x, x + 1)");
  const CompiledExpression cheap = scope_.Compile("true", {});
  const CompiledExpression dear = scope_.Compile("variables.ten.size() == 10", {});
  AdmissionActivation activation(variables_, {});
  uint64_t budget = 20;
  EXPECT_FALSE(activation.Evaluate(cheap, budget).failed());
  const Evaluation spent = activation.Evaluate(dear, budget);
  EXPECT_TRUE(spent.exhausted);
  EXPECT_EQ(spent.error,
            "validation failed due to running out of cost budget, no further validation rules "
            "will be run");
}

// Whoever names very many is told so once the budget is spent, and not when all are known.
TEST_F(AdmissionActivationTest, VariablesStopWithTheBudgetOfWhoNamesThem) {
  std::string all = "true";
  for (int i = 0; i < 60; ++i) {
    const std::string name = "v" + std::to_string(i);
    Define(name, "lists.range(70000).all(i, i + i > -1 && i * 2 >= 0)");
    all += " && variables." + name;
  }
  const CompiledExpression named = scope_.Compile(all, {});
  AdmissionActivation activation(variables_, {});
  int asked = 0;
  const GiveUpScope count([&] { return ++asked < 0; });
  uint64_t budget = 1000;
  EXPECT_TRUE(activation.Evaluate(named, budget).exhausted);
  EXPECT_EQ(asked, 0);
  AdmissionActivation another(variables_, {});
  budget = kObjectCostMax;
  EXPECT_TRUE(another.Evaluate(named, budget).exhausted);
}

TEST_F(AdmissionActivationTest, WhatIsInterruptedIsTheLast) {
  Define("v", "lists.range(70000).all(i, i + i > -1)");
  const CompiledExpression named = scope_.Compile("variables.v || true", {});
  AdmissionActivation activation(variables_, {});
  const GiveUpScope now([] { return true; });
  uint64_t budget = kObjectCostMax;
  const Evaluation result = activation.Evaluate(named, budget);
  EXPECT_TRUE(result.exhausted);
  EXPECT_EQ(result.error,
            "expression 'variables.v || true' resulted in error: operation interrupted");
}

TEST_F(AdmissionActivationTest, AScopeWithinAScopeIsInterruptedByBoth) {
  Define("v", "lists.range(70000).all(i, i + i > -1)");
  const CompiledExpression named = scope_.Compile("variables.v || true", {});
  const auto is_interrupted = [&] {
    AdmissionActivation activation(variables_, {});
    uint64_t budget = kObjectCostMax;
    return activation.Evaluate(named, budget).exhausted;
  };
  bool outer = false, inner = false;
  const GiveUpScope around([&] { return outer; });
  {
    const GiveUpScope within(OrAsBefore([&] { return inner; }));
    EXPECT_FALSE(is_interrupted());
    inner = true;
    EXPECT_TRUE(is_interrupted());
  }
  EXPECT_FALSE(is_interrupted()) << "which is over with it";
  inner = false;
  outer = true;
  const GiveUpScope within(OrAsBefore([&] { return inner; }));
  EXPECT_TRUE(is_interrupted());
}

// Each wraps the one before, and is known when the next asks.
TEST_F(AdmissionActivationTest, ValuesDoNotNestWithoutEnd) {
  for (const bool typed : {true, false}) {
    variables_.clear();
    Define("v0", "[1]");
    std::string all = "variables.v0 != []";
    for (int i = 1; i < 1500; ++i) {
      const std::string before = "variables.v" + std::to_string(i - 1);
      std::string deep = typed ? before : "dyn(" + before + ")";
      for (int k = 0; k < 100; ++k) deep = "[" + deep + "]";
      if (i % 3 == 1) deep = "optional.of({'a': " + deep + "})";
      Define("v" + std::to_string(i), deep);
    }
    AdmissionActivation activation(variables_, {});
    std::string error;
    for (int i = 0; i < 1500 && error.empty(); ++i) {
      const std::string name = "variables.v" + std::to_string(i);
      budget_ = kObjectCostMax;
      error = activation.Evaluate(scope_.Compile(name + " == " + name, {}), budget_).error;
    }
    EXPECT_TRUE(error.ends_with("value is nested too deeply")) << error;
  }
}

// Their values are kept, and so is what all of them are made of.
TEST_F(AdmissionActivationTest, WhatIsKeptIsBoundedForAll) {
  for (int i = 0; i < 6; ++i) Define("v" + std::to_string(i), "lists.range(900000)");
  const std::string spent =
      "fails to evaluate: operation cancelled: actual cost limit exceeded";
  {
    AdmissionActivation activation(variables_, {});
    std::vector<std::string> errors;
    for (int i = 0; i < 6; ++i) {
      budget_ = kObjectCostMax;
      const auto named = scope_.Compile("variables.v" + std::to_string(i) + ".size() > 0", {});
      errors.push_back(activation.Evaluate(named, budget_).error);
    }
    EXPECT_EQ(errors[0], "");
    EXPECT_EQ(errors[2], "");
    EXPECT_TRUE(errors[5].ends_with(spent)) << errors[5];
  }
  // What nobody keeps is for the next.
  AdmissionActivation activation(variables_, {});
  for (int i = 0; i < 20; ++i) {
    budget_ = kObjectCostMax;
    const auto sized = scope_.Compile("lists.range(900000).size() > 0", {});
    EXPECT_EQ(activation.Evaluate(sized, budget_).error, "");
  }
  // Those who judge together share it.
  MadeBytes made;
  std::string error;
  for (int i = 0; i < 6; ++i) {
    AdmissionActivation next(variables_, {.made = &made});
    budget_ = kObjectCostMax;
    error = next.Evaluate(scope_.Compile("variables.v0.size() > 0", {}), budget_).error;
  }
  EXPECT_TRUE(error.ends_with(spent)) << error;
}

}  // namespace
}  // namespace skiff::cel
