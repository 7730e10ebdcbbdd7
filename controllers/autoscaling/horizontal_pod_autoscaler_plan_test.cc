#include "controllers/autoscaling/horizontal_pod_autoscaler_plan.h"

#include <gtest/gtest.h>

#include "api/codec/typed.h"
#include "controllers/autoscaling/metrics_api.h"

namespace skiff::autoscaler {
namespace {

using autoscaling_v2::HorizontalPodAutoscalerSpec;
using autoscaling_v2::MetricSpec;

MetricSpec SpecOf(const char* json) {
  return FromJson<MetricSpec>(Json::parse(json)).value();
}

Finding Calls(int32_t replicas, const std::string& name) {
  return {Proposal{replicas, name, {}}, {}};
}

const MetricSpec kCpu = SpecOf(R"({"type": "Resource", "resource": {"name": "cpu",
    "target": {"type": "Utilization", "averageUtilization": 50}}})");
const Unknown kUnknown{"FailedGetPodsMetric", "nobody knows", "failed: nobody knows"};

Usage OnePod(int64_t milli) {
  core_v1::Pod pod;
  pod.metadata.name = "a";
  pod.status.phase = "Running";
  auto& ready = pod.status.conditions.emplace_back();
  ready.type = "Ready";
  ready.status = "True";
  pod.status.start_time = Time(TimePoint(1s));
  auto& container = pod.spec.containers.emplace_back();
  container.name = "main";
  container.resources.requests["cpu"] = Quantity::FromMilli(1000);
  Usage usage;
  usage.pods = {std::make_shared<const core_v1::Pod>(pod)};
  usage.metrics["a"].milli = milli;
  usage.current = 1;
  usage.now = TimePoint(24h);
  return usage;
}

TEST(AutoscalerPlanTest, TheHighestProposalWins) {
  const auto agreed = Agree({Calls(3, "x"), Calls(7, "y"), Calls(5, "z")}, 4);
  EXPECT_EQ(agreed.replicas, 7);
  EXPECT_EQ(agreed.name, "y");
  EXPECT_EQ(agreed.active.reason, "ValidMetricFound");
  EXPECT_EQ(agreed.active.message,
            "the HPA was able to successfully calculate a replica count from y");
  EXPECT_EQ(agreed.statuses.size(), 3u);
}

TEST(AutoscalerPlanTest, WithAMetricUnknownNothingIsMadeSmaller) {
  const auto more = Agree({Calls(7, "y"), {{}, kUnknown}}, 4);
  EXPECT_EQ(more.replicas, 7);
  EXPECT_TRUE(more.active.is_true);
  EXPECT_EQ(more.error,
            "invalid metrics (1 invalid out of 2), first error is: failed: nobody knows");

  const auto fewer = Agree({Calls(3, "y"), {{}, kUnknown}}, 4);
  EXPECT_FALSE(fewer.replicas);
  EXPECT_FALSE(fewer.active.is_true);
  EXPECT_EQ(fewer.active.reason, "FailedGetPodsMetric");
  EXPECT_EQ(fewer.active.message, "the HPA was unable to compute the replica count: nobody knows");
  EXPECT_FALSE(Agree({{{}, kUnknown}}, 4).replicas);
}

TEST(AutoscalerPlanTest, AResourceMetricSaysWhatItFound) {
  Usage usage = OnePod(900);
  usage.resource = "cpu";
  const auto found = FindByResource(kCpu, usage);
  ASSERT_TRUE(found.proposal) << found.unknown.message;
  EXPECT_EQ(found.proposal->replicas, 2);
  EXPECT_EQ(found.proposal->name, "cpu resource utilization (percentage of request)");
  EXPECT_EQ(ToJson(found.proposal->status), Json::parse(R"({"type": "Resource", "resource":
      {"name": "cpu", "current": {"averageUtilization": 90, "averageValue": "900m"}}})"));

  const auto none = FindByResource(kCpu, Fail(Reason::kUnknown, "no metrics returned"));
  EXPECT_EQ(none.unknown.reason, "FailedGetResourceMetric");
  EXPECT_EQ(none.unknown.message,
            "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics "
            "returned");
  EXPECT_EQ(none.unknown.whole,
            "failed to get cpu resource metric value: " + none.unknown.message);
}

