#include "controllers/devices/resource_claim_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "client/client.h"
#include "controllers/machinery/owner_graph.h"
#include "controllers/workloads/pod_control.h"

namespace skiff {
namespace {

using core_v1::Pod;
using resource_v1::ResourceClaim;

constexpr char kEntryAnnotation[] = "resource.kubernetes.io/pod-claim-name";
// With a hyphen and five random characters more it is a DNS label.
constexpr size_t kBaseMax = 57;
constexpr size_t kReservationsMax = 256;

}  // namespace

PodClaimName PodClaimNames::Of(const core_v1::PodResourceClaim& claim) const {
  using State = PodClaimName::State;
  if (claim.resource_claim_name) return {State::kNamed, *claim.resource_claim_name, false};
  const auto* status = statuses_.Find(claim.name);
  if (status == nullptr) return {};
  if (!status->resource_claim_name) return {State::kNotNeeded, "", false};
  return {State::kNamed, *status->resource_claim_name, true};
}

bool IsDone(const Pod& pod) {
  return IsTerminal(pod) || (pod.metadata.deletion_timestamp && pod.spec.node_name.empty());
}

Result<> IsForPod(const Pod& pod, const ResourceClaim& claim) {
  const meta_v1::OwnerReference* owner = ControllerOf(claim.metadata);
  if (owner != nullptr && owner->uid == pod.metadata.uid) return {};
  return Fail(Reason::kInvalid,
              fmt::format("ResourceClaim {}/{} was not created for pod {}/{} (pod is not owner)",
                          claim.metadata.namespace_, claim.metadata.name, pod.metadata.namespace_,
                          pod.metadata.name));
}

bool IsFull(const ResourceClaim& claim) {
  return claim.status.reserved_for.size() >= kReservationsMax;
}

bool LacksReservation(const Pod& pod, const ResourceClaim& claim) {
  const auto& users = claim.status.reserved_for;
  return claim.status.allocation && !IsFull(claim) &&
         std::none_of(users.begin(), users.end(),
                      [&](const auto& user) { return user.uid == pod.metadata.uid; });
}

std::string GeneratedClaimBase(std::string_view pod, std::string_view claim) {
  const std::string whole = fmt::format("{}-{}-", pod, claim);
  if (whole.size() <= kBaseMax) return whole;
  const auto part = [&](std::string_view text) {
    return text.substr(0, text.size() * kBaseMax / whole.size());
  };
  return fmt::format("{}-{}", part(pod), part(claim));
}

ResourceClaim ClaimFromTemplate(const Pod& pod, const std::string& claim,
                                const resource_v1::ResourceClaimTemplate& of) {
  ResourceClaim made;
  made.metadata.namespace_ = pod.metadata.namespace_;
  made.metadata.generate_name = GeneratedClaimBase(pod.metadata.name, claim);
  made.metadata.labels = of.spec.metadata.labels;
  made.metadata.annotations = of.spec.metadata.annotations;
  made.metadata.annotations[kEntryAnnotation] = claim;
  meta_v1::OwnerReference owner = ControllerReference(Pod::Info(), pod.metadata);
  owner.block_owner_deletion.reset();
  made.metadata.owner_references.push_back(std::move(owner));
  made.spec = of.spec.spec;
  return made;
}

std::string MadeForEntry(const ResourceClaim& claim) {
  const auto found = claim.metadata.annotations.find(kEntryAnnotation);
  return found == claim.metadata.annotations.end() ? "" : found->second;
}

ClaimCare CareFor(const ResourceClaim& claim, size_t valid) {
  const bool is_held = HasFinalizer(claim.metadata, kClaimProtection);
  ClaimCare care;
  care.drop_reservations = valid < claim.status.reserved_for.size();
  // One that was allocated and is not reserved yet stays so, unless somebody deletes it.
  const bool is_over =
      valid == 0 && (care.drop_reservations || claim.metadata.deletion_timestamp);
  care.release = is_over && is_held;
  care.deallocate = care.release && claim.status.allocation;
  return care;
}

}  // namespace skiff
