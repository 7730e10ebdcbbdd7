#include "controllers/devices/resource_claim_plan.h"

#include <gtest/gtest.h>

#include "client/client.h"

namespace skiff {
namespace {

using State = PodClaimName::State;

core_v1::Pod PodNamed(const std::string& name) {
  core_v1::Pod pod;
  pod.metadata.namespace_ = "default";
  pod.metadata.name = name;
  pod.metadata.uid = "uid-" + name;
  return pod;
}

TEST(ResourceClaimPlan, AClaimIsKnownByItsOwnNameOrByThePodsStatus) {
  core_v1::Pod pod = PodNamed("p");
  core_v1::PodResourceClaim shared;
  shared.name = "gpu";
  shared.resource_claim_name = "big-gpu";
  EXPECT_EQ(PodClaimNames(pod).Of(shared).name, "big-gpu");
  EXPECT_FALSE(PodClaimNames(pod).Of(shared).is_made);
  core_v1::PodResourceClaim made;
  made.name = "net";
  made.resource_claim_template_name = "nets";
  EXPECT_EQ(PodClaimNames(pod).Of(made).state, State::kNotMade);
  auto& status = pod.status.resource_claim_statuses.emplace_back();
  status.name = "net";
  EXPECT_EQ(PodClaimNames(pod).Of(made).state, State::kNotNeeded);
  status.resource_claim_name = "p-net-x7";
  EXPECT_EQ(PodClaimNames(pod).Of(made).name, "p-net-x7");
  EXPECT_TRUE(PodClaimNames(pod).Of(made).is_made);
}

TEST(ResourceClaimPlan, APodMayAskForAHundredThousand) {
  core_v1::Pod pod = PodNamed("p");
  for (int i = 0; i < 100'000; ++i) {
    const std::string name = "c" + std::to_string(i);
    pod.spec.resource_claims.emplace_back().name = name;
    auto& status = pod.status.resource_claim_statuses.emplace_back();
    status.name = name;
    status.resource_claim_name = "p-" + name;
  }
  const PodClaimNames names(pod);
  for (const auto& claim : pod.spec.resource_claims) {
    ASSERT_EQ(names.Of(claim).name, "p-" + claim.name);
  }
}

TEST(ResourceClaimPlan, NamesThatAreTooLongAreBothCut) {
  EXPECT_EQ(GeneratedClaimBase("pod", "gpu"), "pod-gpu-");
  const std::string base = GeneratedClaimBase(std::string(63, 'p'), std::string(30, 'c'));
  EXPECT_LE(base.size(), 57u);
  EXPECT_EQ(base, std::string(63 * 57 / 95, 'p') + "-" + std::string(30 * 57 / 95, 'c'));
}

TEST(ResourceClaimPlan, OneMadeOfATemplateBelongsToThePod) {
  const core_v1::Pod pod = PodNamed("p");
  resource_v1::ResourceClaimTemplate of;
  of.spec.metadata.labels["app"] = "x";
  of.spec.spec.devices.requests.emplace_back().name = "one";
  const auto claim = ClaimFromTemplate(pod, "gpu", of);
  EXPECT_EQ(claim.metadata.generate_name, "p-gpu-");
  EXPECT_EQ(claim.metadata.labels.at("app"), "x");
  EXPECT_EQ(MadeForEntry(claim), "gpu");
  EXPECT_EQ(claim.spec.devices.requests[0].name, "one");
  ASSERT_NE(ControllerOf(claim.metadata), nullptr);
  EXPECT_FALSE(ControllerOf(claim.metadata)->block_owner_deletion.has_value());
  EXPECT_TRUE(IsForPod(pod, claim));
  const auto refused = IsForPod(PodNamed("q"), claim);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "ResourceClaim default/ was not created for pod default/q (pod is not owner)");
}

TEST(ResourceClaimPlan, APodIsDoneWhenNothingOfItWillRun) {
  core_v1::Pod pod = PodNamed("p");
  EXPECT_FALSE(IsDone(pod));
  pod.metadata.deletion_timestamp = Time();
  EXPECT_TRUE(IsDone(pod));
  pod.spec.node_name = "n";
  EXPECT_FALSE(IsDone(pod));
  pod.status.phase = "Failed";
  EXPECT_TRUE(IsDone(pod));
}

TEST(ResourceClaimPlan, APodThatWasBoundByHandHasToBeReserved) {
  const core_v1::Pod pod = PodNamed("p");
  resource_v1::ResourceClaim claim;
  EXPECT_FALSE(LacksReservation(pod, claim)) << "the scheduler allocates";
  claim.status.allocation.emplace();
  EXPECT_TRUE(LacksReservation(pod, claim));
  claim.status.reserved_for.emplace_back().uid = pod.metadata.uid;
  EXPECT_FALSE(LacksReservation(pod, claim));
  claim.status.reserved_for.assign(256, {});
  EXPECT_FALSE(LacksReservation(pod, claim)) << "no more than that";
}

class ClaimCareTest : public testing::Test {
 protected:
  ClaimCareTest() {
    claim_.metadata.finalizers = {std::string(kClaimProtection)};
    claim_.status.allocation.emplace();
  }
  resource_v1::ResourceClaim claim_;
};

TEST_F(ClaimCareTest, TheLastUserTakesTheAllocationAlong) {
  claim_.status.reserved_for.resize(2);
  const auto one_left = CareFor(claim_, 1);
  EXPECT_TRUE(one_left.drop_reservations);
  EXPECT_FALSE(one_left.deallocate);
  EXPECT_FALSE(one_left.release);
  const auto none = CareFor(claim_, 0);
  EXPECT_TRUE(none.drop_reservations && none.deallocate && none.release);
}

TEST_F(ClaimCareTest, OneThatIsAllocatedAndNotUsedYetStays) {
  const auto care = CareFor(claim_, 0);
  EXPECT_FALSE(care.drop_reservations || care.deallocate || care.release);
}

TEST_F(ClaimCareTest, OneThatIsBeingDeletedGoesWhenNobodyUsesIt) {
  claim_.metadata.deletion_timestamp = Time();
  claim_.status.reserved_for.resize(1);
  EXPECT_FALSE(CareFor(claim_, 1).release);
  claim_.status.reserved_for.clear();
  EXPECT_TRUE(CareFor(claim_, 0).deallocate);
  EXPECT_TRUE(CareFor(claim_, 0).release);
  claim_.status.allocation.reset();
  EXPECT_FALSE(CareFor(claim_, 0).deallocate);
  EXPECT_TRUE(CareFor(claim_, 0).release);
}

TEST_F(ClaimCareTest, WithoutTheFinalizerSomebodyElseAllocatedIt) {
  claim_.metadata.finalizers.clear();
  claim_.status.reserved_for.resize(1);
  const auto care = CareFor(claim_, 0);
  EXPECT_TRUE(care.drop_reservations);
  EXPECT_FALSE(care.deallocate || care.release);
}

}  // namespace
}  // namespace skiff
