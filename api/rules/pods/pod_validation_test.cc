#include "api/rules/pods/pod_validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "api/gen/core_v1.h"
#include "api/rules/pods/pod_prepare.h"
#include "api/rules/rules_fixture.h"
#include "api/violations.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Json kPod = Parsed(R"({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
    "spec": {"serviceAccountName": "default", "containers": [{"name": "c", "image": "nginx"}]}})");

Sentences ErrorsWith(const std::string& pointer, const char* value) {
  return CreateErrors(With(kPod, pointer, Json::parse(value)));
}

TEST(PodValidation, FindsNothingWrongWithASmallPod) {
  EXPECT_THAT(CreateErrors(kPod), IsEmpty());
}

TEST(PodValidation, WantsContainers) {
  EXPECT_THAT(ErrorsWith("/spec/containers", "[]"), ElementsAre("spec.containers: Required value"));
}

TEST(PodValidation, WantsAnImage) {
  EXPECT_THAT(ErrorsWith("/spec/containers/0/image", R"("")"),
              ElementsAre("spec.containers[0].image: Required value"));
  EXPECT_THAT(ErrorsWith("/spec/containers/0/image", R"("a ")"),
              ElementsAre("spec.containers[0].image: Invalid value: \"a \": must not have leading "
                          "or trailing whitespace"));
}

TEST(PodValidation, MountsOnlyVolumesThatAreThere) {
  EXPECT_THAT(
      ErrorsWith("/spec/containers/0/volumeMounts", R"([{"name": "v", "mountPath": "/v"}])"),
      ElementsAre("spec.containers[0].volumeMounts[0].name: Not found: \"v\""));
}

TEST(PodValidation, AllowsOneSourceAVolume) {
  EXPECT_THAT(
      ErrorsWith("/spec/volumes", R"([{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}])"),
      ElementsAre("spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"));
}

TEST(PodValidation, RequestsAtMostTheLimit) {
  EXPECT_THAT(ErrorsWith("/spec/containers/0/resources",
                         R"({"requests": {"cpu": "2"}, "limits": {"cpu": "1"}})"),
              ElementsAre("spec.containers[0].resources.requests: Invalid value: \"2\": must be "
                          "less than or equal to cpu limit of 1"));
}

TEST(PodValidation, SpreadsByEachKeyOnce) {
  Json spread = Json::array();
  for (const char* key : {"a", "b", "a", "a"}) {
    spread.push_back({{"maxSkew", 1}, {"topologyKey", key},
                      {"whenUnsatisfiable", "DoNotSchedule"}, {"labelSelector", Json::object()}});
  }
  const std::string repeated =
      ".{topologyKey, whenUnsatisfiable}: Duplicate value: \"{a, DoNotSchedule}\"";
  EXPECT_THAT(CreateErrors(With(kPod, "/spec/topologySpreadConstraints", spread)),
              ElementsAre("spec.topologySpreadConstraints[0]" + repeated,
                          "spec.topologySpreadConstraints[2]" + repeated));
}

TEST(PodValidation, SharesHostPortsWithNobody) {
  const char* kPorts = R"([{"containerPort": 1, "hostPort": 80, "name": "a"},
                           {"containerPort": 2, "hostPort": 80, "name": "b"}])";
  EXPECT_THAT(ErrorsWith("/spec/containers/0/ports", kPorts),
              ElementsAre("spec.containers[0].ports[1].hostPort: Duplicate value: \"TCP//80\""));
}

TEST(PodValidation, ProbesInOneWay) {
  const char* kProbe = R"({"exec": {"command": ["a"]}, "tcpSocket": {"port": 1},
                           "successThreshold": 2})";
  EXPECT_THAT(ErrorsWith("/spec/containers/0/livenessProbe", kProbe),
              ElementsAre("spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify "
                          "more than 1 handler type",
                          "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: "
                          "must be 1"));
}

TEST(PodValidation, NamesFieldsThatVariablesCanTake) {
  const char* kEnv = R"([{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodes"}}}])";
  EXPECT_THAT(ErrorsWith("/spec/containers/0/env", kEnv),
              ElementsAre("spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "
                          "\"spec.nodes\": error converting fieldPath: field label not supported: "
                          "spec.nodes"));
}

