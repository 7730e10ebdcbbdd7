#include "api/rules/workloads/workload_validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gen/apps_v1.h"
#include "api/kinds/behaviour.h"
#include "api/rules/rules.h"
#include "api/rules/rules_fixture.h"
#include "base/feature_gates.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Json kDeployment = Parsed(R"({"apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}},
    "template": {"metadata": {"labels": {"a": "b"}},
                 "spec": {"containers": [{"name": "c", "image": "nginx"}]}}}})");

Json Workload(const char* kind) {
  return With(kDeployment, "/kind", kind);
}

TEST(ControllerRevisionRules, DataIsImmutableByItsText) {
  const Rules* rules = apps_v1::ControllerRevision::Info().behaviour->rules;
  apps_v1::ControllerRevision old;
  old.data = RawJson::FromText(R"({"z":1,"a":123456789012345678901234567890})");
  apps_v1::ControllerRevision next = old;
  Violations same;
  rules->validate_update(&next, &old, same);
  EXPECT_TRUE(same.empty());
  next.data = RawJson::FromText(R"({"a":123456789012345678901234567890, "z":1})");
  Violations sorted;
  rules->validate_update(&next, &old, sorted);
  const Error error = sorted.ToError("apps", "ControllerRevision", "x");
  EXPECT_EQ(error.message,
            R"(ControllerRevision.apps "x" is invalid: data: Invalid value: )"
            R"({"a":123456789012345678901234567890,"z":1}: field is immutable)");
}

TEST(DeploymentValidation, FindsNothingWrongWithASmallOne) {
  EXPECT_THAT(CreateErrors(kDeployment), IsEmpty());
}

TEST(DeploymentValidation, SelectsItsOwnPods) {
  EXPECT_THAT(CreateErrors(With(kDeployment, "/spec/selector/matchLabels", {{"x", "y"}})),
              ElementsAre("spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` "
                          "does not match template `labels`"));
  EXPECT_THAT(CreateErrors(With(kDeployment, "/spec/selector", Json::object())),
              ElementsAre("spec.selector: Invalid value: {}: empty selector is invalid for "
                          "deployment"));
}

TEST(DeploymentValidation, KnowsTwoStrategies) {
  EXPECT_THAT(CreateErrors(With(kDeployment, "/spec/strategy", {{"type", "Foo"}})),
              ElementsAre("spec.strategy: Unsupported value: "
                          "{\"Type\":\"Foo\",\"RollingUpdate\":null}: supported values: "
                          "\"Recreate\", \"RollingUpdate\""));
}

TEST(DeploymentValidation, MovesSomePodsAtATime) {
  const Json still = {{"maxSurge", 0}, {"maxUnavailable", "0%"}};
  EXPECT_THAT(CreateErrors(With(kDeployment, "/spec/strategy", {{"rollingUpdate", still}})),
              ElementsAre("spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"0%\": may "
                          "not be 0 when `maxSurge` is 0"));
}

TEST(DeploymentValidation, KeepsItsSelector) {
  Json changed = With(kDeployment, "/spec/selector/matchLabels", {{"a", "b"}, {"c", "d"}});
  changed = With(changed, "/spec/template/metadata/labels", {{"a", "b"}, {"c", "d"}});
  EXPECT_THAT(UpdateErrors(kDeployment, changed),
              ElementsAre("spec.selector: Invalid value: "
                          "{\"matchLabels\":{\"a\":\"b\",\"c\":\"d\"}}: field is immutable"));
}

TEST(DeploymentValidation, JudgesNothingByASelectorThatIsNone) {
  const Json expressions = Parsed(R"([{"key": "a", "operator": "Exists", "values": ["b"]}])");
  Json deployment = With(kDeployment, "/spec/selector", {{"matchExpressions", expressions}});
  deployment = With(deployment, "/spec/template/spec/containers/0/image", "");
  EXPECT_THAT(
      CreateErrors(deployment),
      ElementsAre("spec.selector.matchExpressions[0].values: Forbidden: may not be specified when "
                  "`operator` is 'Exists' or 'DoesNotExist'",
                  "spec.selector: Invalid value: {\"matchExpressions\":[{\"key\":\"a\","
                  "\"operator\":\"Exists\",\"values\":[\"b\"]}]}: invalid label selector"));
}

TEST(DeploymentValidation, RunsForever) {
  EXPECT_THAT(CreateErrors(With(kDeployment, "/spec/template/spec/restartPolicy", "Never")),
              ElementsAre("spec.template.spec.restartPolicy: Unsupported value: \"Never\": "
                          "supported values: \"Always\""));
}

TEST(DeploymentStatus, CountsNoMoreThanThereAre) {
  const Json stored = Created(kDeployment);
  EXPECT_THAT(
      StatusErrors(stored, With(stored, "/status", {{"replicas", 1}, {"readyReplicas", 2}})),
      ElementsAre("status.readyReplicas: Invalid value: 2: cannot be greater than "
                  "status.replicas"));
}

TEST(DaemonSetValidation, ReplacesOrSurgesButNotBoth) {
  const Json both = {{"maxSurge", 1}, {"maxUnavailable", 1}};
  EXPECT_THAT(
      CreateErrors(With(Workload("DaemonSet"), "/spec/updateStrategy", {{"rollingUpdate", both}})),
      ElementsAre("spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set "
                  "when maxUnavailable is non-zero"));
}

