#include "e2e/simulation/node_laws.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/pod_observed.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Duration kGrace = 300s;

class NodeLawsTest : public testing::Test {
 protected:
  NodeLawsTest() {
    pod_.metadata.name = "kitten-1";
    pod_.metadata.uid = "u1";
    pod_.spec.termination_grace_period_seconds = kGrace / 1s;
    cri::Container& container = containers_.emplace_back();
    container.id = "c1";
    container.state = cri::ContainerState::kRunning;
    container.labels[kubelet::kPodUidLabel] = "u1";
    clock_.Advance(1h);
    laws_.TakePod(pod_, false);
    Pass(1min);
  }
  // Looks at each second of it.
  void Pass(Duration length) {
    for (Duration passed{}; passed < length; passed += 1s) {
      clock_.Advance(1s);
      node_laws_.Look({{"node-1", 1, is_connected_, containers_, stops_begun_}}, true);
    }
  }
  void Delete() {
    pod_.metadata.deletion_timestamp = clock_.Now() + kGrace;
    laws_.TakePod(pod_, false);
  }
  void Force() { laws_.TakePod(pod_, true); }
  void Say(const char* ready) {
    core_v1::Node node;
    node.metadata.name = "node-1";
    auto& condition = node.status.conditions.emplace_back();
    condition.type = "Ready";
    condition.status = ready;
    laws_.TakeNode(node, false);
  }
  void BeginStop() { stops_begun_["c1"] = clock_.Monotonic(); }

  FakeClock clock_;
  std::vector<std::string> complaints_;
  Laws laws_{{[this](std::string text) { complaints_.push_back(std::move(text)); }, clock_,
              [](const auto&) { return false; }, [](const auto&) { return false; }}};
  NodeLaws node_laws_{clock_, laws_};
  core_v1::Pod pod_;
  std::vector<cri::Container> containers_;
  std::map<std::string, Duration> stops_begun_;
  bool is_connected_ = true;
};

TEST_F(NodeLawsTest, WhoStopsAndHearsThatThePodIsGoneMakesHaste) {
  Delete();
  BeginStop();
  Pass(30s);
  is_connected_ = false;
  Pass(5s);
  is_connected_ = true;
  Force();
  Pass(50s);
  EXPECT_THAT(complaints_, IsEmpty());
  Pass(30s);
  EXPECT_THAT(complaints_, ElementsAre(HasSubstr("kitten-1 outlives its grace period")));
}

TEST_F(NodeLawsTest, WhoHearsOnlyThatThePodIsGoneGivesItItsGrace) {
  is_connected_ = false;
  Pass(1s);
  Delete();
  BeginStop();
  Pass(30s);
  Force();
  is_connected_ = true;
  Pass(kGrace + 50s);
  EXPECT_THAT(complaints_, IsEmpty());
  Pass(30s);
  EXPECT_THAT(complaints_, ElementsAre(HasSubstr("kitten-1 outlives its grace period")));
}

TEST_F(NodeLawsTest, SomebodySaysThatANodeIsSilent) {
  Say("True");
  Pass(1min);
  is_connected_ = false;
  Pass(99s);
  EXPECT_THAT(complaints_, IsEmpty());
  Pass(10s);
  EXPECT_THAT(complaints_, ElementsAre("node node-1 is silent, and nobody says that it is"));
}

TEST_F(NodeLawsTest, WhatASilentNodeSaidLongAgoMayArrive) {
  Say("True");
  is_connected_ = false;
  Pass(50s);
  Say("Unknown");
  Pass(5min);
  Say("True");
  Pass(99s);
  EXPECT_THAT(complaints_, IsEmpty());
  Pass(10s);
  EXPECT_THAT(complaints_, ElementsAre("node node-1 is silent, and nobody says that it is"));
}

TEST_F(NodeLawsTest, NoneOutlivesWhatItsDeletionSays) {
  Delete();
  Pass(kGrace + 50s);
  EXPECT_THAT(complaints_, IsEmpty());
  Pass(30s);
  EXPECT_THAT(complaints_, ElementsAre(HasSubstr("kitten-1 outlives its grace period")));
}

TEST_F(NodeLawsTest, AMemberOfAStatefulSetRunsOnce) {
  auto& owner = pod_.metadata.owner_references.emplace_back();
  owner.kind = "StatefulSet";
  owner.uid = "s1";
  owner.controller = true;
  laws_.TakePod(pod_, false);
  core_v1::Pod next = pod_;
  next.metadata.uid = "u2";
  laws_.TakePod(next, false);
  cri::Container& container = containers_.emplace_back(containers_[0]);
  container.id = "c2";
  container.labels[kubelet::kPodUidLabel] = "u2";
  containers_[0].state = cri::ContainerState::kExited;
  Pass(1s);
  EXPECT_THAT(complaints_, IsEmpty()) << "the one before has ended";
  containers_[0].state = cri::ContainerState::kRunning;
  Pass(5s);
  EXPECT_THAT(complaints_,
              ElementsAre("pod kitten-1 of a stateful set runs twice, and on node-1"));
}

}  // namespace
}  // namespace skiff
