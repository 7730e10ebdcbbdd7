// How the annotation of nodes is written; which value it has, node_ttl_plan_test.cc says.
#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "client/kept_replies_fixture.h"
#include "client/manager.h"
#include "controllers/program.h"

namespace skiff {
namespace {

class NodeTtlWritesTest : public testing::Test {
 protected:
  NodeTtlWritesTest() {
    AddNodeTtlController(manager_);
    manager_.Start(executor_);
  }
  ~NodeTtlWritesTest() override { manager_.Stop(); }

  FakeClock clock_;
  SeededRandom random_{1};
  SteppedExecutor executor_{clock_, 1};
  KeptReplies server_{[](const http::Request& request) { return request.path; }};
  Client client_{server_.transport(), "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  Manager manager_{{server_.transport(), clock_, random_, informers_, "test"}};
};

TEST_F(NodeTtlWritesTest, AServerThatTakesItsTimeIsNotSentTheSameAgain) {
  std::vector<RawJson> nodes;
  for (const char* name : {"a", "b"}) {
    const Json metadata = {{"name", name}, {"uid", name}, {"resourceVersion", "1"}};
    nodes.emplace_back(Json{{"metadata", metadata}});
  }
  informers_.For<core_v1::Node>().cache().Replace(std::move(nodes), "1");
  executor_.RunFor(1min);
  EXPECT_EQ(server_.asked(),
            (std::vector<std::string>{"/api/v1/nodes/a", "/api/v1/nodes/b"}));
  server_.AnswerAll(500);
  executor_.RunFor(1min);
  EXPECT_EQ(server_.asked().size(), 4u) << "but once it has refused them";
}

}  // namespace
}  // namespace skiff
