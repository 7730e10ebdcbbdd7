#include <gmock/gmock.h>

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

}  // namespace
}  // namespace skiff