TEST(PodValidation, ToleratesWithKnownEffects) {
  EXPECT_THAT(ErrorsWith("/spec/tolerations", R"([{"key": "k", "effect": "Bad"}])"),
              ElementsAre("spec.tolerations[0].effect: Unsupported value: \"Bad\": supported "
                          "values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\""));
}

TEST(PodValidation, PrintsStructsWithTheNamesOfGo) {
  EXPECT_THAT(ErrorsWith("/spec/resourceClaims", R"([{"name": "a"}])"),
              ElementsAre("spec.resourceClaims[0]: Invalid value: {\"Name\":\"a\","
                          "\"ResourceClaimName\":null,\"ResourceClaimTemplateName\":null}: must "
                          "specify one of: `resourceClaimName`, `resourceClaimTemplateName`"));
}

TEST(PodValidation, KeepsLinuxFieldsFromWindowsPods) {
  const Json pod = With(kPod, "/spec/os", {{"name", "windows"}});
  EXPECT_THAT(CreateErrors(With(pod, "/spec/hostPID", true)),
              ElementsAre("spec.hostPID: Forbidden: cannot be set for a windows pod"));
}

TEST(PodValidation, ComparesProfilesInAnnotationsWithFields) {
  Json pod = With(kPod, "/metadata/annotations",
                  {{"seccomp.security.alpha.kubernetes.io/pod", "unconfined"}});
  pod = With(pod, "/spec/securityContext", {{"seccompProfile", {{"type", "RuntimeDefault"}}}});
  EXPECT_THAT(CreateErrors(pod),
              ElementsAre("spec.securityContext.seccompProfile.type: Forbidden: seccomp type in "
                          "annotation and field must match"));
}

TEST(PodValidation, SaysOneThingOfAResourceThatPodsDoNotKnow) {
  EXPECT_THAT(ErrorsWith("/spec/resources", R"({"limits": {"k": "5"}})"),
              ElementsAre("spec.resources.limits[k]: Invalid value: \"k\": must be a standard "
                          "resource type or fully qualified"));
  EXPECT_THAT(ErrorsWith("/spec/resources", R"({"requests": {"a.b/c": "5"}})"),
              ElementsAre("spec.resources.requests[a.b/c]: Unsupported value: \"a.b/c\": supported "
                          "values: \"cpu\", \"hugepages-\", \"memory\"",
                          "spec.resources.limits: Required value: Limit must be set for non "
                          "overcommitable resources"));
}

TEST(PodValidation, WantsThePolicyOfAnInitContainerBeforeItsRules) {
  const char* kInit = R"([{"name": "i", "image": "a", "restartPolicyRules": [{"action": "x"}]}])";
  EXPECT_THAT(ErrorsWith("/spec/initContainers", kInit),
              ElementsAre("spec.initContainers[0].restartPolicy: Required value: must specify "
                          "restartPolicy when restart rules are used"));
}

TEST(PodValidation, FindsTheVolumeOfAFileWhateverIsWrongWithIt) {
  Json pod = With(kPod, "/spec/volumes",
                  Parsed(R"([{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}])"));
  pod = With(pod, "/spec/containers/0/env", Parsed(R"([{"name": "A", "valueFrom": {"fileKeyRef":
      {"volumeName": "v", "path": "f", "key": "K"}}}])"));
  EXPECT_THAT(CreateErrors(pod), ElementsAre("spec.volumes[0].hostPath: Forbidden: may not specify "
                                             "more than 1 volume type"));
}

TEST(PodValidation, LooksAtEachSourceOfAProjection) {
  const Json sources = Parsed(R"([{"secret": {"name": "s", "items": [{"key": "", "path": "p"}]},
      "configMap": {"name": "", "items": [{"key": "k", "path": "p"}, {"key": "", "path": "q"}]}}])");
  EXPECT_THAT(
      CreateErrors(With(kPod, "/spec/volumes",
                        Json::array({{{"name", "v"}, {"projected", {{"sources", sources}}}}}))),
      ElementsAre("spec.volumes[0].projected.sources[0].secret.items[0].key: Required value",
                  "spec.volumes[0].projected.sources[0].configMap.name: Required value",
                  "spec.volumes[0].projected: Invalid value: \"\": conflicting duplicate paths",
                  "spec.volumes[0].projected.sources[0].configMap.items[1].key: Required value",
                  "spec.volumes[0].projected.sources[0]: Forbidden: may not specify more than 1 "
                  "volume type per source"));
}

