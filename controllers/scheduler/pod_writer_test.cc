#include "controllers/scheduler/pod_writer.h"

#include <gtest/gtest.h>

#include "controllers/scheduler/scheduling_fixture.h"

namespace skiff::scheduler {
namespace {

const TimePoint kNow{1'700'000'000s};

TEST(PodWriterTest, AnUnplacedPodSaysWhyAndWhatItWaitsFor) {
  const auto pod = PodOf("p", 1, "1");
  const Json patch = UnplacedPatch(*pod->pod, {"Unschedulable", "no room", "node1"}, kNow);
  EXPECT_EQ(patch.at("metadata").at("uid"), "p");
  EXPECT_EQ(patch.at("status").at("nominatedNodeName"), "node1");
  const Json& condition = patch.at("status").at("conditions").at(0);
  EXPECT_EQ(condition.at("type"), "PodScheduled");
  EXPECT_EQ(condition.at("status"), "False");
  EXPECT_EQ(condition.at("reason"), "Unschedulable");
  EXPECT_EQ(condition.at("message"), "no room");
  EXPECT_EQ(condition.at("lastTransitionTime"), "2023-11-14T22:13:20Z");
}

TEST(PodWriterTest, WhatIsSaidAlreadyIsNotWrittenAgain) {
  const auto pod = PodOf("p", 1, "1", [](core_v1::Pod& it) {
    auto& condition = it.status.conditions.emplace_back();
    condition.type = "PodScheduled";
    condition.status = "False";
    condition.reason = "Unschedulable";
    condition.message = "no room";
  });
  EXPECT_TRUE(UnplacedPatch(*pod->pod, {"Unschedulable", "no room", {}}, kNow).is_null());
  const Json other = UnplacedPatch(*pod->pod, {"Unschedulable", "still none", {}}, kNow);
  const Json& condition = other.at("status").at("conditions").at(0);
  EXPECT_FALSE(condition.contains("lastTransitionTime")) << "it was False before";
  EXPECT_FALSE(other.at("status").contains("nominatedNodeName"));
}

TEST(PodWriterTest, ANominationThatEndsIsTakenOutAlone) {
  const auto pod = PodOf("p", 1, "1");
  const Json patch = UnplacedPatch(*pod->pod, {"", "", ""}, kNow);
  EXPECT_TRUE(patch.at("status").at("nominatedNodeName").is_null());
  EXPECT_FALSE(patch.at("status").contains("conditions"));
}

TEST(PodWriterTest, AVictimSaysWhyItGoes) {
  const auto pod = PodOf("p", 1, "1");
  const Json patch = PreemptedPatch(*pod->pod, "default-scheduler", kNow);
  const Json& condition = patch.at("status").at("conditions").at(0);
  EXPECT_EQ(condition.at("type"), "DisruptionTarget");
  EXPECT_EQ(condition.at("status"), "True");
  EXPECT_EQ(condition.at("reason"), "PreemptionByScheduler");
  EXPECT_EQ(condition.at("message"),
            "default-scheduler: preempting to accommodate a higher priority pod");
}

TEST(PodWriterTest, AnEventHoldsAThousandBytes) {
  EXPECT_EQ(EventText(std::string(1024, 'x')), std::string(1024, 'x'));
  EXPECT_EQ(EventText(std::string(1025, 'x')), std::string(1020, 'x') + " ...");
}

}  // namespace
}  // namespace skiff::scheduler
