// How programs lie in memory, and what they take of it when they run.
#include "api/cel/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "api/cel/program.h"
#include "base/allocated_bytes.h"

namespace skiff::cel {
namespace {

std::shared_ptr<const Program> ProgramOf(const std::string& expression) {
  const auto program = Compile(expression, Environment::Kubernetes({{"object", types::Dyn()}}));
  EXPECT_TRUE(program) << program.error().message;
  return program ? *program : nullptr;
}

TEST(CelPlanTest, WhatSeveralShareIsThereOnce) {
  // Each names what it is called on twice.
  std::string chain = "optional.of(object)";
  for (int i = 0; i < 12; ++i) chain += ".optMap(x, x)";
  const auto program = ProgramOf(chain);
  ASSERT_NE(program, nullptr);
  EXPECT_LE(program->plan().size(), program->ast().size());
}

TEST(CelPlanTest, CallsOfTheSameOverloadsShareThem) {
  const auto alone = ProgramOf("object.a < object.b");
  const auto many = ProgramOf(
      "object.a < object.b && (object.b < object.c || object.c < object.d) ? object.d < object.e "
      ": ['a', 'b'][object.i] == 'a'");
  ASSERT_NE(alone, nullptr);
  ASSERT_NE(many, nullptr);
  EXPECT_GT(alone->plan().choices(), 1U);
  EXPECT_LE(many->plan().choices(), alone->plan().choices() + 2) << "and those of ==";
}

TEST(CelPlanTest, AnItemThatIsKnownIsAddedAsAnyOther) {
  const Json object = Json::parse("[7, 8]");
  const Value bindings[] = {Value::Document(object)};
  for (const char* expression :
       {"object.map(x, 1) == [1, 1]", "object.map(x, x > 7, 'a') == ['a']",
        "object.map(x, [1]) == [[1], [1]]", "object.filter(x, x > 7) == [8]"}) {
    const auto program = ProgramOf(expression);
    ASSERT_NE(program, nullptr);
    EXPECT_TRUE(program->Eval(bindings, kCallCostMax).value.IsTrue()) << expression;
  }
}

TEST(CelPlanTest, ItTellsWhereAllItsNodesLie) {
  const auto program = ProgramOf("object.spec.containers.all(c, c.image != '' && c.name != 'x')");
  ASSERT_NE(program, nullptr);
  const Plan& plan = program->plan();
  const auto memory = plan.Memory();
  const auto holds = [&](const Node& node) {
    const auto* at = reinterpret_cast<const std::byte*>(&node);
    return std::ranges::any_of(memory, [&](const auto& part) {
      return at >= part.data() && at + sizeof(Node) <= part.data() + part.size();
    });
  };
  std::vector<const Node*> open = {&plan.root()};
  while (!open.empty()) {
    const Node& node = *open.back();
    open.pop_back();
    EXPECT_TRUE(holds(node));
    for (size_t i = 0; i < node.child_count; ++i) open.push_back(&node.child(i));
  }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // They allocate by themselves.
TEST(CelPlanTest, WhatMakesNothingAllocatesNothing) {
  if (!AllocatedByThread()) GTEST_SKIP() << "this allocator does not count";
  const Json object = Json::parse(R"({"metadata": {"name": "web-1", "labels": {"app": "web"}},
      "spec": {"replicas": 3, "mode": "plain", "containers": [
          {"image": "registry.example/web:1.2.3", "resources": {"limits": {"cpu": "1"}}},
          {"image": "registry.example/side:1", "resources": {"limits": {"cpu": "2"}}}]}})");
  const Value bindings[] = {Value::Document(object)};
  for (const char* expression :
       {"object.spec.replicas <= 5 && object.metadata.name.startsWith('web')",
        "!has(object.spec.hostNetwork) || !object.spec.hostNetwork",
        "has(object.metadata.labels) && 'app' in object.metadata.labels",
        "object.spec.mode in ['plain', 'other'] ? object.spec.containers.size() == 2 : false",
        "object.spec.containers.all(c, !c.image.endsWith(':latest'))",
        "object.spec.containers.exists(c, object.spec.containers.exists_one(d, c.image == "
        "d.image))",
        "object.metadata.labels.all(key, key != 'team')",
        "object.metadata.labels.all(key, value, key != 'team' && value != '')"}) {
    const auto program = ProgramOf(expression);
    ASSERT_NE(program, nullptr);
    program->plan();
    const auto before = AllocatedByThread();
    const bool holds = program->Eval(bindings, kCallCostMax).value.IsTrue();
    EXPECT_EQ(*AllocatedByThread() - *before, 0U) << expression;
    EXPECT_TRUE(holds) << expression;
  }
}
#endif

}  // namespace
}  // namespace skiff::cel
