// Kinds whose rules are few.
#include <gmock/gmock.h>
#include <gtest/gtest.h>


#include "api/rules/rules_fixture.h"
#include "base/thread_seconds.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

TEST(ConfigMapValidation, NamesItsKeysLikeFiles) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "v1", "kind": "ConfigMap",
                                      "data": {"..": "x"}, "binaryData": {"a": ""}})")),
              ElementsAre("data[..]: Invalid value: \"..\": must not be '..'"));
}

TEST(ConfigMapValidation, IsAtMostOneMebibyte) {
  const Json map = {{"apiVersion", "v1"},
                    {"kind", "ConfigMap"},
                    {"data", {{"a", std::string(1024 * 1024 + 1, 'x')}}}};
  EXPECT_THAT(CreateErrors(map), ElementsAre("[]: Too long: may not be more than 1048576 bytes"));
}

TEST(ConfigMapValidation, StaysImmutable) {
  const Json old =
      Parsed(R"({"apiVersion": "v1", "kind": "ConfigMap", "immutable": true, "data": {"a": "b"}})");
  EXPECT_THAT(UpdateErrors(old, With(old, "/data/a", "c")),
              ElementsAre("data: Forbidden: field is immutable when `immutable` is set"));
}

TEST(SecretValidation, HoldsWhatItsTypeSays) {
  EXPECT_THAT(CreateErrors(
                  Parsed(R"({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls"})")),
              ElementsAre("data[tls.crt]: Required value", "data[tls.key]: Required value"));
}

TEST(SecretValidation, KeepsItsType) {
  const Json old = Parsed(R"({"apiVersion": "v1", "kind": "Secret", "type": "a"})");
  EXPECT_THAT(UpdateErrors(old, With(old, "/type", "b")),
              ElementsAre("type: Invalid value: \"b\": field is immutable"));
}

TEST(NamespaceStatus, IsActiveUntilItIsDeleted) {
  const Json stored =
      Created(Parsed(R"({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})"));
  EXPECT_THAT(StatusErrors(stored, With(stored, "/status/phase", "Terminating")),
              ElementsAre("status.Phase: Invalid value: \"Terminating\": may only be 'Active' if "
                          "`deletionTimestamp` is empty"));
}

TEST(NodeValidation, KeepsItsRangeOfPodAddresses) {
  const Json old =
      Parsed(R"({"apiVersion": "v1", "kind": "Node", "spec": {"podCIDR": "10.0.0.0/24"}})");
  EXPECT_THAT(UpdateErrors(old, With(old, "/spec/podCIDR", "10.0.1.0/24")),
              ElementsAre("spec.podCIDRs: Forbidden: node updates may not change podCIDR except "
                          "from \"\" to valid"));
}

TEST(NodeValidation, TaintsOnce) {
  const char* kTaints =
      R"([{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoSchedule"}])";
  const Json node = {
      {"apiVersion", "v1"}, {"kind", "Node"}, {"spec", {{"taints", Json::parse(kTaints)}}}};
  EXPECT_THAT(CreateErrors(node),
              ElementsAre("metadata.taints[1]: Duplicate value: {\"Key\":\"a\",\"Value\":\"\","
                          "\"Effect\":\"NoSchedule\",\"TimeAdded\":null}: taints must be unique by "
                          "key and effect pair"));
}

TEST(LeaseValidation, LastsAMoment) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                                      "spec": {"leaseDurationSeconds": 0}})")),
              ElementsAre("spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"));
}

TEST(PodDisruptionBudgetValidation, HasOneBudget) {
  EXPECT_THAT(
      CreateErrors(Parsed(R"({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
                              "spec": {"minAvailable": 1, "maxUnavailable": "10%"}})")),
      ElementsAre("spec: Invalid value: {\"MinAvailable\":1,\"Selector\":null,"
                  "\"MaxUnavailable\":\"10%\",\"UnhealthyPodEvictionPolicy\":null}: minAvailable "
                  "and maxUnavailable cannot be both set"));
}