TEST(PodValidation, LooksAtTheSecretOfAVolumeWithoutDriver) {
  EXPECT_THAT(ErrorsWith("/spec/volumes", R"([{"name": "v", "csi": {"driver": "",
                                       "nodePublishSecretRef": {"name": ""}}}])"),
              ElementsAre("spec.volumes[0].csi.driver: Required value",
                          "spec.volumes[0].csi.nodePublishSecretRef.name: Required value"));
}

TEST(PodValidation, ReservesOptionsOfFlexVolumesWithoutAPathToo) {
  EXPECT_THAT(
      ErrorsWith("/spec/volumes", R"([{"name": "v", "flexVolume": {"driver": "d", "options":
                                       {"A.K8s.io": "x", "b": "x", "k8s.io/c": "x"}}}])"),
      ElementsAre("spec.volumes[0].flexVolume.options[A.K8s.io]: Invalid value: \"A.K8s.io\": "
                  "kubernetes.io and k8s.io namespaces are reserved",
                  "spec.volumes[0].flexVolume.options[k8s.io/c]: Invalid value: \"k8s.io/c\": "
                  "kubernetes.io and k8s.io namespaces are reserved"));
}

TEST(PodValidation, WantsPairsOfHostAndPort) {
  const auto errors = [](const std::string& registry) {
    return CreateErrors(With(
        kPod, "/spec/volumes",
        Json::array({{{"name", "v"}, {"quobyte", {{"registry", registry}, {"volume", "v"}}}}})));
  };
  EXPECT_THAT(errors("a:1,:2,b:,[::1]:4"), IsEmpty());
  const std::string kWrong = ": must be a host:port pair or multiple pairs separated by commas";
  EXPECT_THAT(errors("a:1,b"), ElementsAre("spec.volumes[0].quobyte.registry: Invalid value: "
                                           "\"a:1,b\"" +
                                           kWrong));
  EXPECT_THAT(errors("::1"),
              ElementsAre("spec.volumes[0].quobyte.registry: Invalid value: \"::1\"" + kWrong));
}

TEST(PodValidation, AllowsDotsInTheNamesOfDevices) {
  Json pod = With(kPod, "/spec/volumes",
                  Parsed(R"([{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}])"));
  const char* kDevices = "/spec/containers/0/volumeDevices";
  EXPECT_THAT(
      CreateErrors(With(pod, kDevices, Parsed(R"([{"name": "v", "devicePath": "/dev/a..b"}])"))),
      IsEmpty());
  EXPECT_THAT(
      CreateErrors(With(pod, kDevices, Parsed(R"([{"name": "v", "devicePath": "/dev/../b"}])"))),
      ElementsAre("spec.containers[0].volumeDevices[0].devicePath: Invalid value: \"/dev/../b\": "
                  "can not contain backsteps ('..')"));
}

TEST(PodValidation, LooksAtTheDivisorWhateverElseIsWrong) {
  EXPECT_THAT(
      ErrorsWith("/spec/volumes", R"([{"name": "v", "downwardAPI": {"items": [{"path": "p",
          "resourceFieldRef": {"resource": "limits.cpu", "divisor": "2"}}]}}])"),
      ElementsAre("spec.volumes[0].downwardAPI.resourceFieldRef.containerName: Required value",
                  "spec.volumes[0].downwardAPI.resourceFieldRef.divisor: Invalid value: "
                  "\"limits.cpu\": only divisor's values 1m and 1 are supported with the cpu "
                  "resource"));
}

TEST(PodValidation, LetsALocalSeccompProfileBeEmpty) {
  EXPECT_THAT(ErrorsWith("/spec/securityContext",
                         R"({"seccompProfile": {"type": "Localhost", "localhostProfile": ""}})"),
              IsEmpty());
}

TEST(PodValidation, ComparesAnEmptyAnnotationWithTheFieldToo) {
  const Json pod = With(kPod, "/metadata/annotations",
                        {{"container.apparmor.security.beta.kubernetes.io/c", ""}});
  const auto with_type = [&](const char* type) {
    return CreateErrors(
        With(pod, "/spec/securityContext", {{"appArmorProfile", {{"type", type}}}}));
  };
  EXPECT_THAT(with_type("Unconfined"),
              ElementsAre("spec.containers[0].securityContext.appArmorProfile.type: Forbidden: "
                          "apparmor type in annotation and field must match"));
  EXPECT_THAT(with_type("x"),
              ElementsAre("spec.securityContext.appArmorProfile.type: Unsupported value: \"x\": "
                          "supported values: \"Localhost\", \"RuntimeDefault\", "
                          "\"Unconfined\""));
}

