// What requests and limits mean to the kernel. Pure; the numbers are Kubernetes'.
#pragma once

#include <optional>
#include <string>

#include "api/gen/core_v1.h"
#include "kubelet/cri.h"

namespace skiff::kubelet {

inline constexpr int64_t kCpuPeriodUs = 100'000;

// Relative weight: 1024 for a whole CPU, at least 2.
int64_t CpuShares(int64_t milli_cpu);
// Microseconds in each period; 0: no limit.
int64_t CpuQuota(int64_t milli_cpu);
// Whom the kernel kills first: -997 for guaranteed pods, 1000 for best effort ones, in between by
// how much of the node's memory a container asked for.
int OomScoreAdjust(const core_v1::Pod& pod, const core_v1::Container& container,
                   int64_t node_memory_bytes);
cri::LinuxResources ContainerResources(const core_v1::Pod& pod, const core_v1::Container& container,
                                       int64_t node_memory_bytes);
// Of all containers of the pod together, for its own cgroup; without its overhead.
cri::LinuxResources PodResources(const core_v1::PodSpec& spec);
// What running the pod costs beside its containers; nullopt: nothing.
std::optional<cri::LinuxResources> PodOverhead(const core_v1::PodSpec& spec);
enum class CgroupDriver : uint8_t { kCgroupfs, kSystemd };
// The pod's cgroup: "/kubepods/burstable/pod<uid>", or as systemd names its slices
// "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid>.slice".
std::string PodCgroup(const core_v1::Pod& pod, const std::string& root = "/kubepods",
                      CgroupDriver driver = CgroupDriver::kCgroupfs);

// The cgroup that all pods' cgroups lie in.
std::string PodsCgroup(const std::string& root, CgroupDriver driver);

}  // namespace skiff::kubelet
