#include "cli/why/why_fixture.h"

namespace skiff::cli::why {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class WhyClaimTest : public WhyTest {
 protected:
  // A claim that is pending, of that class.
  std::string Pending(const std::string& storage_class) {
    return Why(
        "{kind: PersistentVolumeClaim, metadata: {name: data, uid: u1, creationTimestamp: "
        "'2026-01-02T02:00:00Z'}, spec: {" +
        (storage_class.empty() ? "" : "storageClassName: '" + storage_class + "', ") +
        "accessModes: [ReadWriteOnce], resources: {requests: {storage: 10Gi}}}, status: "
        "{phase: Pending}}");
  }
  void AddVolume(const std::string& name, const std::string& size, const std::string& more = "",
                 const std::string& modes = "[ReadWriteOnce]") {
    Add("persistentvolumes", "{metadata: {name: " + name +
                                 "}, spec: {storageClassName: hand, capacity: {storage: " + size +
                                 "}, accessModes: " + modes + more + "}}");
  }
  void AddClass(const std::string& name, const std::string& more) {
    Add("storageclasses", "{metadata: {name: " + name + "}, " + more + "}");
  }
};

TEST_F(WhyClaimTest, OneThatIsBoundIsFine) {
  None("pods");
  EXPECT_THAT(Why("{kind: PersistentVolumeClaim, metadata: {name: data}, spec: {volumeName: v1}, "
                  "status: {phase: Bound, capacity: {storage: 1Gi}}}"),
              StartsWith("persistentvolumeclaim/data is bound to the volume v1 of 1Gi; nothing is "
                         "wrong.\n"));
  EXPECT_TRUE(explanation_.healthy());
}

TEST_F(WhyClaimTest, AClassThatDoesNotExist) {
  AddClass("local", "provisioner: a.b");
  facts_.lists["storageclasses"][0]["metadata"]["annotations"] = {
      {"storageclass.kubernetes.io/is-default-class", "true"}};
  const std::string text = Pending("fast");
  EXPECT_THAT(text, StartsWith("persistentvolumeclaim/data is pending: there is no storage class "
                               "fast, which it names.\n  there are: local (default)  "));
}

TEST_F(WhyClaimTest, NoClassAndNoDefault) {
  None("storageclasses");
  None("persistentvolumes");
  const std::string text = Pending("");
  EXPECT_THAT(text, StartsWith("persistentvolumeclaim/data is pending: it names no storage class, "
                               "no class is the default, and no volume fits.\n"));
  EXPECT_THAT(text, HasSubstr("the cluster has no volumes  [persistentvolumes]"));
}

TEST_F(WhyClaimTest, WaitingForItsFirstConsumerIsAsItShouldBe) {
  AddClass("late", "provisioner: a.b, volumeBindingMode: WaitForFirstConsumer");
  None("pods");
  EXPECT_THAT(Pending("late"),
              StartsWith("persistentvolumeclaim/data waits for a pod that uses it, "
                         "as its class wants: nothing is wrong yet.\n"));
  EXPECT_EQ(first().weight, Weight::kWaits);
  Add("pods",
      "{metadata: {name: db}, spec: {volumes: [{name: d, persistentVolumeClaim: {claimName: "
      "data}}]}}");
  const std::string text = Pending("late");
  EXPECT_THAT(text, StartsWith("persistentvolumeclaim/data waits until pod db that uses it has a "
                               "node.\n"));
  EXPECT_THAT(text, HasSubstr("try: skiff why pod/db -n default\n"));
}

TEST_F(WhyClaimTest, VolumesThatDoNotFitSayByHowMuch) {
  AddClass("hand", "provisioner: kubernetes.io/no-provisioner");
  AddVolume("small", "4Gi");
  AddVolume("nearly", "8Gi");
  AddVolume("shared", "20Gi", "", "[ReadOnlyMany]");
  AddVolume("held", "20Gi", ", claimRef: {namespace: x, name: other}");
  const std::string text = Pending("hand");
  EXPECT_THAT(text,
              StartsWith("persistentvolumeclaim/data is pending: no volume of class hand fits; "
                         "the nearest, nearly, is short by 2Gi.\n"));
  EXPECT_THAT(text, HasSubstr("is too small: 4Gi of 10Gi, short by 6Gi  [persistentvolume/small]"));
  EXPECT_THAT(text, HasSubstr("does not offer ReadWriteOnce, only ReadOnlyMany  ["));
  EXPECT_THAT(text, HasSubstr("is taken for claim x/other  [persistentvolume/held]"));
}

TEST_F(WhyClaimTest, VolumesByHandNeedNoObjectOfTheirClass) {
  AddClass("local", "provisioner: a.b");
  AddVolume("shared", "20Gi", "", "[ReadOnlyMany]");
  std::string text = Pending("hand");
  EXPECT_THAT(text, StartsWith("persistentvolumeclaim/data is pending: no volume of class hand "
                               "fits; the only one, shared, does not offer ReadWriteOnce, only "
                               "ReadOnlyMany.\n"));
  EXPECT_THAT(text, HasSubstr("no class hand, so that nobody makes a volume; there are: local  ["));
  EXPECT_THAT(text, HasSubstr("try: skiff get persistentvolumes\n"));
  AddVolume("small", "4Gi");
  EXPECT_THAT(Pending("hand"), HasSubstr("hand fits; the nearest, small, is short by 6Gi.\n"));
  AddVolume("large", "40Gi");
  text = Pending("hand");
  EXPECT_THAT(text, StartsWith("persistentvolumeclaim/data is pending: it is not bound yet to a "
                               "volume of class hand that fits"));
  EXPECT_EQ(first().weight, Weight::kWaits);
}

TEST_F(WhyClaimTest, WhatWasLostMayComeBack) {
  Add("pods",
      "{metadata: {name: db}, spec: {volumes: [{name: d, persistentVolumeClaim: {claimName: "
      "data}}]}}");
  const std::string text =
      Why("{kind: PersistentVolumeClaim, metadata: {name: data}, spec: {volumeName: v1}, status: "
          "{phase: Lost}}");
  EXPECT_THAT(text, StartsWith("persistentvolumeclaim/data has lost its volume v1, which does not "
                               "exist any more.\n"));
  EXPECT_THAT(text, HasSubstr("used by db  [pods]\n"));
  EXPECT_THAT(text, HasSubstr("made again, is bound to it again"));
  EXPECT_THAT(text, HasSubstr("try: skiff delete pvc data -n default\n"));
}

TEST_F(WhyClaimTest, OneThatNoVolumeFitsDoesNotWaitForItsPod) {
  AddClass("hand",
           "provisioner: kubernetes.io/no-provisioner, volumeBindingMode: "
           "WaitForFirstConsumer");
  AddVolume("small", "4Gi");
  None("pods");
  EXPECT_THAT(Pending("hand"), HasSubstr("nothing is wrong yet")) << "a volume may come first";
  EXPECT_THAT(Pending("hand"), HasSubstr("nobody makes one: a pod alone will not do"));
  Add("pods",
      "{metadata: {name: db}, spec: {volumes: [{name: d, persistentVolumeClaim: {claimName: "
      "data}}]}}");
  EXPECT_THAT(Pending("hand"),
              StartsWith("persistentvolumeclaim/data is pending: no volume of class hand fits; "
                         "the nearest, small, is short by 6Gi.\n"));
  AddVolume("large", "40Gi");
  EXPECT_THAT(Pending("hand"), StartsWith("persistentvolumeclaim/data waits until pod db"));
}

TEST_F(WhyClaimTest, AProvisionerThatIsNotThere) {
  AddClass("cloud", "provisioner: csi.cloud");
  None("csidrivers");
  AddEvent("PersistentVolumeClaim/data", "ExternalProvisioning", "Waiting for a volume");
  const std::string text = Pending("cloud");
  EXPECT_THAT(text, StartsWith("persistentvolumeclaim/data is pending: its class leaves it to the "
                               "provisioner csi.cloud, of which there is no sign here.\n"));
  Add("csidrivers", "{metadata: {name: csi.cloud}}");
  EXPECT_THAT(Pending("cloud"), StartsWith("persistentvolumeclaim/data is pending: the provisioner "
                                           "csi.cloud has made no volume for it yet.\n"));
}

TEST_F(WhyClaimTest, AProvisionerThatFails) {
  AddClass("cloud", "provisioner: csi.cloud");
  AddEvent("PersistentVolumeClaim/data", "ProvisioningFailed",
           "failed to provision: no quota left");
  const std::string text = Pending("cloud");
  EXPECT_THAT(text, StartsWith("persistentvolumeclaim/data is pending: the provisioner csi.cloud "
                               "fails to make a volume.\n  failed to provision: no quota left  ["));
}

TEST_F(WhyClaimTest, AVolumeByNameThatIsNotThereOrTaken) {
  None("persistentvolumes");
  const std::string claim =
      "{kind: PersistentVolumeClaim, metadata: {name: data}, spec: {volumeName: v1, "
      "storageClassName: hand}, status: {phase: Pending}}";
  EXPECT_THAT(Why(claim), StartsWith("persistentvolumeclaim/data is pending: it names the volume "
                                     "v1, which does not exist.\n"));
  AddVolume("v1", "1Gi", ", claimRef: {namespace: x, name: other}");
  EXPECT_THAT(Why(claim), HasSubstr("v1, which is taken for claim x/other.\n"));
}

TEST_F(WhyClaimTest, DeletionWaitsForPodsThatUseIt) {
  Add("pods",
      "{metadata: {name: db}, spec: {volumes: [{persistentVolumeClaim: {claimName: data}}]}}");
  EXPECT_THAT(
      Why("{kind: PersistentVolumeClaim, metadata: {name: data, deletionTimestamp: "
          "'2026-01-02T02:00:00Z', finalizers: [kubernetes.io/pvc-protection]}}"),
      StartsWith("persistentvolumeclaim/data is being deleted, and stays as long as pods use "
                 "it: db.\n"));
}

}  // namespace
}  // namespace skiff::cli::why
