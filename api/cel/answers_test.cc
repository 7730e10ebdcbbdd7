// What cel-go answers in Kubernetes' environment: which expressions it takes, as what type, and
// what they come to; or in which words it refuses them (testdata/answers.json).
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "api/cel/program.h"
#include "base/source_root.h"

namespace skiff::cel {
namespace {

// What "<expression>" stands for in the data.
constexpr char kExpression[] =
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, "
    "BYTES, IDENTIFIER}";

Json ReadCelGoAnswers() {
  std::ifstream in(std::string(kSourceRoot) + "/api/cel/testdata/answers.json");
  std::stringstream text;
  text << in.rdbuf();
  auto read = ParseJson(text.str());
  return read ? *std::move(read) : Json();
}

std::string WrittenOut(std::string text) {
  constexpr std::string_view kWord = "<expression>";
  for (size_t at = 0; (at = text.find(kWord, at)) != std::string::npos;) {
    text.replace(at, kWord.size(), kExpression);
  }
  return text;
}

// "1:5: what is wrong", one a line, of a refusal that quotes the source below each.
std::string IssuesOf(const std::string& refusal) {
  constexpr std::string_view kInput = "ERROR: <input>:";
  std::string out;
  for (size_t at = 0; (at = refusal.find(kInput, at)) != std::string::npos;) {
    at += kInput.size();
    out += refusal.substr(at, refusal.find("\n |", at) - at) + "\n";
  }
  return out;
}

std::string ShownValue(const Value& value) {
  switch (value.kind()) {
    case Kind::kNull:
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
    case Kind::kString:
    case Kind::kBytes: return KeyText(value);
    default: return value.TypeName();
  }
}

struct AnswerWorld {
  TypeRef list = types::List(types::Int());
  TypeRef map = types::Map(types::String(), types::Int());
  Json self = {{"a", 1}, {"s", "text"}, {"l", {1, 2}}, {"n", nullptr}};
  Json items = {1, 2, 3};
  Json entries = {{"x", 1}};
  Environment environment = Environment::Kubernetes({{"self", types::Dyn()},
                                                     {"i", types::Int()},
                                                     {"s", types::String()},
                                                     {"l", list},
                                                     {"m", map},
                                                     {"b", types::Bool()}});
  std::vector<Value> bindings = {Value::Document(self),
                                 Value::Int(3),
                                 Value::StringView("abc"),
                                 Value::Document(items, list.get()),
                                 Value::Document(entries, map.get()),
                                 Value::Bool(true)};
};

// "": the answer is the same.
std::string WrongCelGoAnswer(const AnswerWorld& world, const Json& fact) {
  const auto program = Compile(fact["expression"].get<std::string>(), world.environment);
  if (!program) {
    const std::string& refusal = program.error().message;
    if (fact.contains("refused")) {
      return refusal == WrittenOut(fact["refused"].get<std::string>()) ? "" : refusal;
    }
    std::string issues;
    for (const Json& issue : fact.value("issues", Json::array())) {
      issues += WrittenOut(issue.get<std::string>()) + "\n";
    }
    return issues == IssuesOf(refusal) ? "" : refusal;
  }
  if (!fact.contains("type")) return "is taken";
  const std::string type = GoTypeText(*(*program)->type());
  if (type != fact["type"].get<std::string>()) return "is of type " + type;
  const Value value = (*program)->Eval(world.bindings, kCallCostMax).value;
  if (!fact.contains("fails")) {
    return !value.IsError() && ShownValue(value) == fact["is"].get<std::string>() ? ""
                                                                             : KeyText(value);
  }
  // Nobody reads what Go's types print behind these words.
  const std::string_view text = value.text();
  const bool same =
      value.IsError() && text.substr(0, text.find(": (")) == fact["fails"].get<std::string>();
  return same ? "" : ShownValue(value);
}

TEST(CelAnswersTest, EveryExpressionIsAnsweredAsCelGoDoes) {
  const Json answers = ReadCelGoAnswers();
  ASSERT_TRUE(answers.is_array());
  const AnswerWorld world;
  for (const Json& fact : answers) {
    const std::string wrong = WrongCelGoAnswer(world, fact);
    EXPECT_EQ(wrong, "") << fact.dump();
  }
  EXPECT_GT(answers.size(), 1300u);
}

}  // namespace
}  // namespace skiff::cel
