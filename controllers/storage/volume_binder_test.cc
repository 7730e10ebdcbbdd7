// What the binder leaves to others, and what it says of what it cannot do.
#include <gmock/gmock.h>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr char kBinderClaim[] = "/api/v1/namespaces/default/persistentvolumeclaims/a";
constexpr char kBinderVolume[] = "/api/v1/persistentvolumes/b";

class VolumeBinderRounds : public ListingServerTest {
 protected:
  // One of the other, both of the same size.
  void PutPair(const Json& claim_spec, const Json& claim_status, const Json& volume_spec) {
    Json claim = {{"metadata", {{"annotations", {{"pv.kubernetes.io/bind-completed", "yes"}}}}},
                  {"spec",
                   {{"accessModes", {"ReadWriteOnce"}},
                    {"storageClassName", ""},
                    {"resources", {{"requests", {{"storage", "1Gi"}}}}}}},
                  {"status", claim_status}};
    if (!claim_spec.contains("volumeName")) claim["metadata"].erase("annotations");
    claim["spec"].update(claim_spec);
    Put("/api/v1/persistentvolumeclaims", kBinderClaim, std::move(claim));
    Json volume = {{"spec",
                    {{"accessModes", {"ReadWriteOnce"}},
                     {"capacity", {{"storage", "1Gi"}}},
                     {"claimRef", {{"namespace", "default"}, {"name", "a"}, {"uid", "a"}}}}},
                   {"status", {{"phase", "Bound"}}}};
    volume["spec"].update(volume_spec);
    Put("/api/v1/persistentvolumes", kBinderVolume, std::move(volume));
    AddVolumeBinder(manager_, {});
    Run(1s);
  }
};

TEST_F(VolumeBinderRounds, WhoChangesAVolumeSaysWhichAttributesItsClaimHas) {
  PutPair({{"volumeName", "b"}, {"volumeAttributesClassName", "fast"}},
          {{"phase", "Bound"},
           {"accessModes", {"ReadWriteOnce"}},
           {"capacity", {{"storage", "1Gi"}}},
           {"currentVolumeAttributesClassName", "fast"}},
          {{"volumeAttributesClassName", "slow"}});
  EXPECT_THAT(written(), Not(Contains(std::string("PATCH ") + kBinderClaim + "/status")));
}

TEST_F(VolumeBinderRounds, OfAVolumeWhoseFileSystemHasToGrowTheClaimIsToldWhatThatHas) {
  Put("/api/v1/persistentvolumeclaims", kBinderClaim,
      {{"spec",
        {{"accessModes", {"ReadWriteOnce"}},
         {"storageClassName", ""},
         {"volumeName", "b"},
         {"resources", {{"requests", {{"storage", "1Gi"}}}}}}},
       {"status", {{"phase", "Pending"}}}});
  const Json volume = {
      {"metadata",
       {{"name", "b"},
        {"uid", "b"},
        {"resourceVersion", "1"},
        {"annotations", {{"volume.alpha.kubernetes.io/pre-resize-capacity", "1Gi"}}}}},
      {"spec",
       {{"accessModes", {"ReadWriteOnce"}},
        {"capacity", {{"storage", "2Gi"}}},
        {"claimRef", {{"namespace", "default"}, {"name", "a"}, {"uid", "a"}}}}},
      {"status", {{"phase", "Bound"}}}};
  Put("/api/v1/persistentvolumes", kBinderVolume, volume);
  Json bound = answers_[kBinderClaim].second;
  bound["metadata"]["annotations"] = {{"pv.kubernetes.io/bind-completed", "yes"}};
  after_writes_[std::string("PATCH ") + kBinderClaim] = bound;
  AddVolumeBinder(manager_, {});
  Run(1s);
  const std::string write = std::string("PATCH ") + kBinderClaim + "/status";
  const auto found = std::ranges::find(written(), write);
  ASSERT_NE(found, written().end());
  const Json body = Json::parse(bodies()[static_cast<size_t>(found - written().begin())]);
  EXPECT_EQ(body["status"]["capacity"]["storage"], "1Gi");
}