TEST(PodUpdate, MayChangeImages) {
  const Json stored = Created(kPod);
  EXPECT_THAT(UpdateErrors(stored, With(stored, "/spec/containers/0/image", "nginx:2")), IsEmpty());
}

TEST(PodUpdate, MayNotAddContainers) {
  const Json pod = With(kPod, "/spec/containers/-", {{"name", "d"}, {"image", "i"}});
  EXPECT_THAT(UpdateErrors(kPod, pod),
              ElementsAre("spec.containers: Forbidden: pod updates may not add or remove "
                          "containers"));
}

TEST(PodUpdate, ShowsWhatElseChanged) {
  const Json pod = With(kPod, "/spec/containers/0/env", Json::array({{{"name", "A"}}}));
  EXPECT_THAT(
      UpdateErrors(kPod, pod),
      ElementsAre(
          "spec: Forbidden: pod updates may not change fields other than "
          "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
          "`spec.tolerations` (only additions to existing tolerations),"
          "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously "
          "negative)\n"
          "@@ -10,7 +10,13 @@\n"
          "    \"WorkingDir\": \"\",\n"
          "    \"Ports\": null,\n"
          "    \"EnvFrom\": null,\n"
          "-   \"Env\": null,\n"
          "+   \"Env\": [\n"
          "+    {\n"
          "+     \"Name\": \"A\",\n"
          "+     \"Value\": \"\",\n"
          "+     \"ValueFrom\": null\n"
          "+    }\n"
          "+   ],\n"
          "    \"Resources\": {\n"
          "     \"Limits\": null,\n"
          "     \"Requests\": null,\n"));
}

TEST(PodUpdate, LowersTheDeadlineOnly) {
  const Json old = With(kPod, "/spec/activeDeadlineSeconds", 50);
  EXPECT_THAT(UpdateErrors(old, With(kPod, "/spec/activeDeadlineSeconds", 40)), IsEmpty());
  EXPECT_THAT(UpdateErrors(old, With(kPod, "/spec/activeDeadlineSeconds", 60)),
              ElementsAre("spec.activeDeadlineSeconds: Invalid value: 60: must be less than or "
                          "equal to previous value"));
  EXPECT_THAT(UpdateErrors(old, kPod),
              ElementsAre("spec.activeDeadlineSeconds: Invalid value: null: must not update from a "
                          "positive integer to nil value"));
}

TEST(PodUpdate, NarrowsTheNodesOfAGatedPod) {
  Json old = With(kPod, "/spec/schedulingGates", Json::array({{{"name", "g"}}}));
  old = With(old, "/spec/nodeSelector", {{"a", "b"}});
  EXPECT_THAT(UpdateErrors(old, With(old, "/spec/nodeSelector", {{"a", "b"}, {"c", "d"}})),
              IsEmpty());
  EXPECT_THAT(UpdateErrors(old, With(old, "/spec/nodeSelector", {{"a", "z"}})),
              ElementsAre("spec.nodeSelector: Invalid value: {\"a\":\"z\"}: only additions to "
                          "spec.nodeSelector are allowed (no mutations or deletions)"));
}

TEST(PodStatus, KeepsItsQualityOfService) {
  const Json stored = Created(kPod);
  EXPECT_THAT(StatusErrors(stored, With(stored, "/status/qosClass", "Guaranteed")),
              ElementsAre("status.qosClass: Invalid value: \"Guaranteed\": field is immutable"));
}

TEST(PodStatus, RunsNothingAgainThatEndedForGood) {
  Json stored = Created(With(kPod, "/spec/restartPolicy", "Never"));
  const Json ended = Parsed(R"([{"name": "c", "state": {"terminated": {"exitCode": 1}}}])");
  const Json running = Parsed(R"([{"name": "c", "state": {"running": {}}}])");
  stored = With(stored, "/status/containerStatuses", ended);
  EXPECT_THAT(StatusErrors(stored, With(stored, "/status/containerStatuses", running)),
              ElementsAre("status.containerStatuses[0].state: Forbidden: may not be transitioned "
                          "to non-terminated state"));
}

