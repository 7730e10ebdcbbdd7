#include "kubelet/csi/expansion.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace skiff::kubelet::csi {
namespace {

constexpr char kStorage[] = "storage";
constexpr char kPending[] = "NodeResizePending";
constexpr char kInProgress[] = "NodeResizeInProgress";
constexpr char kNotRequired[] = "volume.kubernetes.io/node-expansion-not-required";

Quantity StorageIn(const std::map<std::string, Quantity>& amounts) {
  const auto found = amounts.find(kStorage);
  return found == amounts.end() ? Quantity() : found->second;
}

bool IsOfResizing(const core_v1::PersistentVolumeClaimCondition& condition) {
  static constexpr std::array<std::string_view, 4> kTypes = {
      "Resizing", "FileSystemResizePending", "ControllerResizeError", "NodeResizeError"};
  return std::find(kTypes.begin(), kTypes.end(), condition.type) != kTypes.end();
}

}  // namespace

ExpansionPlan PlanExpansion(const core_v1::PersistentVolumeClaim& claim,
                            const core_v1::PersistentVolume& volume, const Quantity& known) {
  const auto& status = claim.status;
  const Quantity held = StorageIn(status.capacity);
  const Quantity wanted = StorageIn(volume.spec.capacity);
  const bool is_mounted = known > Quantity();
  if (!((is_mounted ? known : held) < wanted)) return {};
  const auto found = status.allocated_resource_statuses.find(kStorage);
  const std::string state = found == status.allocated_resource_statuses.end() ? "" : found->second;
  if (state.empty() && status.allocated_resources.empty()) return {Expansion::kOld, wanted};
  const Quantity size = StorageIn(status.allocated_resources);
  if (state == kPending || state == kInProgress) return {Expansion::kNode, size};
  const auto& modes = claim.spec.access_modes;
  const bool is_shared = std::find(modes.begin(), modes.end(), "ReadWriteMany") != modes.end();
  if (state.empty() && !(held < size) && is_shared &&
      !claim.metadata.annotations.contains(kNotRequired)) {
    return {Expansion::kSilent, size};
  }
  return {Expansion::kNone, state.empty() && !(held < size) ? size : Quantity()};
}

bool IsInfeasible(const Error& error) {
  return error.reason == Reason::kInvalid || error.reason == Reason::kBadRequest ||
         error.reason == Reason::kNotFound;
}

bool IsInUse(const Error& error) {
  return error.reason == Reason::kConflict;
}

void SetExpanding(core_v1::PersistentVolumeClaim& claim) {
  claim.status.allocated_resource_statuses[kStorage] = kInProgress;
}

void SetExpanded(core_v1::PersistentVolumeClaim& claim, const Quantity& size) {
  claim.status.capacity[kStorage] = size;
  claim.status.allocated_resource_statuses.erase(kStorage);
  std::erase_if(claim.status.conditions, IsOfResizing);
}

void SetExpansionFailed(core_v1::PersistentVolumeClaim& claim, const std::string& why,
                        bool is_infeasible, TimePoint now) {
  if (is_infeasible) claim.status.allocated_resource_statuses[kStorage] = "NodeResizeInfeasible";
  auto& all = claim.status.conditions;
  const auto found = std::find_if(all.begin(), all.end(),
                                  [](const auto& each) { return each.type == "NodeResizeError"; });
  if (found != all.end() && found->status == "True") return;
  if (found != all.end()) all.erase(found);
  auto& condition = all.emplace_back();
  condition.type = "NodeResizeError";
  condition.status = "True";
  condition.last_transition_time = Time(now);
  condition.message = "failed to expand pvc with " + why;
}

}  // namespace skiff::kubelet::csi