TEST(PriorityClassValidation, ReservesSystemNames) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "scheduling.k8s.io/v1",
      "kind": "PriorityClass", "metadata": {"name": "system-x"}, "value": 1})")),
              ElementsAre("metadata.name: Forbidden: priority class names with 'system-' prefix "
                          "are reserved for system use only. error: system-x is not a known system "
                          "priority class"));
}

TEST(RoleValidation, GrantsSomething) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "rbac.authorization.k8s.io/v1",
      "kind": "Role", "rules": [{"verbs": ["get"], "nonResourceURLs": ["/x"]}]})")),
              ElementsAre("rules[0].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules "
                          "cannot apply to non-resource URLs"));
}

TEST(RoleBindingValidation, StaysWithItsRole) {
  const Json old = Parsed(R"({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
                              "roleRef": {"kind": "Role", "name": "a"}})");
  EXPECT_THAT(CreateErrors(old), IsEmpty());
  EXPECT_THAT(UpdateErrors(old, With(old, "/roleRef/name", "b")),
              ElementsAre("roleRef: Invalid value: {\"APIGroup\":\"rbac.authorization.k8s.io\","
                          "\"Kind\":\"Role\",\"Name\":\"b\"}: cannot change roleRef"));
}

TEST(LimitRangeValidation, OrdersItsAmounts) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "v1", "kind": "LimitRange", "spec": {"limits":
      [{"type": "Pod", "min": {"cpu": "2"}, "max": {"cpu": "1"}}]}})")),
              ElementsAre("spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater "
                          "than max value 1"));
}

TEST(ResourceQuotaValidation, CountsWhatItsScopeHas) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "v1", "kind": "ResourceQuota",
      "spec": {"hard": {"cpu": "1"}, "scopes": ["BestEffort"]}})")),
              ElementsAre("spec.scopes: Invalid value: [\"BestEffort\"]: unsupported scope applied "
                          "to resource"));
}

TEST(ResourceQuotaValidation, SaysWhatASelectedScopeHasNotForEachResource) {
  const std::string selector = "spec.scopeSelector.matchExpressions: Invalid value: "
      "{\"MatchExpressions\":[{\"ScopeName\":\"BestEffort\",\"Operator\":\"Exists\","
      "\"Values\":null}]}: unsupported scope applied to resource";
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "v1", "kind": "ResourceQuota",
      "spec": {"hard": {"cpu": "1", "memory": "1", "pods": "1"}, "scopeSelector":
               {"matchExpressions": [{"scopeName": "BestEffort", "operator": "Exists"}]}}})")),
              ElementsAre(selector, selector));
}

// What would take minutes if all scopes were printed for each.
TEST(ResourceQuotaValidation, ManyScopesAreBoundedInTime) {
  constexpr int kMany = 50'000;
  Json unknown = Json::array(), requirements = Json::array();
  for (int i = 0; i < kMany; ++i) {
    unknown.push_back("s" + std::to_string(i));
    requirements.push_back({{"scopeName", "BestEffort"}, {"operator", "Exists"}});
  }
  const Json quota = Parsed(R"({"apiVersion": "v1", "kind": "ResourceQuota",
      "spec": {"hard": {"cpu": "1", "memory": "1"}, "scopes": ["BestEffort", "BestEffort"]}})");
  const std::string text = "spec.scopes: Invalid value: [\"BestEffort\",\"BestEffort\"]: "
                           "unsupported scope applied to resource";
  EXPECT_THAT(CreateErrors(quota), ElementsAre(text, text, text, text));
  const auto refused = [](const Json& object) {
    EXPECT_THAT(CreateErrors(object), Not(IsEmpty()));
  };
  EXPECT_LT(SecondsOf([&] { refused(With(quota, "/spec/scopes", unknown)); }), 10);
  Json selects = With(quota, "/spec/scopes", Json::array());
  selects["spec"]["scopeSelector"] = {{"matchExpressions", requirements}};
  EXPECT_LT(SecondsOf([&] { refused(selects); }), 10);
}