TEST(PodStatus, DoesNotRunAgainWhatThePodDoesNotHave) {
  Json stored = Created(kPod);
  const Json ended = Parsed(R"([{"name": "x", "state": {"terminated": {"exitCode": 1}}}])");
  const Json running = Parsed(R"([{"name": "x", "state": {"running": {}}}])");
  stored = With(stored, "/status/containerStatuses", ended);
  EXPECT_THAT(StatusErrors(stored, With(stored, "/status/containerStatuses", running)),
              ElementsAre("status.containerStatuses[0].state: Forbidden: may not be transitioned "
                          "to non-terminated state"));
}

TEST(PodWarnings, NameDeprecatedLabelsAndDuplicates) {
  Json pod = With(kPod, "/spec/nodeSelector", {{"beta.kubernetes.io/os", "linux"}});
  pod = With(pod, "/spec/imagePullSecrets", Json::array({{{"name", "x"}}, {{"name", "x"}}}));
  EXPECT_THAT(CreateWarnings(pod),
              ElementsAre("spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "
                          "\"kubernetes.io/os\" instead",
                          "spec.imagePullSecrets[1].name: duplicate name \"x\""));
}

TEST(PodWarnings, MentionAddressesWithoutAPort) {
  const Json ports = Parsed(R"([{"containerPort": 80, "hostIP": "10.0.0.1"}])");
  EXPECT_THAT(CreateWarnings(With(kPod, "/spec/containers/0/ports", ports)),
              ElementsAre("spec.containers[0].ports[0]: hostIP set without hostPort: {Name: "
                          "HostPort:0 ContainerPort:80 Protocol:TCP HostIP:10.0.0.1}"));
}

TEST(PodWarnings, MentionSourcesThatAreEmptyAndNotThatThereAreNone) {
  const auto projected = [](const char* sources) {
    return CreateWarnings(
        With(kPod, "/spec/volumes",
             Json::array({{{"name", "v"}, {"projected", {{"sources", Json::parse(sources)}}}}})));
  };
  EXPECT_THAT(projected("[]"), IsEmpty());
  EXPECT_THAT(projected("[{}]"), ElementsAre("volume \"v\" (Projected) has no sources provided"));
}

TEST(PodValidation, TakesLabelsAndAnnotationsAloneForClaims) {
  const Json volumes = Parsed(R"([{"name": "v", "ephemeral": {"volumeClaimTemplate": {
      "metadata": {"labels": {"a": "b"}, "annotations": {"a": "b"}, "uid": "x", "name": "n"},
      "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}}}}}}])");
  const std::string metadata = "spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.";
  EXPECT_THAT(CreateErrors(With(kPod, "/spec/volumes", volumes)),
              ElementsAre(metadata + "name: Forbidden: cannot be set",
                          metadata + "uID: Forbidden: cannot be set"));
}

TEST(PodWarnings, MentionPartsOfBytesInClaims) {
  const Json volumes = Parsed(R"([{"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {
      "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1500m"}}}}}}])");
  EXPECT_THAT(CreateWarnings(With(kPod, "/spec/volumes", volumes)),
              ElementsAre("spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources.requests"
                          "[storage]: fractional byte value \"1500m\" is invalid, must be an "
                          "integer"));
}

TEST(PodCreate, AsksForNothingWhereItsOwnResourcesSayNothing) {
  Json pod = With(kPod, "/spec/containers/0/resources", {{"requests", {{"cpu", "1"}}}});
  EXPECT_EQ(Created(pod)["status"]["qosClass"], "Burstable");
  pod = With(pod, "/spec/resources", Json::object());
  EXPECT_EQ(Created(pod)["status"]["qosClass"], "BestEffort");
}

// Each port collides with all before it.
TEST(PodWarnings, ComeToAnEndHoweverOftenAPortIsRepeated) {
  const Json ports(Json::array_t(3000, Json{{"containerPort", 80}, {"protocol", "TCP"}}));
  const Sentences warnings = CreateWarnings(With(kPod, "/spec/containers/0/ports", ports));
  ASSERT_EQ(warnings.size(), 1000);
  EXPECT_EQ(warnings[2],
            "spec.containers[0].ports[2]: duplicate port definition with "
            "spec.containers[0].ports[1]");
}

TEST(PodWarnings, ComeToAnEndHoweverManyVolumesOverlap) {
  const Json items(Json::array_t(20, Json{{"key", "k"}, {"path", "p"}}));
  Json volumes = Json::array();
  for (int i = 0; i < 100; ++i) {
    volumes.push_back({{"name", "v" + std::to_string(i)},
                       {"configMap", {{"name", "m"}, {"items", items}}}});
  }
  EXPECT_LE(CreateWarnings(With(kPod, "/spec/volumes", volumes)).size(), 1100);
}

