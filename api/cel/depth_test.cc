// How deep, how wide and how large an expression may be, as cel-go counts; and that all that walks
// over the largest ones gets to the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <functional>
#include <random>

#include "api/cel/admission_activation.h"
#include "api/cel/estimate.h"
#include "api/cel/parser.h"
#include "api/cel/program.h"
#include "base/thread_stack.h"

namespace skiff::cel {
namespace {

std::string Times(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

std::string Nested(std::string_view open, std::string_view inner, std::string_view close,
                   int times) {
  return Times(open, times) + std::string(inner) + Times(close, times);
}

const Environment& World() {
  static const Environment environment = Environment::Kubernetes(
      {{"self", types::Dyn()}, {"i", types::Int()}, {"b", types::Bool()}});
  return environment;
}

constexpr char kRule[] = "expression recursion limit exceeded: 250";
constexpr char kTree[] = "max recursion depth exceeded";

// What the expression is refused with; "": it is not.
std::string Refusal(const std::string& expression) {
  const auto program = Compile(expression, World());
  if (program) return "";
  std::string error = program.error().message;
  if (const size_t place = error.find("<input>:-1:0: "); place != std::string::npos) {
    return error.substr(place + 14, error.find('\n', place) - place - 14);
  }
  return error;
}

TEST(CelDepthTest, DepthIsCountedAsCelGoDoes) {
  struct Fact {
    const char* what;
    std::string taken, refused;
    const char* how;
  };
  const Fact facts[] = {
      {"sums", Times("i+", 250) + "i", Times("i+", 251) + "i", kTree},
      {"products", Times("i*", 250) + "i", Times("i*", 251) + "i", kTree},
      {"relations", Times("b==", 250) + "b", Times("b==", 251) + "b", kTree},
      {"selections", "self" + Times(".a", 250), "self" + Times(".a", 251), kTree},
      {"indices", "self" + Times("[0]", 250), "self" + Times("[0]", 251), kTree},
      {"calls", "self" + Times(".map(x, x)", 250), "self" + Times(".map(x, x)", 251), kTree},
      {"sums and products", Times("i+", 125) + Times("i*", 125) + "i",
       Times("i*", 126) + "i" + Times("+i", 125), kTree},
      {"parentheses", Nested("(", "i", ")", 249), Nested("(", "i", ")", 250), kRule},
      {"lists", Nested("[", "i", "]", 249), Nested("[", "i", "]", 250), kRule},
      {"arguments", Nested("dyn(", "i", ")", 249), Nested("dyn(", "i", ")", 250), kRule},
      {"macros", Nested("[i].exists(x, ", "b", ")", 249), Nested("[i].exists(x, ", "b", ")", 250),
       kRule},
      {"conditions", Times("b?i:", 249) + "i", Times("b?i:", 250) + "i", kRule},
      {"right of a plus", Nested("i+(", "i", ")", 124), Nested("i+(", "i", ")", 125), kRule},
      {"right of a factor", Nested("i+i*(", "i", ")", 83), Nested("i+i*(", "i", ")", 84), kRule},
      {"right of a relation", Nested("b==(", "b", ")", 124), Nested("b==(", "b", ")", 125), kRule},
      {"sums of a book", Times("i+", 2) + "i", Times("i+", 31000) + "i", kTree}};
  for (const Fact& fact : facts) {
    EXPECT_EQ(Refusal(fact.taken), "") << fact.what;
    EXPECT_EQ(Refusal(fact.refused), fact.how) << fact.what;
  }
  for (const std::string& flat :
       {Times("b&&", 30000) + "b", Times("b||", 30000) + "b", Times("!", 50000) + "b",
        Times("-", 50001) + "i", "[" + Times("i, ", 30000) + "i]"}) {
    EXPECT_EQ(Refusal(flat), "") << flat.substr(0, 20);
  }
}

TEST(CelDepthTest, LengthIsCountedInCodePoints) {
  EXPECT_EQ(Refusal("'" + Times("é", 99998) + "'"), "");
  EXPECT_EQ(Refusal("'" + Times("é", 99999) + "'"),
            "expression code point size exceeds limit: size: 100001, limit 100000");
}

int DepthOf(const Expr* expr) {
  if (expr == nullptr) return 0;
  int depth = DepthOf(expr->target);
  for (const Expr* arg : expr->args) depth = std::max(depth, DepthOf(arg));
  for (const Expr* part :
       {expr->range, expr->initial, expr->condition, expr->step, expr->result}) {
    depth = std::max(depth, DepthOf(part));
  }
  return depth + 1;
}

// Of macros that add the most levels, as deep as they can be written.
TEST(CelDepthTest, NoTreeIsDeeperThanItIsSaidToBe) {
  for (const std::string& deepest :
       {Nested("[i].sortBy(x,", "i", ")", 249), Nested("[b||b&&!([i].sortBy(x,", "i", "))]", 83),
        Nested("[i].transformMap(x,y,b||b&&![i].map(y,b,", "i", "))", 124)}) {
    const auto ast = ParseExpression(deepest, {});
    EXPECT_TRUE(ast->issues.empty()) << deepest.substr(0, 30);
    EXPECT_GT(DepthOf(ast->root), 600) << deepest.substr(0, 30);
    EXPECT_LT(DepthOf(ast->root), kTreeDepthMax / 2) << deepest.substr(0, 30);
  }
}

// Everything that walks over trees does so over these, from parsing to freeing.
TEST(CelDepthTest, TheDeepestTreesAreRunToTheEnd) {
  const auto nothing = std::make_shared<const Type>();
  for (const std::string& expression :
       {Nested("[i].exists(x, ", "b", ")", 249), Nested("[i].sortBy(x, dyn(", "i", ")).size()", 83),
        Nested("[", "i", "]", 249) + " != []", Times("i + ", 250) + "i > 0",
        Times("[i] + ", 250) + "[] != []", Nested("{'a': ", "i", "}", 249) + " != {}",
        "[i]" + Times(".map(x, [x])", 249) + " != []", "[i]" + Times(".filter(x, true)", 249),
        Nested("cel.bind(x, [i], ", "b", ")", 1),
        Nested("'%s'.format([", "i", "])", 80), Nested("b ? (", "b", ") : b", 240)}) {
    const auto program = Compile(expression, World());
    if (!program) continue;
    (void)EstimateCost(**program, *nothing);
    const Json self = 1;
    const Value bindings[] = {Value::Document(self), Value::Int(1), Value::Bool(true)};
    const Outcome outcome = (*program)->Eval(bindings, kCallCostMax);
    EXPECT_FALSE(outcome.over_budget) << expression.substr(0, 40);
  }
}

// Variables that name variables are trees in trees.
TEST(CelDepthTest, VariablesOfVariablesAreAsDeepAsAThreadAllows) {
  SetThreadStacks();
  const int result = RunWithThreadStack([] {
    AdmissionScope scope({.composed = true});
    std::vector<AdmissionVariable> variables;
    const auto define = [&](const std::string& name, const std::string& expression) {
      variables.push_back({name, scope.Compile(expression, {})});
      EXPECT_EQ(variables.back().expression.error, "");
      scope.AddVariable(name, variables.back().expression.type());
    };
    const auto run = [&](const std::string& expression) {
      AdmissionActivation activation(variables, {});
      uint64_t budget = kObjectCostMax;
      return activation.Evaluate(scope.Compile(expression, {}), budget).error;
    };
    define("v0", "1");
    for (int i = 1; i <= 500; ++i) {
      // The variable before it stands at the bottom.
      define("v" + std::to_string(i),
             "(variables.v" + std::to_string(i - 1) + " + 1)" + Times(" + 1", 245));
    }
    EXPECT_EQ(run("variables.v70 > 0"), "");
    EXPECT_THAT(run("variables.v500 > 0"), testing::EndsWith("variables are nested too deeply"));
    // What is known already is not computed again.
    AdmissionActivation activation(variables, {});
    for (int i = 0; i <= 500; ++i) {
      uint64_t budget = kObjectCostMax;
      const auto named = scope.Compile("variables.v" + std::to_string(i) + " > 0", {});
      EXPECT_EQ(activation.Evaluate(named, budget).error, "");
    }
    return 7;
  });
  EXPECT_EQ(result, 7);
}

// Of the processor, whoever else is at work.
double SecondsOf(const std::function<void()>& work) {
  const std::clock_t begin = std::clock();
  work();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

TEST(CelDepthTest, TypesThatDoubleAreRefused) {
  for (const std::string& doubling :
       {"self" + Times(".map(a, {a: a})", 40), "[1]" + Times(".map(a, {a: a})", 60),
        "[]" + Times(".map(a, {a: [a]})", 30) + ".all(x, x == x)"}) {
    EXPECT_EQ(Refusal(doubling), "expression type limit exceeded: 512") << doubling.substr(0, 30);
  }
  EXPECT_EQ(Refusal("[1]" + Times(".map(a, {a: a})", 6)), "");
  std::string known = "true";
  for (int i = 0; i < 60; ++i) known += " && [[]].all(a" + std::to_string(i) + ", a0 == [a0])";
  EXPECT_LT(SecondsOf([&] { (void)Refusal(known); }), 10);
}

TEST(CelDepthTest, LongNamesAreLookedUpInNoTime) {
  const std::string part = "." + std::string(390, 'a');
  const std::string name = "self" + Times(part, 250);
  EXPECT_LT(SecondsOf([&] { EXPECT_EQ(Refusal(name), ""); }), 5);
  const std::string unknown = "x" + Times(part, 250);
  EXPECT_LT(SecondsOf([&] {
              EXPECT_THAT(Refusal(unknown), testing::HasSubstr("undeclared reference to 'x'"));
            }),
            5);
}

// Random trees, as deep and as wide as they come: whatever they are, there is an answer.
class Garden {
 public:
  explicit Garden(uint32_t seed) : random_(seed) {}
  std::string Grow(int depth) {
    static const char* const leaves[] = {"self", "dyn(1)", "dyn([])",   "dyn('x')", "dyn(true)",
                                         "self.a", "null", "dyn(null)", "dyn({})",  "self.?b"};
    if (depth == 0) return leaves[random_() % std::size(leaves)];
    const auto more = [&] { return Grow(depth - 1); };
    static const char* const operators[] = {" + ", " == ", " && ", " || ", " * ", " < ", " in "};
    static const char* const macros[] = {"all", "exists", "map", "filter", "exists_one", "sortBy"};
    switch (random_() % 9) {
      case 0: return "[" + Leaf() + ", " + more() + "]";
      case 1: return "{" + Leaf() + ": " + more() + "}";
      case 2: return more() + operators[random_() % std::size(operators)] + Leaf();
      case 3: return Leaf() + operators[random_() % std::size(operators)] + "(" + more() + ")";
      case 4: return "[" + Leaf() + "]." + macros[random_() % std::size(macros)] + "(x, " + more() +
                     ")";
      case 5: return "(" + more() + ")." + macros[random_() % std::size(macros)] + "(x, " + Leaf() +
                     ")";
      case 6: return "b ? (" + more() + ") : " + Leaf();
      case 7: return "dyn(" + more() + ")[" + Leaf() + "]";
      default: return "!(" + more() + ")";
    }
  }

 private:
  std::string Leaf() { return Grow(0); }
  std::mt19937 random_;
};

TEST(CelDepthTest, RandomTreesAreAnswered) {
  const auto nothing = std::make_shared<const Type>();
  const Json self = {{"a", {1, 2}}};
  const Value bindings[] = {Value::Document(self), Value::Int(1), Value::Bool(true)};
  int ran = 0;
  for (uint32_t seed = 0; seed < 1500; ++seed) {
    Garden garden(seed);
    const std::string expression = garden.Grow(static_cast<int>(seed % 120) + 1);
    const auto program = Compile(expression, World());
    if (!program) {
      EXPECT_EQ(program.error().message.find("_var"), std::string::npos) << expression;
      continue;
    }
    ++ran;
    (void)EstimateCost(**program, *nothing);
    (void)(*program)->Eval(bindings, 100000);
  }
  EXPECT_GT(ran, 20);
}

}  // namespace
}  // namespace skiff::cel