TEST(AutoscalerValidation, ScalesBetweenItsBounds) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "autoscaling/v2",
      "kind": "HorizontalPodAutoscaler", "spec": {"minReplicas": 3, "maxReplicas": 2,
      "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}})")),
              ElementsAre("spec.maxReplicas: Invalid value: 2: must be greater than or equal to "
                          "`minReplicas`"));
}

TEST(AutoscalerValidation, ScalesWhatHasAGroup) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "autoscaling/v2",
      "kind": "HorizontalPodAutoscaler", "spec": {"maxReplicas": 2,
      "scaleTargetRef": {"apiVersion": "/v1", "kind": "Deployment", "name": "d"}}})")),
              ElementsAre("spec.scaleTargetRef.apiVersion: Invalid value: \"/v1\": apiVersion must "
                          "specify API group"));
}

TEST(AutoscalerValidation, OfAnUnknownTypeHasTooManySources) {
  const Sentences errors = CreateErrors(Parsed(R"({"apiVersion": "autoscaling/v2",
      "kind": "HorizontalPodAutoscaler", "spec": {"maxReplicas": 2,
      "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
      "metrics": [{"type": "x",
        "pods": {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "1"}},
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 1}}
      }]}})"));
  const std::string only = ": Forbidden: must populate the given metric source only";
  ASSERT_EQ(errors.size(), 4u);
  EXPECT_EQ(errors[2], "spec.metrics[0].pods" + only);
  EXPECT_EQ(errors[3], "spec.metrics[0].resource" + only);
}

TEST(EventValidation, KeepsItsTime) {
  const Json old = Parsed(R"({"apiVersion": "events.k8s.io/v1", "kind": "Event",
      "metadata": {"name": "e", "namespace": "default", "resourceVersion": "1"},
      "eventTime": "2020-01-01T00:00:00.000000Z",
      "reportingController": "a.b/c", "reportingInstance": "i", "action": "a", "reason": "r",
      "type": "Normal", "regarding": {"namespace": "default"}})");
  EXPECT_THAT(UpdateErrors(old, With(old, "/eventTime", nullptr)),
              ElementsAre("eventTime: Invalid value: null: field is immutable"));
}

TEST(NodeValidation, DeclaresNoFeatures) {
  const Json node = Created(Parsed(
      R"({"apiVersion": "v1", "kind": "Node", "status": {"declaredFeatures": ["a"]}})"));
  EXPECT_FALSE(node.contains("/status/declaredFeatures"_json_pointer));
}

TEST(NodeStatus, DeclaresFeaturesInOrderAndByTheirNames) {
  const Json old = Parsed(R"({"apiVersion": "v1", "kind": "Node"})");
  const auto errors = [&](const Json& features) {
    return StatusErrors(old, With(old, "/status/declaredFeatures", features));
  };
  EXPECT_THAT(errors({"A", "Big/small", "Big2"}), IsEmpty());
  const std::string long_name(254, 'A');
  EXPECT_THAT(
      errors({long_name, "B", "a", "B", "B"}),
      ElementsAre(
          "status.declaredFeatures[0]: Invalid value: \"" + long_name +
              "\": invalid feature name \"" + long_name + "\": must be no more than 253 characters",
          "status.declaredFeatures[2]: Invalid value: \"a\": invalid feature name \"a\": must "
          "start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., "
          "MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and "
          "slashes",
          "status.declaredFeatures[3]: Invalid value: \"B\": list must be sorted alphabetically",
          "status.declaredFeatures[4]: Duplicate value: \"B\""));
}

