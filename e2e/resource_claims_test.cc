// ResourceClaims of pods, on the real server; the scheduler and the kubelet are played by the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/gen/resource_v1.h"
#include "e2e/controllers_harness.h"

namespace skiff {
namespace {

using core_v1::Event;
using core_v1::Pod;
using resource_v1::ResourceClaim;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* kHold = "resource.kubernetes.io/delete-protection";

class ResourceClaimsTest : public ControllersTest {
 protected:
  ResourceClaimsTest() { pods_start_ = false; }

  void MakeTemplate() {
    cluster_.Apply(
        "apiVersion: resource.k8s.io/v1\nkind: ResourceClaimTemplate\nmetadata: {name: gpus}\n"
        "spec: {metadata: {labels: {app: x}}, spec: {devices: {requests: [{name: one, exactly: "
        "{deviceClassName: gpu}}]}}}\n");
  }
  void MakePod() {
    cluster_
        .Apply("apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: c, "
               "image: i}], resourceClaims: [{name: gpu, resourceClaimTemplateName: gpus}]}\n")
        .RunFor(5s);
  }
  ResourceClaim OnlyClaim() {
    const auto claims = cluster_.List<ResourceClaim>();
    EXPECT_THAT(claims, SizeIs(1));
    return claims.empty() ? ResourceClaim() : claims[0];
  }
  // As a scheduler would.
  void Allocate(const ObjectKey& key, const Pod& pod) {
    cluster_.Edit<ResourceClaim>(
        key, [](ResourceClaim& it) { it.metadata.finalizers.emplace_back(kHold); });
    cluster_.Edit<ResourceClaim>(
        key,
        [&](ResourceClaim& it) {
          auto& device = it.status.allocation.Ensure().devices.results.emplace_back();
          device.request = "one";
          device.driver = "gpu.example.com";
          device.pool = "p";
          device.device = "d";
          auto& user = it.status.reserved_for.emplace_back();
          user.resource = "pods";
          user.name = pod.metadata.name;
          user.uid = pod.metadata.uid;
        },
        true);
    cluster_.RunFor(5s);
  }
};
INSTANTIATE_TEST_SUITE_P(Seeds, ResourceClaimsTest, kOrders);

TEST_P(ResourceClaimsTest, OneIsMadeOfATemplateAndGoesWhenThePodIsDone) {
  MakeTemplate();
  MakePod();
  const ResourceClaim claim = OnlyClaim();
  EXPECT_EQ(claim.metadata.annotations.at("resource.kubernetes.io/pod-claim-name"), "gpu");
  EXPECT_EQ(claim.metadata.labels.at("app"), "x");
  const auto pod = cluster_.Get<Pod>({"default", "web"});
  ASSERT_THAT(pod->status.resource_claim_statuses, SizeIs(1));
  EXPECT_EQ(pod->status.resource_claim_statuses[0].resource_claim_name, claim.metadata.name);
  cluster_.Edit<Pod>({"default", "web"}, [](Pod& it) { it.status.phase = "Succeeded"; }, true);
  cluster_.RunFor(5s);
  EXPECT_THAT(cluster_.List<ResourceClaim>(), IsEmpty());
}

TEST_P(ResourceClaimsTest, TheLastPodTakesTheAllocationAlong) {
  cluster_.Apply("apiVersion: resource.k8s.io/v1\nkind: ResourceClaim\nmetadata: {name: shared}\n"
                 "spec: {devices: {requests: [{name: one, exactly: {deviceClassName: gpu}}]}}\n");
  cluster_.Apply("apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: c, "
                 "image: i}], resourceClaims: [{name: gpu, resourceClaimName: shared}]}\n");
  cluster_.RunFor(5s);
  Allocate({"default", "shared"}, *cluster_.Get<Pod>({"default", "web"}));
  EXPECT_TRUE(cluster_.Get<ResourceClaim>({"default", "shared"})->status.allocation.has_value());
  cluster_.Delete<Pod>({"default", "web"}, {.grace_period_s = 0}).RunFor(5s);
  const auto claim = cluster_.Get<ResourceClaim>({"default", "shared"});
  ASSERT_NE(claim, nullptr);
  EXPECT_FALSE(claim->status.allocation.has_value());
  EXPECT_THAT(claim->status.reserved_for, IsEmpty());
  EXPECT_THAT(claim->metadata.finalizers, IsEmpty());
}

TEST_P(ResourceClaimsTest, AMissingTemplateIsTold) {
  MakePod();
  std::string said;
  for (const auto& event : cluster_.List<Event>()) {
    if (event.reason == "FailedResourceClaimCreation") said = event.message;
  }
  EXPECT_EQ(said,
            "PodResourceClaim gpu: resource claim template \"gpus\": "
            "resourceclaimtemplate.resource.k8s.io \"gpus\" not found");
  MakeTemplate();
  cluster_.RunFor(10min);
  OnlyClaim();
}

}  // namespace
}  // namespace skiff
