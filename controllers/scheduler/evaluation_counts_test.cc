#include "controllers/scheduler/evaluation_counts.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "controllers/scheduler/cycle.h"
#include "controllers/scheduler/scheduling_fixture.h"

namespace skiff::scheduler {
namespace {

TEST(EvaluationCountsTest, WhatRulesAreAskedIsCountedByPodsAndByNodes) {
  SchedulingFixture cluster;
  cluster.AddNode("a", "4");
  cluster.AddNode("b", "4");
  cluster.AddNode("small", "500m");
  EvaluationCounts counts(cluster.profile);
  Snapshot snapshot = cluster.MakeSnapshot();
  snapshot.evaluations = &counts;
  SeededRandom random{1};
  size_t start = 0;
  Schedule(*PodOf("p", 0, "1"), snapshot, start, random);
  std::vector<Sample> samples;
  counts.AppendTo(samples);
  std::vector<std::string> told;
  for (const Sample& each : samples) {
    EXPECT_EQ(each.labels.at(2), kSchedulerName);
    told.push_back(each.labels[0] + " " + each.labels[1] + " " +
                   std::to_string(static_cast<int>(each.value)));
  }
  EXPECT_EQ(told, (std::vector<std::string>{
                      "NodeResourcesFit PreFilter 1", "NodeResourcesFit Filter 3",
                      "NodeResourcesFit PreScore 1", "NodeResourcesBalancedAllocation PreScore 1",
                      "NodeResourcesFit Score 2", "NodeResourcesBalancedAllocation Score 2"}));
}

}  // namespace
}  // namespace skiff::scheduler
