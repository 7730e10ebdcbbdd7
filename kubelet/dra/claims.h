// What the kubelet keeps of resource claims that its pods use, and the file it keeps that in:
// <root>/dra_manager_state, as kubelets write it. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/resource_v1.h"
#include "base/error.h"
#include "client/object_key.h"

namespace skiff::kubelet::dra {

struct Device {
  std::string pool;
  std::string name;
  std::optional<std::string> share_id;
  std::vector<std::string> requests;  // None: it serves all of the claim's.
  std::vector<std::string> cdi_ids;
  bool operator==(const Device&) const = default;
};

struct ClaimInfo {
  std::string uid;
  ObjectKey key;
  std::set<std::string> pods;                          // Uids of those that use it here.
  std::map<std::string, std::vector<Device>> drivers;  // All that gave it something.
  // Neither is in the file.
  bool is_prepared = false;  // By a kubelet that has run since.
  bool is_leaving = false;   // Drivers are taking it back: nobody can have it meanwhile.

  // Of one request, or of all with "".
  std::vector<std::string> CdiDevices(const std::string& request) const;
};
using Claims = std::map<ObjectKey, ClaimInfo>;

std::string CheckpointOf(const Claims& claims);
Result<Claims> ParseCheckpoint(std::string_view text);

// Fails where the claim is not allocated.
Result<ClaimInfo> InfoOf(const resource_v1::ResourceClaim& claim);

// The claim that a pod means by one of its names; nullopt: none was made, and none is needed.
struct ClaimReference {
  std::string name;
  bool must_be_owned = false;  // It was made for the pod.
};
Result<std::optional<ClaimReference>> ReferenceOf(const core_v1::Pod& pod,
                                                  const core_v1::PodResourceClaim& claim);
// Why the pod may not use the claim.
Result<> CheckUse(const core_v1::Pod& pod, const ClaimReference& reference,
                  const resource_v1::ResourceClaim& claim);

}  // namespace skiff::kubelet::dra
