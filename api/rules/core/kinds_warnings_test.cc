// What a write of kinds without pods is warned of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/rules/rules_fixture.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kOldOs = "deprecated since v1.14; use \"kubernetes.io/os\" instead";

TEST(KindWarnings, NameLabelsThatNodesHadBefore) {
  EXPECT_THAT(CreateWarnings(Parsed(R"({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass",
      "metadata": {"name": "a"}, "handler": "h",
      "scheduling": {"nodeSelector": {"beta.kubernetes.io/os": "linux"}}})")),
              ElementsAre(std::string("scheduling.nodeSelector: ") + kOldOs));
  EXPECT_THAT(
      CreateWarnings(Parsed(R"({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
      "metadata": {"name": "a"}, "provisioner": "p", "allowedTopologies": [{"matchLabelExpressions":
      [{"key": "k", "values": ["v"]}, {"key": "beta.kubernetes.io/os", "values": ["v"]}]}]})")),
      ElementsAre(std::string("allowedTopologies[0].matchLabelExpressions[1].key: ") + kOldOs));
  EXPECT_THAT(
      CreateWarnings(Parsed(R"({"apiVersion": "storage.k8s.io/v1",
      "kind": "CSIStorageCapacity", "metadata": {"name": "a"}, "storageClassName": "c",
      "nodeTopology": {"matchLabels": {"beta.kubernetes.io/os": "x"}, "matchExpressions":
      [{"key": "beta.kubernetes.io/os", "operator": "Exists"}]}})")),
      ElementsAre(std::string("nodeTopology.matchExpressions[0].key: "
                              "beta.kubernetes.io/os is ") +
                      kOldOs,
                  std::string("nodeTopology.matchLabels.beta.kubernetes.io/os: ") + kOldOs));
}

TEST(KindWarnings, NameVolumesAsKubernetesDoes) {
  const Json volume = Parsed(R"({"apiVersion": "v1", "kind": "PersistentVolume",
      "metadata": {"name": "a"}, "spec": {"persistentVolumeReclaimPolicy": "Recycle",
      "rbd": {"monitors": ["m"], "image": "i"}, "flocker": {"datasetName": "d"},
      "cephfs": {"monitors": ["m"]}, "nodeAffinity": {"required": {"nodeSelectorTerms": [
      {"matchExpressions": [{"key": "beta.kubernetes.io/os", "operator": "Exists"}]}]}}}})");
  EXPECT_THAT(
      CreateWarnings(volume),
      ElementsAre("spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
                  "Instead, the recommended approach is to use dynamic provisioning.",
                  std::string("spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0]"
                              ".key: beta.kubernetes.io/os is ") +
                      kOldOs,
                  "spec.cephfs: deprecated in v1.28, non-functional in v1.31+",
                  "spec.rbd: deprecated in v1.28, non-functional in v1.31+"));
}

TEST(KindWarnings, NamePartsOfBytesInUpdatesAndLimitsToo) {
  const Json claim = Parsed(R"({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
      "metadata": {"name": "a"}, "spec": {"resources": {"requests": {"storage": "1500m"},
                                                        "limits": {"storage": "2500m"}}}})");
  const auto texts = ElementsAre(
      "spec.resources.requests[storage]: fractional byte value \"1500m\" is invalid, must be an "
      "integer",
      "spec.resources.limits[storage]: fractional byte value \"2500m\" is invalid, must be an "
      "integer");
  EXPECT_THAT(CreateWarnings(claim), texts);
  EXPECT_THAT(UpdateWarnings(claim, claim), texts);
}

TEST(KindWarnings, NameRangesOfNodes) {
  EXPECT_THAT(CreateWarnings(Parsed(R"({"apiVersion": "v1", "kind": "Node",
      "metadata": {"name": "a"}, "spec": {"podCIDR": "10.1.0.1/24"}})")),
              ElementsAre("spec.podCIDRs[0]: CIDR value \"10.1.0.1/24\" is ambiguous in this "
                          "context (should be \"10.1.0.0/24\" or \"10.1.0.1/32\"?)"));
}

TEST(KindWarnings, CompareLimitsWithRequestsByTheirNames) {
  const auto of = [](const char* hard) {
    return CreateWarnings(With(Parsed(R"({"apiVersion": "v1", "kind": "ResourceQuota",
                                          "metadata": {"name": "a"}})"),
                               "/spec", {{"hard", Json::parse(hard)}}));
  };
  EXPECT_THAT(of(R"({"cpu": "2", "limits.cpu": "1"})"),
              ElementsAre("ResourceQuota cpu (2) should be less than limits.cpu (1)"));
  EXPECT_THAT(of(R"({"ephemeral-storage": "2", "limits.ephemeral-storage": "1"})"), IsEmpty());
}

TEST(KindWarnings, NameAddressesOfTheStatus) {
  const char* kText =
      "status.loadBalancer.ingress[0]: non-standard IP address \"010.1.1.1\" will "
      "be considered invalid in a future Kubernetes release: use \"10.1.1.1\"";
  const Json status = Parsed(R"({"loadBalancer": {"ingress": [{"ip": "010.1.1.1"}]}})");
  const Json service = Parsed(R"({"apiVersion": "v1", "kind": "Service",
                                  "metadata": {"name": "a"}})");
  EXPECT_THAT(StatusWarnings(service, With(service, "/status", status)), ElementsAre(kText));
  const Json ingress = Parsed(R"({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                                  "metadata": {"name": "a"}})");
  EXPECT_THAT(StatusWarnings(ingress, With(ingress, "/status", status)), ElementsAre(kText));
}

}  // namespace
}  // namespace skiff
