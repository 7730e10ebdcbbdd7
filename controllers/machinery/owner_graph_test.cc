#include "controllers/machinery/owner_graph.h"

#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "api/gen/core_v1.h"

namespace skiff {
namespace {

using NameList = std::vector<std::string>;

const Resource kSets = apps_v1::ReplicaSet::Info();
const Resource kPods = core_v1::Pod::Info();

meta_v1::ObjectMeta Object(const std::string& name, const std::vector<std::string>& owners = {}) {
  meta_v1::ObjectMeta object;
  object.name = name;
  object.uid = name;
  object.namespace_ = "ns";
  for (const std::string& owner : owners) {
    auto& reference = object.owner_references.emplace_back();
    reference.api_version = "apps/v1";
    reference.kind = "ReplicaSet";
    reference.name = owner;
    reference.uid = owner;
    reference.block_owner_deletion = true;
  }
  return object;
}

// As a dependent in its namespace names it.
bool IsKnownGone(const OwnerGraph& graph, const std::string& set) {
  return graph.IsKnownGone(Object("of-it", {set}).owner_references.at(0), "ns");
}

TEST(OwnerGraphTest, DependentsAreCheckedWhenTheirOwnerGoes) {
  OwnerGraph graph;
  EXPECT_EQ(graph.Saw(kSets, Object("set")).check, NameList{});
  EXPECT_EQ(graph.Saw(kPods, Object("pod", {"set"})).check, NameList{});
  EXPECT_EQ(graph.Gone("set").check, NameList{"pod"});
  EXPECT_TRUE(IsKnownGone(graph, "set"));
  EXPECT_EQ(graph.Gone("pod").check, NameList{});
  EXPECT_EQ(graph.size(), 0u);
}

TEST(OwnerGraphTest, AnOwnerIsKnownToBeGoneByAllThatIsSaidOfIt) {
  OwnerGraph graph;
  graph.Saw(kSets, Object("set"));
  graph.Saw(kPods, Object("pod", {"set"}));
  graph.Gone("set");
  const meta_v1::OwnerReference owner = Object("of-it", {"set"}).owner_references.at(0);
  EXPECT_TRUE(graph.IsKnownGone(owner, "ns"));
  EXPECT_FALSE(graph.IsKnownGone(owner, "elsewhere"));
  for (const auto member : {&meta_v1::OwnerReference::api_version, &meta_v1::OwnerReference::kind,
                            &meta_v1::OwnerReference::name, &meta_v1::OwnerReference::uid}) {
    meta_v1::OwnerReference other = owner;
    other.*member += "9";
    EXPECT_FALSE(graph.IsKnownGone(other, "ns")) << other.*member;
  }
}

Resource Views() {
  Resource views;
  views.api_version = "far.io/v1";
  views.kind = "View";
  views.name = "views";
  return views;
}

TEST(OwnerGraphTest, AViewThatAnotherApiServerHasOfAnObjectChangesNothing) {
  OwnerGraph graph;
  graph.SawRemote(Views(), Object("set"));
  graph.Saw(kSets, Object("set"));
  graph.Saw(kPods, Object("pod", {"set"}));
  graph.SawRemote(Views(), Object("set", {"another"}));
  EXPECT_EQ(graph.GoneRemote(Views(), "set").check, NameList{});
  ASSERT_TRUE(graph.Find("set"));
  EXPECT_EQ(graph.Find("set")->resource, kSets);
  EXPECT_TRUE(graph.Find("set")->owners.empty());
  EXPECT_EQ(graph.Gone("set").check, NameList{"pod"});
}

TEST(OwnerGraphTest, WhatAnotherApiServerShowsNoMoreHasToBeAskedFor) {
  OwnerGraph graph;
  graph.SawRemote(Views(), Object("set"));
  graph.Saw(kPods, Object("pod", {"set"}));
  EXPECT_EQ(graph.GoneRemote(Views(), "set").check, NameList{"pod"});
  EXPECT_FALSE(IsKnownGone(graph, "set"));
}

// Each of those would be asked of the server otherwise, once for every dependent.
TEST(OwnerGraphTest, AnOwnerIsKnownToBeGoneHoweverManyDependentsGoAfterIt) {
  OwnerGraph graph;
  graph.Saw(kSets, Object("set"));
  for (int i = 0; i < 2000; ++i) graph.Saw(kPods, Object("pod-" + std::to_string(i), {"set"}));
  graph.Gone("set");
  for (int i = 0; i < 2000; ++i) {
    EXPECT_TRUE(IsKnownGone(graph, "set"));
    graph.Gone("pod-" + std::to_string(i));
  }
  EXPECT_FALSE(IsKnownGone(graph, "pod-0")) << "it had no dependents: nobody asks";
}

TEST(OwnerGraphTest, WhatObjectsOfAKindOwnedIsCheckedWhenTheKindGoes) {
  OwnerGraph graph;
  graph.Saw(kSets, Object("a"));
  graph.Saw(kSets, Object("b"));
  graph.Saw(kPods, Object("of-a", {"a"}));
  graph.Saw(kPods, Object("of-b", {"b"}));
  graph.Saw(kPods, Object("of-nobody-seen", {"c"}));
  EXPECT_EQ(graph.KindGone(kSets).check, (NameList{"of-a", "of-b"}));
  EXPECT_TRUE(IsKnownGone(graph, "a") && IsKnownGone(graph, "b") && !IsKnownGone(graph, "c"));
  EXPECT_TRUE(graph.Find("of-a")) << "what they owned is there until somebody deletes it";
}

TEST(OwnerGraphTest, OnlyDependentsThatNobodyDeletedYetAreCheckedForAForegroundDeletion) {
  OwnerGraph graph;
  graph.Saw(kSets, Object("set"));
  graph.Saw(kPods, Object("leaving", {"set"}));
  graph.Saw(kPods, Object("staying", {"set"}));
  EXPECT_EQ(graph.BlockersOf("set").staying, (NameList{"leaving", "staying"}));
  auto leaving = Object("leaving", {"set"});
  leaving.deletion_timestamp = Time(TimePoint{} + 1s);
  graph.Saw(kPods, leaving);
  EXPECT_EQ(graph.BlockersOf("set").staying, NameList{"staying"});
  EXPECT_TRUE(graph.BlockersOf("set").any);
  graph.Gone("staying");
  EXPECT_EQ(graph.BlockersOf("set").staying, NameList{});
  EXPECT_TRUE(graph.BlockersOf("set").any) << "one is still on its way out";
  graph.Gone("leaving");
  EXPECT_FALSE(graph.BlockersOf("set").any);
}

TEST(OwnerGraphTest, AnOwnerNobodySawIsAskedFor) {
  OwnerGraph graph;
  EXPECT_EQ(graph.Saw(kPods, Object("pod", {"set"})).check, NameList{"set"});
  ASSERT_TRUE(graph.Find("set")->virtual_);
  EXPECT_EQ(graph.Missing("set").check, NameList{"pod"});
  EXPECT_FALSE(IsKnownGone(graph, "set")) << "coordinates can be wrong; only an event is proof";
}

TEST(OwnerGraphTest, AVirtualOwnerThatIsSeenBecomesReal) {
  OwnerGraph graph;
  graph.Saw(kPods, Object("pod", {"set"}));
  EXPECT_EQ(graph.Saw(kSets, Object("set")).check, NameList{});
  EXPECT_FALSE(graph.Find("set")->virtual_);
  EXPECT_EQ(graph.Missing("set").check, NameList{});
  EXPECT_EQ(graph.DependentsOf("set").size(), 1u);
}

TEST(OwnerGraphTest, ForegroundDeletionQueuesDependentsAndThenTheOwner) {
  OwnerGraph graph;
  auto set = Object("set");
  graph.Saw(kSets, set);
  graph.Saw(kPods, Object("pod", {"set"}));
  set.deletion_timestamp = Time(TimePoint(1s));
  set.finalizers = {"foregroundDeletion"};
  EXPECT_EQ(graph.Saw(kSets, set).check, (NameList{"pod", "set"}));
  EXPECT_EQ(graph.Saw(kSets, set).check, NameList{}) << "told once";
  EXPECT_EQ(graph.Gone("pod").check, NameList{"set"});
}

TEST(OwnerGraphTest, OrphaningIsToldOnce) {
  OwnerGraph graph;
  auto set = Object("set");
  set.deletion_timestamp = Time(TimePoint(1s));
  set.finalizers = {"orphan"};
  EXPECT_EQ(graph.Saw(kSets, set).orphan, NameList{"set"});
  EXPECT_EQ(graph.Saw(kSets, set).orphan, NameList{});
}

TEST(OwnerGraphTest, AReferenceAcrossNamespacesIsChecked) {
  OwnerGraph graph;
  graph.Saw(kSets, Object("set"));
  auto pod = Object("pod", {"set"});
  pod.namespace_ = "elsewhere";
  EXPECT_EQ(graph.Saw(kPods, pod).check, NameList{"pod"});
}

TEST(OwnerGraphTest, WhomAnOwnerOfAnotherNamespaceCannotOwnIsTold) {
  OwnerGraph graph;
  graph.Saw(kSets, Object("set"));
  auto elsewhere = Object("pod", {"set"});
  elsewhere.namespace_ = "other";
  auto work = graph.Saw(kPods, elsewhere);
  ASSERT_EQ(work.misplaced.size(), 1u);
  EXPECT_EQ(work.misplaced[0].key.name, "pod");
  EXPECT_EQ(work.misplaced[0].owner.name, "set");
  EXPECT_EQ(graph.Saw(kPods, elsewhere).misplaced.size(), 0u) << "once";
  // The owner comes after it.
  OwnerGraph later;
  EXPECT_EQ(later.Saw(kPods, elsewhere).misplaced.size(), 0u);
  work = later.Saw(kSets, Object("set"));
  EXPECT_EQ(work.misplaced.size(), 1u);
  EXPECT_EQ(work.check, NameList{"pod"});
}

TEST(OwnerGraphTest, ADroppedReferenceFreesTheOwner) {
  OwnerGraph graph;
  graph.Saw(kSets, Object("set"));
  graph.Saw(kPods, Object("pod", {"set"}));
  EXPECT_EQ(graph.Saw(kPods, Object("pod")).check, NameList{"set"});
  EXPECT_TRUE(graph.DependentsOf("set").empty());
}

TEST(OwnerGraphTest, AnOwnerThatOneDependentMisplacesStaysTheOthers) {
  OwnerGraph graph;
  auto stray = Object("stray", {"set"});
  stray.namespace_ = "elsewhere";
  graph.Saw(kPods, stray);
  graph.Saw(kPods, Object("pod", {"set"}));
  EXPECT_EQ(graph.Find("set")->key.namespace_, "elsewhere");
  EXPECT_EQ(graph.Missing("set").check, NameList{"stray"});
  EXPECT_EQ(graph.Find("set")->key.namespace_, "ns");
  graph.Gone("stray");
  graph.Saw(kSets, Object("set"));
  EXPECT_EQ(graph.Gone("set").check, NameList{"pod"});
}

TEST(OwnerGraphTest, AnOwnerWithoutANamespaceIsTheSameToDependentsOfAll) {
  OwnerGraph graph;
  auto other = Object("other", {"set"});
  other.namespace_ = "elsewhere";
  graph.Saw(kPods, other);
  graph.Saw(kPods, Object("pod", {"set"}));
  EXPECT_EQ(graph.Missing("set", /*namespaced=*/false).check, (NameList{"other", "pod"}));
  EXPECT_FALSE(graph.Find("set").has_value());
}

// One by one these would be compared ten billion times, while nothing is heard of other pods.
TEST(OwnerGraphTest, AnObjectMayNameAHundredThousandOwners) {
  OwnerGraph graph;
  std::vector<std::string> owners;
  for (int i = 0; i < 100'000; ++i) owners.push_back("set-" + std::to_string(i));
  EXPECT_EQ(graph.Saw(kPods, Object("pod", owners)).check.size(), owners.size());
  const std::string dropped = owners.front();
  owners.erase(owners.begin());
  owners.push_back("another");
  EXPECT_EQ(graph.Saw(kPods, Object("pod", owners)).check, (NameList{dropped, "another"}));
  EXPECT_TRUE(graph.HasDependents("another"));
  EXPECT_FALSE(graph.HasDependents(dropped));
}

}  // namespace
}  // namespace skiff