TEST(AutoscalerPlanTest, MemoryIsSaidInPowersOf1024) {
  const auto spec = SpecOf(R"({"type": "Resource", "resource": {"name": "memory",
      "target": {"type": "AverageValue", "averageValue": "10Mi"}}})");
  const auto said = [&](int64_t milli) {
    Usage usage = OnePod(milli);
    usage.resource = "memory";
    return FindByResource(spec, usage).proposal->status.resource->current.average_value->Text();
  };
  EXPECT_EQ(said(31'457'280'000), "30Mi");
  EXPECT_EQ(said(1'536'000), "1536");
  EXPECT_EQ(said(2'047'500), "2Ki") << "rounded up";
  EXPECT_EQ(said(1'000'500), "1000500m");
}

TEST(AutoscalerPlanTest, AContainersMetricNamesTheContainer) {
  const auto spec = SpecOf(R"({"type": "ContainerResource", "containerResource": {"name": "cpu",
      "container": "main", "target": {"type": "AverageValue", "averageValue": "300m"}}})");
  Usage usage = OnePod(900);
  usage.resource = "cpu";
  usage.container = "main";
  const auto found = FindByResource(spec, usage);
  ASSERT_TRUE(found.proposal) << found.unknown.message;
  EXPECT_EQ(found.proposal->replicas, 3);
  EXPECT_EQ(found.proposal->name, "cpu resource");
  EXPECT_EQ(found.proposal->status.container_resource->container, "main");
  const auto none = FindByResource(spec, Fail(Reason::kUnknown, "x"));
  EXPECT_EQ(none.unknown.reason, "FailedGetContainerResourceMetric");
  EXPECT_EQ(none.unknown.whole,
            "failed to get main container metric value: failed to get cpu usage: unable to get "
            "metrics for resource cpu: x");
}

TEST(AutoscalerPlanTest, AnObjectsMetricIsJudgedWholeOrByShares) {
  const auto whole = SpecOf(R"({"type": "Object", "object": {"metric": {"name": "hits"},
      "describedObject": {"kind": "Service", "name": "web", "apiVersion": "v1"},
      "target": {"type": "Value", "value": "10"}}})");
  const auto found = FindByObject(whole, OnePod(0), {1, 1}, "default", 25'000);
  EXPECT_EQ(found.proposal->replicas, 3);
  EXPECT_EQ(found.proposal->name, "Service metric hits");
  EXPECT_EQ(found.proposal->status.object->current.value->Text(), "25");
  EXPECT_EQ(found.proposal->status.object->described_object.name, "web");
  const auto none = FindByObject(whole, OnePod(0), {1, 1}, "default", Fail(Reason::kUnknown, "x"));
  EXPECT_EQ(none.unknown.message, "unable to get metric hits: Service on default web/x");

  const auto share = SpecOf(R"({"type": "Object", "object": {"metric": {"name": "hits"},
      "describedObject": {"kind": "Service", "name": "web", "apiVersion": "v1"},
      "target": {"type": "AverageValue", "averageValue": "10"}}})");
  const auto shares = FindByObject(share, OnePod(0), {1, 2}, "default", 45'000);
  EXPECT_EQ(shares.proposal->replicas, 5);
  EXPECT_EQ(shares.proposal->status.object->current.average_value->Text(), "22500m");
  EXPECT_EQ(shares.proposal->status.object->described_object.name, "web");
}

TEST(AutoscalerPlanTest, AnExternalMetricIsNamedWithItsSelector) {
  const auto spec = SpecOf(R"({"type": "External", "external": {"metric": {"name": "queue",
      "selector": {"matchLabels": {"q": "a"}}}, "target": {"type": "AverageValue",
      "averageValue": "10"}}})");
  const auto found = FindByExternal(spec, OnePod(0), {1, 1}, "default", 95'000);
  EXPECT_EQ(found.proposal->replicas, 10);
  EXPECT_EQ(found.proposal->name,
            "external metric queue(&LabelSelector{MatchLabels:map[string]string{q: a,},"
            "MatchExpressions:[]LabelSelectorRequirement{},})");
  const auto none = FindByExternal(spec, OnePod(0), {1, 1}, "ns", Fail(Reason::kUnknown, "x"));
  EXPECT_EQ(none.unknown.reason, "FailedGetExternalMetric");
  EXPECT_TRUE(none.unknown.message.starts_with("unable to get external metric ns/queue/&Label"));
  EXPECT_EQ(GoText({}), "nil");
}

TEST(AutoscalerPlanTest, BeyondItsLimitsATargetNeedsNoMetrics) {
  HorizontalPodAutoscalerSpec spec;
  spec.max_replicas = 5;
  EXPECT_FALSE(WithoutMetrics(spec, 5));
  EXPECT_FALSE(WithoutMetrics(spec, 1));
  EXPECT_EQ(WithoutMetrics(spec, 6)->replicas, 5);
  EXPECT_EQ(WithoutMetrics(spec, 6)->reason, "Current number of replicas above Spec.MaxReplicas");
  EXPECT_EQ(WithoutMetrics(spec, 0)->reason, "") << "switched off";
  spec.min_replicas = 2;
  EXPECT_EQ(WithoutMetrics(spec, 1)->replicas, 2);
  spec.min_replicas = 0;
  EXPECT_FALSE(WithoutMetrics(spec, 0)) << "0 is where it may be";
}

