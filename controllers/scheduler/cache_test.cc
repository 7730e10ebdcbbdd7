#include "controllers/scheduler/cache.h"

#include <gtest/gtest.h>

#include "controllers/scheduler/scheduling_fixture.h"

namespace skiff::scheduler {
namespace {

PodPtr OnNode(const PodEdit& edit = [](core_v1::Pod&) {}) {
  return PodOf("p", 0, "1",
               [&](core_v1::Pod& pod) {
                 pod.metadata.generation = 1;
                 pod.metadata.labels["app"] = "a";
                 pod.spec.node_name = "n";
                 pod.spec.containers[0].name = "main";
                 edit(pod);
               })
      ->pod;
}

class CacheTest : public testing::Test {
 protected:
  CacheTest() {
    auto node = std::make_shared<core_v1::Node>();
    node->metadata.name = "n";
    cache_.SetNode(node);
  }
  int64_t MilliCpu() { return cache_.Find("n")->requested.milli_cpu; }
  const core_v1::Pod& Known() { return *cache_.Find("n")->pods.at("p")->pod; }
  // How many pods with that label the counts have on the node.
  int64_t CountOf(const std::string& app) {
    const PodGroup group{.id = app, .holds = [app](const core_v1::Pod& pod) {
                           return pod.metadata.labels.at("app") == app &&
                                  !pod.metadata.deletion_timestamp;
                         }};
    return cache_.counts().Of(group, cache_.Nodes())->On(*cache_.Find("n"));
  }
  Cache cache_;
};

TEST_F(CacheTest, AStatusTakesThePlaceOfTheOneBefore) {
  cache_.Assume(PodOf("p", 0, "1",
                      [](core_v1::Pod& pod) {
                        pod.metadata.generation = 1;
                        pod.metadata.labels["app"] = "a";
                      }),
                "n");
  EXPECT_TRUE(cache_.IsAssumed("p"));
  EXPECT_EQ(cache_.sizes().assumed, 1u);
  cache_.SetPod(OnNode([](core_v1::Pod& pod) { pod.status.phase = "Running"; }));
  EXPECT_FALSE(cache_.IsAssumed("p"));
  EXPECT_EQ(cache_.sizes().assumed, 0u);
  EXPECT_EQ(cache_.sizes().pods, 1u);
  EXPECT_EQ(Known().status.phase, "Running");
  EXPECT_EQ(Known().spec.node_name, "n");
  EXPECT_EQ(MilliCpu(), 1000);
  EXPECT_EQ(CountOf("a"), 1);
  EXPECT_TRUE(cache_.RemovePod("p"));
  EXPECT_EQ(MilliCpu(), 0);
  EXPECT_EQ(CountOf("a"), 0);
}

TEST_F(CacheTest, WhatCountsOtherwiseIsCountedAnew) {
  cache_.SetPod(OnNode());
  ASSERT_EQ(CountOf("a"), 1);
  cache_.SetPod(OnNode([](core_v1::Pod& pod) { pod.metadata.labels["app"] = "b"; }));
  EXPECT_EQ(CountOf("a"), 0);
  EXPECT_EQ(CountOf("b"), 1);
  cache_.SetPod(OnNode([](core_v1::Pod& pod) {
    pod.metadata.labels["app"] = "b";
    pod.metadata.deletion_timestamp = Time(TimePoint{} + 1s);
  }));
  EXPECT_EQ(CountOf("b"), 0);
  cache_.SetPod(OnNode([](core_v1::Pod& pod) {
    pod.metadata.generation = 2;
    pod.spec.containers[0].resources.requests["cpu"] = *Quantity::Parse("2");
  }));
  EXPECT_EQ(MilliCpu(), 2000);
}

// What is taken from a node is freed when the pod is smaller there, not when it is asked to be.
TEST_F(CacheTest, APodThatIsResizedTakesTheLargerAmount) {
  const auto run_with = [](const char* asked, const char* taken) {
    return OnNode([=](core_v1::Pod& pod) {
      pod.metadata.generation = 2;
      pod.spec.containers[0].resources.requests["cpu"] = *Quantity::Parse(asked);
      auto& status = pod.status.container_statuses.emplace_back();
      status.name = "main";
      status.resources.Ensure().requests["cpu"] = *Quantity::Parse(taken);
      status.allocated_resources["cpu"] = *Quantity::Parse(taken);
    });
  };
  cache_.SetPod(run_with("1", "3"));
  EXPECT_EQ(MilliCpu(), 3000);
  EXPECT_EQ(cache_.Find("n")->non_zero_requested.milli_cpu, 3000);
  cache_.SetPod(run_with("1", "1"));
  EXPECT_EQ(MilliCpu(), 1000);
}

using NamedLabels = std::pair<std::string, std::map<std::string, std::string>>;
// The names of nodes that came so, in the order in which the scheduler looks at them.
std::string OrderOf(const std::vector<NamedLabels>& nodes) {
  Cache cache;
  for (const auto& [name, labels] : nodes) {
    auto node = std::make_shared<core_v1::Node>();
    node->metadata.name = name;
    node->metadata.labels = labels;
    cache.SetNode(node);
  }
  std::string order;
  for (const NodeInfo* node : cache.Nodes()) order += node->name();
  return order;
}

TEST(NodeOrderTest, ZonesTakeTurns) {
  constexpr char kZone[] = "topology.kubernetes.io/zone";
  constexpr char kRegion[] = "topology.kubernetes.io/region";
  constexpr char kOldZone[] = "failure-domain.beta.kubernetes.io/zone";
  EXPECT_EQ(OrderOf({}), "");
  EXPECT_EQ(OrderOf({{"a", {{kZone, "1"}}},
                     {"b", {{kZone, "1"}}},
                     {"c", {{kZone, "2"}}},
                     {"d", {{kZone, "1"}}},
                     {"e", {{kZone, "2"}}}}),
            "acbed");
  EXPECT_EQ(OrderOf({{"a", {{kZone, "1"}, {kRegion, "r"}}},
                     {"b", {{kZone, "1"}, {kRegion, "r"}}},
                     {"c", {{kZone, "1"}, {kRegion, "s"}}}}),
            "acb")
      << "a zone is one of its region";
  EXPECT_EQ(OrderOf({{"a", {{kOldZone, "1"}}}, {"b", {{kOldZone, "1"}}}, {"c", {{kOldZone, "2"}}}}),
            "acb")
      << "by its old label, too";
  EXPECT_EQ(OrderOf({{"e", {{kZone, "2"}}},
                     {"d", {{kZone, "1"}}},
                     {"b", {{kZone, "1"}}},
                     {"c", {{kZone, "2"}}},
                     {"d", {{kZone, "1"}}}}),
            "edcb")
      << "in the order in which they came";
}

// Until the last of its pods has gone the entry of a node that went is there, and not listed.
TEST(NodeOrderTest, ANodeThatComesBackToItsPodsIsTheLast) {
  Cache cache;
  const auto add = [&](const char* name) {
    auto node = std::make_shared<core_v1::Node>();
    node->metadata.name = name;
    cache.SetNode(node);
  };
  const auto order = [&] {
    std::string names;
    for (const NodeInfo* node : cache.Nodes()) names += node->name();
    return names;
  };
  add("b"), add("a");
  cache.Assume(PodOf("p", 0, "1"), "b");
  EXPECT_EQ(order(), "ba");
  cache.RemoveNode("b");
  EXPECT_EQ(order(), "a");
  add("b");
  EXPECT_EQ(order(), "ab");
}

TEST(RepellentsTest, NodesThatKeepPodsOffAreCountedWhileTheyDo) {
  Cache cache;
  const auto node = [](bool unschedulable, bool tainted) {
    auto made = std::make_shared<core_v1::Node>();
    made->metadata.name = "a";
    made->spec.unschedulable = unschedulable;
    if (tainted) made->spec.taints.emplace_back().effect = "NoSchedule";
    return made;
  };
  const auto counts = [&] {
    return std::pair(cache.repellents().unschedulable, cache.repellents().tainted);
  };
  using Counts = std::pair<size_t, size_t>;
  cache.SetNode(node(true, true));
  cache.SetNode(node(true, true));
  EXPECT_EQ(counts(), Counts(1, 1));
  cache.SetNode(node(false, true));
  EXPECT_EQ(counts(), Counts(0, 1));
  cache.RemoveNode("a");
  EXPECT_EQ(counts(), Counts(0, 0));
}

}  // namespace
}  // namespace skiff::scheduler
