// What kube-apiserver v1.35 answered for rules of custom resources: which it refuses and why, and
// what the others come to (testdata/kubernetes.json).
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "api/cel/estimate.h"
#include "api/cel/program.h"
#include "api/cel/schema_type.h"
#include "base/source_root.h"

namespace skiff::cel {
namespace {

Json ReadAnswers() {
  std::ifstream in(std::string(kSourceRoot) + "/api/cel/testdata/kubernetes.json");
  std::stringstream text;
  text << in.rdbuf();
  auto read = ParseJson(text.str());
  return read ? *std::move(read) : Json();
}

std::string Shown(const Value& value) {
  return value.IsError() ? "fails: " + std::string(value.text()) : KeyText(value);
}

// "": the fact holds.
std::string WrongAnswer(const Json& fact, const TypeRef& type, const Json& object) {
  const auto environment = Environment::Kubernetes({{"self", type}, {"oldSelf", type}});
  const auto program = Compile(fact["expression"].get<std::string>(), environment);
  if (!program) {
    const bool same = fact.contains("refused") &&
                      program.error().message == fact["refused"].get<std::string>();
    return same ? "" : program.error().message;
  }
  if (fact.contains("refused")) return "is accepted";
  if (fact.contains("compiles")) return "";
  if (fact.contains("excess")) {
    const std::string excess = CostExcess(fact["what"].get<std::string>(),
                                          EstimateCost(**program, *type), kRuleCostMax);
    return excess == fact["excess"].get<std::string>() ? "" : "excess: " + excess;
  }
  const Value bindings[] = {Value::Document(object, type.get()), Value()};
  const Outcome outcome = (*program)->Eval(bindings, kCallCostMax);
  if (!fact.contains("fails")) {
    const std::string shown = Shown(outcome.value);
    return shown == fact["is"].get<std::string>() ? "" : "comes to " + shown;
  }
  // Kubernetes puts a sentence in the place of what follows these words.
  const std::string wanted = fact["fails"].get<std::string>();
  const std::string shown(outcome.value.text().substr(0, 16));
  if (wanted == "no such overload" && outcome.failed() && shown == wanted) return "";
  return outcome.failed() && outcome.value.text() == wanted ? "" : Shown(outcome.value);
}

TEST(CelKubernetesTest, EveryRuleIsAnsweredAsKubernetesDoes) {
  const Json groups = ReadAnswers();
  ASSERT_TRUE(groups.is_array());
  size_t played = 0;
  for (const Json& group : groups) {
    const TypeRef type = TypeOfSchema(group["schema"], "selfType<n>", false);
    const Json object = group.value("object", Json());
    for (const Json& fact : group["facts"]) {
      const std::string wrong = WrongAnswer(fact, type, object);
      EXPECT_TRUE(wrong.empty())
          << group["about"] << ": " << fact.dump() << "\n" << wrong;
      ++played;
    }
  }
  EXPECT_GT(played, 400u);
}

}  // namespace
}  // namespace skiff::cel
