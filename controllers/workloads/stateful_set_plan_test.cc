#include "controllers/workloads/stateful_set_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace skiff::stateful {
namespace {

using core_v1::PersistentVolumeClaim;
using core_v1::Pod;
using testing::ElementsAre;
using testing::IsEmpty;

const TimePoint kNow{1'700'000'000s};

class StatefulSetPlanTest : public testing::Test {
 protected:
  StatefulSetPlanTest() {
    set_.metadata.name = "web";
    set_.metadata.namespace_ = "default";
    set_.metadata.uid = "set";
    set_.spec.replicas = 3;
    set_.spec.service_name = "nginx";
    set_.spec.selector.Ensure().match_labels["app"] = "web";
    set_.spec.update_strategy.type = "RollingUpdate";
    set_.spec.update_strategy.rolling_update.Ensure().partition = 0;
  }
  std::shared_ptr<Pod> Add(int ordinal, const std::string& revision = "old") {
    auto pod = std::make_shared<Pod>(NewPod(set_, {}, revision, ordinal));
    pod->metadata.uid = pod->metadata.name;
    pod->status.phase = "Running";
    auto& condition = pod->status.conditions.emplace_back();
    condition.type = "Ready";
    condition.status = "True";
    condition.last_transition_time = Time(kNow - 10s);
    pods_[ordinal] = pod;
    return pod;
  }
  static void Leave(Pod& pod) { pod.metadata.deletion_timestamp = Time(kNow); }
  static void Break(Pod& pod) { pod.status.conditions[0].status = "False"; }
  Input In() const {
    Pods pods;
    for (const auto& [ordinal, pod] : pods_) pods.push_back(pod);
    return {set_, pods, "old", update_, kNow, uses_max_unavailable_};
  }
  Plan PlanNow() const { return PlanOf(In()); }
  static std::vector<std::string> Names(const Pods& pods) {
    std::vector<std::string> names;
    for (const auto& pod : pods) names.push_back(pod->metadata.name);
    return names;
  }

  apps_v1::StatefulSet set_;
  std::map<int, std::shared_ptr<Pod>> pods_;
  std::string update_ = "old";
  bool uses_max_unavailable_ = false;
};

TEST_F(StatefulSetPlanTest, NamesAreOfTheSetAndItsOrdinals) {
  EXPECT_EQ(OrdinalOf(set_, "web-12"), 12);
  for (const char* other : {"web", "web-", "web-01", "web-x", "webs-1", "web-1-2", "web--1"}) {
    EXPECT_EQ(OrdinalOf(set_, other), std::nullopt) << other;
  }
}

TEST_F(StatefulSetPlanTest, InOrderEachWaitsForTheOneBeforeIt) {
  EXPECT_THAT(PlanNow().create, ElementsAre(0));
  Break(*Add(0));
  EXPECT_THAT(PlanNow().create, IsEmpty());
  Add(0);
  EXPECT_THAT(PlanNow().create, ElementsAre(1));
  Leave(*Add(0));
  EXPECT_THAT(PlanNow().create, IsEmpty()) << "it comes back first";
}

TEST_F(StatefulSetPlanTest, InParallelNobodyWaits) {
  set_.spec.pod_management_policy = "Parallel";
  Break(*Add(1));
  EXPECT_THAT(PlanNow().create, ElementsAre(0, 2));
}

// As one that ended and that a finalizer holds.
TEST_F(StatefulSetPlanTest, InParallelWhatIsMadeOrHeldKeepsNobodyFromGoing) {
  set_.spec.pod_management_policy = "Parallel";
  for (int ordinal : {1, 2, 3}) Add(ordinal);
  Plan plan = PlanNow();
  EXPECT_THAT(plan.create, ElementsAre(0));
  EXPECT_THAT(Names(plan.remove), ElementsAre("web-3"));
  Leave(*Add(0));
  pods_[0]->status.phase = "Failed";
  update_ = "new";
  plan = PlanNow();
  EXPECT_THAT(plan.create, IsEmpty());
  EXPECT_THAT(Names(plan.remove), ElementsAre("web-3", "web-2")) << "the update goes on as well";
}

TEST_F(StatefulSetPlanTest, InParallelAnUpdateWaitsForWhatIsMade) {
  set_.spec.pod_management_policy = "Parallel";
  update_ = "new";
  for (int ordinal : {0, 1}) Add(ordinal);
  EXPECT_THAT(PlanNow().create, ElementsAre(2));
  EXPECT_THAT(PlanNow().remove, IsEmpty());
  Add(2)->status.phase = "Failed";
  EXPECT_THAT(Names(PlanNow().remove), ElementsAre("web-2")) << "once";
}

TEST_F(StatefulSetPlanTest, AnyNumberMayBeAskedForAndABatchIsMade) {
  set_.spec.pod_management_policy = "Parallel";
  set_.spec.replicas = 2'000'000'000;
  Add(1'999'999'999)->status.phase = "Failed";
  const Plan plan = PlanNow();
  EXPECT_EQ(plan.create.size(), kCreatesMax);
  EXPECT_EQ(plan.create.back(), static_cast<int>(kCreatesMax) - 1);
  EXPECT_THAT(Names(plan.remove), ElementsAre("web-1999999999")) << "a batch hides nobody";
}

TEST_F(StatefulSetPlanTest, OrdinalsEndWhereNamesCanNoLongerBeRead) {
  constexpr int kLast = std::numeric_limits<int>::max();
  set_.spec.pod_management_policy = "Parallel";
  set_.spec.ordinals.Ensure().start = kLast - 1;
  set_.spec.replicas = kLast;
  EXPECT_THAT(PlanNow().create, ElementsAre(kLast - 1, kLast));
  Add(kLast);
  Add(0);
  EXPECT_THAT(PlanNow().create, ElementsAre(kLast - 1));
  EXPECT_TRUE(IsWanted(set_, kLast));
  EXPECT_FALSE(IsWanted(set_, 0));
  set_.spec.update_strategy.rolling_update->partition = kLast;
  EXPECT_TRUE(IsMadeOfCurrent(set_, kLast)) << "it is below the partition";
}

TEST_F(StatefulSetPlanTest, AClaimIsKnownByItsName) {
  set_.spec.volume_claim_templates.emplace_back().metadata.name = "data";
  set_.spec.volume_claim_templates.emplace_back().metadata.name = "data-web";
  for (const char* mine : {"data-web-0", "data-web-12", "data-web-web-3"}) {
    EXPECT_TRUE(NamesClaim(set_, mine)) << mine;
  }
  for (const char* other : {"data-web-", "data-web-x", "log-web-0", "data-webs-0", "data", ""}) {
    EXPECT_FALSE(NamesClaim(set_, other)) << other;
  }
}

TEST_F(StatefulSetPlanTest, MinReadySecondsCount) {
  set_.spec.min_ready_seconds = 30;
  Add(0);
  EXPECT_THAT(PlanNow().create, IsEmpty());
  set_.spec.min_ready_seconds = 10;
  EXPECT_THAT(PlanNow().create, ElementsAre(1));
}

TEST_F(StatefulSetPlanTest, OrdinalsMayStartElsewhere) {
  set_.spec.ordinals.Ensure().start = 5;
  EXPECT_THAT(PlanNow().create, ElementsAre(5));
  Add(0);
  for (int ordinal : {5, 6, 7}) Add(ordinal);
  EXPECT_THAT(Names(PlanNow().remove), ElementsAre("web-0"));
}

TEST_F(StatefulSetPlanTest, FinishedPodsAreReplaced) {
  Add(0)->status.phase = "Failed";
  const Plan plan = PlanNow();
  EXPECT_THAT(Names(plan.remove), ElementsAre("web-0"));
  EXPECT_THAT(plan.create, IsEmpty());
}

TEST_F(StatefulSetPlanTest, TheHighestGoesFirstAndOneAtATime) {
  set_.spec.replicas = 1;
  for (int ordinal : {0, 1, 2}) Add(ordinal);
  EXPECT_THAT(Names(PlanNow().remove), ElementsAre("web-2"));
  Leave(*pods_[2]);
  EXPECT_THAT(PlanNow().remove, IsEmpty());
  set_.spec.pod_management_policy = "Parallel";
  EXPECT_THAT(Names(PlanNow().remove), ElementsAre("web-1"));
}

TEST_F(StatefulSetPlanTest, NoneGoesWhileALowerOneIsIll) {
  set_.spec.replicas = 1;
  for (int ordinal : {0, 1, 2}) Add(ordinal);
  Break(*pods_[2]);
  EXPECT_THAT(Names(PlanNow().remove), ElementsAre("web-2")) << "it is the ill one itself";
  Break(*pods_[1]);
  EXPECT_THAT(PlanNow().remove, IsEmpty());
}

TEST_F(StatefulSetPlanTest, OneThatIsReadyForTooShortATimeMayGoBeforeAllOthers) {
  set_.spec.replicas = 1;
  for (int ordinal : {0, 1, 2}) Add(ordinal);
  set_.spec.min_ready_seconds = 5;
  pods_[2]->status.conditions[0].last_transition_time = Time(kNow - 1s);
  EXPECT_THAT(Names(PlanNow().remove), ElementsAre("web-2"));
  pods_[1]->status.conditions[0].last_transition_time = Time(kNow - 1s);
  EXPECT_THAT(PlanNow().remove, IsEmpty()) << "nor is the one below";
}

TEST_F(StatefulSetPlanTest, UpdatesGoDownToThePartition) {
  for (int ordinal : {0, 1, 2}) Add(ordinal);
  update_ = "new";
  EXPECT_THAT(Names(PlanNow().remove), ElementsAre("web-2"));
  Add(2, "new");
  EXPECT_THAT(Names(PlanNow().remove), ElementsAre("web-1"));
  set_.spec.update_strategy.rolling_update->partition = 2;
  EXPECT_THAT(PlanNow().remove, IsEmpty());
  EXPECT_TRUE(IsMadeOfCurrent(set_, 1));
  EXPECT_FALSE(IsMadeOfCurrent(set_, 2));
}

TEST_F(StatefulSetPlanTest, AsManyGoAtOnceAsMayBeUnavailableWhereThatIsLookedAt) {
  set_.spec.replicas = 5;
  set_.spec.pod_management_policy = "Parallel";
  set_.spec.update_strategy.rolling_update->max_unavailable = IntOrString(3);
  for (int ordinal = 0; ordinal < 5; ++ordinal) Add(ordinal);
  update_ = "new";
  EXPECT_THAT(Names(PlanNow().remove), ElementsAre("web-4"));
  uses_max_unavailable_ = true;
  EXPECT_THAT(Names(PlanNow().remove), ElementsAre("web-4", "web-3", "web-2"));
  Break(*Add(0));
  EXPECT_THAT(Names(PlanNow().remove), ElementsAre("web-4", "web-3")) << "one is ill already";
  pods_.erase(1);
  EXPECT_THAT(Names(PlanNow().remove), ElementsAre("web-4")) << "and one is to be made";
  Add(1, "new");
  Leave(*Add(4));
  Add(3, "new");
  EXPECT_THAT(Names(PlanNow().remove), ElementsAre("web-2")) << "the ill one is not the next";
  set_.spec.update_strategy.rolling_update->partition = 3;
  EXPECT_THAT(Names(PlanNow().remove), IsEmpty());
}

TEST_F(StatefulSetPlanTest, AShareOfUnavailablePodsIsRoundedDownButToNoLessThanOne) {
  set_.spec.replicas = 5;
  uses_max_unavailable_ = true;
  for (int ordinal = 0; ordinal < 5; ++ordinal) Add(ordinal);
  update_ = "new";
  auto& rolling = *set_.spec.update_strategy.rolling_update;
  for (const auto& [share, count] :
       {std::pair("10%", 1), std::pair("59%", 2), std::pair("100%", 5)}) {
    rolling.max_unavailable = IntOrString(std::string(share));
    EXPECT_EQ(PlanNow().remove.size(), static_cast<size_t>(count)) << share;
  }
  rolling.max_unavailable.reset();
  EXPECT_EQ(PlanNow().remove.size(), 1u);
}

TEST_F(StatefulSetPlanTest, OnDeleteLeavesPodsAloneAndMakesNewOnesOfTheUpdate) {
  for (int ordinal : {0, 1, 2}) Add(ordinal);
  update_ = "new";
  set_.spec.update_strategy.type = "OnDelete";
  EXPECT_THAT(PlanNow().remove, IsEmpty());
  EXPECT_FALSE(IsMadeOfCurrent(set_, 0));
}

TEST_F(StatefulSetPlanTest, AnUpdateWaitsForThePodItMadeLast) {
  set_.spec.pod_management_policy = "Parallel";
  for (int ordinal : {0, 1}) Add(ordinal);
  Break(*Add(2, "new"));
  update_ = "new";
  EXPECT_THAT(PlanNow().remove, IsEmpty());
}

TEST_F(StatefulSetPlanTest, TheStatusCountsByRevisionAndEndsTheUpdate) {
  Add(0);
  Leave(*Add(1));
  Break(*Add(2, "new"));
  update_ = "new";
  auto status = StatusOf(In());
  EXPECT_EQ(status.replicas, 3);
  EXPECT_EQ(status.ready_replicas, 2);
  EXPECT_EQ(status.current_replicas, 1);
  EXPECT_EQ(status.updated_replicas, 1);
  EXPECT_EQ(status.current_revision, "old");
  for (int ordinal : {0, 1, 2}) Add(ordinal, "new");
  status = StatusOf(In());
  EXPECT_EQ(status.current_revision, "new");
  EXPECT_EQ(status.current_replicas, 3);
}

TEST_F(StatefulSetPlanTest, APodKnowsItsNameItsServiceAndItsClaims) {
  auto& claim = set_.spec.volume_claim_templates.emplace_back();
  claim.metadata.name = "data";
  core_v1::PodTemplateSpec pod_template;
  pod_template.spec.volumes.emplace_back().name = "data";
  pod_template.spec.volumes.emplace_back().name = "other";
  const Pod pod = NewPod(set_, pod_template, "web-abc", 1);
  EXPECT_EQ(pod.metadata.name, "web-1");
  EXPECT_EQ(pod.metadata.generate_name, "web-");
  EXPECT_EQ(pod.spec.hostname, "web-1");
  EXPECT_EQ(pod.spec.subdomain, "nginx");
  EXPECT_EQ(pod.metadata.labels.at("statefulset.kubernetes.io/pod-name"), "web-1");
  EXPECT_EQ(pod.metadata.labels.at("apps.kubernetes.io/pod-index"), "1");
  EXPECT_EQ(pod.metadata.labels.at("controller-revision-hash"), "web-abc");
  ASSERT_EQ(pod.spec.volumes.size(), 2u);
  EXPECT_EQ(pod.spec.volumes[0].persistent_volume_claim->claim_name, "data-web-1");
  const auto claims = ClaimsOf(set_, 1);
  ASSERT_EQ(claims.size(), 1u);
  EXPECT_EQ(claims[0].metadata.name, "data-web-1");
  EXPECT_EQ(claims[0].metadata.labels.at("app"), "web");
}

}  // namespace
}  // namespace skiff::stateful
