#include "apiserver/auth/node_relations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/codec/typed.h"

namespace skiff {
namespace {

using testing::ElementsAre;

core_v1::Pod PodOf(const char* text) {
  return *FromJson<core_v1::Pod>(Json::parse(text));
}
core_v1::PersistentVolume VolumeOf(const char* text) {
  return *FromJson<core_v1::PersistentVolume>(Json::parse(text));
}

constexpr const char* kPod = R"({
  "metadata": {"name": "p", "namespace": "a", "uid": "u"},
  "spec": {"nodeName": "n1", "serviceAccountName": "sa",
    "imagePullSecrets": [{"name": "pull"}],
    "containers": [{"name": "c", "env": [
        {"name": "S", "valueFrom": {"secretKeyRef": {"name": "env-secret", "key": "k"}}},
        {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "env-map", "key": "k"}}}],
      "envFrom": [{"secretRef": {"name": "all-secret"}}]}],
    "ephemeralContainers": [{"name": "e", "envFrom": [{"configMapRef": {"name": "late-map"}}]}],
    "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}},
                {"name": "own", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
                {"name": "s", "secret": {"secretName": "volume-secret"}}],
    "resourceClaims": [{"name": "gpu", "resourceClaimName": "claim"}]}})";

constexpr const char* kVolume = R"({
  "metadata": {"name": "pv"},
  "spec": {"claimRef": {"namespace": "a", "name": "data"},
    "csi": {"driver": "d", "volumeHandle": "h",
      "nodePublishSecretRef": {"namespace": "csi", "name": "publish"},
      "nodeStageSecretRef": {"name": "stage"},
      "controllerPublishSecretRef": {"namespace": "csi", "name": "controller"}}}})";

TEST(NodeRelationsTest, APodLeadsWhatItNamesToItsNodeAndToNoOther) {
  NodeRelations relations;
  relations.SetPod(PodOf(kPod));
  const struct {
    const char* resource;
    const char* name;
  } kNamed[] = {{"pods", "p"},
                {"serviceaccounts", "sa"},
                {"secrets", "pull"},
                {"secrets", "env-secret"},
                {"secrets", "all-secret"},
                {"secrets", "volume-secret"},
                {"configmaps", "env-map"},
                {"configmaps", "late-map"},
                {"persistentvolumeclaims", "data"},
                {"persistentvolumeclaims", "p-own"},
                {"resourceclaims", "claim"}};
  for (const auto& row : kNamed) {
    EXPECT_TRUE(relations.Reaches("n1", row.resource, "a", row.name)) << row.name;
    EXPECT_FALSE(relations.Reaches("n2", row.resource, "a", row.name)) << row.name;
    EXPECT_FALSE(relations.Reaches("n1", row.resource, "b", row.name)) << row.name;
  }
  EXPECT_FALSE(relations.Reaches("n1", "secrets", "a", "env-map")) << "that is a config map";
  EXPECT_FALSE(relations.Reaches("n1", "secrets", "a", "other"));
}

TEST(NodeRelationsTest, WhenAllPodsAreToldAgainThoseThatAreNotAreGone) {
  NodeRelations relations;
  auto pod = PodOf(kPod);
  relations.SetPod(pod);
  pod.metadata.name = "gone";
  relations.SetPod(pod);
  relations.BeginPods();
  relations.KeepPod("a", "p");
  pod.metadata.name = "new";
  relations.SetPod(pod);
  relations.EndPods();
  EXPECT_TRUE(relations.Reaches("n1", "pods", "a", "p"));
  EXPECT_TRUE(relations.Reaches("n1", "pods", "a", "new"));
  EXPECT_FALSE(relations.Reaches("n1", "pods", "a", "gone"));
  EXPECT_TRUE(relations.Reaches("n1", "secrets", "a", "env-secret")) << "two still name it";
  relations.BeginPods();
  relations.EndPods();
  EXPECT_FALSE(relations.Reaches("n1", "secrets", "a", "env-secret"));
}

TEST(NodeRelationsTest, AVolumeOfAClaimTakesAlongTheSecretsThatKubeletsNeed) {
  NodeRelations relations;
  relations.SetVolume(VolumeOf(kVolume));
  EXPECT_FALSE(relations.Reaches("n1", "persistentvolumes", "", "pv")) << "nobody uses its claim";
  relations.SetPod(PodOf(kPod));
  EXPECT_TRUE(relations.Reaches("n1", "persistentvolumes", "", "pv"));
  EXPECT_TRUE(relations.Reaches("n1", "secrets", "csi", "publish"));
  EXPECT_TRUE(relations.Reaches("n1", "secrets", "a", "stage")) << "in the claim's namespace";
  EXPECT_FALSE(relations.Reaches("n1", "secrets", "csi", "controller"));
  EXPECT_FALSE(relations.Reaches("n2", "secrets", "csi", "publish"));
  relations.ForgetVolume("pv");
  EXPECT_FALSE(relations.Reaches("n1", "persistentvolumes", "", "pv"));
  EXPECT_FALSE(relations.Reaches("n1", "secrets", "csi", "publish"));
}

