#include "controllers/workloads/daemon_set_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace skiff::daemon {
namespace {

using core_v1::Node;
using core_v1::Pod;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const TimePoint kNow{1'700'000'000s};

class DaemonSetPlanTest : public testing::Test {
 protected:
  DaemonSetPlanTest() { set_.spec.update_strategy.type = "RollingUpdate"; }

  void AddNodes(int count) {
    for (int i = 1; i <= count; ++i) {
      auto node = std::make_shared<Node>();
      node->metadata.name = "n" + std::to_string(i);
      nodes_.push_back(node);
    }
  }
  void Roll(IntOrString unavailable, IntOrString surge) {
    auto& update = set_.spec.update_strategy.rolling_update.Ensure();
    update.max_unavailable = unavailable;
    update.max_surge = surge;
  }
  Pod& AddPod(const std::string& name, const std::string& node, const std::string& hash,
              bool ready = true) {
    auto pod = std::make_shared<Pod>();
    pod->metadata.name = pod->metadata.uid = name;
    pod->metadata.labels[std::string(kRevisionHash)] = hash;
    pod->spec.node_name = node;
    pod->status.phase = "Running";
    auto& condition = pod->status.conditions.emplace_back();
    condition.type = "Ready";
    condition.status = ready ? "True" : "False";
    condition.last_transition_time = Time(kNow - 1min);
    pods_.push_back(pod);
    return *pod;
  }
  RollingInput Input() const { return {set_, "new", nodes_, ByNode(pods_), kNow}; }
  Plan Manage(Duration monotonic = 0s) {
    return daemon::Manage({}, Input(), back_off_, monotonic);
  }
  Rolling Rolled() const { return RollingUpdate({}, Input()); }
  static std::vector<std::string> Names(const Pods& pods) {
    std::vector<std::string> names;
    for (const auto& pod : pods) names.push_back(pod->metadata.name);
    return names;
  }

  apps_v1::DaemonSet set_;
  Nodes nodes_;
  Pods pods_;
  FailedPodsBackOff back_off_;
};

TEST_F(DaemonSetPlanTest, PodsSayHowOftenTheTemplateWasChangedAsWell) {
  EXPECT_FALSE(DaemonTemplate(set_, "new").metadata.labels.contains("pod-template-generation"));
  set_.metadata.annotations["deprecated.daemonset.template.generation"] = "07";
  EXPECT_EQ(DaemonTemplate(set_, "new").metadata.labels.at("pod-template-generation"), "7");
  AddNodes(1);
  AddPod("a", "n1", "old").metadata.labels["pod-template-generation"] = "7";
  EXPECT_EQ(StatusOf({}, Input()).updated_number_scheduled, 1) << "by that alone";
  set_.metadata.annotations["deprecated.daemonset.template.generation"] = "8";
  EXPECT_EQ(StatusOf({}, Input()).updated_number_scheduled, 0);
}

TEST_F(DaemonSetPlanTest, EveryNodeGetsOnePod) {
  AddNodes(2);
  AddPod("a", "n1", "new");
  EXPECT_THAT(Manage().create, ElementsAre("n2"));
  AddPod("b", "n2", "new");
  AddPod("c", "n2", "new");
  const Plan plan = Manage();
  EXPECT_THAT(plan.create, IsEmpty());
  EXPECT_THAT(plan.remove, SizeIs(1));
}

TEST_F(DaemonSetPlanTest, OnlyAPodThatMayStillRunBlocksItsSuccessor) {
  AddNodes(1);
  Pod& leaving = AddPod("a", "n1", "new");
  leaving.metadata.deletion_timestamp = Time(kNow);
  EXPECT_THAT(Manage().create, IsEmpty());
  EXPECT_EQ(StatusOf({}, Input()).current_number_scheduled, 1);
  for (const char* phase : {"Succeeded", "Failed"}) {
    leaving.status.phase = phase;  // A finalizer may hold it for ever.
    EXPECT_THAT(Manage().create, ElementsAre("n1")) << phase;
    EXPECT_EQ(StatusOf({}, Input()).current_number_scheduled, 0) << phase;
  }
}

TEST_F(DaemonSetPlanTest, WithSurgeALeavingPodDoesNotBlockItsSuccessor) {
  AddNodes(2);
  Roll(0, 1);
  AddPod("a", "n1", "new").metadata.deletion_timestamp = Time(kNow);
  AddPod("b", "n2", "new");
  EXPECT_THAT(Manage().create, ElementsAre("n1"));
  AddPod("a2", "n1", "new", /*ready=*/false);
  EXPECT_THAT(Manage().create, IsEmpty());
  EXPECT_THAT(Manage().remove, IsEmpty());
}

TEST_F(DaemonSetPlanTest, WithSurgeAFailedPodIsReplacedWhenItMayGo) {
  AddNodes(1);
  Roll(0, 1);
  AddPod("a", "n1", "new").status.phase = "Failed";
  Plan plan = Manage(0s);
  EXPECT_THAT(plan.create, ElementsAre("n1"));
  EXPECT_THAT(Names(plan.remove), ElementsAre("a"));
  plan = Manage(100ms);
  EXPECT_THAT(plan.create, IsEmpty()) << "or a node that refuses them all would be flooded";
}

TEST_F(DaemonSetPlanTest, FailedPodsGoEverMoreSlowly) {
  AddNodes(1);
  AddPod("a", "n1", "new").status.phase = "Failed";
  EXPECT_THAT(Names(Manage(0s).failed), ElementsAre("a"));
  // The next one fails at once.
  Plan plan = Manage(100ms);
  EXPECT_THAT(plan.remove, IsEmpty());
  EXPECT_EQ(plan.again, 900ms);
  EXPECT_THAT(Manage(1s).failed, SizeIs(1));
  plan = Manage(1100ms);
  EXPECT_THAT(plan.failed, IsEmpty());
  EXPECT_EQ(plan.again, 1900ms) << "twice as long";
  EXPECT_THAT(Manage(3s).failed, SizeIs(1));
}

TEST_F(DaemonSetPlanTest, TheBackOffEndsAtFifteenMinutesAndIsForgotten) {
  FailedPodsBackOff back_off;
  Duration now = 0s;
  EXPECT_EQ(back_off.Take("n1", now), Duration(0));
  for (int i = 0; i < 20; ++i) {
    now += back_off.Take("n1", now);
    EXPECT_EQ(back_off.Take("n1", now), Duration(0));
  }
  EXPECT_EQ(back_off.Take("n1", now), 15min);
  EXPECT_EQ(back_off.Take("n2", now), Duration(0)) << "each node has its own";
  EXPECT_EQ(back_off.Take("n1", now + 31min), Duration(0));
  EXPECT_EQ(back_off.Take("n1", now + 31min), 1s);
  back_off.DropExpired(now + 24h);
  EXPECT_TRUE(back_off.empty());
}

TEST_F(DaemonSetPlanTest, WithoutSurgePodsGoBeforeTheirSuccessorsCome) {
  AddNodes(3);
  for (const char* node : {"n1", "n2", "n3"}) AddPod(std::string("old-") + node, node, "old");
  Roll(2, 0);
  EXPECT_THAT(Rolled().remove, SizeIs(2));
  EXPECT_THAT(Rolled().create, IsEmpty());
}

// What may stay there, but nobody makes anew, is no less out of date.
TEST_F(DaemonSetPlanTest, AnOldPodGoesAlsoFromANodeThatGetsNoNewOne) {
  AddNodes(2);
  AddPod("a", "n1", "new");
  AddPod("b", "n2", "old");
  auto tainted = std::make_shared<Node>(*nodes_[1]);
  auto& taint = tainted->spec.taints.emplace_back();
  taint.key = "k";
  taint.effect = "NoSchedule";
  nodes_[1] = tainted;
  EXPECT_THAT(Manage().remove, IsEmpty());
  EXPECT_THAT(Names(Rolled().remove), ElementsAre("b"));
}

TEST_F(DaemonSetPlanTest, BothLimitsZeroAllowOneUnavailable) {
  AddNodes(2);
  for (const char* node : {"n1", "n2"}) AddPod(std::string("old-") + node, node, "old");
  Roll(0, 0);
  EXPECT_THAT(Rolled().remove, SizeIs(1));
}

TEST_F(DaemonSetPlanTest, WithSurgeNoPodGoesBeforeItsSuccessorIsAvailable) {
  AddNodes(3);
  for (const char* node : {"n1", "n2", "n3"}) AddPod(std::string("old-") + node, node, "old");
  Roll(0, 1);
  EXPECT_THAT(Rolled().remove, IsEmpty());
  EXPECT_THAT(Rolled().create, ElementsAre("n1"));

  AddPod("new-n1", "n1", "new", /*ready=*/false);
  EXPECT_THAT(Manage().remove, IsEmpty()) << "the two of n1 may stay";
  EXPECT_THAT(Rolled().remove, IsEmpty());
  EXPECT_THAT(Rolled().create, IsEmpty()) << "the surge is used up";

  pods_.pop_back();
  AddPod("new-n1", "n1", "new");
  EXPECT_THAT(Names(Manage().remove), ElementsAre("old-n1"));
  const Rolling rolling = Rolled();
  EXPECT_THAT(Names(rolling.remove), ElementsAre("old-n1"));
  EXPECT_THAT(rolling.create, ElementsAre("n2"));
}

TEST_F(DaemonSetPlanTest, WithSurgeAnOldPodThatServesNobodyIsReplacedFreely) {
  AddNodes(3);
  AddPod("a", "n1", "old", /*ready=*/false);
  AddPod("b", "n2", "old", /*ready=*/false);
  AddPod("c", "n3", "old");
  Roll(0, 1);
  EXPECT_THAT(Rolled().create, ElementsAre("n1", "n2", "n3"));
  AddPod("a2", "n1", "new", /*ready=*/false);
  EXPECT_THAT(Names(Manage().remove), ElementsAre("a")) << "it is not ready";
}

TEST_F(DaemonSetPlanTest, PodsOfNodesThatAreGoneGoBeforeTheyAreScheduled) {
  Pod& pod = AddPod("a", "", "new");
  pod.spec.node_name.clear();
  core_v1::PodTemplateSpec meant = TemplateFor({}, "gone");
  pod.spec.affinity = meant.spec.affinity;
  EXPECT_THAT(Names(Manage().remove), ElementsAre("a"));
}

// As one that somebody made for himself, with the labels of the set.
TEST_F(DaemonSetPlanTest, APodThatIsMeantForNoNodeWaitsUntilItHasOne) {
  AddNodes(1);
  AddPod("a", "", "new");
  EXPECT_THAT(Manage().remove, IsEmpty());
  EXPECT_THAT(Manage().create, ElementsAre("n1"));
}

// Else all DaemonSets would be looked at as often as any node says that it is alive.
TEST(DaemonSetNodesTest, OnlyLabelsAndTaintsOfANodeDecide) {
  Node before;
  before.metadata.uid = "u";
  Node now = before;
  now.status.conditions.emplace_back().type = "Ready";
  now.metadata.annotations["a"] = "b";
  EXPECT_TRUE(DecidedAlike(before, now));
  now.metadata.labels["disk"] = "ssd";
  EXPECT_FALSE(DecidedAlike(before, now));
  now = before;
  now.spec.taints.emplace_back().key = "t";
  EXPECT_FALSE(DecidedAlike(before, now));
  now = before;
  now.metadata.uid = "another";
  EXPECT_FALSE(DecidedAlike(before, now));
}

}  // namespace
}  // namespace skiff::daemon
