// What a profile says, by what becomes of a pod.
#include "controllers/scheduler/profile.h"

#include <gtest/gtest.h>

#include "controllers/scheduler/scheduling_fixture.h"

namespace skiff::scheduler {
namespace {

class ProfileTest : public testing::Test {
 protected:
  // Where a pod of that much CPU goes; "" for nowhere.
  std::string NodeFor(
      const PodEdit& edit = [](core_v1::Pod&) {}, const std::string& cpu = "1") {
    return cluster_.Schedule(*PodOf("pod", 0, cpu, edit)).node;
  }
  std::string WhyNot(const PodEdit& edit = [](core_v1::Pod&) {}) {
    return cluster_.Schedule(*PodOf("pod", 0, "1", edit)).unfit.Message();
  }
  void ScoreOnly(const std::string& rule) {
    std::erase_if(cluster_.profile.scores,
                  [&](const ScoreRule& each) { return each.name != rule; });
  }
  static core_v1::NodeSelectorTerm DiskIs(const std::string& value) {
    core_v1::NodeSelectorTerm term;
    auto& requirement = term.match_expressions.emplace_back();
    requirement.key = "disk";
    requirement.operator_ = "In";
    requirement.values = {value};
    return term;
  }

  SchedulingFixture cluster_;
};

TEST_F(ProfileTest, PodsAreSpreadOrPackedByTheStrategy) {
  cluster_.AddNode("empty", "4");
  cluster_.AddNode("half", "4");
  cluster_.Place(PodOf("other", 0, "2"), "half");
  ScoreOnly("NodeResourcesFit");
  EXPECT_EQ(NodeFor(), "empty");
  cluster_.profile.scoring.type = ScoringStrategy::Type::kMostAllocated;
  EXPECT_EQ(NodeFor(), "half");
  ScoringStrategy& scoring = cluster_.profile.scoring;
  scoring.type = ScoringStrategy::Type::kRequestedToCapacityRatio;
  scoring.resources = {{"cpu", 1}};
  scoring.shape = {{0, 100}, {100, 0}};
  EXPECT_EQ(NodeFor(), "empty");
  // As good as at half, and worse behind it.
  scoring.shape = {{0, 0}, {75, 100}, {100, 0}};
  EXPECT_EQ(NodeFor(), "half");
  EXPECT_EQ(NodeFor([](core_v1::Pod&) {}, "2"), "empty");
}

TEST_F(ProfileTest, ARuleThatIsLeftOutIsNotAsked) {
  cluster_.AddNode("small", "500m");
  EXPECT_EQ(WhyNot(), "0/1 nodes are available: 1 Insufficient cpu.");
  std::erase_if(cluster_.profile.filters,
                [](const FilterRule& each) { return each.name == "NodeResourcesFit"; });
  EXPECT_EQ(NodeFor(), "small");
}

TEST_F(ProfileTest, WithoutScoresTheFirstNodeWillDo) {
  cluster_.AddNode("a", "4");
  cluster_.AddNode("b", "4");
  cluster_.Place(PodOf("other", 0, "2"), "a");
  cluster_.profile.scores.clear();
  EXPECT_EQ(NodeFor(), "a");
  EXPECT_EQ(NodeFor(), "b") << "the next look begins behind it";
}

TEST_F(ProfileTest, AddedAffinityIsOfAllPods) {
  cluster_.AddNode("slow", "4", {{"disk", "hdd"}});
  auto& added = cluster_.profile.added_affinity.emplace();
  added.required_during_scheduling_ignored_during_execution.Ensure().node_selector_terms = {
      DiskIs("ssd")};
  EXPECT_EQ(WhyNot(),
            "0/1 nodes are available: 1 node(s) didn't match scheduler-enforced node affinity.");
  cluster_.AddNode("fast", "4", {{"disk", "ssd"}});
  EXPECT_EQ(NodeFor(), "fast");
  added.required_during_scheduling_ignored_during_execution.reset();
  auto& preferred = added.preferred_during_scheduling_ignored_during_execution.emplace_back();
  preferred.weight = 1;
  preferred.preference = DiskIs("hdd");
  ScoreOnly("NodeAffinity");
  EXPECT_EQ(NodeFor(), "slow");
}

TEST_F(ProfileTest, ExtendedResourcesMayBeIgnored) {
  cluster_.AddNode("a", "4");
  const auto wants = [](core_v1::Pod& pod) {
    auto& requests = pod.spec.containers[0].resources.requests;
    requests["example.com/gpu"] = *Quantity::Parse("1");
    requests["vendor.io/nic"] = *Quantity::Parse("1");
  };
  EXPECT_EQ(
      WhyNot(wants),
      "0/1 nodes are available: 1 Insufficient example.com/gpu, 1 Insufficient vendor.io/nic.");
  cluster_.profile.ignored_resources = {"example.com/gpu"};
  EXPECT_EQ(WhyNot(wants), "0/1 nodes are available: 1 Insufficient vendor.io/nic.");
  cluster_.profile.ignored_resource_groups = {"vendor.io"};
  EXPECT_EQ(NodeFor(wants), "a");
}

TEST_F(ProfileTest, PodsWithoutConstraintsHaveTheProfiles) {
  cluster_.AddNode("a", "4", {{"rack", "1"}});
  cluster_.AddNode("b", "4", {{"rack", "2"}});
  cluster_.spread_selector.match_labels["app"] = "web";
  const auto web = [](core_v1::Pod& pod) { pod.metadata.labels["app"] = "web"; };
  cluster_.Place(PodOf("one", 0, "0", web), "a");
  auto& constraint = cluster_.profile.default_constraints.emplace().emplace_back();
  constraint.topology_key = "rack";
  constraint.max_skew = 1;
  constraint.when_unsatisfiable = "DoNotSchedule";
  EXPECT_EQ(NodeFor(web), "b");
  cluster_.RemoveNode("b");
  cluster_.AddNode("c", "4");
  EXPECT_EQ(NodeFor(web), "a") << "its own rack is the only one";
}

TEST_F(ProfileTest, RequiredAffinityOfOthersWeighsWhatTheProfileSays) {
  cluster_.AddNode("a", "4", {{"host", "a"}});
  cluster_.AddNode("b", "4", {{"host", "b"}});
  const auto term = [](const std::string& app) {
    core_v1::PodAffinityTerm near;
    near.topology_key = "host";
    near.label_selector.Ensure().match_labels["app"] = app;
    return near;
  };
  cluster_.Place(
      PodOf("friend", 0, "0",
            [&](core_v1::Pod& pod) {
              pod.metadata.labels["app"] = "web";
              auto& affinity = pod.spec.affinity.Ensure().pod_affinity.Ensure();
              affinity.required_during_scheduling_ignored_during_execution = {term("web")};
            }),
      "a");
  cluster_.Place(
      PodOf("admirer", 0, "0",
            [&](core_v1::Pod& pod) {
              auto& affinity = pod.spec.affinity.Ensure().pod_affinity.Ensure();
              auto& wish =
                  affinity.preferred_during_scheduling_ignored_during_execution.emplace_back();
              wish.weight = 10;
              wish.pod_affinity_term = term("web");
            }),
      "b");
  ScoreOnly("InterPodAffinity");
  const auto web = [](core_v1::Pod& pod) { pod.metadata.labels["app"] = "web"; };
  EXPECT_EQ(NodeFor(web), "b") << "a preference of 10 beside a requirement of 1";
  cluster_.profile.hard_pod_affinity_weight = 11;
  EXPECT_EQ(NodeFor(web), "a");
}

TEST_F(ProfileTest, CandidatesForPreemptionAreAsManyAsItSays) {
  Profile profile;
  EXPECT_EQ(CandidatesWanted(5000, profile), 500u);
  profile.candidates_percentage_min = 1;
  profile.candidates_absolute_min = 20;
  EXPECT_EQ(CandidatesWanted(5000, profile), 50u);
  EXPECT_EQ(CandidatesWanted(1000, profile), 20u);
}

}  // namespace
}  // namespace skiff::scheduler
