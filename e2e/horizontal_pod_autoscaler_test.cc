// HorizontalPodAutoscalers on the real server: what they make of their targets by metrics that a
// test sets, and what they say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "api/gen/autoscaling_v2.h"
#include "api/pods/conditions.h"
#include "e2e/controllers_harness.h"
#include "e2e/pod_runner.h"

namespace skiff {
namespace {

using autoscaling_v2::HorizontalPodAutoscaler;
using core_v1::Event;
using core_v1::Pod;
using testing::HasSubstr;

constexpr const char* kScaler = "-horizontal-pod-autoscaler-controller";

// The server, and beside it the metrics that somebody installed.
class MeteredTransport final : public Transport {
 public:
  using Answer = std::function<std::optional<http::Response>(const http::Request& request)>;
  MeteredTransport(Transport& server, Answer answer)
      : server_(server), answer_(std::move(answer)) {}
  http::Response Send(http::Request request) override {
    if (auto answer = answer_(request)) return std::move(*answer);
    return server_.Send(std::move(request));
  }

 private:
  Transport& server_;
  const Answer answer_;
};

class AutoscalerTest : public testing::TestWithParam<uint64_t> {
 protected:
  AutoscalerTest()
      : cluster_(Options()),
        transport_(cluster_.transport(),
                   [this](const http::Request& request) { return MetricsFor(request); }),
        client_(transport_, "test"),
        informers_({client_, cluster_.clock(), cluster_.random()}),
        manager_({transport_, cluster_.clock(), cluster_.random(), informers_, "test"}) {
    AddHorizontalPodAutoscaler(manager_, {.metrics = &figures_});
    manager_.Start(cluster_.executor());
    informers_.Start(cluster_.executor());
    cluster_.Apply(NodeOf("node1"));
    cluster_.Edit<core_v1::Node>(
        {"", "node1"}, [](core_v1::Node& it) { it.status = NodeOf("node1").status; }, true);
    cluster_.RunFor(1s);
  }
  ~AutoscalerTest() override {
    informers_.Stop();
    manager_.Stop();
  }
  static TestCluster::Options Options() {
    TestCluster::Options options;
    options.seed = GetParam();
    options.controllers.root_ca = "CA";
    options.controllers.controllers = {kScaler, "*"};
    options.add_parts = [](Manager& manager) {
      PodRunnerOptions runner;
      runner.runs = [](const Pod&) { return true; };
      runner.reports = [](const std::string&) { return true; };
      AddPodRunner(manager, runner);
    };
    return options;
  }

  std::optional<http::Response> MetricsFor(const http::Request& request) {
    if (request.path != "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods" || !usage_) {
      return std::nullopt;
    }
    ++asked_;
    EXPECT_EQ(request.Query("labelSelector"), "app=web");
    Json items = Json::array();
    for (const Pod& pod : cluster_.List<Pod>("default")) {
      items.push_back({{"metadata", {{"name", pod.metadata.name}}},
                       {"timestamp", Time(cluster_.clock().Now()).Rfc3339()},
                       {"window", "1s"},
                       {"containers",
                        {{{"name", "main"},
                          {"usage", {{"cpu", std::to_string(*usage_) + "m"}}}}}}});
    }
    http::Response response;
    response.content_type = "application/json";
    response.body = Json{{"kind", "PodMetricsList"}, {"items", items}}.dump();
    return response;
  }

  // The deployment web, whose pods request 100m, and an autoscaler of it.
  void Begin(int replicas, const std::string& more = "") {
    auto deployment = DeploymentOf("web", replicas);
    auto& container = deployment.spec.template_.spec.containers[0];
    container.resources.requests["cpu"] = Quantity::FromMilli(100);
    cluster_.Apply(deployment).RunFor(20s);
    AddScaler("web", "{apiVersion: apps/v1, kind: Deployment, name: web}", more);
  }
  void AddScaler(const std::string& name, const std::string& target, const std::string& more) {
    cluster_.Apply("apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: " +
                   name + "}\nspec:\n  scaleTargetRef: " + target +
                   "\n  maxReplicas: 6\n  metrics:\n  - {type: Resource, resource: {name: cpu, "
                   "target: {type: Utilization, averageUtilization: 50}}}\n" +
                   more);
    cluster_.RunFor(1s);
  }
  int Replicas() {
    return cluster_.Get<apps_v1::Deployment>({"default", "web"})->spec.replicas.value_or(-1);
  }
  Ptr<HorizontalPodAutoscaler> Scaler(const std::string& name = "web") {
    return cluster_.Get<HorizontalPodAutoscaler>({"default", name});
  }
  // "True ValidMetricFound: the HPA ..."
  std::string Condition(const char* type, const std::string& name = "web") {
    const auto scaler = Scaler(name);
    const auto* found = FindCondition(scaler->status.conditions, type);
    if (found == nullptr) return "";
    return found->status + " " + found->reason + ": " + found->message;
  }
  bool HasEvent(const std::string& reason, const std::string& text) {
    const auto events = cluster_.List<Event>("default");
    return std::any_of(events.begin(), events.end(), [&](const Event& event) {
      return event.involved_object.kind == "HorizontalPodAutoscaler" && event.reason == reason &&
             event.message.find(text) != std::string::npos;
    });
  }

