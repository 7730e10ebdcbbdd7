#include "api/rules/workloads/autoscaler_conversion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec/typed.h"
#include "api/rules/rules_fixture.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using V1 = autoscaling_v1::HorizontalPodAutoscaler;
using V2 = autoscaling_v2::HorizontalPodAutoscaler;

Json AsV1(std::string_view document) {
  return ToJson(AutoscalerToV1(*FromJson<V2>(Parsed(document))));
}
Json AsV2(std::string_view document) {
  return ToJson(AutoscalerToV2(*FromJson<V1>(Parsed(document))));
}
Json Annotation(const Json& document, const std::string& name) {
  const Json annotations = document["metadata"].value("annotations", Json::object());
  return annotations.value("autoscaling.alpha.kubernetes.io/" + name, Json());
}
Json WithAnnotation(const std::string& name, const std::string& value) {
  Json document = Parsed(R"({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
      "spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment",
                                                    "name": "d"}}})");
  document["metadata"]["annotations"]["autoscaling.alpha.kubernetes.io/" + name] = value;
  return document;
}

TEST(AutoscalerConversion, OtherMetricsStandInAnAnnotationInTheOrderOfGosFields) {
  const Json v1 = AsV1(R"({"metadata": {"name": "h"}, "spec": {"metrics": [
      {"type": "Object", "object": {
          "metric": {"name": "rps", "selector": {"matchLabels": {"a": "b"}}},
          "target": {"type": "Value", "value": "2k"},
          "describedObject": {"name": "main", "kind": "Ingress", "apiVersion": "g/v1"}}},
      {"type": "Resource", "resource": {"name": "cpu",
          "target": {"type": "Utilization", "averageUtilization": 50}}},
      {"type": "ContainerResource", "containerResource": {"container": "app", "name": "cpu",
          "target": {"type": "Utilization", "averageUtilization": 60}}},
      {"type": "External", "external": {"target": {"type": "AverageValue", "averageValue": "30"},
          "metric": {"name": "q"}}}]}})");
  EXPECT_EQ(v1["spec"]["targetCPUUtilizationPercentage"], 50);
  EXPECT_EQ(Annotation(v1, "metrics"),
            R"([{"type":"Object","object":{"target":{"kind":"Ingress","name":"main",)"
            R"("apiVersion":"g/v1"},"metricName":"rps","targetValue":"2k",)"
            R"("selector":{"matchLabels":{"a":"b"}}}},)"
            R"({"type":"ContainerResource","containerResource":{"name":"cpu",)"
            R"("targetAverageUtilization":60,"container":"app"}},)"
            R"({"type":"External","external":{"metricName":"q","targetAverageValue":"30"}}])");
}

TEST(AutoscalerConversion, OnlyTheFirstPercentageOfTheCpuStaysInV1) {
  const Json v1 = AsV1(R"({"spec": {"metrics": [
      {"type": "Resource", "resource": {"name": "cpu",
          "target": {"type": "AverageValue", "averageValue": "1"}}},
      {"type": "Resource", "resource": {"name": "cpu",
          "target": {"type": "Utilization", "averageUtilization": 5}}},
      {"type": "Resource", "resource": {"name": "cpu",
          "target": {"type": "Utilization", "averageUtilization": 6}}}]}})");
  EXPECT_EQ(v1["spec"]["targetCPUUtilizationPercentage"], 5);
  EXPECT_EQ(Annotation(v1, "metrics"),
            R"([{"type":"Resource","resource":{"name":"cpu","targetAverageValue":"1"}}])");
}

TEST(AutoscalerConversion, TheBehaviorStandsUnderGosNamesWithWhatIsNil) {
  const Json v1 = AsV1(R"({"spec": {"behavior": {
      "scaleDown": {"selectPolicy": "Max"},
      "scaleUp": {"tolerance": "50m", "stabilizationWindowSeconds": 0,
                  "policies": [{"type": "Pods", "value": 4, "periodSeconds": 15}]}}}})");
  EXPECT_EQ(Annotation(v1, "behavior"),
            R"({"ScaleUp":{"StabilizationWindowSeconds":0,"SelectPolicy":null,)"
            R"("Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15}],"Tolerance":"50m"},)"
            R"("ScaleDown":{"StabilizationWindowSeconds":null,"SelectPolicy":"Max",)"
            R"("Policies":null,"Tolerance":null}})");
}