// Built-in provisioners made them in their time.
TEST_F(VolumeBinderRounds, AVolumeOfAFormerProvisionerIsHandedOnToItsDriver) {
  Put("/api/v1/persistentvolumes", kBinderVolume,
      {{"metadata",
        {{"annotations", {{"pv.kubernetes.io/provisioned-by", "kubernetes.io/gce-pd"}}}}},
       {"spec",
        {{"accessModes", {"ReadWriteOnce"}},
         {"capacity", {{"storage", "1Gi"}}},
         {"persistentVolumeReclaimPolicy", "Delete"},
         {"gcePersistentDisk", {{"pdName", "d"}}},
         {"claimRef", {{"namespace", "default"}, {"name", "a"}, {"uid", "a"}}}}},
       {"status", {{"phase", "Released"}}}});
  AddVolumeBinder(manager_, {});
  Run(1s);
  ASSERT_FALSE(written().empty());
  EXPECT_EQ(written()[0], std::string("PATCH ") + kBinderVolume);
  EXPECT_THAT(bodies()[0], HasSubstr("pd.csi.storage.gke.io"));
  EXPECT_THAT(told(), Not(Contains("VolumeFailedDelete")));
}

TEST_F(VolumeBinderRounds, SoIsAClaimThatWaitsForOne) {
  Put("/api/v1/persistentvolumeclaims", kBinderClaim,
      {{"metadata",
        {{"annotations",
          {{"volume.beta.kubernetes.io/storage-provisioner", "kubernetes.io/aws-ebs"}}}}},
       {"spec", {{"accessModes", {"ReadWriteOnce"}}}},
       {"status", {{"phase", "Pending"}}}});
  AddVolumeBinder(manager_, {});
  Run(1s);
  ASSERT_FALSE(written().empty());
  EXPECT_EQ(written()[0], std::string("PATCH ") + kBinderClaim);
  EXPECT_THAT(bodies()[0], HasSubstr(R"("pv.kubernetes.io/migrated-to":"ebs.csi.aws.com")"));
}

TEST_F(VolumeBinderRounds, NothingWaitsForAProvisionerThatIsNoMore) {
  Json volume = {{"spec", {{"capacity", {{"storage", "1Gi"}}}}}};
  volume["metadata"] = {{"deletionTimestamp", "2026-01-01T00:00:00Z"},
                        {"finalizers", {"kubernetes.io/pv-controller", "x.io/y"}},
                        {"annotations",
                         {{"pv.kubernetes.io/provisioned-by", "kubernetes.io/gce-pd"},
                          {"pv.kubernetes.io/migrated-to", "pd.csi.storage.gke.io"}}}};
  Put("/api/v1/persistentvolumes", kBinderVolume, std::move(volume));
  AddVolumeBinder(manager_, {});
  Run(1s);
  ASSERT_FALSE(written().empty());
  EXPECT_EQ(written()[0], std::string("PATCH ") + kBinderVolume);
  EXPECT_THAT(bodies()[0], HasSubstr(R"(["x.io/y"])"));
}

// As kube-controller-manager made it for a directory of its own.
TEST_F(VolumeBinderRounds, AVolumeThatIsDeletedHereWaitsForNobodyElseToDeleteIt) {
  Json volume = {{"spec",
                  {{"accessModes", {"ReadWriteOnce"}},
                   {"capacity", {{"storage", "1Gi"}}},
                   {"persistentVolumeReclaimPolicy", "Delete"},
                   {"hostPath", {{"path", "/tmp/hostpath_pv/x"}}},
                   {"claimRef", {{"namespace", "default"}, {"name", "a"}, {"uid", "a"}}}}},
                 {"status", {{"phase", "Released"}}}};
  volume["metadata"] = {
      {"finalizers", {"kubernetes.io/pv-controller"}},
      {"annotations", {{"pv.kubernetes.io/provisioned-by", "kubernetes.io/host-path"}}}};
  Put("/api/v1/persistentvolumes", kBinderVolume, std::move(volume));
  answers_["/api/v1/namespaces/default/persistentvolumeclaims/a"] = {
      404, {{"kind", "Status"}, {"reason", "NotFound"}, {"code", 404}}};
  ControllerOptions options;
  options.local_path_provisioners = {"kubernetes.io/host-path"};
  AddVolumeReclaimer(manager_, options);
  Run(1s);
  ASSERT_FALSE(written().empty());
  EXPECT_EQ(written()[0], std::string("PATCH ") + kBinderVolume);
  EXPECT_THAT(bodies()[0], HasSubstr(R"("finalizers":null)"));
}

