// What holds what was deleted, and kinds that neither make pods nor lead to them.
#include "cli/why/why_fixture.h"

namespace skiff::cli::why {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class WhyOtherTest : public WhyTest {};

TEST_F(WhyOtherTest, AFinalizerThatNobodyRemoves) {
  const std::string text =
      Why("{kind: ConfigMap, apiVersion: v1, metadata: {name: held, deletionTimestamp: "
          "'2026-01-02T02:50:00Z', finalizers: [example.com/hold]}}");
  EXPECT_THAT(text, StartsWith("configmap/held is being deleted, and stays until its finalizer has "
                               "been removed: example.com/hold.\n  for 10m  "));
  EXPECT_THAT(text, HasSubstr("does that program run?  [metadata.finalizers]\n"));
  EXPECT_THAT(text, HasSubstr("try: skiff patch configmap/held --type=merge -p "
                              "'{\"metadata\":{\"finalizers\":null}}' -n default\n"));
  EXPECT_EQ(first().weight, Weight::kWrong);
}

TEST_F(WhyOtherTest, WhatTheClusterItselfHoldsIsNotToBeForced) {
  const std::string text =
      Why("{kind: Deployment, apiVersion: apps/v1, metadata: {name: web, deletionTimestamp: "
          "'2026-01-02T02:59:55Z', finalizers: [foregroundDeletion]}, spec: {replicas: 0}}");
  EXPECT_THAT(text, StartsWith("deployment/web is being deleted, and stays until its finalizer has "
                               "been removed: foregroundDeletion.\n"));
  EXPECT_THAT(text, HasSubstr("until the garbage collector has deleted what it owns"));
  EXPECT_THAT(text, Not(HasSubstr("skiff patch")));
  EXPECT_THAT(text, Not(HasSubstr("nothing is wrong")));
  EXPECT_EQ(first().weight, Weight::kWaits) << "just now";
}

TEST_F(WhyOtherTest, APodThatHasEndedAndIsHeld) {
  for (const char* phase : {"Succeeded", "Failed"}) {
    const std::string text = Why(
        "{kind: Pod, metadata: {name: web, deletionTimestamp: '2026-01-02T02:50:00Z', finalizers: "
        "[example.com/hold]}, spec: {nodeName: n1}, status: {phase: " +
        std::string(phase) + "}}");
    EXPECT_THAT(text, StartsWith("pod/web is being deleted, and has ended, but is held by "
                                 "finalizers.\n"));
    EXPECT_THAT(text, HasSubstr("example.com/hold  [metadata.finalizers]"));
    EXPECT_THAT(text, HasSubstr("try: skiff patch pod web --type=merge -p "
                                "'{\"metadata\":{\"finalizers\":null}}' -n default\n"));
    EXPECT_FALSE(explanation_.healthy());
    EXPECT_EQ(SymptomOf(facts_.object), "Terminating");
  }
}

TEST_F(WhyOtherTest, ANamespaceThatDoesNotGo) {
  const std::string leaving =
      "{kind: Namespace, apiVersion: v1, metadata: {name: stuck, deletionTimestamp: "
      "'2026-01-02T02:55:00Z'}, spec: {finalizers: [kubernetes]}, status: {phase: Terminating, "
      "conditions: [";
  const std::string remaining =
      "{type: NamespaceContentRemaining, status: 'True', message: 'Some resources are remaining: "
      "configmaps. has 1 resource instances, boxes.skiff.io has 2 resource instances'}";
  std::string text = Why(leaving + remaining + "]}}");
  EXPECT_THAT(text, StartsWith("namespace/stuck is being deleted, and stays: objects in it are "
                               "still there.\n"));
  EXPECT_EQ(first().weight, Weight::kWaits);
  text = Why(leaving + remaining +
             ", {type: NamespaceFinalizersRemaining, status: 'True', message: 'Some content in the "
             "namespace has finalizers remaining: example.com/hold in 1 resource instances'}]}}");
  EXPECT_THAT(text, StartsWith("namespace/stuck is being deleted, and stays: finalizers hold "
                               "objects in it.\n"));
  EXPECT_THAT(text, HasSubstr("remaining: example.com/hold in 1 resource instances  [condition"));
  EXPECT_THAT(text, HasSubstr("try: skiff get configmaps,boxes.skiff.io -n stuck -o "));
  EXPECT_EQ(first().weight, Weight::kWrong);
  text = Why(leaving + remaining +
             ", {type: NamespaceDeletionDiscoveryFailure, status: 'True', message: 'gone/v1'}]}}");
  EXPECT_THAT(text, HasSubstr("as its server does not answer.\n"));
  EXPECT_THAT(text, HasSubstr("try: skiff get apiservices\n"));
}

TEST_F(WhyOtherTest, ANamespaceWhoseQuotaIsUsedUp) {
  const std::string active =
      "{kind: Namespace, apiVersion: v1, metadata: {name: shop}, status: {phase: Active}}";
  EXPECT_THAT(Why(active), StartsWith("namespace/shop is active; nothing is wrong.\n"));
  Add("resourcequotas",
      "{metadata: {name: small}, status: {hard: {pods: '2', requests.cpu: '1'}, used: {pods: '2', "
      "requests.cpu: 999m}}}");
  const std::string text = Why(active);
  EXPECT_THAT(text, StartsWith("namespace/shop: its quota small is used up, and refuses more.\n"
                               "  pods: 2 of 2  [resourcequota/small status]\n"));
  EXPECT_THAT(text, Not(HasSubstr("999m")));
  EXPECT_TRUE(explanation_.healthy());
}

TEST_F(WhyOtherTest, AQuotaItself) {
  const auto quota = [&](const std::string& status) {
    return Why("{kind: ResourceQuota, apiVersion: v1, metadata: {name: small}, status: {" + status +
               "}}");
  };
  EXPECT_THAT(quota("hard: {pods: '2'}, used: {pods: '1'}"),
              StartsWith("resourcequota/small has something left of all that it counts; nothing"));
  EXPECT_THAT(quota("hard: {pods: '2'}, used: {pods: '2'}"),
              StartsWith("resourcequota/small is used up, and refuses more.\n  pods: 2 of 2  ["));
  EXPECT_TRUE(explanation_.healthy());
  EXPECT_THAT(quota(""), StartsWith("resourcequota/small has not been looked at"));
  EXPECT_EQ(first().weight, Weight::kWaits);
}

TEST_F(WhyOtherTest, ANamespaceWhoseQuotaRefusesPods) {
  const std::string active =
      "{kind: Namespace, apiVersion: v1, metadata: {name: shop}, status: {phase: Active}}";
  const std::string refusal =
      "pods \"x\" is forbidden: exceeded quota: small, requested: requests.cpu=600m, used: "
      "requests.cpu=500m, limited: requests.cpu=1";
  AddEvent("ReplicaSet/web-1", "FailedCreate", refusal);
  AddEvent("StatefulSet/db", "FailedCreate", refusal);
  AddEvent("Job/old", "FailedCreate", refusal);
  Add("replicasets",
      "{kind: ReplicaSet, metadata: {name: web-1, ownerReferences: [{kind: Deployment, name: web, "
      "uid: d1, controller: true}]}, status: {conditions: [{type: ReplicaFailure, status: "
      "'True'}]}}");
  Add("statefulsets",
      "{kind: StatefulSet, metadata: {name: db}, spec: {replicas: 2}, status: {replicas: 1}}");
  Add("jobs",
      "{kind: Job, metadata: {name: old}, status: {conditions: [{type: Complete, status: "
      "'True'}]}}");
  std::string text = Why(active);
  EXPECT_THAT(text,
              StartsWith("namespace/shop: what refuses pods of deployment/web, "
                         "statefulset/db is resource quota small.\n  pods \"x\" is forbidden: "));
  EXPECT_THAT(text, HasSubstr("try: skiff why deployment/web -n shop\n"));
  EXPECT_THAT(text, Not(HasSubstr("nothing is wrong")));
  EXPECT_FALSE(explanation_.healthy());
  // What they lacked has been made since, or is not wanted any more.
  facts_.lists["replicasets"][0]["status"] = Json::object();
  facts_.lists["statefulsets"][0]["status"]["replicas"] = 2;
  EXPECT_THAT(Why(active), StartsWith("namespace/shop is active; nothing is wrong.\n"));
}

TEST_F(WhyOtherTest, ANodeThatIsGone) {
  Add("pods", "{metadata: {name: web}, spec: {nodeName: n1}}");
  const std::string text =
      Why("{kind: Node, apiVersion: v1, metadata: {name: n1}, status: {conditions: [{type: Ready, "
          "status: Unknown, message: Kubelet stopped posting node status., lastHeartbeatTime: "
          "'2026-01-02T02:55:00Z', lastTransitionTime: '2026-01-02T02:56:00Z'}]}}");
  EXPECT_THAT(text, StartsWith("node/n1 is gone: nothing has been heard of its kubelet for 5m.\n"
                               "  Ready is Unknown for 4m: Kubelet stopped posting node status  "));
  EXPECT_THAT(text, HasSubstr("on it: default/web  [pods]"));
}

TEST_F(WhyOtherTest, ANodeThatSomebodyKeepsPodsFrom) {
  const std::string ready =
      "status: {conditions: [{type: Ready, status: 'True', lastTransitionTime: "
      "'2026-01-02T02:00:00Z'}]}}";
  EXPECT_THAT(Why("{kind: Node, metadata: {name: n1}, " + ready),
              StartsWith("node/n1 is ready; nothing is wrong.\n"));
  EXPECT_THAT(Why("{kind: Node, metadata: {name: n1}, spec: {unschedulable: true, taints: [{key: "
                  "node.kubernetes.io/unschedulable, effect: NoSchedule}]}, " +
                  ready),
              StartsWith("node/n1 is cordoned: it takes no new pods.\n"));
  EXPECT_EQ(explanation_.findings.size(), 1U);
  const std::string text =
      Why("{kind: Node, metadata: {name: n1}, spec: {taints: [{key: a, value: b, effect: "
          "NoSchedule}]}, " +
          ready);
  EXPECT_THAT(text,
              StartsWith("node/n1 takes only pods that tolerate its taint a=b:NoSchedule.\n"));
  EXPECT_THAT(text, HasSubstr("try: skiff taint node n1 a=b:NoSchedule-\n"));
  EXPECT_THAT(text, Not(HasSubstr("nothing is wrong")));
}

TEST_F(WhyOtherTest, AnAutoscalerWithoutMetrics) {
  const auto hpa = [&](const std::string& reason, const std::string& message) {
    return Why(
        "{kind: HorizontalPodAutoscaler, apiVersion: autoscaling/v2, metadata: {name: web}, spec: "
        "{scaleTargetRef: {kind: Deployment, name: web}}, status: {conditions: [{type: "
        "AbleToScale, status: 'True'}, {type: ScalingActive, status: 'False', reason: " +
        reason + ", message: '" + message + "'}]}}");
  };
  std::string text =
      hpa("FailedGetResourceMetric", "missing request for cpu in container c of Pod web-1");
  EXPECT_THAT(text, StartsWith("horizontalpodautoscaler/web does not scale deployment/web: its "
                               "pods request nothing that a share could be of.\n"));
  EXPECT_THAT(text, HasSubstr("try: skiff set resources deployment/web --requests=cpu=100m -n"));
  text = hpa("FailedGetResourceMetric",
             "unable to fetch metrics from resource metrics API: the server could not find the "
             "requested resource (get pods.metrics.k8s.io)");
  EXPECT_THAT(text, HasSubstr("the metrics that it goes by are not served here.\n"));
  text = hpa("FailedGetResourceMetric",
             "failed to get cpu utilization: did not receive metrics for targeted pods (pods might "
             "be unready)");
  EXPECT_THAT(text,
              HasSubstr("deployment/web: none of its pods is ready and has metrics (yet).\n"));
  EXPECT_THAT(text, HasSubstr("try: skiff why deployment/web -n default\n"));
  text =
      hpa("ScalingDisabled", "scaling is disabled since the replica count of the target is zero");
  EXPECT_THAT(text, HasSubstr("web does nothing, as deployment/web is scaled to 0.\n"));
}

TEST_F(WhyOtherTest, ABudgetThatADrainWaitsFor) {
  Add("pods", "{metadata: {name: web-1, labels: {app: web}}, status: {conditions: []}}");
  const auto budget = [&](const std::string& status) {
    return Why(
        "{kind: PodDisruptionBudget, apiVersion: policy/v1, metadata: {name: web}, spec: "
        "{minAvailable: 2, selector: {matchLabels: {app: web}}}, status: {observedGeneration: 1, " +
        status + "}}");
  };
  std::string text =
      budget("disruptionsAllowed: 0, currentHealthy: 2, desiredHealthy: 2, expectedPods: 2");
  EXPECT_THAT(text, StartsWith("poddisruptionbudget/web never lets a pod be evicted: of 2 pods it "
                               "wants 2 healthy, so a drain waits for ever.\n"));
  EXPECT_EQ(first().weight, Weight::kWrong);
  text = budget("disruptionsAllowed: 0, currentHealthy: 2, desiredHealthy: 2, expectedPods: 3");
  EXPECT_THAT(text, StartsWith("poddisruptionbudget/web lets no pod be evicted now: 2 of 3 pods "
                               "are healthy, and 2 have to stay.\n"));
  EXPECT_THAT(text, HasSubstr("try: skiff why pod/web-1 -n default\n"));
  text = budget("disruptionsAllowed: 1, currentHealthy: 3, desiredHealthy: 2, expectedPods: 3");
  EXPECT_THAT(text, StartsWith("poddisruptionbudget/web lets 1 pod be evicted now; nothing"));
}

TEST_F(WhyOtherTest, ABudgetByShareOfPodsThatNothingControls) {
  const auto budget = [&](const std::string& selector) {
    return Why(
        "{kind: PodDisruptionBudget, apiVersion: policy/v1, metadata: {name: web}, spec: "
        "{maxUnavailable: 1, selector: " +
        selector + "}, status: {observedGeneration: 1, disruptionsAllowed: 0, expectedPods: 0}}");
  };
  None("pods");
  EXPECT_THAT(budget("{}"), StartsWith("poddisruptionbudget/web selects no pods"));
  Add("pods", "{metadata: {name: web-1, labels: {app: web}}}");
  for (const char* selector : {"{matchLabels: {app: web}}", "{}"}) {
    const std::string text = budget(selector);
    EXPECT_THAT(text, StartsWith("poddisruptionbudget/web never lets a pod be evicted: nothing "
                                 "controls pod web-1, so that it cannot count "));
    EXPECT_EQ(first().weight, Weight::kWrong);
  }
  EXPECT_THAT(budget("{matchLabels: {app: db}}"), HasSubstr("selects no pods"));
}

TEST_F(WhyOtherTest, OtherKindsAreAskedForTheirConditions) {
  std::string text = Why(
      "{kind: APIService, apiVersion: apiregistration.k8s.io/v1, metadata: {name: v1.x}, status: "
      "{conditions: [{type: Available, status: 'False', reason: ServiceNotFound, message: no "
      "service}]}}");
  EXPECT_THAT(text, StartsWith("apiservice/v1.x is not available: no service.\n"
                               "  Available is False (ServiceNotFound) for some time  "));
  text = Why("{kind: ConfigMap, apiVersion: v1, metadata: {name: c}}");
  EXPECT_THAT(text, StartsWith("configmap/c says of nothing that it is wrong.\n"));
  EXPECT_TRUE(explanation_.healthy());
  // One of another group is no Service of the cluster's network.
  text =
      Why("{kind: Service, apiVersion: serving.example.com/v1, metadata: {name: s}, status: "
          "{conditions: [{type: Ready, status: 'Unknown', message: wait}]}}");
  EXPECT_THAT(text, StartsWith("service/s is not ready: wait.\n"));
  EXPECT_EQ(first().weight, Weight::kWaits);
}

}  // namespace
}  // namespace skiff::cli::why
