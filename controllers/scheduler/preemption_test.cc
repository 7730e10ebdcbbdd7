#include "controllers/scheduler/preemption.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controllers/scheduler/scheduling_fixture.h"

namespace skiff::scheduler {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

BudgetPtr BudgetOf(const std::string& app, int allowed) {
  auto budget = std::make_shared<policy_v1::PodDisruptionBudget>();
  budget->metadata.namespace_ = "default";
  budget->spec.selector.Ensure().match_labels["app"] = app;
  budget->status.disruptions_allowed = allowed;
  return budget;
}

PodEdit Labelled(const std::string& app) {
  return [app](core_v1::Pod& pod) { pod.metadata.labels["app"] = app; };
}

PodEdit Started(int seconds) {
  return [seconds](core_v1::Pod& pod) {
    pod.status.start_time = Time(TimePoint(std::chrono::seconds(seconds)));
  };
}

TEST(PreemptionTest, OnlyAsManyPodsGoAsAreInTheWay) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "4");
  cluster.Place(PodOf("low1", 1, "1"), "a");
  cluster.Place(PodOf("low2", 2, "2"), "a");
  cluster.Place(PodOf("low3", 3, "1"), "a");
  const auto outcome = cluster.Preempt(*PodOf("high", 9, "1"));
  ASSERT_TRUE(outcome.victims);
  EXPECT_EQ(outcome.victims->node, "a");
  EXPECT_THAT(NamesOf(outcome.victims->pods), ElementsAre("low1"));
}

TEST(PreemptionTest, PodsOfEqualPriorityStay) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "1");
  cluster.Place(PodOf("equal", 9, "1"), "a");
  const auto outcome = cluster.Preempt(*PodOf("high", 9, "1"));
  EXPECT_FALSE(outcome.victims);
  EXPECT_TRUE(outcome.eligible);
  EXPECT_EQ(outcome.message,
            "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.");
}

TEST(PreemptionTest, ANodeThatIsTooSmallAnywayIsNoCandidate) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "1");
  cluster.Place(PodOf("low", 1, "1"), "a");
  EXPECT_EQ(
      cluster.Preempt(*PodOf("high", 9, "2")).message,
      "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.");
}

TEST(PreemptionTest, ANodeSaysWhatIsInTheWayWithoutThemToo) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "4");
  cluster.AddNode("b", "2");
  cluster.Place(PodOf("higher", 20, "3"), "a");
  cluster.Place(PodOf("low", 1, "1"), "a");
  cluster.Place(PodOf("equal", 9, "2"), "b");
  EXPECT_EQ(cluster.Preempt(*PodOf("high", 9, "2")).message,
            "preemption: 0/2 nodes are available: 1 Insufficient cpu, "
            "1 No preemption victims found for incoming pod.");
}

// An extender refused the node, and the rules do not say which pods would have to go.
TEST(PreemptionTest, NobodyGoesWhereNobodyIsInTheWay) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "4");
  cluster.Place(PodOf("low", 1, "1"), "a");
  Unfit unfit;
  unfit.nodes = 1;
  unfit.preemptable = {"a"};
  SeededRandom random(1);
  const Snapshot snapshot = cluster.MakeSnapshot();
  const auto high = PodOf("high", 9, "1");
  const auto outcome =
      FindCandidates({*high, snapshot, unfit, cluster.budgets, cluster.leaving}, random);
  EXPECT_TRUE(outcome.candidates.empty());
  EXPECT_FALSE(outcome.eligible) << "what it is nominated to stays as it is";
  EXPECT_TRUE(outcome.failed);
  EXPECT_EQ(outcome.message, "preemption: expected at least one victim pod on node \"a\"");
}

TEST(PreemptionTest, APolicyOfNeverMeansIt) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "1");
  cluster.Place(PodOf("low", 1, "1"), "a");
  const auto outcome = cluster.Preempt(
      *PodOf("high", 9, "1", [](core_v1::Pod& pod) { pod.spec.preemption_policy = "Never"; }));
  EXPECT_FALSE(outcome.victims);
  EXPECT_FALSE(outcome.eligible);
  EXPECT_EQ(outcome.message, "preemption: not eligible due to preemptionPolicy=Never.");
}

TEST(PreemptionTest, BudgetsAreKeptWhereThereIsAChoice) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "1");
  cluster.AddNode("b", "1");
  cluster.Place(PodOf("guarded", 1, "1", Labelled("web")), "a");
  cluster.Place(PodOf("free", 5, "1"), "b");
  cluster.budgets = {BudgetOf("web", 0)};
  auto outcome = cluster.Preempt(*PodOf("high", 9, "1"));
  ASSERT_TRUE(outcome.victims);
  EXPECT_EQ(outcome.victims->node, "b") << "though its pod is more important";
  // Without a choice they are broken: importance counts for more.
  cluster.Place(PodOf("higher", 20, "1"), "b");
  outcome = cluster.Preempt(*PodOf("high", 9, "1"));
  ASSERT_TRUE(outcome.victims);
  EXPECT_EQ(outcome.victims->budget_violations, 1);
}

