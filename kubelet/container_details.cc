#include "kubelet/container_details.h"

namespace skiff::kubelet {
namespace {

// So little CPU is rounded up for the kernel: then what is allotted is what there is.
constexpr int64_t kMilliCpuLimitMin = 10;
constexpr int64_t kMilliCpuRequestMin = 2;

using List = std::map<std::string, Quantity>;

int64_t MilliAt(const List& list, const std::string& name) {
  const auto found = list.find(name);
  return found == list.end() ? 0 : found->second.MilliValue();
}

void SetMilliCpu(int64_t milli, int64_t least, List& list) {
  if (milli <= least && MilliAt(list, "cpu") <= least) return;
  if (MilliAt(list, "cpu") != milli) list["cpu"] = Quantity::FromMilli(milli);
}

// Reads back what linux_resources makes of requests and limits. Of a container that states none of
// its own, what it has from its pod is not told as its own.
void ApplyRuntime(const cri::LinuxResources& real, core_v1::ResourceRequirements& out) {
  if (real.cpu_shares > 0 && !out.requests.empty()) {
    SetMilliCpu((real.cpu_shares * 1000 + 1023) / 1024, kMilliCpuRequestMin, out.requests);
  }
  if (out.limits.empty()) return;
  if (real.cpu_quota > 0 && real.cpu_period > 0) {
    SetMilliCpu(real.cpu_quota * 1000 / real.cpu_period, kMilliCpuLimitMin, out.limits);
  }
  const auto memory = out.limits.find("memory");
  if (real.memory_limit_bytes > 0 &&
      (memory == out.limits.end() || memory->second.Value() != real.memory_limit_bytes)) {
    out.limits["memory"] = Quantity::FromValue(real.memory_limit_bytes, /*binary_suffix=*/true);
  }
}

void FillMounts(const core_v1::Container& container, bool recursive_read_only,
                core_v1::ContainerStatus& out) {
  for (const auto& mount : container.volume_mounts) {
    auto& shown = out.volume_mounts.emplace_back();
    shown.name = mount.name;
    shown.mount_path = mount.mount_path;
    shown.read_only = mount.read_only;
    if (!mount.read_only) continue;
    const bool is_wanted = mount.recursive_read_only.value_or("Disabled") != "Disabled";
    shown.recursive_read_only = recursive_read_only && is_wanted ? "Enabled" : "Disabled";
  }
}

}  // namespace

void FillDetails(const core_v1::Container& container, const ObservedContainer* observed,
                 const core_v1::ResourceRequirements* actuated, bool recursive_read_only,
                 core_v1::ContainerStatus& out) {
  out.volume_mounts.clear();
  FillMounts(container, recursive_read_only, out);
  if (observed == nullptr) return;
  out.allocated_resources = container.resources.requests;
  core_v1::ResourceRequirements& shown = out.resources.emplace();
  shown = container.resources;
  if (const auto& user = observed->status.user) {
    auto& linux_user = out.user.emplace().linux_.emplace();
    linux_user.uid = user->uid;
    linux_user.gid = user->gid;
    linux_user.supplemental_groups = user->supplemental_groups;
  }
  if (!observed->IsRunning()) return;
  if (actuated != nullptr) shown = *actuated;
  if (observed->status.resources) ApplyRuntime(*observed->status.resources, shown);
}

}  // namespace skiff::kubelet