TEST(AdmissionPolicyValidation, FailsInAWordThatIsKnown) {
  const Sentences errors = CreateErrors(Parsed(R"({"apiVersion": "admissionregistration.k8s.io/v1",
      "kind": "ValidatingAdmissionPolicy", "spec": {"failurePolicy": ""}})"));
  EXPECT_THAT(errors, testing::Contains("spec.failurePolicy: Unsupported value: \"\": supported "
                                        "values: \"Fail\", \"Ignore\""));
}

TEST(ClusterRoleValidation, ShowsNoSelectorThatIsNone) {
  const Sentences errors = CreateErrors(Parsed(R"({"apiVersion": "rbac.authorization.k8s.io/v1",
      "kind": "ClusterRole", "aggregationRule": {"clusterRoleSelectors": [
          {"matchExpressions": [{"key": "a", "operator": "x"}]}]}})"));
  EXPECT_THAT(errors, testing::Contains("aggregationRule.clusterRoleSelectors[0]: Invalid value: "
                                        "null: invalid label selector."));
}

TEST(EventValidation, IsAboutItsNamespace) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "v1", "kind": "Event",
      "metadata": {"name": "e", "namespace": "a"}, "involvedObject": {"namespace": "b"}})")),
              ElementsAre("involvedObject.namespace: Invalid value: \"b\": does not match "
                          "event.namespace"));
}

TEST(EventValidation, OfItsOwnGroupIsNamedAmongItsOtherFields) {
  const Json event = Parsed(R"({"apiVersion": "events.k8s.io/v1", "kind": "Event",
      "metadata": {"name": "A", "namespace": "a", "labels": {"Bad Key!": "x"}, "finalizers": ["f"]},
      "regarding": {"namespace": "b"}, "type": "Normal"})");
  const Sentences errors = CreateErrors(event);
  ASSERT_EQ(errors.size(), 5u);
  EXPECT_THAT(errors[0], testing::StartsWith("involvedObject.namespace: "));
  EXPECT_THAT(errors[1], testing::StartsWith("metadata.name: Invalid value: \"A\": a lowercase"));
  EXPECT_THAT(errors[2], testing::StartsWith("metadata.labels: "));
  EXPECT_THAT(errors[3], testing::StartsWith("metadata.finalizers[0]: "));
  EXPECT_EQ(errors[4], "eventTime: Required value");
}

TEST(ClaimStatus, NamesWhatIsResized) {
  const Json claim = Created(Parsed(R"({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
      "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})"));
  const Json statuses = {{"k", "NodeResizePending"}, {"a.b/c", "NodeResizePending"}};
  EXPECT_THAT(StatusErrors(claim, With(claim, "/status/allocatedResourceStatuses", statuses)),
              ElementsAre("status.allocatedResourceStatuses: Unsupported value: \"k\": supported "
                          "values: \"storage\""));
  EXPECT_THAT(StatusErrors(claim, With(claim, "/status/allocatedResources", {{"a.b/c", "1"}})),
              IsEmpty());
}

TEST(ClaimStatus, HoldsNoLessThanNothing) {
  const Json claim = Created(Parsed(R"({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
      "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})"));
  EXPECT_THAT(StatusErrors(claim, With(claim, "/status/allocatedResources", {{"storage", "-1"}})),
              ElementsAre("status.allocatedResources[storage]: Invalid value: -1: must be a valid "
                          "resource quantity"));
}

TEST(ClaimValidation, GetsAClassOnce) {
  const Json claim = Created(Parsed(R"({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
      "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})"));
  const char* kClass = "/spec/storageClassName";
  EXPECT_THAT(UpdateErrors(claim, With(claim, kClass, "")), IsEmpty());
  EXPECT_EQ(UpdateErrors(With(claim, kClass, ""), With(claim, kClass, "c")).size(), 1u);
  const auto annotated = [&](const char* name) {
    return With(claim, "/metadata/annotations",
                {{"volume.beta.kubernetes.io/storage-class", name}});
  };
  EXPECT_THAT(UpdateErrors(annotated("c"), With(claim, kClass, "c")), IsEmpty());
  EXPECT_THAT(UpdateErrors(annotated("c"), With(annotated("d"), kClass, "c")),
              ElementsAre("metadata.annotations.volume.beta.kubernetes.io/storage-class: Invalid "
                          "value: \"d\": field is immutable"));
}