// Whoever may write budgets in one namespace would hold up pods of all others.
TEST(PreemptionTest, OnlyBudgetsOfThoseWhoMayHaveToGoAreRead) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "1");
  cluster.Place(PodOf("low", 1, "1", Labelled("web")), "a");
  auto elsewhere = std::make_shared<policy_v1::PodDisruptionBudget>(*BudgetOf("web", 0));
  elsewhere->metadata.namespace_ = "elsewhere";
  cluster.budgets = {BudgetOf("web", 0), elsewhere};
  Unfit unfit;
  unfit.nodes = 1;
  unfit.preemptable = {"a"};
  SeededRandom random(1);
  const Snapshot snapshot = cluster.MakeSnapshot();
  const auto high = PodOf("high", 9, "1");
  std::vector<std::string> read;
  const auto selector_of = [&](const BudgetPtr& budget) {
    read.push_back(budget->metadata.namespace_);
    return std::make_shared<const LabelSelector>(LabelSelector::FromMap({{"app", "web"}}));
  };
  const auto outcome = FindCandidates(
      {*high, snapshot, unfit, cluster.budgets, cluster.leaving, selector_of}, random);
  ASSERT_EQ(outcome.candidates.size(), 1u);
  EXPECT_EQ(outcome.candidates[0].budget_violations, 1);
  EXPECT_THAT(read, ElementsAre("default"));
}

// One pod of a thousand constraints would hold up all others for hours.
TEST(PreemptionTest, WhatWasFoundWhenTheSearchTakesTooLongHasToDo) {
  SchedulingFixture cluster;
  Unfit unfit;
  for (const char* node : {"a", "b", "c"}) {
    cluster.AddNode(node, "2");
    cluster.Place(PodOf(std::string(node) + "1", 1, "1"), node);
    cluster.Place(PodOf(std::string(node) + "2", 1, "1"), node);
    unfit.preemptable.push_back(node);
  }
  unfit.nodes = 3;
  const Snapshot snapshot = cluster.MakeSnapshot();
  const auto high = PodOf("high", 9, "2");
  const auto search = [&](int tries) {
    SeededRandom random(1);
    const auto give_up = [&] { return tries-- <= 0; };
    return FindCandidates(
        {*high, snapshot, unfit, cluster.budgets, cluster.leaving, nullptr, give_up}, random);
  };
  EXPECT_EQ(search(100).candidates.size(), 3u);
  EXPECT_EQ(search(4).candidates.size(), 1u) << "two pods of a node, and what comes after it";
  const auto none = search(1);
  EXPECT_TRUE(none.candidates.empty());
  EXPECT_FALSE(none.eligible) << "what it is nominated to stays as it is";
  EXPECT_FALSE(none.failed);
  EXPECT_EQ(none.message, "preemption: the search for pods that may go takes too long.");
}

// As by kube-scheduler: a budget of all that lack a label is not theirs who have none.
TEST(PreemptionTest, APodWithoutLabelsComesUnderNoBudget) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "1");
  cluster.Place(PodOf("low", 1, "1"), "a");
  auto budget = std::make_shared<policy_v1::PodDisruptionBudget>();
  budget->metadata.namespace_ = "default";
  auto& expression = budget->spec.selector.Ensure().match_expressions.emplace_back();
  expression.key = "app";
  expression.operator_ = "DoesNotExist";
  cluster.budgets = {budget};
  const auto outcome = cluster.Preempt(*PodOf("high", 9, "1"));
  ASSERT_TRUE(outcome.victims);
  EXPECT_EQ(outcome.victims->budget_violations, 0);
}

TEST(PreemptionTest, TheLeastImportantVictimThenTheLatestStartDecides) {
  SchedulingFixture cluster;
  for (const char* node : {"a", "b", "c"}) cluster.AddNode(node, "1");
  cluster.Place(PodOf("pa", 3, "1", Started(100)), "a");
  cluster.Place(PodOf("pb", 2, "1", Started(100)), "b");
  cluster.Place(PodOf("pc", 2, "1", Started(200)), "c");
  EXPECT_EQ(cluster.Preempt(*PodOf("high", 9, "1")).victims->node, "c");
}

TEST(PreemptionTest, APreemptorWaitsForItsVictimsInsteadOfTakingMore) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "1");
  cluster.AddNode("b", "1");
  cluster.Place(PodOf("low1", 1, "1"), "a");
  cluster.Place(PodOf("low2", 1, "1"), "b");
  const auto high = PodOf("high", 9, "1");
  cluster.nominations.Set(high, "a");
  cluster.leaving = {"low1"};
  const auto outcome = cluster.Preempt(*high);
  EXPECT_FALSE(outcome.victims);
  EXPECT_FALSE(outcome.eligible) << "the nomination stays";
  EXPECT_EQ(outcome.message,
            "preemption: not eligible due to a terminating pod on the nominated node.");
}

