#include "api/rules/pods/pod_resources.h"

#include <gtest/gtest.h>

#include <ctime>
#include <string>

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

const ResourceList& RequestsIn(const core_v1::ResourceRequirements& resources) {
  return resources.requests;
}

void AddInit(core_v1::Pod& pod, const ResourceList& requests, const char* restart_policy) {
  auto& init = pod.spec.init_containers.emplace_back();
  init.resources.requests = requests;
  if (*restart_policy != '\0') init.restart_policy = restart_policy;
}

TEST(AggregateContainersTest, AnInitContainerRunsBesideTheSidecarsBeforeIt) {
  core_v1::Pod pod = PodWith("1");
  AddInit(pod, {{"cpu", Amount("2")}, {"a.b/c", Amount("5")}}, "");
  AddInit(pod, {{"cpu", Amount("1")}, {"d.e/f", Amount("2")}}, "Always");
  AddInit(pod, {{"cpu", Amount("3")}}, "");
  AddInit(pod, {{"a.b/c", Amount("1")}}, "Always");
  const ResourceList wanted = {
      {"cpu", Amount("4")}, {"a.b/c", Amount("5")}, {"d.e/f", Amount("2")}};
  EXPECT_EQ(AggregateContainers(pod.spec, &RequestsIn), wanted);
}

TEST(AggregateContainersTest, IsBoundedInTime) {
  core_v1::Pod pod = PodWith("1");
  ResourceList many;
  for (int i = 0; i < 30'000; ++i) many["a.b/c" + std::to_string(i)] = Amount("1");
  AddInit(pod, many, "Always");
  for (int i = 0; i < 20'000; ++i) AddInit(pod, {}, i % 2 == 0 ? "Always" : "");
  const std::clock_t begin = std::clock();
  EXPECT_EQ(AggregateContainers(pod.spec, &RequestsIn).size(), many.size() + 1);
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 6) << "seconds of processor time";
}

}  // namespace
}  // namespace skiff
