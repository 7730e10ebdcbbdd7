#include "e2e/simulation/invariants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "e2e/controllers_harness.h"
#include "e2e/harness.h"

namespace skiff {
namespace {

using apps_v1::Deployment;
using apps_v1::ReplicaSet;
using batch_v1::Job;
using core_v1::Pod;
using testing::ElementsAre;
using testing::IsEmpty;

class InvariantsTest : public testing::Test {
 protected:
  InvariantsTest() { cluster_.RunFor(1s); }

  // Pods need a service account, and nobody else does anything.
  static TestCluster::Options Options() {
    TestCluster::Options options;
    options.controllers.controllers = {"serviceaccount-controller"};
    return options;
  }
  // A network that swallows nothing.
  Invariants::Unheard Nothing() {
    const auto no = [](const auto&) { return false; };
    return {no, no, no, [this](const ObjectKey& set) { return set.name == late_set_; },
            [this] { return lists_lag_; }};
  }

  Ptr<Job> AddJob() {
    cluster_.Apply(R"(
apiVersion: batch/v1
kind: Job
metadata: {name: work}
spec:
  completions: 2
  template:
    spec:
      restartPolicy: Never
      containers: [{name: task, image: "task:1"}]
)");
    return cluster_.Get<Job>({"default", "work"});
  }
  void AddPod(const Job& job) {
    Pod pod;
    pod.metadata.name = "work-1";
    pod.metadata.namespace_ = "default";
    pod.spec.restart_policy = "Never";
    auto& container = pod.spec.containers.emplace_back();
    container.name = "task";
    container.image = "task:1";
    EXPECT_TRUE(cluster_.client().CreateOwned(job, std::move(pod)).has_value());
  }
  void Count(int succeeded) {
    cluster_.Edit<Job>(
        {"default", "work"}, [&](Job& it) { it.status.succeeded = succeeded; }, true);
  }

  void AddSet(const std::string& name, int replicas) {
    const auto deployment = cluster_.Get<Deployment>({"default", "web"});
    ReplicaSet set;
    set.metadata.name = name;
    set.metadata.namespace_ = "default";
    set.spec.replicas = replicas;
    set.spec.selector.Ensure().match_labels["app"] = "web";
    FillTemplate(set.spec.template_, "web", "image:1");
    EXPECT_TRUE(cluster_.client().CreateOwned(*deployment, std::move(set)).has_value());
  }

  std::string late_set_;
  bool lists_lag_ = false;
  TestCluster cluster_{Options()};
  Invariants invariants_{cluster_.transport(), cluster_.clock(), Nothing()};
};

TEST_F(InvariantsTest, AJobMayCountAPodThatChangesLater) {
  AddPod(*AddJob());
  Count(1);
  cluster_.Edit<Pod>({"default", "work-1"}, [](Pod& it) { it.metadata.labels["later"] = "true"; });
  invariants_.Check();
  EXPECT_THAT(invariants_.complaints(), IsEmpty());
}

TEST_F(InvariantsTest, AJobMayCountAPodThatIsGoneBeforeAnybodyLooks) {
  AddPod(*AddJob());
  cluster_.Delete<Pod>({"default", "work-1"}, {.grace_period_s = 0});
  Count(1);
  invariants_.Check();
  EXPECT_THAT(invariants_.complaints(), IsEmpty());
}

TEST_F(InvariantsTest, WhatHappensWhileNobodyWatchesIsSeen) {
  invariants_.Disconnect();
  AddPod(*AddJob());
  cluster_.Delete<Pod>({"default", "work-1"}, {.grace_period_s = 0});
  Count(1);
  invariants_.Check();
  EXPECT_THAT(invariants_.complaints(), IsEmpty());
}

TEST_F(InvariantsTest, AJobMayNotCountMorePodsThanWereMade) {
  AddPod(*AddJob());
  Count(2);
  invariants_.Check();
  EXPECT_THAT(invariants_.complaints(),
              ElementsAre("job work counts 2 succeeded and 0 failed pods of 1 that were made"));
}

// A quarter of its three is rounded up: four.
TEST_F(InvariantsTest, ADeploymentIsHeldToWhatItMayAskForUnlessAListLags) {
  cluster_.Apply(DeploymentOf("web", 3));
  AddSet("web-1", 3);
  lists_lag_ = true;
  AddSet("web-2", 2);
  invariants_.Check();
  EXPECT_THAT(invariants_.complaints(), IsEmpty());
  lists_lag_ = false;
  AddSet("web-3", 0);
  invariants_.Check();
  EXPECT_THAT(invariants_.complaints(), IsEmpty()) << "they were allowed, and are no news";
  AddSet("web-4", 1);
  invariants_.Check();
  EXPECT_THAT(invariants_.complaints(),
              ElementsAre("deployment default/web asks for 6 pods, more than 4"));
}

TEST_F(InvariantsTest, ASetThatWasScaledTooLateIsNotHeldAgainstItsDeployment) {
  cluster_.Apply(DeploymentOf("web", 3));
  AddSet("web-1", 3);
  late_set_ = "web-2";
  AddSet("web-2", 2);
  invariants_.Check();
  EXPECT_THAT(invariants_.complaints(), IsEmpty());
  AddSet("web-3", 2);
  invariants_.Check();
  EXPECT_THAT(invariants_.complaints(),
              ElementsAre("deployment default/web asks for 5 pods, more than 4"));
}

}  // namespace
}  // namespace skiff