// A directory of node n that the built-in provisioner has made for claim a, which is gone.
class LocalVolumeRounds : public ListingServerTest {
 protected:
  LocalVolumeRounds() {
    answers_[kBinderClaim] = {404, {{"kind", "Status"}, {"reason", "NotFound"}, {"code", 404}}};
  }
  void PutNode(const Json& annotations = {{"skiff.io/lets-go-of-volumes", "true"}}) {
    Put("/api/v1/nodes", "/api/v1/nodes/n", {{"metadata", {{"annotations", annotations}}}});
  }
  static Json LocalVolume() {
    return Json::parse(R"({
      "metadata": {"annotations": {"pv.kubernetes.io/provisioned-by": "skiff.io/local-path"}},
      "spec": {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": "1Gi"},
        "persistentVolumeReclaimPolicy": "Delete",
        "hostPath": {"path": "/x/b_default_a"},
        "claimRef": {"namespace": "default", "name": "a", "uid": "a"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
          {"key": "kubernetes.io/hostname", "operator": "In", "values": ["n"]}]}]}}},
      "status": {"phase": "Released"}})");
  }
  // Somebody has deleted it before its claim.
  static Json DeletedVolume() {
    Json volume = LocalVolume();
    volume["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
    volume["metadata"]["finalizers"] = Json::array({"skiff.io/local-volume"});
    return volume;
  }
  // What is written of it first.
  std::string FirstWriteOf(Json volume) {
    Put("/api/v1/persistentvolumes", kBinderVolume, std::move(volume));
    AddVolumeReclaimer(manager_, {});
    Run(1s);
    if (written().empty()) return "";
    EXPECT_EQ(written()[0], std::string("PATCH ") + kBinderVolume);
    return bodies()[0];
  }
};

TEST_F(LocalVolumeRounds, ItIsHeldBeforeAnybodyDeletesIt) {
  PutNode();
  EXPECT_THAT(FirstWriteOf(LocalVolume()), HasSubstr("skiff.io/local-volume"));
}

// As a node of an older release, or another's kubelet, which would never take the finalizer away.
TEST_F(LocalVolumeRounds, NobodyWaitsForANodeThatWouldNotLetItGo) {
  PutNode(Json::object());
  EXPECT_THAT(FirstWriteOf(DeletedVolume()), HasSubstr(R"("finalizers":null)"));
}

TEST_F(LocalVolumeRounds, ANodeThatWouldNotLetItGoIsToldOfItAsEver) {
  PutNode(Json::object());
  const std::string written = FirstWriteOf(LocalVolume());
  EXPECT_THAT(written, HasSubstr(R"("skiff.io/reclaimed-by":"n")"));
  EXPECT_THAT(written, Not(HasSubstr("finalizers")));
}

// Its claim is there, and whoever deletes both finds nothing that waits for a machine that is gone.
TEST_F(LocalVolumeRounds, OneOfANodeThatIsNoMoreIsNotHeld) {
  Put("/api/v1/persistentvolumeclaims", kBinderClaim, {{"spec", {{"volumeName", "b"}}}});
  Json volume = LocalVolume();
  volume["metadata"]["finalizers"] = Json::array({"skiff.io/local-volume"});
  volume["status"]["phase"] = "Bound";
  EXPECT_THAT(FirstWriteOf(std::move(volume)), HasSubstr(R"("finalizers":null)"));
}

TEST_F(LocalVolumeRounds, OneThatIsToBeKeptIsNotHeld) {
  PutNode();
  Json volume = LocalVolume();
  volume["spec"]["persistentVolumeReclaimPolicy"] = "Retain";
  EXPECT_EQ(FirstWriteOf(std::move(volume)), "");
}

TEST_F(LocalVolumeRounds, ItsNodeIsToldOfItAlthoughItWasDeletedBefore) {
  PutNode();
  EXPECT_THAT(FirstWriteOf(DeletedVolume()), HasSubstr(R"("skiff.io/reclaimed-by":"n")"));
}

