#include "controllers/scheduler/pod_resource_metrics.h"

#include <gtest/gtest.h>

namespace skiff::scheduler {
namespace {

using LabelTexts = std::vector<std::string>;

TEST(PodResourceMetricsTest, WhatPodsThatHaveNotEndedAskForIsTold) {
  auto pod = std::make_shared<core_v1::Pod>();
  pod->metadata.namespace_ = "default";
  pod->metadata.name = "p";
  pod->spec.node_name = "n";
  pod->spec.scheduler_name = "default-scheduler";
  pod->spec.priority = 7;
  auto& requests = pod->spec.containers.emplace_back().resources.requests;
  requests["cpu"] = Quantity::Parse("1500m").value();
  requests["memory"] = Quantity::Parse("0").value();
  requests["hugepages-2Mi"] = Quantity::Parse("4Mi").value();
  requests["example.com/gpu"] = Quantity::Parse("2").value();
  const auto samples = PodResourceSamples({pod}, &PodRequests);
  ASSERT_EQ(samples.size(), 3u);
  EXPECT_EQ(samples[0].labels,
            (LabelTexts{"default", "p", "n", "default-scheduler", "7", "cpu", "cores"}));
  EXPECT_EQ(samples[0].value, 1.5);
  EXPECT_EQ(samples[1].labels[5], "example.com/gpu");
  EXPECT_EQ(samples[1].labels[6], "");
  EXPECT_EQ(samples[2].labels[6], "bytes");
  EXPECT_EQ(samples[2].value, 4 << 20);
  pod->status.phase = "Succeeded";
  EXPECT_TRUE(PodResourceSamples({pod}, &PodRequests).empty());
}

}  // namespace
}  // namespace skiff::scheduler
