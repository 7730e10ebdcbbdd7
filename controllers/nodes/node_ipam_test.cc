// Which blocks of addresses are given to nodes beside others that have theirs already.
#include <gtest/gtest.h>

#include "api/gen/core_v1.h"
#include "client/kept_replies_fixture.h"
#include "client/manager.h"
#include "controllers/program.h"

namespace skiff {
namespace {

class NodeIpamTest : public testing::Test {
 protected:
  NodeIpamTest() {
    ControllerOptions options;
    options.cluster_cidrs = {"10.244.0.0/16"};
    options.node_cidr_mask_size_ipv4 = 25;
    AddNodeIpamController(manager_, options);
    manager_.Start(executor_);
  }
  ~NodeIpamTest() override { manager_.Stop(); }

  // These nodes there are from now on, each with that pod CIDR. Who is given which since.
  std::vector<std::string> With(const std::vector<std::pair<std::string, std::string>>& all) {
    std::vector<RawJson> nodes;
    for (const auto& [name, cidr] : all) {
      Json node = {{"metadata", {{"name", name}, {"uid", name}, {"resourceVersion", "1"}}},
                   {"spec", Json::object()}};
      if (!cidr.empty()) node["spec"] = {{"podCIDR", cidr}, {"podCIDRs", {cidr}}};
      nodes.emplace_back(node);
    }
    informers_.For<core_v1::Node>().cache().Replace(std::move(nodes), "1");
    executor_.RunFor(1s);
    std::vector<std::string> asked = server_.asked();
    asked.erase(asked.begin(), asked.begin() + static_cast<int64_t>(told_));
    told_ = server_.asked().size();
    return asked;
  }

  FakeClock clock_;
  SeededRandom random_{1};
  SteppedExecutor executor_{clock_, 1};
  KeptReplies server_{[](const http::Request& request) -> std::string {
    if (request.path.ends_with("/events")) return "told";
    const Json spec = Json::parse(request.body)["spec"];
    EXPECT_EQ(spec["podCIDRs"], Json::array({spec["podCIDR"]}));
    return request.path.substr(request.path.rfind('/') + 1) + " " +
           spec["podCIDR"].get<std::string>();
  }};
  Client client_{server_.transport(), "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  Manager manager_{{server_.transport(), clock_, random_, informers_, "test"}};
  size_t told_ = 0;
};

using Given = std::vector<std::string>;

// As of a cluster whose nodes had 10.244.N.0/19 each once.
TEST_F(NodeIpamTest, WhatNodesHaveAtTheStartIsGivenToNobodyElse) {
  EXPECT_EQ(With({{"new", ""}, {"old", "10.244.0.0/19"}, {"older", "10.244.32.0/19"}}),
            (Given{"new 10.244.64.0/25"}));
}

TEST_F(NodeIpamTest, WhoIsFoundToHaveWhatOthersHaveKeepsNobodyFromHis) {
  EXPECT_EQ(With({{"all", "10.244.0.0/16"}, {"new", ""}, {"old", "10.244.0.0/25"}}),
            (Given{"new 10.244.0.128/25"}));
}

TEST_F(NodeIpamTest, WhoComesWithFarMoreKeepsNobodyFromHis) {
  EXPECT_EQ(With({{"old", "10.244.0.0/25"}}), Given());
  EXPECT_EQ(With({{"old", "10.244.0.0/25"}, {"half", "10.244.0.0/17"}, {"new", ""}}),
            (Given{"new 10.244.128.0/25"}))
      << "as long as there is anything else";
  EXPECT_EQ(With({{"old", "10.244.0.0/25"},
                  {"new", "10.244.128.0/25"},
                  {"all", "10.0.0.0/8"},
                  {"newer", ""}}),
            (Given{"newer 10.244.128.128/25"}));
}

// Nothing of it is given to a second node, not even when there is nothing else.
TEST_F(NodeIpamTest, WhatNobodyElseHasIsItsOwnHoweverLateAndLargeItComes) {
  EXPECT_EQ(With({{"old", "10.244.0.0/17"}}), Given());
  EXPECT_EQ(With({{"old", "10.244.0.0/17"}, {"half", "10.244.128.0/17"}}), Given());
  EXPECT_EQ(With({{"old", "10.244.0.0/17"}, {"half", "10.244.128.0/17"}, {"new", ""}}),
            Given{"told"});
  With({{"old", "10.244.0.0/17"}, {"new", ""}});
  executor_.RunFor(10s);
  EXPECT_EQ(server_.asked().back(), "new 10.244.128.0/25") << "once it is gone";
}

// `new` has been given its own, which its Node does not say yet.
TEST_F(NodeIpamTest, WhatIsOnItsWayToAnotherCountsAsThatOnes) {
  EXPECT_EQ(With({{"new", ""}}), (Given{"new 10.244.0.0/25"}));
  EXPECT_EQ(With({{"new", ""}, {"all", "10.244.0.0/16"}, {"newer", ""}}),
            (Given{"newer 10.244.0.128/25"}));
}

}  // namespace
}  // namespace skiff
