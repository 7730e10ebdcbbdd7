// Where pods go that would rather stand apart (ScheduleAnyway).
#include <gtest/gtest.h>

#include <set>

#include "controllers/scheduler/cycle.h"
#include "controllers/scheduler/rules/rules.h"
#include "controllers/scheduler/scheduling_fixture.h"

namespace skiff::scheduler {
namespace {

PodInfoPtr SpreadPod(const std::string& name) {
  return PodOf(name, 0, "100m", [](core_v1::Pod& pod) {
    pod.metadata.labels["app"] = "web";
    auto& spread = pod.spec.topology_spread_constraints.emplace_back();
    spread.max_skew = 1;
    spread.topology_key = "kubernetes.io/hostname";
    spread.when_unsatisfiable = "ScheduleAnyway";
    spread.label_selector.emplace().match_labels["app"] = "web";
  });
}

class TopologySpreadTest : public testing::Test {
 protected:
  TopologySpreadTest() {
    for (const char* name : {"a", "b", "c"}) {
      cluster_.AddNode(name, "4", {{"kubernetes.io/hostname", name}});
    }
  }
  // The nodes that three such pods come to stand on, one after the other.
  std::multiset<std::string> PlaceThree() {
    std::multiset<std::string> nodes;
    for (const char* name : {"x", "y", "z"}) {
      const auto pod = SpreadPod(name);
      const Decision decision = cluster_.Schedule(*pod);
      cluster_.Place(pod, decision.node);
      nodes.insert(decision.node);
    }
    return nodes;
  }
  SchedulingFixture cluster_;
};

TEST_F(TopologySpreadTest, ThreePodsStandOnThreeEqualNodes) {
  for (int round = 0; round < 20; ++round) {
    EXPECT_EQ(PlaceThree(), (std::multiset<std::string>{"a", "b", "c"}));
    for (const char* name : {"x", "y", "z"}) cluster_.Remove(name);
  }
}

// A pod of that revision, on whose node there may be none more of it than on others.
PodInfoPtr RevisionPod(const std::string& name, const std::string& revision) {
  return PodOf(name, 0, "100m", [&](core_v1::Pod& pod) {
    pod.metadata.labels = {{"app", "web"}, {"revision", revision}};
    auto& spread = pod.spec.topology_spread_constraints.emplace_back();
    spread.max_skew = 1;
    spread.topology_key = "kubernetes.io/hostname";
    spread.when_unsatisfiable = "DoNotSchedule";
    spread.label_selector.emplace().match_labels["app"] = "web";
    spread.match_label_keys = {"revision", "absent"};
  });
}

TEST_F(TopologySpreadTest, ValuesOfNamedLabelsAreMergedWhereNoServerDidIt) {
  cluster_.Place(RevisionPod("x", "1"), "a");
  cluster_.Place(RevisionPod("y", "1"), "a");
  cluster_.Place(PodOf("full-b", 0, "4"), "b");
  cluster_.Place(PodOf("full-c", 0, "4"), "c");
  EXPECT_EQ(cluster_.Schedule(*RevisionPod("z", "1")).node, "");
  EXPECT_EQ(cluster_.Schedule(*RevisionPod("z", "2")).node, "a");
}

// It weighs more than what is free on a node: a pod of half a node makes less of a difference than
// a pod of the same kind.
TEST_F(TopologySpreadTest, ThreePodsStandOnThreeNodesOfWhichOneIsHalfFull) {
  cluster_.Place(PodOf("other", 0, "2"), "a");
  EXPECT_EQ(PlaceThree(), (std::multiset<std::string>{"a", "b", "c"}));
}

// What is leaving does not count, and what is on a node of a cut machine does until it is gone.
TEST_F(TopologySpreadTest, PodsThatAreLeavingDoNotCount) {
  for (const char* node : {"a", "b"}) {
    const auto leaving = PodOf(std::string("old-") + node, 0, "100m", [](core_v1::Pod& pod) {
      pod.metadata.labels["app"] = "web";
      pod.metadata.deletion_timestamp.emplace();
    });
    cluster_.Place(leaving, node);
  }
  EXPECT_EQ(PlaceThree(), (std::multiset<std::string>{"a", "b", "c"}));
}

// No pod counts then, but a place is asked for all the same.
TEST_F(TopologySpreadTest, WithoutASelectorTheNodeHasToHaveTheLabel) {
  const auto pod = PodOf("p", 0, "100m", [](core_v1::Pod& made) {
    auto& spread = made.spec.topology_spread_constraints.emplace_back();
    spread.max_skew = 1;
    spread.topology_key = "rack";
    spread.when_unsatisfiable = "DoNotSchedule";
  });
  EXPECT_EQ(cluster_.Schedule(*pod).unfit.Message(),
            "0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints "
            "(missing required label).");
  cluster_.AddNode("d", "4", {{"rack", "r"}});
  for (const char* name : {"x", "y"}) cluster_.Place(PodOf(name, 0, "100m"), "d");
  EXPECT_EQ(cluster_.Schedule(*pod).node, "d");
}

// Once a node fits it is no more asked than whether the others do: by whoever refused one before,
// and then by the rest.
TEST(HardSpreadTest, ANodeIsTakenOnlyWhereNoRuleRefusesIt) {
  SchedulingFixture cluster;
  for (const char* name : {"a", "b", "c"}) {
    cluster.AddNode(name, "1", {{std::string(kZoneLabel), "near"}});
  }
  for (const char* name : {"d", "e", "f"}) {
    cluster.AddNode(name, "1", {{std::string(kZoneLabel), "far"}});
  }
  const auto spread = [](core_v1::Pod& pod) {
    pod.metadata.labels["app"] = "web";
    auto& by_zone = pod.spec.topology_spread_constraints.emplace_back();
    by_zone.max_skew = 1;
    by_zone.topology_key = kZoneLabel;
    by_zone.when_unsatisfiable = "DoNotSchedule";
    by_zone.label_selector.emplace().match_labels["app"] = "web";
  };
  cluster.Place(PodOf("there", 0, "1m", spread), "f");
  cluster.Place(PodOf("full", 0, "1"), "b");
  const auto pod = PodOf("p", 0, "500m", spread);
  std::set<std::string> nodes;
  for (int round = 0; round < 50; ++round) nodes.insert(cluster.Schedule(*pod).node);
  EXPECT_EQ(nodes, (std::set<std::string>{"a", "c"}));
}

// By zones that not all nodes are in: those without one weigh as another.
TEST(SystemSpreadTest, NodesWithoutAZoneWeighAsOneMore) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "4", {{"kubernetes.io/hostname", "a"}, {std::string(kZoneLabel), "1"}});
  cluster.AddNode("b", "4", {{"kubernetes.io/hostname", "b"}, {std::string(kZoneLabel), "2"}});
  cluster.AddNode("c", "4", {{"kubernetes.io/hostname", "c"}});
  cluster.spread_selector.match_labels["app"] = "web";
  const auto web = [](core_v1::Pod& pod) { pod.metadata.labels["app"] = "web"; };
  for (int i = 0; i < 10; ++i) cluster.Place(PodOf(std::to_string(i), 0, "1m", web), "a");
  const auto pod = PodOf("p", 0, "1m", web);
  const Snapshot snapshot = cluster.MakeSnapshot();
  const PreparedScore prepared = ScorePodTopologySpread(*pod, snapshot, snapshot.nodes);
  std::map<std::string, int64_t> scores;
  for (const NodeInfo* node : snapshot.nodes) scores[node->name()] = prepared.score(*node);
  // ln 5 for three hosts and for three zones, and the skews that are let pass.
  EXPECT_EQ(scores, (std::map<std::string, int64_t>{{"a", 38}, {"b", 6}, {"c", 2}}));
}

