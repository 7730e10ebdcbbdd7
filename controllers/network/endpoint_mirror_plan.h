// EndpointSlices for Endpoints that somebody keeps by hand, so that who reads slices alone sees
// them too: one slice for each address family and set of ports. Pure.
#pragma once

#include <vector>

#include "api/gen/core_v1.h"
#include "controllers/network/endpoint_slice_plan.h"

namespace skiff {

inline constexpr std::string_view kMirroringController =
    "endpointslicemirroring-controller.k8s.io";
inline constexpr std::string_view kSkipMirror = "endpointslice.kubernetes.io/skip-mirror";
inline constexpr std::string_view kLeaderRecord = "control-plane.alpha.kubernetes.io/leader";

// Whether these Endpoints want slices; `service` is the one of their name, or null. Those of a
// Service with a selector have slices already.
bool ShouldMirror(const core_v1::Endpoints& endpoints, const core_v1::Service* service);

struct MirrorPlan {
  SliceChanges changes;
  int invalid = 0;  // Addresses that are none.
  int64_t skipped = 0;   // Those, and the ones beyond `addresses_max` of a subset.
  int64_t left_out = 0;  // Those that Repacked leaves out.
  size_t slices_max = 0;    // By kCopiedMax.
  int64_t beyond_them = 0;  // Addresses of slices beyond these, which are not made.
};
// Bytes of labels and annotations in all slices of one object: each slice has a copy of them, and a
// megabyte of subsets would make ten thousand slices with a quarter of a megabyte each.
inline constexpr size_t kCopiedMax = size_t{16} << 20;
// `existing` are the slices that were made of them before.
MirrorPlan PlanMirror(const core_v1::Endpoints& endpoints,
                      const std::vector<Ptr<discovery_v1::EndpointSlice>>& existing,
                      size_t addresses_max);

// Ports that the same addresses listen on come together in one subset; an address that is ready and
// not ready is not ready.
struct RepackedSubsets {
  std::vector<core_v1::EndpointSubset> subsets;
  int64_t left_out = 0;
};
RepackedSubsets Repacked(const std::vector<core_v1::EndpointSubset>& subsets);
// Addresses of all repacked subsets together. One object cannot hold as many; but where its subsets
// share addresses or ports, what comes of them can be a thousand times what they are. A subset that
// there is no room for is left out.
inline constexpr size_t kRepackedMax = 200'000;

}  // namespace skiff