TEST_F(LocalVolumeRounds, WhatTheNodeHasTakenAlongHoldsItNoLonger) {
  EXPECT_THAT(FirstWriteOf(DeletedVolume()), HasSubstr(R"("finalizers":null)"));
}

TEST_F(VolumeBinderRounds, AClaimThatWaitsAgainSaysNothingOfAnEarlierVolume) {
  Put("/api/v1/persistentvolumeclaims", kBinderClaim,
      {{"spec", {{"accessModes", {"ReadWriteOnce"}}, {"volumeName", "gone"}}},
       {"status",
        {{"phase", "Bound"},
         {"accessModes", {"ReadWriteOnce"}},
         {"capacity", {{"storage", "1Gi"}}}}}});
  AddVolumeBinder(manager_, {});
  Run(1s);
  ASSERT_FALSE(written().empty());
  EXPECT_EQ(written()[0], std::string("PATCH ") + kBinderClaim + "/status");
  const Json status = Json::parse(bodies()[0])["status"];
  EXPECT_EQ(status["phase"], "Pending");
  EXPECT_TRUE(status["capacity"].is_null() && status["accessModes"].is_null()) << bodies()[0];
}

TEST_F(VolumeBinderRounds, NoVolumeIsMadeOnANodeThatHasGoneSinceItWasChosen) {
  Put("/apis/storage.k8s.io/v1/storageclasses", "/apis/storage.k8s.io/v1/storageclasses/local",
      {{"provisioner", "skiff.io/local-path"}, {"volumeBindingMode", "WaitForFirstConsumer"}});
  const Json annotations = {
      {"volume.kubernetes.io/selected-node", "gone"},
      {"volume.kubernetes.io/storage-provisioner", "skiff.io/local-path"},
      {"volume.beta.kubernetes.io/storage-provisioner", "skiff.io/local-path"}};
  Put("/api/v1/persistentvolumeclaims", kBinderClaim,
      {{"metadata", {{"annotations", annotations}}},
       {"spec",
        {{"accessModes", {"ReadWriteOnce"}},
         {"storageClassName", "local"},
         {"resources", {{"requests", {{"storage", "1Gi"}}}}}}},
       {"status", {{"phase", "Pending"}}}});
  AddVolumeBinder(manager_, {.local_path_directory = "/d"});
  Run(1s);
  EXPECT_THAT(written(), Not(Contains("POST /api/v1/persistentvolumes")));
  ASSERT_FALSE(written().empty());
  EXPECT_EQ(written()[0], std::string("PATCH ") + kBinderClaim);
  EXPECT_THAT(bodies()[0], HasSubstr(R"("volume.kubernetes.io/selected-node":null)"));
  EXPECT_THAT(messages(), Contains("Failed to get target node: node \"gone\" not found"));
}

// The cache does not show it yet, and it is another claim's by now.
TEST_F(VolumeBinderRounds, AVolumeThatIsReadFromTheServerIsTakenFromNobody) {
  answers_["/api/v1/persistentvolumes/new"] = {
      200,
      {{"metadata", {{"name", "new"}, {"uid", "new"}, {"resourceVersion", "7"}}},
       {"spec", {{"claimRef", {{"namespace", "default"}, {"name", "z"}, {"uid", "z"}}}}},
       {"status", {{"phase", "Bound"}}}}};
  PutPair({{"volumeName", "new"}}, {{"phase", "Bound"}}, Json::object());
  EXPECT_THAT(told(), Contains("ClaimMisbound"));
  EXPECT_THAT(written(), Not(Contains("PATCH /api/v1/persistentvolumes/new")));
}

TEST_F(VolumeBinderRounds, OfModesThatDifferEachIsToldOfTheOther) {
  PutPair({{"volumeMode", "Block"}}, {{"phase", "Pending"}}, Json::object());
  EXPECT_THAT(messages(), Contains(HasSubstr("PersistentVolume to requested "
                                             "PersistentVolumeClaim \"a\" due to")));
  EXPECT_THAT(messages(), Contains(HasSubstr("PersistentVolume \"b\" to requested")));
}

}  // namespace
}  // namespace skiff
