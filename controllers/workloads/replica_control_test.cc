// Counts of pods, kept as they change, say the same as a look at each of them.
#include "controllers/workloads/replica_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec/typed.h"
#include "api/gen/apps_v1.h"
#include "client/transport.h"
#include "controllers/workloads/claim.h"

namespace skiff {
namespace {

using core_v1::Pod;

class ReplicaControlTest : public testing::Test {
 protected:
  ReplicaControlTest() {
    set_.metadata.namespace_ = "default";
    set_.metadata.name = "web";
    set_.metadata.uid = "owner";
    set_.spec.template_.metadata.labels = {{"app", "web"}, {"tier", "front"}};
  }

  // Of the owner unless it is told otherwise.
  static Json PodNamed(const std::string& name, const Json& labels = {{"app", "web"}}) {
    return {{"metadata",
             {{"name", name},
              {"namespace", "default"},
              {"uid", name},
              {"labels", labels},
              {"resourceVersion", "1"},
              {"ownerReferences",
               {{{"kind", "ReplicaSet"}, {"name", "web"}, {"uid", "owner"},
                 {"controller", true}}}}}}};
  }
  static Json Ready(Json pod) {
    pod["status"]["conditions"] = {{{"type", "Ready"}, {"status", "True"}}};
    return pod;
  }
  static Json Drawn(int number, Random& random) {
    Json pod = PodNamed("pod-" + std::to_string(number));
    if (random.Below(2) == 0) pod["metadata"]["labels"]["tier"] = "front";
    if (random.Below(2) == 0) pod = Ready(std::move(pod));
    if (random.Below(4) == 0) pod["metadata"]["deletionTimestamp"] = "2026-11-23T10:00:00Z";
    if (random.Below(4) == 0) pod["status"]["phase"] = "Succeeded";
    if (random.Below(8) == 0) pod["metadata"]["ownerReferences"][0]["uid"] = "another";
    return pod;
  }
  void Change(WatchEvent::Type type, const Json& pod) {
    pods_.cache().Apply({.type = type, .object = RawJson(pod)});
  }

  // As many are wanted as there are, so that nothing is written.
  ReplicaStatus Run() {
    const auto mine = pods_.ControlledBy(set_.metadata);
    std::vector<Ptr<Pod>> active;
    int terminating = 0;
    for (const auto& pod : mine) {
      if (IsActive(*pod)) active.push_back(pod);
      terminating += IsTerminating(*pod) ? 1 : 0;
    }
    const ReplicaOwner owner = Owner(static_cast<int32_t>(active.size()));
    looked_at_ = CountReplicas(owner, active, terminating, clock_.Now());
    return Run(owner);
  }
  ReplicaOwner Owner(int32_t replicas) const {
    return {.kind = apps_v1::ReplicaSet::Info(),
            .metadata = set_.metadata,
            .pod_template = set_.spec.template_,
            .replicas = replicas,
            .min_ready_seconds = set_.spec.min_ready_seconds};
  }
  ReplicaStatus Run(const ReplicaOwner& owner) {
    const auto selector = LabelSelector::FromMap({{"app", "web"}});
    const auto claim = [this]() -> Result<std::vector<Ptr<Pod>>> {
      ++claims_;
      return pods_.ControlledBy(set_.metadata);
    };
    const auto outcome = control_.Run(
        owner, {.selector = selector, .claim = claim, .related = [&] { return *claim(); },
                .failure = {}});
    EXPECT_TRUE(outcome.has_value());
    return outcome->status;
  }

  FakeClock clock_;
  SeededRandom random_{1};
  // Made by a revision of its own, from 10 on.
  static Json Made(int number) {
    Json pod = PodNamed("made-" + std::to_string(number));
    pod["metadata"]["resourceVersion"] = std::to_string(10 + number);
    return pod;
  }