TEST(PodWarnings, ComeInTheOrderOfKubernetes) {
  Json pod = With(kPod, "/metadata/annotations",
                  {{"seccomp.security.alpha.kubernetes.io/pod", "unconfined"}});
  pod = With(pod, "/spec/imagePullSecrets", Json::array({{{"name", "x"}}, {{"name", "x"}}}));
  pod = With(pod, "/spec/containers", Parsed(R"([
      {"name": "c", "image": "i", "ports": [{"name": "a", "containerPort": 1}]},
      {"name": "d", "image": "i", "ports": [{"name": "a", "containerPort": 2},
                                            {"name": "b", "containerPort": 1}]}])"));
  EXPECT_THAT(
      CreateWarnings(pod),
      ElementsAre("spec.imagePullSecrets[1].name: duplicate name \"x\"",
                  "metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional "
                  "in v1.27+; use the \"seccompProfile\" field instead",
                  "spec.containers[1].ports[1]: duplicate port definition with "
                  "spec.containers[0].ports[0]",
                  "spec.containers[1].ports[0]: duplicate port name \"a\" with "
                  "spec.containers[0].ports[0], services and probes that select ports by name "
                  "will use spec.containers[0].ports[0]"));
}

TEST(PodWarnings, NameValuesOfPreferencesThatNoLabelHas) {
  const Json preferred = Parsed(R"([{"weight": 1, "preference": {"matchExpressions": [
      {"key": "k", "operator": "In", "values": ["a", "b c"]}]}}])");
  const Json affinity = {
      {"nodeAffinity", {{"preferredDuringSchedulingIgnoredDuringExecution", preferred}}}};
  EXPECT_THAT(
      CreateWarnings(With(kPod, "/spec/affinity", affinity)),
      ElementsAre(testing::StartsWith(
          "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]."
          "preference.matchExpressions[0].values[1]: b c is invalid, a valid label must be")));
}

TEST(PodWarnings, MentionAddressesOfTheStatus) {
  const Json stored = Created(kPod);
  Json pod = With(stored, "/status/podIPs", Parsed(R"([{"ip": "10.0.0.1"}, {"ip": "FD00::1"}])"));
  EXPECT_THAT(StatusWarnings(stored, pod),
              ElementsAre("status.podIPs[1].ip: IPv6 address \"FD00::1\" should be in RFC 5952 "
                          "canonical format (\"fd00::1\")"));
}

TEST(PodValidation, AnnotationsOfContainersAreBoundedInTime) {
  core_v1::Pod pod;
  for (int i = 0; i < 30'000; ++i) {
    const std::string name = "c" + std::to_string(i);
    pod.spec.containers.emplace_back().name = name;
    pod.metadata.annotations["container.apparmor.security.beta.kubernetes.io/" + name] =
        "unconfined";
  }
  Violations wrong;
  const std::clock_t begin = std::clock();
  ValidatePodAnnotations(pod.metadata, pod.spec, FieldPath("annotations"), wrong);
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 6) << "seconds of processor time";
  EXPECT_TRUE(wrong.empty());
}

TEST(PodValidation, LooksForNoVolumeAmongAllOfThem) {
  core_v1::Pod pod;
  for (int i = 100'000; i < 200'000; ++i) {
    core_v1::Volume& volume = pod.spec.volumes.emplace_back();
    volume.name = "v" + std::to_string(i);
    volume.empty_dir.Ensure();
  }
  auto& container = pod.spec.containers.emplace_back();
  for (int i = 0; i < 60'000; ++i) {
    auto& variable = container.env.emplace_back();
    variable.name = "A";
    core_v1::FileKeySelector& ref = variable.value_from.Ensure().file_key_ref.Ensure();
    ref.volume_name = "v100000";
    ref.path = "f";
    ref.key = "K";
  }
  Violations wrong;
  const std::clock_t begin = std::clock();
  ValidatePodContent(pod, nullptr, wrong);
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 6) << "seconds of processor time";
  for (const Cause& cause : wrong.causes()) {
    EXPECT_EQ(cause.field.find("fileKeyRef"), std::string::npos) << cause.message;
  }
}

