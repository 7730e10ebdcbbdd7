#include "skiff/ready_nodes.h"

#include <gtest/gtest.h>

#include "client/transport.h"

namespace skiff {
namespace {

// Nodes that an informer shows as the test says.
class ReadyNodesTest : public testing::Test {
 protected:
  // Instead of waiting, one more node becomes Ready, or none does any more.
  class Waiting final : public ReadyNodes {
   public:
    Waiting(ReadyNodesTest& test, size_t count)
        : ReadyNodes(test.informers_.For<core_v1::Node>()), test_(test), count_(count) {}

    std::vector<Duration> waits;

   private:
    bool AwaitMore(uint64_t seen, Duration patience) override {
      waits.push_back(patience);
      if (waits.size() > count_) return ReadyNodes::AwaitMore(seen, Duration(0));
      test_.Show(waits.size());
      return ReadyNodes::AwaitMore(seen, patience);
    }
    ReadyNodesTest& test_;
    const size_t count_;
  };

  // The first `ready` of the nodes are.
  void Show(size_t ready) {
    std::vector<RawJson> nodes;
    const std::string version = std::to_string(ready + 1);
    for (size_t i = 0; i < names_.size(); ++i) {
      const Json condition = {{"type", "Ready"}, {"status", i < ready ? "True" : "False"}};
      nodes.emplace_back(Json{
          {"metadata", {{"name", names_[i]}, {"uid", names_[i]}, {"resourceVersion", version}}},
          {"status", {{"conditions", Json::array({condition})}}}});
    }
    informers_.For<core_v1::Node>().cache().Replace(std::move(nodes), version);
  }

  const std::vector<std::string> names_ = {"a", "b", "c", "d"};
  FakeClock clock_;
  SeededRandom random_{1};
  InProcessTransport transport_{[](const http::Request&) { return http::Response(); }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
};

TEST_F(ReadyNodesTest, AsLongAsSomeBecomeReadyTheOthersHaveAllTheTimeAgain) {
  Waiting nodes(*this, 4);
  Show(0);
  EXPECT_TRUE(nodes.WaitFor(names_, 60s));
  EXPECT_EQ(nodes.waits, std::vector<Duration>(4, 60s));
}

TEST_F(ReadyNodesTest, OnceNoneBecomesReadyThePatienceEnds) {
  Waiting nodes(*this, 2);
  Show(0);
  EXPECT_FALSE(nodes.WaitFor(names_, 60s));
  EXPECT_EQ(nodes.waits.size(), 3u);
}

TEST_F(ReadyNodesTest, ANodeThatWasReadyAlreadyProlongsNothing) {
  Waiting nodes(*this, 1);
  Show(1);
  EXPECT_FALSE(nodes.WaitFor({"a", "d"}, 0s)) << "it is only shown once more";
  EXPECT_EQ(nodes.waits.size(), 1u);
}

}  // namespace
}  // namespace skiff