TEST(NodeRelationsTest, EachKindOfVolumeSaysWhichSecretItIsMountedWith) {
  const struct {
    const char* source;
    const char* secret;
  } kRows[] = {
      {R"("azureFile": {"shareName": "s", "secretName": "k"})", "a/k"},
      {R"("azureFile": {"shareName": "s", "secretName": "k", "secretNamespace": "z"})", "z/k"},
      {R"("cephfs": {"monitors": ["m"], "secretRef": {"name": "k", "namespace": "z"}})", "z/k"},
      {R"("cinder": {"volumeID": "v", "secretRef": {"name": "k", "namespace": "z"}})", "z/k"},
      {R"("flexVolume": {"driver": "d", "secretRef": {"name": "k"}})", "a/k"},
      {R"("rbd": {"monitors": ["m"], "image": "i", "secretRef": {"name": "k"}})", "a/k"},
      {R"("iscsi": {"targetPortal": "t", "iqn": "i", "lun": 0, "secretRef": {"name": "k"}})",
       "a/k"},
      {R"("scaleIO": {"gateway": "g", "system": "s", "secretRef": {"name": "k"}})", "a/k"},
      {R"("storageos": {"secretRef": {"name": "k", "namespace": "z"}})", "z/k"},
      {R"("csi": {"driver": "d", "volumeHandle": "h", "nodeExpandSecretRef": {"name": "k"}})",
       "a/k"}};
  for (const auto& row : kRows) {
    const std::string text =
        std::string(R"({"metadata": {"name": "pv"}, "spec": {"claimRef": {"namespace": "a",)") +
        R"("name": "c"}, )" + row.source + "}}";
    EXPECT_THAT(KubeletSecretsOf(VolumeOf(text.c_str())), ElementsAre(row.secret)) << row.source;
  }
}

TEST(NodeRelationsTest, WhatIsNamedTwiceIsReachedUntilTheLastPodIsGone) {
  NodeRelations relations;
  core_v1::Pod first = PodOf(kPod);
  core_v1::Pod second = first;
  second.metadata.name = "q";
  relations.SetPod(first);
  relations.SetPod(second);
  relations.ForgetPod("a", "p");
  EXPECT_TRUE(relations.Reaches("n1", "secrets", "a", "pull"));
  relations.ForgetPod("a", "q");
  relations.ForgetPod("a", "q");
  EXPECT_FALSE(relations.Reaches("n1", "secrets", "a", "pull"));
  EXPECT_FALSE(relations.Reaches("n1", "pods", "a", "q"));
}

TEST(NodeRelationsTest, APodThatComesToNameMoreReachesMore) {
  NodeRelations relations;
  core_v1::Pod pod = PodOf(kPod);
  pod.spec.ephemeral_containers.clear();
  relations.SetPod(pod);
  EXPECT_FALSE(relations.Reaches("n1", "configmaps", "a", "late-map"));
  relations.SetPod(PodOf(kPod));
  EXPECT_TRUE(relations.Reaches("n1", "configmaps", "a", "late-map"));
}

TEST(NodeRelationsTest, AMirrorPodProvesNoRightToWhatItNames) {
  NodeRelations relations;
  core_v1::Pod pod = PodOf(kPod);
  pod.metadata.annotations["kubernetes.io/config.mirror"] = "x";
  relations.SetPod(pod);
  EXPECT_TRUE(relations.Reaches("n1", "pods", "a", "p"));
  EXPECT_FALSE(relations.Reaches("n1", "secrets", "a", "pull"));
  EXPECT_FALSE(relations.Reaches("n1", "persistentvolumeclaims", "a", "data"));
}

TEST(NodeRelationsTest, AttachmentsAndSlicesNameTheirNode) {
  NodeRelations relations;
  relations.SetAttachment("att", "n1");
  relations.SetSlice("slice", "n1");
  relations.SetSlice("everywhere", "");
  EXPECT_TRUE(relations.Reaches("n1", "volumeattachments", "", "att"));
  EXPECT_FALSE(relations.Reaches("n2", "volumeattachments", "", "att"));
  EXPECT_TRUE(relations.Reaches("n1", "resourceslices", "", "slice"));
  EXPECT_FALSE(relations.Reaches("n1", "resourceslices", "", "everywhere"));
  relations.SetAttachment("att", "");
  EXPECT_FALSE(relations.Reaches("n1", "volumeattachments", "", "att"));
}

}  // namespace
}  // namespace skiff