  int deletes_ = 0;
  int made_ = 0;  // Pods; Events are none.
  InProcessTransport transport_{[this](const http::Request& request) {
    deletes_ += request.method == "DELETE" ? 1 : 0;
    const bool makes = request.method == "POST" && request.path.ends_with("/pods");
    const std::string body = makes ? Made(made_++).dump() : "{}";
    return http::Response{.status = 200, .body = body};
  }};
  Client client_{transport_, "test"};
  InformerFactory informers_{{client_, clock_, random_}};
  Manager manager_{{transport_, clock_, random_, informers_, "test"}};
  Informer<Pod> pods_ = manager_.informer<Pod>();
  ReplicaControl control_{manager_, manager_.Recorder("test")};
  apps_v1::ReplicaSet set_;
  ReplicaStatus looked_at_;
  int claims_ = 0;
};

TEST_F(ReplicaControlTest, CountsSayWhatALookAtEachPodSays) {
  for (int round = 0; round < 300; ++round) {
    const int number = static_cast<int>(random_.Below(30));
    const bool goes = random_.Below(3) == 0;
    Change(goes ? WatchEvent::Type::kDeleted : WatchEvent::Type::kModified,
           Drawn(number, random_));
    const ReplicaStatus counted = Run();
    ASSERT_EQ(counted.replicas, looked_at_.replicas) << round;
    ASSERT_EQ(counted.ready, looked_at_.ready) << round;
    ASSERT_EQ(counted.available, looked_at_.available) << round;
    ASSERT_EQ(counted.fully_labeled, looked_at_.fully_labeled) << round;
    ASSERT_EQ(counted.terminating, looked_at_.terminating) << round;
  }
  EXPECT_EQ(claims_, 0) << "nobody looked at each of them";
}

TEST_F(ReplicaControlTest, EachPodIsLookedAtWhereCountsAreNotEnough) {
  Change(WatchEvent::Type::kAdded, PodNamed("mine"));
  Run();
  EXPECT_EQ(claims_, 0);
  Change(WatchEvent::Type::kAdded, PodNamed("relabelled", {{"app", "db"}}));
  Run();
  EXPECT_EQ(claims_, 1) << "it is to be released";
  Change(WatchEvent::Type::kDeleted, PodNamed("relabelled", {{"app", "db"}}));
  Json orphan = PodNamed("orphan");
  orphan["metadata"].erase("ownerReferences");
  Change(WatchEvent::Type::kAdded, orphan);
  Run();
  EXPECT_EQ(claims_, 2) << "it is to be adopted";
  Change(WatchEvent::Type::kDeleted, orphan);
  set_.spec.min_ready_seconds = 10;
  Run();
  EXPECT_EQ(claims_, 3) << "availability comes with time";
}

// Whoever reads its uid may write it into pods of his own namespace.
TEST_F(ReplicaControlTest, PodsOfOtherNamespacesAreNoneOfItsOwn) {
  Change(WatchEvent::Type::kAdded, Ready(PodNamed("mine")));
  for (const char* name : {"first", "second"}) {
    Json foreign = Ready(PodNamed(name));
    foreign["metadata"]["namespace"] = "evil";
    Change(WatchEvent::Type::kAdded, foreign);
  }
  EXPECT_EQ(pods_.ControlledBy(set_.metadata).size(), 1u);
  EXPECT_EQ(Run(Owner(1)).replicas, 1);
  EXPECT_EQ(deletes_, 0);
  const auto foreign = pods_.Get({"evil", "first"});
  ASSERT_NE(foreign, nullptr);
  const auto selector = LabelSelector::FromMap({{"app", "web"}});
  EXPECT_EQ(Classify(set_.metadata, selector, foreign->metadata), Claim::kLeave);
  meta_v1::ObjectMeta unlike = foreign->metadata;
  unlike.labels.clear();
  EXPECT_EQ(Classify(set_.metadata, selector, unlike), Claim::kLeave)
      << "it is not released either";
}

TEST_F(ReplicaControlTest, WhatWasDeletedCountsNoMoreBeforeTheCacheShowsIt) {
  for (const char* name : {"a", "b", "c"}) Change(WatchEvent::Type::kAdded, Ready(PodNamed(name)));
  Run(Owner(1));
  EXPECT_EQ(deletes_, 2);
  const int claims = claims_;
  const ReplicaStatus status = Run(Owner(1));
  EXPECT_EQ(claims_, claims) << "one is left of one that is wanted";
  EXPECT_EQ(deletes_, 2);
  EXPECT_EQ(status.replicas, 1);
  EXPECT_EQ(status.ready, 1);
  EXPECT_EQ(status.terminating, 2);
}

TEST_F(ReplicaControlTest, WhatWasMadeIsNotMadeAgainBeforeTheCacheShowsIt) {
  EXPECT_EQ(Run(Owner(7)).replicas, 0);
  EXPECT_EQ(made_, 7);
  for (int shown = 0; shown <= 7; ++shown) {
    EXPECT_EQ(Run(Owner(7)).replicas, shown) << "of those that it sees";
    EXPECT_EQ(made_, 7) << shown;
    if (shown < 7) Change(WatchEvent::Type::kAdded, Made(shown));
  }
  EXPECT_EQ(claims_, 0) << "nobody looked at each of them";
  Json gone = Made(3);
  gone["metadata"]["resourceVersion"] = "30";
  Change(WatchEvent::Type::kDeleted, gone);
  Run(Owner(7));
  EXPECT_EQ(made_, 8);
}

// Others wait for a cache that lags behind, whatever it shows of one that was made.
TEST_F(ReplicaControlTest, MadeAfterARevisionIsWhatACacheOfItDoesNotShow) {
  PodMemory memory(pods_);
  const auto pod = [](int number) { return FromJson<Pod>(Made(number)).value(); };
  for (int number = 0; number < 3; ++number) memory.Created({"default", "web"}, pod(number));
  EXPECT_EQ(memory.MadeAfter(set_.metadata, 9), 3u);
  EXPECT_EQ(memory.MadeAfter(set_.metadata, 10), 2u);
  EXPECT_EQ(memory.MadeAfter(set_.metadata, 12), 0u);
  meta_v1::ObjectMeta other = set_.metadata;
  other.name = "other";
  EXPECT_EQ(memory.MadeAfter(other, 0), 0u);
  Change(WatchEvent::Type::kAdded, Made(1));
  EXPECT_THAT(memory.Unseen(set_.metadata), testing::ElementsAre(ObjectKey{"default", "made-2"}));
}

// When they show, they wake nobody: the owner that is there is another one.
TEST_F(ReplicaControlTest, WhatWasMadeForAFormerOwnerIsMadeAgainForANewOneOfItsName) {
  Run(Owner(3));
  EXPECT_EQ(made_, 3);
  set_.metadata.uid = "another";
  PodMemory memory(pods_);
  memory.Created({"default", "web"}, FromJson<Pod>(Made(0)).value());
  EXPECT_EQ(memory.MadeAfter(set_.metadata, 0), 0u);
  EXPECT_TRUE(memory.Unseen(set_.metadata).empty());
  Run(Owner(3));
  EXPECT_EQ(made_, 6);
}

}  // namespace
}  // namespace skiff