TEST(PriorityLevelStatus, KeepsAllMetadata) {
  const Json level = Created(Parsed(R"({"apiVersion": "flowcontrol.apiserver.k8s.io/v1",
      "kind": "PriorityLevelConfiguration", "metadata": {"name": "x"},
      "spec": {"type": "Exempt"}})"));
  const Json changed = With(level, "/metadata/generateName", "y");
  EXPECT_FALSE(StatusUpdated(level, changed)["metadata"].contains("generateName"));
}

TEST(CSINodeValidation, IsLookedAtTwiceWhenItChanges) {
  const Json old = Parsed(R"({"apiVersion": "storage.k8s.io/v1", "kind": "CSINode",
      "spec": {"drivers": [{"name": "a", "nodeID": "n"}]}})");
  const std::string required = "spec.drivers[0].nodeID: Required value";
  EXPECT_THAT(UpdateErrors(old, With(old, "/spec/drivers/0", {{"name", "b"}, {"nodeID", ""}})),
              ElementsAre(required, required));
  // What one driver is refused for comes in the order of its fields, that it is there twice last.
  const Json twice = {{{"name", "a"}, {"nodeID", "n"}}, {{"name", "a"}, {"nodeID", ""}}};
  EXPECT_THAT(CreateErrors(With(old, "/spec/drivers", twice)),
              ElementsAre("spec.drivers[1].nodeID: Required value",
                          "spec.drivers[1].name: Duplicate value: \"a\""));
}

TEST(PersistentVolumeValidation, MayCallLabelsOfBetaAsTheyAreToday) {
  const Json old = Parsed(R"({"apiVersion": "v1", "kind": "PersistentVolume", "metadata":
      {"name": "v"}, "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
      "hostPath": {"path": "/x"}, "nodeAffinity": {"required": {"nodeSelectorTerms": [
        {"matchExpressions": [{"key": "beta.kubernetes.io/os", "operator": "Exists"}],
         "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n"]}]}]}}}})");
  const std::string term = "/spec/nodeAffinity/required/nodeSelectorTerms/0";
  const std::string key = term + "/matchExpressions/0/key";
  EXPECT_THAT(UpdateErrors(old, With(old, key, "kubernetes.io/os")), IsEmpty());
  EXPECT_THAT(UpdateErrors(old, With(old, key, "kubernetes.io/arch")),
              ElementsAre(testing::StartsWith("nodeAffinity: Invalid value: ")));
  EXPECT_THAT(UpdateErrors(old, With(old, term + "/matchFields/0/key", "")),
              testing::Each(testing::HasSubstr("not a valid field selector key")));
}

TEST(WebhookValidation, SaysWhatItIsCalledFor) {
  EXPECT_THAT(
      CreateErrors(Parsed(R"({"apiVersion": "admissionregistration.k8s.io/v1",
          "kind": "ValidatingWebhookConfiguration", "webhooks": [{"name": "short",
          "rules": [{"operations": ["*", "CREATE"], "apiGroups": [""], "apiVersions": ["v1"],
                     "resources": ["pods/*", "pods/status"]}],
          "clientConfig": {"url": "http://a"}, "sideEffects": "None",
          "admissionReviewVersions": ["v1"]}]})")),
      ElementsAre("webhooks[0].name: Invalid value: \"short\": should be a domain with at least "
                  "three segments separated by dots",
                  "webhooks[0].rules[0].operations: Invalid value: [\"*\",\"CREATE\"]: if '*' is "
                  "present, must not specify other operations",
                  "webhooks[0].rules[0].resources[1]: Invalid value: \"pods/status\": if 'pods/*' "
                  "is present, must not specify pods/status",
                  "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only "
                  "allowed URL scheme; desired format: https://host[/path]"));
}

