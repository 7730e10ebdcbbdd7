// Who is told that a claim asks for more than its volume has.
#include <gmock/gmock.h>

#include "controllers/listing_server_fixture.h"
#include "controllers/program.h"

namespace skiff {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kExpandedClaim[] = "/api/v1/namespaces/default/persistentvolumeclaims/a";
constexpr char kExpandedVolume[] = "/api/v1/persistentvolumes/b";

class VolumeExpanderTest : public ListingServerTest {
 protected:
  // The volume is of this source.
  void Expand(const std::string& source, const Json& what) {
    Put("/api/v1/persistentvolumeclaims", kExpandedClaim,
        {{"spec", {{"volumeName", "b"}, {"resources", {{"requests", {{"storage", "2Gi"}}}}}}},
         {"status", {{"phase", "Bound"}, {"capacity", {{"storage", "1Gi"}}}}}});
    Json spec = {{"capacity", {{"storage", "1Gi"}}},
                 {"claimRef", {{"namespace", "default"}, {"name", "a"}, {"uid", "a"}}}};
    spec[source] = what;
    Put("/api/v1/persistentvolumes", kExpandedVolume, {{"spec", spec}});
    AddVolumeExpander(manager_);
    Run(1s);
  }
};

TEST_F(VolumeExpanderTest, ADriverKnowsItsOwnVolumes) {
  Expand("csi", {{"driver", "d"}, {"volumeHandle", "v"}});
  EXPECT_THAT(written(), IsEmpty());
  EXPECT_THAT(messages(), ElementsAre("waiting for an external controller to expand this PVC"));
}

TEST_F(VolumeExpanderTest, ADriverThatCameAfterTheVolumeFindsItsNameOnTheClaim) {
  Expand("awsElasticBlockStore", {{"volumeID", "v"}});
  ASSERT_THAT(written(), ElementsAre(std::string("PATCH ") + kExpandedClaim + "/status"));
  EXPECT_THAT(bodies()[0],
              HasSubstr(R"("volume.kubernetes.io/storage-resizer":"ebs.csi.aws.com")"));
  EXPECT_THAT(messages(), ElementsAre("CSI migration enabled for kubernetes.io/aws-ebs; waiting "
                                      "for external resizer to expand the pvc"));
}

}  // namespace
}  // namespace skiff
