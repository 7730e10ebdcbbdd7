// What expressions ask the authorizer, and what they may do with questions and answers.
#include "api/cel/authorizer.h"

#include <gtest/gtest.h>

#include "api/cel/program.h"

namespace skiff::cel {
namespace {

class OnlyPods final : public Authorizer {
 public:
  AccessAnswer Check(const AccessQuestion& question) const override {
    if (question.verb == "break") return {.error = "no answer"};
    const bool pods = question.resource == "pods" && question.name_space == "default";
    return {.allowed = pods || question.path == "/healthz", .reason = question.group};
  }
};

std::string Asked(const std::string& expression) {
  const OnlyPods authorizer;
  const auto program = Compile(
      expression, Environment::Kubernetes({{"authorizer", AuthorizerType()},
                                           {"authorizer.requestResource", ResourceCheckType()}}));
  if (!program) return program.error().message;
  const Value bindings[] = {
      AuthorizerValue(authorizer),
      RequestResourceValue(authorizer, {.resource = "pods", .name_space = "default"})};
  return KeyText((*program)->Eval(bindings, kObjectCostMax).value);
}

TEST(AuthorizerTest, TheAuthorizerAsksItsCaller) {
  EXPECT_EQ(Asked("authorizer.group('').resource('pods').namespace('default')"
                  ".check('get').allowed()"),
            "true");
  EXPECT_EQ(Asked("authorizer.group('apps').resource('sets').check('get').reason()"), "apps");
  EXPECT_EQ(Asked("authorizer.path('/healthz').check('get').allowed()"), "true");
  EXPECT_EQ(Asked("authorizer.requestResource.check('get').allowed()"), "true");
  EXPECT_EQ(Asked("authorizer.requestResource.check('break').error()"), "no answer");
  EXPECT_EQ(Asked("authorizer.serviceAccount('n', 'a').path('/healthz').check('get').allowed()"),
            "true");
}

TEST(AuthorizerTest, TheAuthorizerIsAskedOfSomebodyAndSomething) {
  EXPECT_EQ(Asked("authorizer.path(' ').check('get').allowed()"), "error");
  EXPECT_EQ(Asked("authorizer.group('').resource('').check('get').allowed()"), "error");
  EXPECT_EQ(Asked("authorizer.serviceAccount('n', '').path('/healthz').check('get').allowed()"),
            "error");
  EXPECT_EQ(Asked("authorizer.serviceAccount('a.b', 'c').path('/healthz').check('get').allowed()"),
            "error");
}

TEST(AuthorizerTest, QuestionsCannotBeCompared) {
  for (const char* expression :
       {"authorizer == authorizer", "authorizer.path('/x') == authorizer.path('/x')",
        "optional.of(authorizer) == optional.of(authorizer)"}) {
    EXPECT_EQ(Asked(expression), "error") << expression;
  }
  EXPECT_EQ(Asked("authorizer != authorizer"), "true");
  EXPECT_EQ(Asked("[authorizer] == [authorizer]"), "true");
  EXPECT_EQ(Asked("authorizer in [authorizer]"), "false");
}

// Each question holds what those before it named.
TEST(AuthorizerTest, QuestionsToTheAuthorizerCountByTheirTexts) {
  const std::string text(1000, 'g');
  const std::string asked = "[authorizer.group('" + text + "'.replace('g', '" + text +
                            "'))].all(c, lists.range(4000).all(i, c.resource('a') != "
                            "c.resource('b')))";
  EXPECT_EQ(Asked(asked), "error");
  EXPECT_EQ(Asked("[authorizer.group('g')].all(c, c.resource('a') != c.resource('b'))"), "true");
}

}  // namespace
}  // namespace skiff::cel