TEST(WebhookValidation, CountsNoNamesAndResourcesThatAreEmpty) {
  EXPECT_THAT(
      CreateErrors(Parsed(R"({"apiVersion": "admissionregistration.k8s.io/v1",
          "kind": "ValidatingWebhookConfiguration", "webhooks": [
          {"name": "", "sideEffects": "None", "admissionReviewVersions": ["v1"],
           "clientConfig": {"url": "https://a"}, "rules": [{"operations": ["*"],
           "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*", "pods", ""]}]},
          {"name": "", "sideEffects": "None", "admissionReviewVersions": ["v1"],
           "clientConfig": {"url": "https://a"}}]})")),
      ElementsAre("webhooks[0].name: Required value",
                  "webhooks[0].rules[0].resources[2]: Required value",
                  "webhooks[0].rules[0].resources: Invalid value: [\"*\",\"pods\",\"\"]: if '*' is "
                  "present, must not specify other resources without subresources",
                  "webhooks[1].name: Required value"));
}

TEST(FlowSchemaValidation, NamesTheSubjectOfItsKind) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "flowcontrol.apiserver.k8s.io/v1",
      "kind": "FlowSchema", "spec": {"priorityLevelConfiguration": {"name": "p"}, "rules": [{
      "subjects": [{"kind": "User", "group": {"name": "g"}}],
      "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/x*"]}]}]}})")),
              ElementsAre("spec.rules[0].subjects[0].user: Required value: user is required when "
                          "subject kind is 'User'",
                          "spec.rules[0].subjects[0].group: Forbidden: group is forbidden when "
                          "subject kind is not 'Group'",
                          "spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "
                          "\"/x*\": wildcard can only do suffix matching"));
}

TEST(FlowSchemaValidation, LooksAtNoNamespacesBesideAStar) {
  EXPECT_THAT(
      CreateErrors(Parsed(R"({"apiVersion": "flowcontrol.apiserver.k8s.io/v1",
      "kind": "FlowSchema", "spec": {"priorityLevelConfiguration": {"name": "p"}, "rules": [{
      "subjects": [{"kind": "User", "user": {"name": "u"}}],
      "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"],
                         "namespaces": ["*", "A"]}]}]}})")),
      ElementsAre("spec.rules[0].resourceRules[0].namespaces: Invalid value: [\"*\",\"A\"]: "
                  "if '*' is present, must not specify other namespaces"));
}

TEST(PriorityLevelValidation, LeavesTheExemptOneAsItIs) {
  const Sentences errors = CreateErrors(Parsed(R"({"apiVersion": "flowcontrol.apiserver.k8s.io/v1",
      "kind": "PriorityLevelConfiguration", "metadata": {"name": "exempt"}, "spec": {
      "type": "Exempt", "limited": {"limitResponse": {"type": "Reject"}}}})"));
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_TRUE(errors[1].ends_with(
      "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value"))
      << errors[1];
}

TEST(PriorityLevelValidation, DealsHandsThatFitTheDeck) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "flowcontrol.apiserver.k8s.io/v1",
      "kind": "PriorityLevelConfiguration", "metadata": {"name": "p"}, "spec": {"type": "Limited",
      "limited": {"limitResponse": {"type": "Queue",
      "queuing": {"queues": 4, "handSize": 6, "queueLengthLimit": 1}}}}})")),
              ElementsAre("spec.limited.limitResponse.queuing.handSize: Invalid value: 6: should "
                          "not be greater than queues (4)"));
}

TEST(APIServiceValidation, IsNamedAfterItsVersionAndGroup) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "apiregistration.k8s.io/v1",
      "kind": "APIService", "metadata": {"name": "x"}, "spec": {"group": "example.com",
      "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10}})")),
              ElementsAre("metadata.name: Invalid value: \"x\": must be "
                          "`spec.version+\".\"+spec.group`: \"v1.example.com\""));
}

