#include "api/rules/defaults.h"

#include <gtest/gtest.h>

#include "api/rules/rules_fixture.h"

namespace skiff {
namespace {

const Json kPod = Parsed(R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
    "spec": {"containers": [{"name": "c", "image": "nginx"}]}})");

TEST(PodDefaults, FillInWhatEveryPodHas) {
  const Json spec = Defaulted(kPod).at("spec");
  EXPECT_EQ(spec.at("restartPolicy"), "Always");
  EXPECT_EQ(spec.at("dnsPolicy"), "ClusterFirst");
  EXPECT_EQ(spec.at("schedulerName"), "default-scheduler");
  EXPECT_EQ(spec.at("terminationGracePeriodSeconds"), 30);
  EXPECT_EQ(spec.at("securityContext"), Json::object());
  EXPECT_EQ(spec.at("enableServiceLinks"), true);
}

TEST(PodDefaults, PullAlwaysWhenTheTagIsLatest) {
  EXPECT_EQ(Defaulted(kPod)["spec"]["containers"][0]["imagePullPolicy"], "Always");
  const Json tagged = With(kPod, "/spec/containers/0/image", "nginx:1");
  EXPECT_EQ(Defaulted(tagged)["spec"]["containers"][0]["imagePullPolicy"], "IfNotPresent");
}

TEST(PodDefaults, RequestWhatIsLimited) {
  const Json pod = With(kPod, "/spec/containers/0/resources", {{"limits", {{"cpu", "2"}}}});
  EXPECT_EQ(Defaulted(pod)["spec"]["containers"][0]["resources"]["requests"], Json({{"cpu", "2"}}));
}

TEST(PodDefaults, RoundAmountsUpToThousandths) {
  const Json pod = With(kPod, "/spec/containers/0/resources", {{"limits", {{"cpu", "100u"}}}});
  EXPECT_EQ(Defaulted(pod)["spec"]["containers"][0]["resources"]["limits"], Json({{"cpu", "1m"}}));
}

TEST(PodDefaults, HostPortIsTheContainerPortOnTheHostNetwork) {
  Json pod = With(kPod, "/spec/hostNetwork", true);
  pod = With(pod, "/spec/containers/0/ports", Json::array({{{"containerPort", 80}}}));
  EXPECT_EQ(Defaulted(pod)["spec"]["containers"][0]["ports"],
            Json::array({{{"containerPort", 80}, {"hostPort", 80}, {"protocol", "TCP"}}}));
}

TEST(PodDefaults, AVolumeWithoutSourceIsAnEmptyDirectory) {
  const Json pod = With(kPod, "/spec/volumes", Json::array({{{"name", "v"}}}));
  EXPECT_EQ(Defaulted(pod)["spec"]["volumes"],
            Json::array({{{"name", "v"}, {"emptyDir", Json::object()}}}));
}

TEST(PodDefaults, ProbesAskEveryTenSeconds) {
  const Json probe = {{"httpGet", {{"port", 80}}}};
  const Json pod = With(kPod, "/spec/containers/0/livenessProbe", probe);
  EXPECT_EQ(Defaulted(pod)["spec"]["containers"][0]["livenessProbe"],
            Json({{"httpGet", {{"path", "/"}, {"port", 80}, {"scheme", "HTTP"}}},
                  {"timeoutSeconds", 1},
                  {"periodSeconds", 10},
                  {"successThreshold", 1},
                  {"failureThreshold", 3}}));
}

TEST(PodDefaults, ServiceAccountIsTheOldNameOfServiceAccountName) {
  const Json spec = Defaulted(With(kPod, "/spec/serviceAccount", "robot")).at("spec");
  EXPECT_EQ(spec.at("serviceAccountName"), "robot");
  EXPECT_EQ(spec.at("serviceAccount"), "robot");
}

TEST(PodCreate, StartsPendingWithItsQualityOfService) {
  EXPECT_EQ(Created(kPod)["status"], Json({{"phase", "Pending"}, {"qosClass", "BestEffort"}}));
  const Json limits = {{"cpu", "1"}, {"memory", "1Gi"}};
  const Json guaranteed = With(kPod, "/spec/containers/0/resources", {{"limits", limits}});
  EXPECT_EQ(Created(guaranteed)["status"]["qosClass"], "Guaranteed");
  const Json burstable = With(kPod, "/spec/containers/0/resources", {{"requests", {{"cpu", "1"}}}});
  EXPECT_EQ(Created(burstable)["status"]["qosClass"], "Burstable");
}

TEST(PodCreate, SaysThatGatesHoldItBack) {
  const Json pod = With(kPod, "/spec/schedulingGates", Json::array({{{"name", "g"}}}));
  EXPECT_EQ(Created(pod)["status"]["conditions"][0]["message"],
            "Scheduling is blocked due to non-empty scheduling gates");
}

TEST(PodCreate, MergesMatchLabelKeysIntoTheSelector) {
  Json pod = With(kPod, "/metadata/labels", {{"k", "v"}});
  pod = With(pod, "/spec/topologySpreadConstraints",
             Json::array({{{"maxSkew", 1},
                           {"topologyKey", "zone"},
                           {"whenUnsatisfiable", "DoNotSchedule"},
                           {"labelSelector", Json::object()},
                           {"matchLabelKeys", {"k", "absent"}}}}));
  EXPECT_EQ(Created(pod)["spec"]["topologySpreadConstraints"][0]["labelSelector"],
            Parsed(R"({"matchExpressions": [{"key": "k", "operator": "In", "values": ["v"]}]})"));
}

TEST(DeploymentDefaults, RollByQuarters) {
  const Json deployment = Parsed(R"({"apiVersion": "apps/v1", "kind": "Deployment"})");
  const Json spec = Defaulted(deployment).at("spec");
  EXPECT_EQ(spec.at("replicas"), 1);
  EXPECT_EQ(spec.at("strategy"), Parsed(R"({"type": "RollingUpdate",
                       "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}})"));
  EXPECT_EQ(spec.at("revisionHistoryLimit"), 10);
  EXPECT_EQ(spec.at("progressDeadlineSeconds"), 600);
}

TEST(DeploymentUpdate, MovesTheGenerationWithSpecAndAnnotations) {
  const Json stored = Created(Parsed(R"({"apiVersion": "apps/v1", "kind": "Deployment"})"));
  EXPECT_EQ(stored["metadata"]["generation"], 1);
  EXPECT_EQ(Updated(stored, stored)["metadata"]["generation"], 1);
  const Json scaled = With(stored, "/spec/replicas", 3);
  EXPECT_EQ(Updated(stored, scaled)["metadata"]["generation"], 2);
  const Json noted = With(stored, "/metadata/annotations", {{"a", "b"}});
  EXPECT_EQ(Updated(stored, noted)["metadata"]["generation"], 2);
  const Json reported = With(stored, "/status/replicas", 3);
  EXPECT_EQ(Updated(stored, reported), stored);
}

TEST(DaemonSetUpdate, CountsTheChangesOfTheTemplate) {
  const char* kAnnotation = "/metadata/annotations/deprecated.daemonset.template.generation";
  const Json stored = Created(Parsed(R"({"apiVersion": "apps/v1", "kind": "DaemonSet"})"));
  EXPECT_EQ(stored.at(Json::json_pointer(kAnnotation)), "1");
  const Json changed = With(stored, "/spec/template/metadata/labels", {{"a", "b"}});
  EXPECT_EQ(Updated(stored, changed).at(Json::json_pointer(kAnnotation)), "2");
}

TEST(JobCreate, LabelsItsPodsAndSelectsThem) {
  const Json job = Created(Parsed(
      R"({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "uid": "u"}})"));
  EXPECT_EQ(job["spec"]["selector"],
            Parsed(R"({"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}})"));
  EXPECT_EQ(job["spec"]["template"]["metadata"]["labels"],
            Parsed(R"({"job-name": "j", "batch.kubernetes.io/job-name": "j",
                       "controller-uid": "u", "batch.kubernetes.io/controller-uid": "u"})"));
}

