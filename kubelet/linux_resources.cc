#include "kubelet/linux_resources.h"

#include <algorithm>

#include "kubelet/pod_status.h"

namespace skiff::kubelet {
namespace {

constexpr int64_t kCpuQuotaMinUs = 1000;
constexpr int32_t kSystemCriticalPriority = 2'000'000'000;

int64_t Milli(const std::map<std::string, Quantity>& amounts, const std::string& name) {
  const auto found = amounts.find(name);
  return found == amounts.end() ? 0 : found->second.MilliValue();
}

int64_t Whole(const std::map<std::string, Quantity>& amounts, const std::string& name) {
  const auto found = amounts.find(name);
  return found == amounts.end() ? 0 : found->second.Value();
}

// Each slice is named after all above it; a dash inside a name would be one more level.
std::string SlicePath(const std::string& path) {
  std::string slices;
  std::string name;
  for (size_t begin = 1; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    std::string part = path.substr(begin, end - begin);
    std::replace(part.begin(), part.end(), '-', '_');
    name += (name.empty() ? "" : "-") + part;
    slices += "/" + name + ".slice";
    begin = end + 1;
  }
  return slices;
}

}  // namespace

int64_t CpuShares(int64_t milli_cpu) {
  return std::clamp<int64_t>(milli_cpu * 1024 / 1000, 2, 262'144);
}

int64_t CpuQuota(int64_t milli_cpu) {
  if (milli_cpu == 0) return 0;
  return std::max(milli_cpu * kCpuPeriodUs / 1000, kCpuQuotaMinUs);
}

int OomScoreAdjust(const core_v1::Pod& pod, const core_v1::Container& container,
                   int64_t node_memory_bytes) {
  constexpr int kGuaranteed = -997, kBestEffort = 1000;
  if (pod.spec.priority.value_or(0) >= kSystemCriticalPriority) return kGuaranteed;
  const std::string qos = QosClass(pod.spec);
  if (qos == "Guaranteed") return kGuaranteed;
  if (qos == "BestEffort" || node_memory_bytes <= 0) return kBestEffort;
  const int64_t request = Whole(container.resources.requests, "memory");
  const int64_t score = 1000 - 1000 * request / node_memory_bytes;
  return static_cast<int>(std::clamp<int64_t>(score, 3, 999));
}

cri::LinuxResources ContainerResources(const core_v1::Pod& pod, const core_v1::Container& container,
                                       int64_t node_memory_bytes) {
  cri::LinuxResources out;
  const int64_t limit = Milli(container.resources.limits, "cpu");
  const int64_t request = Milli(container.resources.requests, "cpu");
  const bool has_request = container.resources.requests.contains("cpu");
  out.cpu_shares = CpuShares(has_request ? request : limit);
  out.cpu_period = kCpuPeriodUs;
  out.cpu_quota = CpuQuota(limit);
  out.memory_limit_bytes = Whole(container.resources.limits, "memory");
  out.oom_score_adj = OomScoreAdjust(pod, container, node_memory_bytes);
  return out;
}

cri::LinuxResources PodResources(const core_v1::PodSpec& spec) {
  int64_t request = 0, cpu_limit = 0, memory_limit = 0;
  bool all_cpu_limited = true, all_memory_limited = true;
  for (const auto& container : spec.containers) {
    const auto& limits = container.resources.limits;
    const int64_t own = Milli(container.resources.requests, "cpu");
    request += own != 0 ? own : Milli(limits, "cpu");
    cpu_limit += Milli(limits, "cpu");
    memory_limit += Whole(limits, "memory");
    all_cpu_limited &= limits.contains("cpu");
    all_memory_limited &= limits.contains("memory");
  }
  cri::LinuxResources out;
  out.cpu_shares = CpuShares(request);
  out.cpu_period = kCpuPeriodUs;
  if (all_cpu_limited) out.cpu_quota = CpuQuota(cpu_limit);
  if (all_memory_limited) out.memory_limit_bytes = memory_limit;
  return out;
}

std::string PodsCgroup(const std::string& root, CgroupDriver driver) {
  return driver == CgroupDriver::kSystemd ? SlicePath(root) : root;
}

std::string PodCgroup(const core_v1::Pod& pod, const std::string& root, CgroupDriver driver) {
  const std::string qos = QosClass(pod.spec);
  std::string path = root;
  if (qos == "Burstable") path += "/burstable";
  if (qos == "BestEffort") path += "/besteffort";
  path += "/pod" + pod.metadata.uid;
  return driver == CgroupDriver::kSystemd ? SlicePath(path) : path;
}

}  // namespace skiff::kubelet