TEST(PreemptionTest, VictimsOfBeforeARestartAreKnownByTheirCondition) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "1");
  cluster.Place(PodOf("low", 1, "1",
                      [](core_v1::Pod& pod) {
                        pod.metadata.deletion_timestamp = Time(TimePoint(1s));
                        auto& condition = pod.status.conditions.emplace_back();
                        condition.type = "DisruptionTarget";
                        condition.status = "True";
                        condition.reason = "PreemptionByScheduler";
                      }),
                "a");
  const auto high = PodOf("high", 9, "1");
  cluster.nominations.Set(high, "a");
  EXPECT_FALSE(cluster.Preempt(*high).eligible);
}

TEST(PreemptionTest, ANominatedPodMayPreemptAgainWhenItsNodeCannotTakeIt) {
  SchedulingFixture cluster;
  cluster.AddNode("small", "1");
  cluster.AddNode("b", "2");
  cluster.Place(PodOf("low", 1, "2"), "b");
  cluster.Place(PodOf("low1", 1, "1"), "small");
  const auto high = PodOf("high", 9, "2");
  cluster.nominations.Set(high, "small");
  cluster.leaving = {"low1"};
  const auto outcome = cluster.Preempt(*high);
  ASSERT_TRUE(outcome.victims);
  EXPECT_EQ(outcome.victims->node, "b");
}

TEST(PreemptionTest, TheNumberOfCandidatesIsLimited) {
  EXPECT_EQ(CandidatesWanted(3, Profile()), 3u);
  EXPECT_EQ(CandidatesWanted(500, Profile()), 100u);
  EXPECT_EQ(CandidatesWanted(5000, Profile()), 500u);
}

TEST(PreemptionTest, LessImportantPodsThatWaitForTheNodeLoseIt) {
  Nominations nominations;
  nominations.Set(PodOf("low", 1, "1"), "a");
  nominations.Set(PodOf("equal", 9, "1"), "a");
  nominations.Set(PodOf("elsewhere", 1, "1"), "b");
  EXPECT_THAT(NamesOf(Displaced(*PodOf("high", 9, "1"), "a", nominations)), ElementsAre("low"));
}

TEST(NominationTest, APodHasOneNodeAtATime) {
  Nominations nominations;
  const auto pod = PodOf("p", 1, "1");
  nominations.Set(pod, "a");
  nominations.Set(pod, "b");
  EXPECT_THAT(nominations.On("a"), IsEmpty());
  EXPECT_THAT(NamesOf(nominations.On("b")), ElementsAre("p"));
  EXPECT_TRUE(nominations.Remove("p"));
  EXPECT_FALSE(nominations.Remove("p"));
  nominations.Refresh(pod);
  EXPECT_EQ(nominations.NodeOf("p"), "") << "who waits for none is not made to";
}

TEST(NominationTest, ThePlaceOfANominatedPodIsTakenForAllThatAreNotMoreImportant) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "1");
  const auto waiting = PodOf("waiting", 5, "1");
  cluster.nominations.Set(waiting, "a");
  EXPECT_EQ(cluster.Schedule(*PodOf("lower", 1, "1")).node, "") << "as the victim's successor";
  EXPECT_EQ(cluster.Schedule(*PodOf("equal", 5, "1")).node, "");
  EXPECT_EQ(cluster.Schedule(*PodOf("higher", 9, "1")).node, "a");
  EXPECT_EQ(cluster.Schedule(*waiting).node, "a") << "it is not in its own way";
}

TEST(NominationTest, APodMustAlsoFitWithoutThoseThatMayNeverCome) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "4");
  cluster.nominations.Set(PodOf("waiting", 5, "1", Labelled("web")), "a");
  const auto follower = PodOf("follower", 1, "1", [](core_v1::Pod& pod) {
    auto& term = pod.spec.affinity.Ensure()
                     .pod_affinity.Ensure()
                     .required_during_scheduling_ignored_during_execution.emplace_back();
    term.label_selector.Ensure().match_labels["app"] = "web";
    term.topology_key = "kubernetes.io/hostname";
  });
  EXPECT_EQ(cluster.Schedule(*follower).node, "");
}

TEST(NominationTest, ItsOwnNodeIsTakenThoughOthersAreEmptier) {
  SchedulingFixture cluster;
  for (const char* node : {"a", "b", "c"}) cluster.AddNode(node, "8");
  cluster.Place(PodOf("busy", 9, "6"), "b");
  const auto pod = PodOf("p", 5, "1");
  cluster.nominations.Set(pod, "b");
  EXPECT_EQ(cluster.Schedule(*pod).node, "b");
}

}  // namespace
}  // namespace skiff::scheduler