TEST(AutoscalerPlanTest, WhatTheAuthorHasToMendIsCountedApart) {
  using Failure = Outcome::Failure;
  const auto failure_of = [](const Finding& finding) { return OutcomeOf(finding, 1).failure; };
  const MetricSpec object = SpecOf(R"({"type": "Object", "object": {"metric": {"name": "m"},
      "describedObject": {"kind": "Service", "name": "s"}, "target": {"type": "Value"}}})");
  EXPECT_EQ(failure_of(FindByObject(object, OnePod(0), {1, 1}, "ns", 1)), Failure::kSpec);
  const MetricSpec external = SpecOf(R"({"type": "External", "external": {
      "metric": {"name": "m"}, "target": {"type": "Value"}}})");
  EXPECT_EQ(failure_of(FindByExternal(external, OnePod(0), {1, 1}, "ns", 1)), Failure::kSpec);
  const MetricSpec cpu = SpecOf(R"({"type": "Resource", "resource": {"name": "cpu",
      "target": {"type": "Utilization"}}})");
  EXPECT_EQ(failure_of(FindByResource(cpu, OnePod(0))), Failure::kSpec);
  EXPECT_EQ(failure_of(FindNothing(cpu)), Failure::kSpec);
  EXPECT_EQ(failure_of(FindByResource(kCpu, Fail(Reason::kInvalid, "invalid "))),
            Failure::kInternal);
  EXPECT_EQ(failure_of(FindByPods(SpecOf(R"({"type": "Pods", "pods": {"metric": {"name": "m"},
      "target": {"type": "AverageValue", "averageValue": "1"}}})"),
                                  Fail(Reason::kUnknown, "x"))),
            Failure::kInternal);
  EXPECT_EQ(failure_of(Calls(3, "x")), Failure::kNone);
}

TEST(AutoscalerPlanTest, AConditionsTimeIsThatOfItsLastTurn) {
  autoscaling_v2::HorizontalPodAutoscalerStatus status;
  SetCondition(status, "AbleToScale", {true, "A", "a"}, TimePoint(1s));
  SetCondition(status, "ScalingActive", {false, "B", "b"}, TimePoint(2s));
  SetCondition(status, "AbleToScale", {true, "C", "c"}, TimePoint(3s));
  ASSERT_EQ(status.conditions.size(), 2u);
  EXPECT_EQ(status.conditions[0].reason, "C");
  EXPECT_EQ(status.conditions[0].last_transition_time, Time(TimePoint(1s)));
  SetCondition(status, "AbleToScale", {false, "D", "d"}, TimePoint(4s));
  EXPECT_EQ(status.conditions[0].last_transition_time, Time(TimePoint(4s)));
  EXPECT_EQ(status.conditions[0].status, "False");
}

TEST(AutoscalerPlanTest, TolerancesAreTheDefaultOrTheBehavioursOwn) {
  HorizontalPodAutoscalerSpec spec;
  EXPECT_EQ(TolerancesOf(spec, 0.2).up, 0.2);
  spec.behavior.emplace().scale_down.emplace().tolerance = Quantity::Parse("0.05").value();
  EXPECT_EQ(TolerancesOf(spec, 0.2).down, 0.05);
  spec.behavior->scale_down->tolerance = Quantity::Parse("200u").value();
  EXPECT_EQ(TolerancesOf(spec, 0.2).down, 0.0002);
  EXPECT_EQ(TolerancesOf(spec, 0.2).up, 0.2);
}

TEST(MetricsApiTest, APodCountsOnlyWithAllItsContainers) {
  const Json items = Json::parse(R"([
      {"metadata": {"name": "a"}, "timestamp": "2023-11-14T22:13:20Z", "window": "15.5s",
       "containers": [{"name": "x", "usage": {"cpu": "250m", "memory": "1Mi"}},
                      {"name": "y", "usage": {"cpu": "1n"}}]},
      {"metadata": {"name": "b"}, "containers": [{"name": "x", "usage": {}}]},
      {"metadata": {"name": "c"}, "containers": []}, "nonsense", 5])");
  const auto cpu = PodUsageFrom(items, "cpu", "");
  ASSERT_EQ(cpu.size(), 1u);
  EXPECT_EQ(cpu.at("a").milli, 251);
  EXPECT_EQ(cpu.at("a").window, 15500ms);
  EXPECT_EQ(cpu.at("a").at, TimePoint(1'700'000'000s));
  EXPECT_TRUE(PodUsageFrom(items, "memory", "").empty());
  EXPECT_EQ(PodUsageFrom(items, "memory", "x").at("a").milli, 1000LL << 20);
}

TEST(MetricsApiTest, BothVersionsOfCustomMetricsAreRead) {
  const auto metrics = PodMetricsFrom(Json::parse(R"([
      {"describedObject": {"name": "a"}, "value": "5", "windowSeconds": 30},
      {"describedObject": {"name": "b"}, "value": "500m", "window": 20},
      {"describedObject": {"name": "c"}, "value": "1"}, {"describedObject": {"name": "d"}}])"));
  ASSERT_EQ(metrics.size(), 3u);
  EXPECT_EQ(metrics.at("a").milli, 5000);
  EXPECT_EQ(metrics.at("a").window, 30s);
  EXPECT_EQ(metrics.at("b").window, 20s);
  EXPECT_EQ(metrics.at("c").window, 1min);
}

}  // namespace
}  // namespace skiff::autoscaler