// Whether or not the nodes of a full zone are looked at.
TEST(HardTopologySpreadTest, TheSameNodesTakeAPodWhoeverIsAskedWhyTheOthersDoNot) {
  for (const int zones : {2, 3, 5}) {
    SchedulingFixture cluster;
    for (int i = 0; i < 20; ++i) {
      std::map<std::string, std::string> labels = {
          {"kubernetes.io/hostname", "h" + std::to_string(i)}};
      if (i % 7 != 6) labels["topology.kubernetes.io/zone"] = "z" + std::to_string(i % zones);
      cluster.AddNode("n" + std::to_string(i), "4", labels);
    }
    for (int i = 0; i < 25; ++i) {
      const auto pod = PodOf("p" + std::to_string(i), 0, "1", [](core_v1::Pod& it) {
        it.metadata.labels["app"] = "web";
        auto& spread = it.spec.topology_spread_constraints.emplace_back();
        spread.max_skew = 1;
        spread.topology_key = "topology.kubernetes.io/zone";
        spread.when_unsatisfiable = "DoNotSchedule";
        spread.label_selector.emplace().match_labels["app"] = "web";
      });
      const Snapshot snapshot = cluster.MakeSnapshot();
      size_t start = static_cast<size_t>(i), other_start = start;
      const Search quick = FindNodes(*pod, snapshot, start, {});
      const Search whole = FindNodes(*pod, snapshot, other_start, {.keeps_refusals = true});
      EXPECT_EQ(quick.feasible, whole.feasible);
      EXPECT_EQ(start, other_start);
      ASSERT_FALSE(quick.feasible.empty());
      EXPECT_LT(quick.feasible.size(), 20u);
      cluster.Place(pod, quick.feasible[0]->name());
    }
  }
}

}  // namespace
}  // namespace skiff::scheduler
