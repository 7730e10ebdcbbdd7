// What the language promises, as published for all that implement it: expressions with what they
// come to (testdata/language.json). Where the cel-go of Kubernetes does otherwise, the facts say
// what that does: a number has no member, which is no error to ask for.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "api/cel/program.h"
#include "base/source_root.h"

namespace skiff::cel {
namespace {

Json ReadFacts(const std::string& name) {
  std::ifstream in(std::string(kSourceRoot) + "/api/cel/testdata/" + name);
  std::stringstream text;
  text << in.rdbuf();
  auto read = ParseJson(text.str());
  return read ? *std::move(read) : Json();
}

// Without what Kubernetes refuses on top of the language: lists of mixed types.
Environment Plain(std::vector<Variable> variables) {
  auto environment = Environment::Kubernetes(std::move(variables));
  environment.check_literals = false;
  return environment;
}

// The value of an expression that names nothing.
Value Literal(const std::string& text) {
  const auto program = Compile(text, Plain({}));
  if (!program) return Value::Error(program.error().message);
  // What it looks into must outlive it: kept for as long as the test runs.
  static std::vector<std::shared_ptr<const Program>> kept;
  kept.push_back(*program);
  return (*program)->Eval({}, UINT64_MAX).value;
}

// "": the fact holds. What is "refused" does not compile. What "fails" does, and says so when it is
// run, or as soon as a program is made of it, where that runs what hangs on nothing.
std::string Disagreement(const Json& fact) {
  std::vector<Variable> variables;
  std::vector<Value> bindings;
  const Json declared = fact.value("variables", Json::object());
  const Json given = fact.value("bindings", Json::object());
  for (const auto& [name, type] : declared.items()) {
    variables.push_back({name, ParseSignature("() -> " + type.get<std::string>()).result});
    bindings.push_back(given.contains(name) ? Literal(given[name].get<std::string>())
                                            : Value::Error("no such attribute(s): " + name));
  }
  const auto program = Compile(fact["expression"].get<std::string>(), Plain(variables));
  if (!program) {
    const std::string& error = program.error().message;
    const bool ran = error.starts_with("program instantiation failed");
    return fact.contains(ran ? "fails" : "refused") ? "" : error;
  }
  if (fact.contains("refused")) return "is not refused";
  if (fact.contains("type") && TypeText(*(*program)->type()) != fact["type"].get<std::string>()) {
    return "is of type " + TypeText(*(*program)->type());
  }
  if (!fact.contains("is") && !fact.contains("fails")) return "";
  const Value value = (*program)->Eval(bindings, UINT64_MAX).value;
  if (value.IsError()) return fact.contains("fails") ? "" : "fails: " + std::string(value.text());
  if (fact.contains("fails")) return "does not fail: " + KeyText(value);
  const Value wanted = Literal(fact["is"].get<std::string>());
  if (value.kind() == wanted.kind() && Equal(value, wanted).IsTrue()) return "";
  const bool not_a_number = value.Is(Kind::kDouble) && wanted.Is(Kind::kDouble) &&
                            KeyText(value) == "NaN" && KeyText(wanted) == "NaN";
  return not_a_number ? "" : "is " + KeyText(value) + " of " + value.TypeName();
}

TEST(CelLanguageTest, EveryPublishedFactHolds) {
  const Json subjects = ReadFacts("language.json");
  ASSERT_TRUE(subjects.is_object());
  size_t played = 0;
  for (const auto& [subject, facts] : subjects.items()) {
    for (const Json& fact : facts) {
      const std::string wrong = Disagreement(fact);
      EXPECT_TRUE(wrong.empty())
          << subject << " " << fact["about"] << ": " << fact["expression"] << "\n" << wrong;
      ++played;
    }
  }
  EXPECT_EQ(played, 1349u);
}

}  // namespace
}  // namespace skiff::cel