  std::optional<int> usage_;  // Of each pod, in thousandths; nullopt: nobody measures.
  int asked_ = 0;             // How often for metrics.
  MetricRegistry figures_;
  TestCluster cluster_;
  MeteredTransport transport_;
  Client client_;
  InformerFactory informers_;
  Manager manager_;
};

INSTANTIATE_TEST_SUITE_P(Seeds, AutoscalerTest, testing::Range<uint64_t>(1, 4));

TEST_P(AutoscalerTest, ATargetGrowsUnderLoadAndShrinksAfterIt) {
  usage_ = 100;
  Begin(2);
  EXPECT_EQ(Replicas(), 4);
  EXPECT_TRUE(HasEvent("SuccessfulRescale",
                       "New size: 4; reason: cpu resource utilization (percentage of request) "
                       "above target"));
  EXPECT_EQ(Condition("AbleToScale"),
            "True SucceededRescale: the HPA controller was able to update the target scale to 4");
  EXPECT_EQ(Condition("ScalingActive"),
            "True ValidMetricFound: the HPA was able to successfully calculate a replica count "
            "from cpu resource utilization (percentage of request)");
  EXPECT_THAT(Condition("ScalingLimited"), HasSubstr("False DesiredWithinRange"));
  auto scaler = Scaler();
  EXPECT_EQ(scaler->status.current_replicas, 2);
  EXPECT_EQ(scaler->status.desired_replicas, 4);
  EXPECT_TRUE(scaler->status.last_scale_time);
  ASSERT_EQ(scaler->status.current_metrics.size(), 1u);
  ASSERT_TRUE(scaler->status.current_metrics[0].resource);
  EXPECT_EQ(scaler->status.current_metrics[0].resource->current.average_utilization, 100);
  EXPECT_EQ(scaler->status.current_metrics[0].resource->current.average_value->Text(), "100m");

  cluster_.RunFor(1min);
  EXPECT_EQ(Replicas(), 6) << "as many as it may have";
  EXPECT_THAT(Condition("ScalingLimited"), HasSubstr("True TooManyReplicas"));
  EXPECT_EQ(cluster_.List<Pod>("default").size(), 6u);

  usage_ = 10;
  cluster_.RunFor(4min);
  EXPECT_EQ(Replicas(), 6);
  EXPECT_THAT(Condition("AbleToScale"), HasSubstr("True ScaleDownStabilized"));
  cluster_.RunFor(5min);
  EXPECT_EQ(Replicas(), 2) << "six that use a tenth are worth two at a half";
  EXPECT_TRUE(HasEvent("SuccessfulRescale", "reason: All metrics below target"));
}

TEST_P(AutoscalerTest, ItLooksOnceAPeriodAndAtOnceWhenItIsChanged) {
  usage_ = 50;
  Begin(2);
  EXPECT_EQ(asked_, 1);
  cluster_.RunFor(60s);
  EXPECT_EQ(asked_, 5) << "its own status is no reason to look again";
  cluster_.Edit<HorizontalPodAutoscaler>(
      {"default", "web"}, [](HorizontalPodAutoscaler& it) { it.spec.min_replicas = 3; });
  cluster_.RunFor(1s);
  EXPECT_EQ(Replicas(), 3);
  EXPECT_TRUE(HasEvent("SuccessfulRescale",
                       "New size: 3; reason: Current number of replicas below Spec.MinReplicas"));
}

TEST_P(AutoscalerTest, WithoutMetricsNothingIsScaledAndItSaysWhy) {
  Begin(2);
  EXPECT_EQ(Replicas(), 2);
  const std::string error =
      "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch "
      "metrics from resource metrics API: the server could not find the requested resource (get "
      "pods.metrics.k8s.io)";
  EXPECT_EQ(Condition("ScalingActive"),
            "False FailedGetResourceMetric: the HPA was unable to compute the replica count: " +
                error);
  EXPECT_THAT(Condition("AbleToScale"), HasSubstr("True SucceededGetScale"));
  EXPECT_TRUE(HasEvent("FailedGetResourceMetric", error));
  EXPECT_TRUE(HasEvent("FailedComputeMetricsReplicas",
                       "invalid metrics (1 invalid out of 1), first error is: failed to get cpu "
                       "resource metric value: failed to get cpu utilization"));
}

TEST_P(AutoscalerTest, WhatItDoesIsCountedAndWhatItDidNotLearn) {
  usage_ = 100;
  Begin(2, "  - {type: Pods, pods: {metric: {name: hits}, target: {type: AverageValue, "
           "averageValue: 1}}}\n");
  EXPECT_EQ(Replicas(), 4) << "by the metric that is known";
  const std::string text = figures_.Text();
  const std::string prefix = "horizontal_pod_autoscaler_controller_";
  for (const char* line :
       {"reconciliations_total{action=\"scale_up\",error=\"internal\"} 1",
        "metric_computation_total{action=\"scale_up\",error=\"none\",metric_type=\"Resource\"} 1",
        "metric_computation_total{action=\"none\",error=\"internal\",metric_type=\"Pods\"} 1",
        "metric_computation_duration_seconds_count{action=\"none\",error=\"internal\","
        "metric_type=\"Pods\"} 1"}) {
    EXPECT_THAT(text, HasSubstr(prefix + line + "\n"));
  }
}

TEST_P(AutoscalerTest, ATargetAtZeroIsLeftAlone) {
  usage_ = 100;
  Begin(0);
  cluster_.RunFor(30s);
  EXPECT_EQ(Replicas(), 0);
  EXPECT_EQ(Condition("ScalingActive"),
            "False ScalingDisabled: scaling is disabled since the replica count of the target is "
            "zero");
  EXPECT_EQ(asked_, 0);
}

TEST_P(AutoscalerTest, TwoThatLookAtTheSamePodsDoNothing) {
  usage_ = 50;
  Begin(2);
  AddScaler("second", "{apiVersion: apps/v1, kind: Deployment, name: web}", "");
  usage_ = 100;
  cluster_.RunFor(30s);
  EXPECT_EQ(Replicas(), 2);
  for (const char* name : {"web", "second"}) {
    EXPECT_EQ(Condition("ScalingActive", name),
              "False AmbiguousSelector: pods by selector app=web are controlled by multiple HPAs: "
              "[default/second default/web]");
  }
  cluster_.Delete<HorizontalPodAutoscaler>({"default", "second"}).RunFor(30s);
  EXPECT_GT(Replicas(), 2) << "alone again";
}

TEST_P(AutoscalerTest, ATargetThatIsNotThereIsSaid) {
  AddScaler("web", "{apiVersion: apps/v1, kind: Deployment, name: nobody}", "");
  EXPECT_EQ(Condition("AbleToScale"),
            "False FailedGetScale: the HPA controller was unable to get the target's current "
            "scale: deployments.apps \"nobody\" not found");
  AddScaler("odd", "{apiVersion: example.com/v1, kind: Odd, name: a}", "");
  EXPECT_THAT(Condition("AbleToScale", "odd"),
              HasSubstr("no matches for kind \"Odd\" in group \"example.com\""));
}

TEST_P(AutoscalerTest, CustomResourcesWithAScaleAreScaled) {
  cluster_.Apply(R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: farms.example.com}
spec:
  group: example.com
  names: {plural: farms, singular: farm, kind: Farm, listKind: FarmList}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    subresources:
      scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}
    schema:
      openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
)");
  cluster_.RunFor(10s);
  const Resource farms = [] {
    Resource resource;
    resource.api_version = "example.com/v1";
    resource.kind = "Farm";
    resource.name = "farms";
    return resource;
  }();
  const Json farm = {{"apiVersion", "example.com/v1"},
                     {"kind", "Farm"},
                     {"metadata", {{"name", "f"}, {"namespace", "default"}}},
                     {"spec", {{"replicas", 1}}}};
  ASSERT_TRUE(cluster_.client().Create(farms, {"default", "f"}, farm));
  AddScaler("farm", "{apiVersion: example.com/v1, kind: Farm, name: f}", "  minReplicas: 3\n");
  const auto scaled = cluster_.client().Get(farms, {"default", "f"});
  ASSERT_TRUE(scaled);
  EXPECT_EQ(scaled->at("spec").at("replicas"), 3);
}

}  // namespace
}  // namespace skiff
