#include "controllers/workloads/rollout.h"

#include <gtest/gtest.h>

#include <limits>

#include "controllers/workloads/deployment_annotations.h"
#include "controllers/workloads/deployment_status.h"

namespace skiff::rollout {
namespace {

Deployment DeploymentOf(int replicas, IntOrString surge, IntOrString unavailable) {
  Deployment deployment;
  deployment.metadata.name = "web";
  deployment.metadata.uid = "d";
  deployment.spec.replicas = replicas;
  deployment.spec.strategy.type = "RollingUpdate";
  auto& update = deployment.spec.strategy.rolling_update.Ensure();
  update.max_surge = surge;
  update.max_unavailable = unavailable;
  return deployment;
}

Ptr<ReplicaSet> SetOf(const std::string& name, int size, int available, int age,
                      std::optional<int> max = std::nullopt) {
  auto set = std::make_shared<ReplicaSet>();
  set->metadata.name = name;
  set->metadata.uid = name;
  set->metadata.creation_timestamp = TimePoint(std::chrono::seconds(1'700'000'000 - age));
  set->spec.replicas = size;
  set->status.replicas = size;
  set->status.available_replicas = available;
  if (max) SetReplicasAnnotations(*set, *max, *max);
  return set;
}

Split SplitOf(Ptr<ReplicaSet> current, Sets old) {
  Split split{current, old, old};
  if (current) split.all.push_back(current);
  return split;
}

std::map<std::string, int> Sizes(const std::vector<Resize>& resizes) {
  std::map<std::string, int> sizes;
  for (const Resize& resize : resizes) sizes[resize.set->metadata.name] = resize.replicas;
  return sizes;
}

TEST(RolloutTest, PercentagesRoundSurgeUpAndUnavailableDown) {
  const Bounds bounds = BoundsOf(DeploymentOf(10, std::string("25%"), std::string("25%")));
  EXPECT_EQ(bounds.surge, 3);
  EXPECT_EQ(bounds.unavailable, 2);
}

TEST(RolloutTest, BothBoundsZeroAllowOneUnavailable) {
  const Bounds bounds = BoundsOf(DeploymentOf(1, std::string("0%"), std::string("25%")));
  EXPECT_EQ(bounds.surge, 0);
  EXPECT_EQ(bounds.unavailable, 1);
}

TEST(RolloutTest, TheCurrentSetGrowsOnlyAsFarAsTheSurgeAllows) {
  const Deployment deployment = DeploymentOf(10, 2, 0);
  EXPECT_EQ(CurrentSize(deployment, /*total=*/10, /*size=*/0), 2);
  EXPECT_EQ(CurrentSize(deployment, 12, 2), 2);
  EXPECT_EQ(CurrentSize(deployment, 4, 2), 10);
  EXPECT_EQ(CurrentSize(deployment, 14, 12), 10) << "too large: down at once";
}

TEST(RolloutTest, TheLargestNumberOfReplicasIsReached) {
  constexpr int kMost = std::numeric_limits<int32_t>::max();
  const Deployment deployment = DeploymentOf(kMost, std::string("25%"), std::string("25%"));
  EXPECT_EQ(MaxSize(deployment), kMost);
  EXPECT_EQ(CurrentSize(deployment, /*total=*/0, /*size=*/0), kMost);
  EXPECT_EQ(CurrentSize(deployment, /*total=*/int64_t{2} * kMost, /*size=*/5), 5);
  const Split both = SplitOf(SetOf("new", kMost, kMost, 1), {SetOf("old", kMost, kMost, 9)});
  EXPECT_EQ(TotalSpec(both.all), int64_t{2} * kMost);
  EXPECT_EQ(Sizes(ShrinkOld(deployment, both)), (std::map<std::string, int>{{"old", 0}}));
}

TEST(RolloutTest, SetsOfAnySizeShareTheLargestNumberOfReplicas) {
  constexpr int kMost = std::numeric_limits<int32_t>::max();
  const Deployment deployment = DeploymentOf(kMost, std::string("25%"), std::string("25%"));
  const auto sizes =
      Sizes(Scale(deployment, SplitOf(SetOf("new", 3, 3, 1, 4), {SetOf("old", 1, 1, 9, 4)})));
  EXPECT_EQ(int64_t{sizes.at("new")} + sizes.at("old"), kMost);
  const auto less = Sizes(Scale(DeploymentOf(4, 0, 1), SplitOf(SetOf("new", kMost, 1, 1, kMost),
                                                              {SetOf("old", kMost, 1, 9, kMost)})));
  EXPECT_EQ(less.at("new") + less.at("old"), 4);
}

TEST(RolloutTest, OldSetsShrinkOnlyAsFarAsEnoughStaysAvailable) {
  const Deployment deployment = DeploymentOf(10, 3, 2);
  // 10 old available, 3 new not yet: 8 must stay available.
  const auto sizes =
      Sizes(ShrinkOld(deployment, SplitOf(SetOf("new", 3, 0, 1), {SetOf("old", 10, 10, 9)})));
  EXPECT_EQ(sizes, (std::map<std::string, int>{{"old", 8}}));
}

TEST(RolloutTest, OldPodsThatDoNotWorkGoFirst) {
  const Deployment deployment = DeploymentOf(10, 3, 2);
  const auto sizes = Sizes(ShrinkOld(
      deployment, SplitOf(SetOf("new", 3, 3, 1), {SetOf("a", 5, 5, 9), SetOf("b", 5, 2, 8)})));
  // 10 available, 8 needed: b's three broken pods and two of a's.
  EXPECT_EQ(sizes, (std::map<std::string, int>{{"a", 3}, {"b", 2}}));
}

TEST(RolloutTest, PodsThatAreAboutToGoDoNotCountAsAvailable) {
  const Deployment deployment = DeploymentOf(4, 1, 1);
  // The old set was just made smaller; its status still shows four available.
  const auto sizes =
      Sizes(ShrinkOld(deployment, SplitOf(SetOf("new", 2, 1, 1), {SetOf("old", 3, 4, 9)})));
  EXPECT_EQ(sizes, (std::map<std::string, int>{{"old", 2}}));
}

TEST(RolloutTest, NothingShrinksWhileTheNewOnesAreNotAvailable) {
  const Deployment deployment = DeploymentOf(3, 1, 0);
  EXPECT_TRUE(
      ShrinkOld(deployment, SplitOf(SetOf("new", 1, 0, 1), {SetOf("old", 3, 3, 9)})).empty());
}

TEST(RolloutTest, ScalingInTheMiddleOfARolloutKeepsProportions) {
  Deployment deployment = DeploymentOf(15, 5, 0);
  const auto sizes =
      Sizes(Scale(deployment, SplitOf(SetOf("new", 5, 5, 1, 15), {SetOf("old", 10, 10, 9, 15)})));
  // 20 pods may exist: two thirds of them old.
  EXPECT_EQ(sizes, (std::map<std::string, int>{{"new", 7}, {"old", 13}}));
}

TEST(RolloutTest, WhoSaysNoSizeBeforeHasAShareOfWhatThereIsInAll) {
  Deployment deployment = DeploymentOf(10, 0, 1);
  deployment.status.replicas = 5;
  for (const std::optional<int> said : {std::optional<int>(), std::optional<int>(0)}) {
    const auto sizes = Sizes(
        Scale(deployment, SplitOf(SetOf("new", 2, 2, 1, said), {SetOf("old", 3, 3, 9, said)})));
    EXPECT_EQ(sizes, (std::map<std::string, int>{{"new", 4}, {"old", 6}}));
  }
}

TEST(RolloutTest, ASingleActiveSetTakesTheWholeScale) {
  Deployment deployment = DeploymentOf(7, 1, 0);
  EXPECT_EQ(Sizes(Scale(deployment, SplitOf(SetOf("new", 3, 3, 1, 4), {SetOf("old", 0, 0, 9)}))),
            (std::map<std::string, int>{{"new", 7}}));
}

TEST(RolloutTest, TheHashDependsOnTemplateAndCollisions) {
  core_v1::PodTemplateSpec a;
  a.metadata.labels["app"] = "web";
  const std::string hash = TemplateHash(a, std::nullopt);
  EXPECT_EQ(hash, TemplateHash(a, std::nullopt));
  EXPECT_NE(hash, TemplateHash(a, 1));
  EXPECT_NE(TemplateHash(a, 0), TemplateHash(a, 1));
  EXPECT_EQ(hash.find_first_not_of("456789bcdf"), std::string::npos) << hash;
  core_v1::PodTemplateSpec b = a;
  b.metadata.labels["pod-template-hash"] = "x";
  EXPECT_TRUE(SameTemplate(a, b));
  b.spec.containers.emplace_back().image = "x";
  EXPECT_FALSE(SameTemplate(a, b));
}

TEST(RolloutTest, HistoryBeyondTheLimitGoesOldestRevisionFirst) {
  Deployment deployment = DeploymentOf(1, 1, 0);
  deployment.spec.revision_history_limit = 1;
  Sets old;
  for (int revision = 1; revision <= 3; ++revision) {
    auto set = std::make_shared<ReplicaSet>(*SetOf("r" + std::to_string(revision), 0, 0, 10));
    RaiseRevision(set->metadata, revision);
    old.push_back(set);
  }
  std::swap(old[0], old[2]);
  const Sets outdated = Outdated(deployment, SplitOf(SetOf("new", 1, 1, 1), old));
  ASSERT_EQ(outdated.size(), 2u);
  EXPECT_EQ(outdated[0]->metadata.name, "r1");
  EXPECT_EQ(outdated[1]->metadata.name, "r2");
}

TEST(DeploymentAnnotationsTest, ARaisedRevisionKeepsItsHistory) {
  meta_v1::ObjectMeta set;
  RaiseRevision(set, 1);
  RaiseRevision(set, 4);
  RaiseRevision(set, 9);
  RaiseRevision(set, 3);
  EXPECT_EQ(RevisionOf(set), 9);
  EXPECT_EQ(set.annotations.at(std::string(kRevisionHistory)), "1,4");
}

class DeploymentStatusTest : public testing::Test {
 protected:
  DeploymentStatusTest() { deployment_.spec.progress_deadline_seconds = 600; }
  void Run(Duration after, const Split& sets) {
    deployment_.status = RolloutStatus(deployment_, sets, start_ + after);
  }
  std::string Progressing() const {
    const auto* condition = FindCondition(deployment_.status, "Progressing");
    return condition ? condition->status + " " + condition->reason : "";
  }
  const TimePoint start_{1'700'000'000s};
  Deployment deployment_ = DeploymentOf(2, 1, 0);
};

TEST_F(DeploymentStatusTest, ARolloutThatStallsTimesOutAndOneThatGoesOnDoesNot) {
  Run(0s, SplitOf(SetOf("new", 2, 1, 1), {}));
  EXPECT_EQ(Progressing(), "True ReplicaSetUpdated");
  Run(500s, SplitOf(SetOf("new", 2, 1, 1), {}));
  EXPECT_EQ(Progressing(), "True ReplicaSetUpdated");
  EXPECT_EQ(UntilDeadline(deployment_, deployment_.status, start_ + 500s), Duration(101s));
  Run(601s, SplitOf(SetOf("new", 2, 1, 1), {}));
  EXPECT_EQ(Progressing(), "False ProgressDeadlineExceeded");
  Run(700s, SplitOf(SetOf("new", 2, 2, 1), {}));
  EXPECT_EQ(Progressing(), "True NewReplicaSetAvailable");
  EXPECT_EQ(FindCondition(deployment_.status, "Progressing")->message,
            "ReplicaSet \"new\" has successfully progressed.");
}

TEST_F(DeploymentStatusTest, AvailableFollowsTheMinimum) {
  Run(0s, SplitOf(SetOf("new", 2, 1, 1), {}));
  EXPECT_EQ(FindCondition(deployment_.status, "Available")->status, "False");
  EXPECT_EQ(deployment_.status.unavailable_replicas, 1);
  Run(1s, SplitOf(SetOf("new", 2, 2, 1), {}));
  EXPECT_EQ(FindCondition(deployment_.status, "Available")->reason, "MinimumReplicasAvailable");
}

// Anybody may have written the annotation.
TEST(RolloutTest, AfterTheLastRevisionComesTheSameAgain) {
  auto old = std::make_shared<ReplicaSet>();
  old->metadata.annotations[std::string(kRevision)] = "9223372036854775807";
  EXPECT_EQ(NextRevision({}), 1);
  EXPECT_EQ(NextRevision({old}), std::numeric_limits<int64_t>::max());
  meta_v1::ObjectMeta set;
  RaiseRevision(set, NextRevision({old}));
  EXPECT_EQ(set.annotations.at(std::string(kRevision)), "9223372036854775807");
}

}  // namespace
}  // namespace skiff::rollout
