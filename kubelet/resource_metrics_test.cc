#include "kubelet/resource_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kubelet/pod_observed.h"

namespace skiff::kubelet {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr TimePoint kMeasured(1'700'000'000s + 250ms);

cri::ContainerStats StatsOf(const std::string& id, const std::string& name) {
  cri::ContainerStats stats;
  stats.id = id;
  stats.metadata.name = name;
  stats.labels = {{kPodNamespaceLabel, "default"}, {kPodNameLabel, "web"}};
  stats.cpu_timestamp = stats.memory_timestamp = kMeasured;
  stats.cpu_usage_core_ns = 2'500'000'000;
  stats.memory_working_set_bytes = 4096;
  return stats;
}

cri::Container Running(const std::string& id) {
  cri::Container container;
  container.id = id;
  container.created_at = TimePoint(1'699'999'000s);
  return container;
}

TEST(ResourceMetricsTest, WhatRunsHasItsAmountsAndTheirTime) {
  const std::string text =
      ResourceMetricsText({.cpu_seconds = 12.5, .memory_bytes = 8192, .at = kMeasured},
                          {Running("1"), Running("2")}, {StatsOf("1", "a"), StatsOf("2", "b")});
  EXPECT_THAT(text, HasSubstr("\ncontainer_cpu_usage_seconds_total{container=\"a\",namespace="
                              "\"default\",pod=\"web\"} 2.5 1700000000250\n"));
  EXPECT_THAT(text, HasSubstr("\ncontainer_memory_working_set_bytes{container=\"b\",namespace="
                              "\"default\",pod=\"web\"} 4096 1700000000250\n"));
  EXPECT_THAT(text, HasSubstr("\ncontainer_start_time_seconds{container=\"a\",namespace="
                              "\"default\",pod=\"web\"} 1699999000\n"));
  EXPECT_THAT(text, HasSubstr("\npod_cpu_usage_seconds_total{namespace=\"default\",pod=\"web\"} 5 "
                              "1700000000250\n"));
  EXPECT_THAT(text, HasSubstr("\npod_memory_working_set_bytes{namespace=\"default\",pod=\"web\"} "
                              "8192 "));
  EXPECT_THAT(text, HasSubstr("\nnode_cpu_usage_seconds_total 12.5 1700000000250\n"));
  EXPECT_THAT(text, HasSubstr("\nnode_memory_working_set_bytes 8192 1700000000250\n"));
  EXPECT_THAT(text, HasSubstr("\nresource_scrape_error 0\n"));
}

TEST(ResourceMetricsTest, SwapIsToldOfWhereTheRuntimeSaysIt) {
  auto swapping = StatsOf("1", "a");
  swapping.swap_timestamp = kMeasured;
  swapping.swap_usage_bytes = 100;
  swapping.swap_available_bytes = 400;
  auto unlimited = StatsOf("2", "b");
  unlimited.swap_timestamp = kMeasured;
  unlimited.swap_usage_bytes = 20;
  const std::string text =
      ResourceMetricsText({.cpu_seconds = 1, .memory_bytes = 1, .swap_bytes = 7, .at = kMeasured},
                          {Running("1"), Running("2")}, {swapping, unlimited});
  const std::string of_pod = "namespace=\"default\",pod=\"web\"}";
  EXPECT_THAT(text, HasSubstr("\ncontainer_swap_usage_bytes{container=\"a\"," + of_pod +
                              " 100 1700000000250\n"));
  EXPECT_THAT(text, HasSubstr("\ncontainer_swap_limit_bytes{container=\"a\"," + of_pod +
                              " 500 1700000000250\n"));
  EXPECT_THAT(text, Not(HasSubstr("container_swap_limit_bytes{container=\"b\"")));
  EXPECT_THAT(text, HasSubstr("\npod_swap_usage_bytes{" + of_pod + " 120 1700000000250\n"));
  EXPECT_THAT(text, HasSubstr("\nnode_swap_usage_bytes 7 1700000000250\n"));
  EXPECT_THAT(ResourceMetricsText({}, {Running("1")}, {StatsOf("1", "a")}), Not(HasSubstr("swap")));
}

TEST(ResourceMetricsTest, WhatHasEndedOrWasNotMeasuredIsLeftOut) {
  auto unmeasured = StatsOf("2", "b");
  unmeasured.memory_working_set_bytes.reset();
  const std::string text = ResourceMetricsText({}, {Running("2")}, {StatsOf("1", "a"), unmeasured});
  EXPECT_THAT(text, Not(HasSubstr("container=")));
  EXPECT_THAT(text, Not(HasSubstr("\nnode_cpu_usage_seconds_total ")));
}

TEST(ResourceMetricsTest, ProcessorsWorkWhenTheyDoNotWait) {
  EXPECT_EQ(CpuSecondsFrom("cpu  100 20 30 9999 888 1 2 47 5 6\ncpu0 1 2 3\n", 100), 2.0);
  EXPECT_EQ(CpuSecondsFrom("cpu  100 20\n", 100), std::nullopt);
  EXPECT_EQ(CpuSecondsFrom("", 100), std::nullopt);
}

}  // namespace
}  // namespace skiff::kubelet