TEST(PodWarnings, ComparesNoPathThatNoFileCanHave) {
  const Json pod = With(kPod, "/spec/volumes", Json::parse(R"([{"name": "v", "configMap":
      {"name": "m", "items": [{"key": "k", "path": "a"}, {"key": "l", "path": "a/b"}]}}])"));
  const auto overlaps = testing::Contains(testing::HasSubstr("overlapping paths"));
  EXPECT_THAT(CreateWarnings(pod), overlaps);
  std::string deep = "a";
  while (deep.size() <= 4096) deep += "/b";
  const Json deeper = With(pod, "/spec/volumes/0/configMap/items/1/path", deep);
  EXPECT_THAT(CreateWarnings(deeper), testing::Not(overlaps));
}

// A name of a megabyte and 60,000 files were 60 gigabytes.
TEST(PodWarnings, CopyNoNameForEachOfItsFiles) {
  Json items = Json::array();
  for (int i = 0; i < 60'000; ++i) {
    items.push_back({{"key", "k"}, {"path", "p" + std::to_string(i)}});
  }
  items.push_back({{"key", "k"}, {"path", "p7/x"}});
  const Json source = {{"configMap", {{"name", std::string(1 << 20, 'n')}, {"items", items}}}};
  const Json volume = {{"name", "v"}, {"projected", {{"sources", Json::array({source})}}}};
  const Sentences warnings = CreateWarnings(With(kPod, "/spec/volumes", Json::array({volume})));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_LT(warnings[0].size(), 10'000u);
  EXPECT_TRUE(
      warnings[0].starts_with("volume \"v\" (Projected): overlapping paths: \"p7/x\" "
                              "(ConfigMap \"nnn"))
      << warnings[0].substr(0, 100);
}

// What follows is copied once for each of what may be ten thousands, and before anything is
// refused.
TEST(PodValidation, CallsNoClaimsByANameThatNoPodCanHave) {
  const Json named = With(kPod, "/metadata/name", std::string(254, 'a'));
  const Json pod = With(named, "/spec/volumes", Json::parse(R"([{"name": "v", "ephemeral":
      {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"],
       "resources": {"requests": {"storage": "1"}}}}}}])"));
  EXPECT_THAT(CreateErrors(pod), testing::Not(testing::Contains(testing::HasSubstr("PVC name"))));
}

TEST(PodPreparation, SelectsByNoLabelThatIsTooLong) {
  core_v1::Pod pod;
  pod.metadata.labels["long"] = std::string(64, 'x');
  pod.metadata.labels["short"] = std::string(63, 'x');
  auto& spread = pod.spec.topology_spread_constraints.emplace_back();
  spread.label_selector.Ensure();
  spread.match_label_keys = {"long", "short"};
  PreparePodCreate(pod);
  ASSERT_EQ(spread.label_selector->match_expressions.size(), 1u);
  EXPECT_EQ(spread.label_selector->match_expressions[0].key, "short");
}

// Three megabytes of one key are 750,000 expressions of some hundred bytes each.
TEST(PodPreparation, SelectsNoMoreThanCanBeStored) {
  core_v1::Pod pod;
  pod.metadata.labels["a"] = "";
  auto& terms = pod.spec.affinity.Ensure().pod_affinity.Ensure();
  auto& term = terms.required_during_scheduling_ignored_during_execution.emplace_back();
  term.label_selector.Ensure();
  term.mismatch_label_keys.assign(50'000, "a");
  PreparePodCreate(pod);
  const auto& selected = term.label_selector->match_expressions;
  ASSERT_EQ(selected.size(), 40'000u);
  EXPECT_GT(ToJson(selected[0]).dump().size() * selected.size(), size_t{3} << 19);
}

TEST(PodPreparation, GivesOneContainerOfANameItsProfile) {
  core_v1::Pod pod;
  pod.metadata.annotations["container.apparmor.security.beta.kubernetes.io/c"] = "localhost/p";
  for (int i = 0; i < 2; ++i) pod.spec.containers.emplace_back().name = "c";
  PreparePodCreate(pod);
  const auto& containers = pod.spec.containers;
  ASSERT_TRUE(containers[0].security_context && containers[0].security_context->app_armor_profile);
  EXPECT_EQ(containers[0].security_context->app_armor_profile->localhost_profile, "p");
  EXPECT_FALSE(containers[1].security_context && containers[1].security_context->app_armor_profile);
}

}  // namespace
}  // namespace skiff
