// The ResourceClaims of pods: which ones are made of templates, and when one is no longer used.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/resource_v1.h"
#include "api/select/by_name.h"
#include "base/error.h"

namespace skiff {

inline constexpr std::string_view kClaimProtection = "resource.kubernetes.io/delete-protection";

// By which name a pod knows a claim that its spec asks for.
struct PodClaimName {
  enum class State : uint8_t { kNamed, kNotMade, kNotNeeded };
  State state = State::kNotMade;
  std::string name;      // kNamed
  bool is_made = false;  // Of a template, for this pod.
};
// By what its status says: a pod may ask for ten thousand claims, and is heard of again and again.
class PodClaimNames {
 public:
  // The pod outlives it.
  explicit PodClaimNames(const core_v1::Pod& pod)
      : statuses_(pod.status.resource_claim_statuses, &core_v1::PodResourceClaimStatus::name) {}
  PodClaimName Of(const core_v1::PodResourceClaim& claim) const;

 private:
  const ByName<core_v1::PodResourceClaimStatus> statuses_;
};

// None of its containers runs or ever will.
bool IsDone(const core_v1::Pod& pod);
// Fails when the claim was made for somebody else.
Result<> IsForPod(const core_v1::Pod& pod, const resource_v1::ResourceClaim& claim);
// Whether it is reserved for as many as it can be.
bool IsFull(const resource_v1::ResourceClaim& claim);
// Whether it is allocated, and the pod, which uses it, is not among those it is reserved for.
bool LacksReservation(const core_v1::Pod& pod, const resource_v1::ResourceClaim& claim);

// The base of the name of a claim that is made for a pod: short enough for what is appended.
std::string GeneratedClaimBase(std::string_view pod, std::string_view claim);
resource_v1::ResourceClaim ClaimFromTemplate(const core_v1::Pod& pod, const std::string& claim,
                                             const resource_v1::ResourceClaimTemplate& of);
// The entry of the pod's spec that the claim was made for; "": it was not made of a template.
std::string MadeForEntry(const resource_v1::ResourceClaim& claim);

// What becomes of a claim that is reserved for `valid` of those it names.
struct ClaimCare {
  bool drop_reservations = false;
  bool deallocate = false;
  bool release = false;  // The finalizer goes.
};
ClaimCare CareFor(const resource_v1::ResourceClaim& claim, size_t valid);

}  // namespace skiff
