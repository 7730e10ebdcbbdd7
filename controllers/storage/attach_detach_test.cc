#include <gmock/gmock.h>

#include <algorithm>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"
#include "controllers/storage/attach_detach_plan.h"

namespace skiff {
namespace {

using testing::Contains;
using testing::Not;

class AttachDetachRounds : public ListingServerTest {
 protected:
  AttachDetachRounds() {
    Put("/api/v1/nodes", "/api/v1/nodes/n",
        {{"metadata",
          {{"annotations",
            {{"volumes.kubernetes.io/controller-managed-attach-detach", "true"}}}}}});
  }
  // Attached to the node, where nobody wants it. Returns what takes it away.
  std::string PutAttached(const std::string& handle) {
    Put("/api/v1/persistentvolumes", "/api/v1/persistentvolumes/" + handle,
        {{"spec", {{"csi", {{"driver", "d"}, {"volumeHandle", handle}}}}}});
    const std::string path =
        "/apis/storage.k8s.io/v1/volumeattachments/" + attach::AttachmentName({"d", handle}, "n");
    Put("/apis/storage.k8s.io/v1/volumeattachments", path,
        {{"spec",
          {{"attacher", "d"}, {"nodeName", "n"}, {"source", {{"persistentVolumeName", handle}}}}},
         {"status", {{"attached", true}}}});
    return "DELETE " + path;
  }
};

TEST_F(AttachDetachRounds, AVolumeThatCannotBeDetachedHoldsNoOther) {
  const std::string first = PutAttached("a"), second = PutAttached("b");
  refused_.insert(first);
  AddAttachDetachController(manager_, {});
  Run(5s);
  EXPECT_THAT(written(), Contains(first));
  EXPECT_THAT(written(), Contains(second));
}

// The cache shows the node as it was before it was told of the volume.
TEST_F(AttachDetachRounds, AVolumeThatANodeUsesByNowIsLeftThere) {
  const std::string taken_away = PutAttached("a");
  answers_.at("/api/v1/nodes/n").second["metadata"]["resourceVersion"] = "2";
  AddAttachDetachController(manager_, {});
  Run(5s);
  EXPECT_THAT(written(), Not(Contains(taken_away)));
}

class AttachOwnVolumes : public AttachDetachRounds {
 protected:
  // A pod of the node that names a disk without a claim.
  void PutPod(const std::string& node, const std::string& name, const std::string& disk) {
    Put("/api/v1/pods", "/api/v1/namespaces/shop/pods/" + name,
        {{"spec",
          {{"nodeName", node},
           {"containers", Json::array()},
           {"volumes", {{{"name", "v"}, {"awsElasticBlockStore", {{"volumeID", disk}}}}}}}}});
  }
};

TEST_F(AttachOwnVolumes, AVolumeOfAFormerPluginIsAttachedByTheDriverInItsPlace) {
  PutPod("n", "p", "aws:///vol-1");
  AddAttachDetachController(manager_, {});
  Run(5s);
  const std::string made = "POST /apis/storage.k8s.io/v1/volumeattachments";
  ASSERT_THAT(written(), Contains(made));
  const size_t index = std::ranges::find(written(), made) - written().begin();
  const Json spec = Json::parse(bodies()[index])["spec"];
  EXPECT_EQ(spec["attacher"], "ebs.csi.aws.com");
  EXPECT_EQ(spec["source"]["inlineVolumeSpec"]["csi"]["volumeHandle"], "vol-1");
}

TEST_F(AttachOwnVolumes, OneThatAnotherNodeHasIsWaitedFor) {
  Put("/api/v1/nodes", "/api/v1/nodes/m",
      {{"metadata",
        {{"annotations", {{"volumes.kubernetes.io/controller-managed-attach-detach", "true"}}}}}});
  PutPod("n", "p", "vol-1");
  PutPod("m", "q", "vol-1");
  const std::string name = attach::AttachmentName({"ebs.csi.aws.com", "vol-1"}, "n");
  const Json source = {{"inlineVolumeSpec",
                        {{"accessModes", {"ReadWriteOnce"}},
                         {"csi", {{"driver", "ebs.csi.aws.com"}, {"volumeHandle", "vol-1"}}}}}};
  Put("/apis/storage.k8s.io/v1/volumeattachments",
      "/apis/storage.k8s.io/v1/volumeattachments/" + name,
      {{"spec", {{"attacher", "ebs.csi.aws.com"}, {"nodeName", "n"}, {"source", source}}},
       {"status", {{"attached", true}}}});
  AddAttachDetachController(manager_, {});
  Run(5s);
  EXPECT_THAT(written(), Not(Contains("POST /apis/storage.k8s.io/v1/volumeattachments")));
  EXPECT_THAT(messages(), Contains("Multi-Attach error for volume \"ebs.csi.aws.com-vol-1\" "
                                   "Volume is already used by pod(s) p"));
}

TEST(AttachDetachPlanTest, AnAttachmentNamesTheVolumeOrDescribesIt) {
  core_v1::Pod pod;
  pod.spec.volumes.emplace_back().name = "none";
  auto& volume = pod.spec.volumes.emplace_back();
  volume.aws_elastic_block_store.Ensure().volume_id = "aws:///vol-1";
  const auto own = attach::OwnVolumesOf(pod);
  ASSERT_EQ(own.size(), 1u);
  const attach::VolumeId id{"ebs.csi.aws.com", "vol-1"};
  EXPECT_EQ(attach::VolumeOf(*own[0]), id);
  EXPECT_TRUE(attach::IsExclusive(*own[0]));
  storage_v1::VolumeAttachment attachment;
  attachment.spec.source.persistent_volume_name = "pv";
  EXPECT_EQ(attach::InlineVolumeOf(attachment), std::nullopt);
  attachment.spec.source.inline_volume_spec = own[0]->spec;
  EXPECT_EQ(attach::InlineVolumeOf(attachment), id);
}

TEST(AttachDetachPlanTest, AVolumeIsAttachedAsItsDriverKnowsIt) {
  const auto volume = std::make_shared<core_v1::PersistentVolume>();
  EXPECT_EQ(attach::Attachable(nullptr), nullptr);
  EXPECT_EQ(attach::Attachable(volume), nullptr);
  volume->spec.cinder.Ensure().volume_id = "1";
  const attach::VolumeId id{"cinder.csi.openstack.org", "1"};
  EXPECT_EQ(attach::VolumeOf(*attach::Attachable(volume)), id);
  volume->spec.cinder.reset();
  volume->spec.csi.Ensure().driver = "d";
  EXPECT_EQ(attach::Attachable(volume), volume) << "no copy is made";
}

}  // namespace
}  // namespace skiff