TEST(StatefulSetValidation, KeepsAndChecksMaxUnavailableWhereItsGateIsOn) {
  const auto with = [](const Json& most) {
    return With(Workload("StatefulSet"), "/spec/updateStrategy",
                {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxUnavailable", most}}}});
  };
  const auto kept = [](const Json& set) {
    return Created(set)["spec"]["updateStrategy"]["rollingUpdate"];
  };
  EXPECT_EQ(kept(with(2)), Json({{"partition", 0}}));
  EXPECT_THAT(CreateErrors(with(0)), IsEmpty());
  SetGate(SharedGate::kMaxUnavailableStatefulSet, true);
  EXPECT_EQ(kept(with(2)), Json({{"maxUnavailable", 2}, {"partition", 0}}));
  EXPECT_EQ(kept(Workload("StatefulSet")), Json({{"maxUnavailable", 1}, {"partition", 0}}));
  const std::string at = "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: ";
  EXPECT_THAT(CreateErrors(with(0)), ElementsAre(at + "0: cannot be 0"));
  EXPECT_THAT(CreateErrors(with("101%")),
              ElementsAre(at + "\"101%\": must not be greater than 100%"));
  SetGate(SharedGate::kMaxUnavailableStatefulSet, false);
}

TEST(StatefulSetValidation, MountsTheClaimsItMakes) {
  Json set = With(Workload("StatefulSet"), "/spec/volumeClaimTemplates", Parsed(R"([{
      "metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
      "resources": {"requests": {"storage": "1Gi"}}}}])"));
  set = With(set, "/spec/template/spec/containers/0/volumeMounts",
             Parsed(R"([{"name": "data", "mountPath": "/data"}])"));
  EXPECT_THAT(CreateErrors(set), IsEmpty());
}

TEST(DaemonSetDefaults, CountNothingWherePodsAreReplacedByHand) {
  const Json by_hand = {{"type", "OnDelete"}, {"rollingUpdate", Json::object()}};
  const Json set = Created(With(Workload("DaemonSet"), "/spec/updateStrategy", by_hand));
  EXPECT_EQ(set["spec"]["updateStrategy"]["rollingUpdate"],
            Json({{"maxSurge", 0}, {"maxUnavailable", 0}}));
}

TEST(StatefulSetValidation, PrintsAPartitionThatIsNotThere) {
  const Json by_hand = {{"type", "OnDelete"}, {"rollingUpdate", Json::object()}};
  EXPECT_THAT(CreateErrors(With(Workload("StatefulSet"), "/spec/updateStrategy", by_hand)),
              ElementsAre("spec.updateStrategy.rollingUpdate: Invalid value: {\"Partition\":0,"
                          "\"MaxUnavailable\":null}: only allowed for updateStrategy "
                          "'RollingUpdate'"));
}

TEST(StatefulSetValidation, CountsItsClaimsBeforeOtherVolumes) {
  Json set = With(Workload("StatefulSet"), "/spec/volumeClaimTemplates", Parsed(R"([{
      "metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
      "resources": {"requests": {"storage": "1Gi"}}}}])"));
  set = With(set, "/spec/template/spec/volumes", Parsed(R"([{"name": "A", "emptyDir": {}}])"));
  const Sentences errors = CreateErrors(set);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_TRUE(errors[0].starts_with("spec.template.spec.volumes[1].name: Invalid value: \"A\""));
}

TEST(StatefulSetValidation, TakesAReferenceToWhatFillsItsClaims) {
  const Json set = With(Workload("StatefulSet"), "/spec/volumeClaimTemplates", Parsed(R"([{
      "metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
      "dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "x"},
      "resources": {"requests": {"storage": "1Gi"}}}}])"));
  EXPECT_THAT(CreateErrors(set), IsEmpty());
}

TEST(StatefulSetValidation, ChangesLittle) {
  const Json set = Workload("StatefulSet");
  EXPECT_THAT(UpdateErrors(set, With(set, "/spec/replicas", 3)), IsEmpty());
  EXPECT_THAT(UpdateErrors(set, With(set, "/spec/serviceName", "s")),
              ElementsAre("spec: Forbidden: updates to statefulset spec for fields other than "
                          "'replicas', 'ordinals', 'template', 'updateStrategy', "
                          "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
                          "'minReadySeconds' are forbidden"));
}

TEST(ReplicationControllerValidation, WantsATemplate) {
  EXPECT_THAT(CreateErrors(Parsed(R"({"apiVersion": "v1", "kind": "ReplicationController"})")),
              ElementsAre("spec.selector: Required value", "spec.template: Required value"));
}

TEST(WorkloadWarnings, MentionPartsOfBytesInClaims) {
  const Json set = With(Workload("StatefulSet"), "/spec/volumeClaimTemplates", Parsed(R"([{
      "metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
      "resources": {"requests": {"storage": "1500m"}}}}])"));
  EXPECT_THAT(CreateWarnings(set),
              ElementsAre("spec.volumeClaimTemplates[0].resources.requests[storage]: fractional "
                          "byte value \"1500m\" is invalid, must be an integer"));
}

TEST(WorkloadWarnings, MentionNamesThatAreNoLabels) {
  EXPECT_THAT(CreateWarnings(With(kDeployment, "/metadata/name", "a.b")),
              ElementsAre("metadata.name: this is used in Pod names and hostnames, which can "
                          "result in surprising behavior; a DNS label is recommended: [must not "
                          "contain dots]"));
}

TEST(DaemonSetValidation, LooksAtBothAmountsBeforeTheirBounds) {
  const Json strategy = {{"type", "RollingUpdate"},
                         {"rollingUpdate", {{"maxUnavailable", "101%"}, {"maxSurge", "x"}}}};
  EXPECT_THAT(
      CreateErrors(With(Workload("DaemonSet"), "/spec/updateStrategy", strategy)),
      ElementsAre(testing::StartsWith("spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "
                                      "\"x\": a valid percent string"),
                  "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: \"101%\": "
                  "must not be greater than 100%"));
}

}  // namespace
}  // namespace skiff