TEST(NamespaceCreate, IsHeldByItsFinalizer) {
  const Json created =
      Created(Parsed(R"({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}})"));
  EXPECT_EQ(created["spec"], Parsed(R"({"finalizers": ["kubernetes"]})"));
  EXPECT_EQ(created["status"], Parsed(R"({"phase": "Active"})"));
  EXPECT_EQ(created["metadata"]["labels"], Parsed(R"({"kubernetes.io/metadata.name": "n"})"));
}

TEST(SecretDefaults, FoldStringDataIntoData) {
  const Json secret = Defaulted(Parsed(
      R"({"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "b"},
          "data": {"a": "eA=="}})"));
  EXPECT_EQ(secret["data"], Parsed(R"({"a": "Yg=="})"));
  EXPECT_EQ(secret["type"], "Opaque");
  EXPECT_FALSE(secret.contains("stringData"));
}

TEST(LimitRangeDefaults, GoFromMaxToDefaultToDefaultRequest) {
  const Json range = Defaulted(Parsed(R"({"apiVersion": "v1", "kind": "LimitRange",
      "spec": {"limits": [{"type": "Container", "max": {"cpu": "2"},
                           "min": {"memory": "1Mi"}}]}})"));
  EXPECT_EQ(range["spec"]["limits"][0]["default"], Parsed(R"({"cpu": "2"})"));
  EXPECT_EQ(range["spec"]["limits"][0]["defaultRequest"],
            Parsed(R"({"cpu": "2", "memory": "1Mi"})"));
}

TEST(PersistentVolumeStamp, SaysWhenThePhaseChanged) {
  const Json volume = Created(Parsed(R"({"apiVersion": "v1", "kind": "PersistentVolume"})"));
  EXPECT_EQ(volume["status"]["lastPhaseTransitionTime"], "2023-11-14T22:13:20Z");
}

TEST(ServiceDefaults, TargetThePortItself) {
  const Json service = Defaulted(
      Parsed(R"({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}]}})"));
  EXPECT_EQ(service["spec"]["ports"],
            Parsed(R"([{"port": 80, "targetPort": 80, "protocol": "TCP"}])"));
  EXPECT_EQ(service["spec"]["internalTrafficPolicy"], "Cluster");
  EXPECT_FALSE(service["spec"].contains("externalTrafficPolicy"));
}

TEST(ServiceUpdate, ForgetsNodePortsWithTheTypeThatNeededThem) {
  const Json stored = Defaulted(Parsed(R"({"apiVersion": "v1", "kind": "Service",
      "spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}})"));
  const Json updated = Updated(stored, With(stored, "/spec/type", "ClusterIP"));
  EXPECT_FALSE(updated["spec"]["ports"][0].contains("nodePort"));
  EXPECT_FALSE(updated["spec"].contains("externalTrafficPolicy"));
}

}  // namespace
}  // namespace skiff