TEST(APIServiceValidation, LeavesWhatIsBuiltInToThisServer) {
  const auto of = [](const std::string& version, const std::string& group,
                     const std::string& service) {
    return Parsed(R"({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": ")" +
                  version + "." + group + R"("}, "spec": {"group": ")" + group +
                  R"(", "version": ")" + version + R"(", "groupPriorityMinimum": 100,
        "versionPriority": 10)" +
                  service + "}}");
  };
  const std::string service =
      R"(, "service": {"namespace": "n", "name": "s", "port": 443}, "insecureSkipTLSVerify": true)";
  EXPECT_THAT(CreateErrors(of("v1", "apps", "")), IsEmpty());
  EXPECT_THAT(CreateErrors(of("v1", "apps", service)),
              ElementsAre("spec.service: Forbidden: this version is built into the API server, and "
                          "no other server can answer for it"));
  EXPECT_THAT(CreateErrors(of("v7", "apps", service)), IsEmpty());
  EXPECT_THAT(CreateErrors(of("v1beta1", "metrics.k8s.io", service)), IsEmpty());
}

TEST(SigningRequestValidation, SaysWhoSignsAndWhatFor) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "certificates.k8s.io/v1",
      "kind": "CertificateSigningRequest", "spec": {"request": "bm90IHBlbQ==",
      "signerName": "kubernetes.io/legacy-unknown", "expirationSeconds": 10}})")),
              ElementsAre("spec.request: Invalid value: \"bm90IHBlbQ==\": PEM block type must be "
                          "CERTIFICATE REQUEST",
                          "spec.usages: Required value",
                          "spec.signerName: Invalid value: \"kubernetes.io/legacy-unknown\": the "
                          "legacy signerName is not allowed via this API version",
                          "spec.expirationSeconds: Invalid value: 10: may not specify a duration "
                          "less than 600 seconds (10 minutes)"));
}

TEST(SigningRequestStatus, LeavesDecisionsToTheApprover) {
  const Json stored =
      Parsed(R"({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest"})");
  EXPECT_THAT(StatusErrors(stored, With(stored, "/status/conditions",
                                        Parsed(R"([{"type": "Approved", "status": "True"}])"))),
              ElementsAre("status.conditions: Forbidden: updates may not add a condition of type "
                          "\"Approved\""));
}

TEST(SigningRequestStatus, RemovesNothingAndIsToldSoFirst) {
  const Json stored = Parsed(R"({"apiVersion": "certificates.k8s.io/v1",
      "kind": "CertificateSigningRequest",
      "status": {"conditions": [{"type": "Failed", "status": "True"}]}})");
  Json next =
      With(stored, "/status/conditions", Parsed(R"([{"type": "Approved", "status": "True"}])"));
  next["status"]["certificate"] = "eA==";
  EXPECT_THAT(StatusErrors(stored, next),
              ElementsAre("status.certificate: Invalid value: \"<certificate data>\": must contain "
                          "at least one CERTIFICATE PEM block",
                          "status.conditions: Forbidden: updates may not remove a condition of "
                          "type \"Failed\"",
                          "status.conditions: Forbidden: updates may not add a condition of type "
                          "\"Approved\""));
}

TEST(PodTemplateValidation, HasNoEphemeralContainers) {
  const Json pod_template = Parsed(R"({"apiVersion": "v1", "kind": "PodTemplate",
      "template": {"spec": {"containers": [{"name": "c", "image": "i"}],
                            "ephemeralContainers": [{"name": "e", "image": "i"}]}}})");
  EXPECT_THAT(CreateErrors(pod_template),
              ElementsAre("template.spec.ephemeralContainers: Forbidden: ephemeral containers not "
                          "allowed in pod template"));
}

}  // namespace
}  // namespace skiff
