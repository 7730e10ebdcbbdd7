#include "api/rules/pods/pod_resources.h"

#include <gtest/gtest.h>

namespace skiff {
namespace {

Quantity Amount(const char* text) {
  return Quantity::Parse(text).value();
}

core_v1::Pod PodWith(const char* cpu) {
  core_v1::Pod pod;
  auto& main = pod.spec.containers.emplace_back();
  main.name = "main";
  main.resources.requests["cpu"] = Amount(cpu);
  pod.status.container_statuses.emplace_back().name = "main";
  return pod;
}

void Runs(core_v1::ContainerStatus& status, const char* with, const char* promised) {
  status.resources.Ensure().requests["cpu"] = Amount(with);
  status.allocated_resources["cpu"] = Amount(promised);
}

TEST(SpecAsRunTest, IsTheSpecWhereNothingIsResized) {
  core_v1::Pod pod = PodWith("2");
  EXPECT_FALSE(SpecAsRun(pod)) << "its node has said nothing";
  Runs(pod.status.container_statuses[0], "2", "2");
  EXPECT_FALSE(SpecAsRun(pod));
  Runs(pod.status.container_statuses[0], "1", "1");
  EXPECT_FALSE(SpecAsRun(pod)) << "on its way up";
}

TEST(SpecAsRunTest, TakesWhatItRunsWithUntilItIsSmaller) {
  core_v1::Pod pod = PodWith("1");
  Runs(pod.status.container_statuses[0], "3", "1");
  pod.status.container_statuses[0].resources->limits["memory"] = Amount("1Gi");
  const auto as_run = SpecAsRun(pod);
  ASSERT_TRUE(as_run);
  EXPECT_EQ(as_run->containers[0].resources.requests.at("cpu"), Amount("3"));
  EXPECT_EQ(as_run->containers[0].resources.limits.at("memory"), Amount("1Gi"));
  Runs(pod.status.container_statuses[0], "1", "4");
  EXPECT_EQ(SpecAsRun(pod)->containers[0].resources.requests.at("cpu"), Amount("4"));
}

TEST(SpecAsRunTest, WhatTheNodeCanNeverGiveIsNotTaken) {
  core_v1::Pod pod = PodWith("64");
  Runs(pod.status.container_statuses[0], "2", "1");
  auto& condition = pod.status.conditions.emplace_back();
  condition.type = "PodResizePending";
  condition.reason = "Deferred";
  EXPECT_FALSE(SpecAsRun(pod));
  condition.reason = "Infeasible";
  ASSERT_TRUE(SpecAsRun(pod));
  EXPECT_EQ(SpecAsRun(pod)->containers[0].resources.requests.at("cpu"), Amount("2"));
}

TEST(SpecAsRunTest, OfInitContainersSidecarsAreAsked) {
  core_v1::Pod pod = PodWith("1");
  auto& first = pod.spec.init_containers.emplace_back();
  first.name = "first";
  first.resources.requests["cpu"] = Amount("1");
  auto& status = pod.status.init_container_statuses.emplace_back();
  status.name = "first";
  Runs(status, "2", "2");
  EXPECT_FALSE(SpecAsRun(pod)) << "it has ended";
  first.restart_policy = "Always";
  ASSERT_TRUE(SpecAsRun(pod));
  EXPECT_EQ(SpecAsRun(pod)->init_containers[0].resources.requests.at("cpu"), Amount("2"));
}

}  // namespace
}  // namespace skiff