TEST(AutoscalerConversion, WhatWasMeasuredComesBack) {
  const std::string status = R"({"desiredReplicas": 4, "currentReplicas": 3, "currentMetrics": [
      {"type": "Resource", "resource": {"name": "cpu",
          "current": {"averageUtilization": 42, "averageValue": "100m"}}},
      {"type": "Pods", "pods": {"metric": {"name": "m"}, "current": {"averageValue": "2"}}},
      {"type": "Object", "object": {"metric": {"name": "o"}, "current": {"value": "7"},
          "describedObject": {"kind": "K", "name": "n"}}}],
      "conditions": [{"type": "AbleToScale", "status": "True", "reason": "r",
                      "lastTransitionTime": "2026-01-01T00:00:00Z"}]})";
  const Json v1 = AsV1("{\"status\":" + status + "}");
  EXPECT_EQ(v1["status"], Parsed(R"({"currentReplicas": 3, "desiredReplicas": 4,
                                     "currentCPUUtilizationPercentage": 42})"));
  EXPECT_EQ(Annotation(v1, "conditions"),
            R"([{"type":"AbleToScale","status":"True",)"
            R"("lastTransitionTime":"2026-01-01T00:00:00Z","reason":"r"}])");
  EXPECT_EQ(AsV2(v1.dump())["status"], Parsed(status));
}

// A million metrics fit into a request, three bytes each.
TEST(AutoscalerConversion, AnAnnotationIsNoLongerThanAllOfThemMayBe) {
  const auto metrics_of = [](size_t count) {
    std::string text = "[{}";
    for (size_t i = 1; i < count; ++i) text += ",{}";
    return AsV2(WithAnnotation("metrics", text + "]").dump())["spec"]["metrics"].size();
  };
  EXPECT_EQ(metrics_of(1'000), 1'000u);
  EXPECT_EQ(metrics_of(100'000), 1u);
}

TEST(AutoscalerConversion, V2HasNoAnnotationsOfThese) {
  const Json v2 = AsV2(WithAnnotation("metrics", "[]").dump());
  EXPECT_FALSE(v2["metadata"].contains("annotations"));
  Json document = WithAnnotation("conditions", "[]");
  document["apiVersion"] = "autoscaling/v2";
  EXPECT_FALSE(Defaulted(document)["metadata"].contains("annotations"));
}

TEST(AutoscalerV1, AnnotationsThatReadAsNothingAreDroppedAndTheCpuIsMeasured) {
  for (const char* text : {"not json", "{}", "[1]", "[{\"type\": 1}]", "null"}) {
    const Json defaulted = Defaulted(WithAnnotation("metrics", text));
    EXPECT_FALSE(defaulted["metadata"].contains("annotations")) << text;
    EXPECT_EQ(defaulted["spec"]["targetCPUUtilizationPercentage"], 80) << text;
  }
}

TEST(AutoscalerV1, AnnotationsOfTheStatusBelongToTheStatus) {
  const std::string conditions =
      R"([{"type":"AbleToScale","status":"True","lastTransitionTime":null}])";
  const Json sent = WithAnnotation("conditions", conditions);
  EXPECT_EQ(Annotation(Defaulted(sent), "conditions"), conditions);
  EXPECT_EQ(Annotation(Created(sent), "conditions"), Json());
  const Json plain = Created(WithAnnotation("x", "y"));
  EXPECT_EQ(Annotation(Updated(plain, sent), "conditions"), Json());
  const Json told = StatusUpdated(plain, sent);
  EXPECT_EQ(Annotation(told, "conditions"), conditions);
  EXPECT_EQ(Annotation(Updated(told, plain), "conditions"), conditions);
}

TEST(AutoscalerV1, TheStatusEndpointChangesNoAnnotationOfTheSpec) {
  const std::string behavior =
      R"({"ScaleUp":{"StabilizationWindowSeconds":null,"SelectPolicy":"Max",)"
      R"("Policies":[{"Type":"Pods","Value":1,"PeriodSeconds":1}],"Tolerance":null},)"
      R"("ScaleDown":null})";
  const Json old = Created(WithAnnotation("behavior", behavior));
  EXPECT_EQ(Annotation(old, "behavior"), behavior);
  EXPECT_EQ(Annotation(StatusUpdated(old, WithAnnotation("behavior", "{}")), "behavior"), behavior);
}

TEST(AutoscalerV1, WhatAnAnnotationSaysIsCheckedAsThatOfV2) {
  EXPECT_THAT(CreateErrors(WithAnnotation("behavior", R"({"scaleUp":{"SelectPolicy":"Max"}})")),
              ElementsAre("spec.behavior.scaleUp.policies: Required value: must specify at least "
                          "one Policy"));
}

}  // namespace
}  // namespace skiff
