#include "kubelet/linux_resources.h"

#include <algorithm>

#include "api/pods/pod_resources.h"
#include "api/rules/pods/pod_resources.h"
#include "kubelet/static_pod.h"

namespace skiff::kubelet {
namespace {

constexpr int64_t kCpuQuotaMinUs = 1000;
// A million CPUs: more than any machine has, and products of it are far from overflowing.
constexpr int64_t kMilliCpuMax = 1'000'000'000;

using CgroupAmounts = std::map<std::string, Quantity>;

int64_t Milli(const CgroupAmounts& amounts, const std::string& name) {
  const auto found = amounts.find(name);
  return found == amounts.end() ? 0 : found->second.MilliValue();
}

int64_t Whole(const CgroupAmounts& amounts, const std::string& name) {
  const auto found = amounts.find(name);
  return found == amounts.end() ? 0 : found->second.Value();
}

// What a container may use: its own limit, else that of the whole pod. Zero: no limit.
Quantity LimitOf(const core_v1::PodSpec& spec, const core_v1::Container& container,
                 const std::string& name) {
  const auto own = container.resources.limits.find(name);
  if (own != container.resources.limits.end()) return own->second;
  if (!spec.resources) return Quantity();
  const auto of_pod = spec.resources->limits.find(name);
  return of_pod == spec.resources->limits.end() ? Quantity() : of_pod->second;
}

// One without which the node itself would not go on; others may be critical for the cluster alone.
bool IsNodeCritical(const core_v1::Pod& pod) {
  return IsCriticalPod(pod) && pod.spec.priority_class_name == "system-node-critical";
}

bool IsSidecarOf(const core_v1::PodSpec& spec, const core_v1::Container& container) {
  return std::ranges::any_of(spec.init_containers, [&](const auto& each) {
    return each.name == container.name && IsRestartableInitContainer(each);
  });
}

// The part of each container in what the pod as a whole requests beyond its containers' requests.
int64_t UnsharedMemory(const core_v1::PodSpec& spec) {
  if (!spec.resources) return 0;
  const int64_t whole = Whole(spec.resources->requests, "memory");
  const auto count = static_cast<int64_t>(spec.containers.size() + spec.init_containers.size());
  if (whole == 0 || count == 0) return 0;
  const auto shared = AggregateContainers(
      spec, [](const auto& resources) -> const auto& { return resources.requests; });
  return std::max<int64_t>(0, whole - Whole(shared, "memory")) / count;
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
  const int64_t bounded = std::clamp<int64_t>(milli_cpu, 0, kMilliCpuMax);
  return std::clamp<int64_t>(bounded * 1024 / 1000, 2, 262'144);
}

int64_t CpuQuota(int64_t milli_cpu) {
  if (milli_cpu == 0) return 0;
  return std::max(std::min(milli_cpu, kMilliCpuMax) * kCpuPeriodUs / 1000, kCpuQuotaMinUs);
}

int OomScoreAdjust(const core_v1::Pod& pod, const core_v1::Container& container,
                   int64_t node_memory_bytes) {
  constexpr int kGuaranteed = -997, kBestEffort = 1000;
  if (IsNodeCritical(pod)) return kGuaranteed;
  const std::string qos = ComputeQosClass(pod.spec);
  if (qos == "Guaranteed") return kGuaranteed;
  if (qos == "BestEffort" || node_memory_bytes <= 0) return kBestEffort;
  const int64_t share = UnsharedMemory(pod.spec);
  int64_t request = SaturatedSum(Whole(container.resources.requests, "memory"), share);
  // A sidecar goes after the containers that it serves, all of them.
  if (IsSidecarOf(pod.spec, container) && !pod.spec.containers.empty()) {
    const auto least = std::ranges::min_element(pod.spec.containers, {}, [](const auto& each) {
      return Whole(each.resources.requests, "memory");
    });
    request = std::max(request, SaturatedSum(Whole(least->resources.requests, "memory"), share));
  }
  // Whoever asks for more than the node has gets no better score for it.
  const int64_t score = 1000 - 1000 * std::min(request, node_memory_bytes) / node_memory_bytes;
  return static_cast<int>(std::clamp<int64_t>(score, 3, 999));
}

cri::LinuxResources ContainerResources(const core_v1::Pod& pod, const core_v1::Container& container,
                                       int64_t node_memory_bytes) {
  cri::LinuxResources out;
  const int64_t limit = LimitOf(pod.spec, container, "cpu").MilliValue();
  const int64_t request = Milli(container.resources.requests, "cpu");
  const bool has_request = container.resources.requests.contains("cpu");
  out.cpu_shares = CpuShares(has_request ? request : limit);
  out.cpu_period = kCpuPeriodUs;
  out.cpu_quota = CpuQuota(limit);
  out.memory_limit_bytes = LimitOf(pod.spec, container, "memory").Value();
  out.oom_score_adj = OomScoreAdjust(pod, container, node_memory_bytes);
  return out;
}

cri::LinuxResources PodResources(const core_v1::PodSpec& spec) {
  const int64_t request =
      PodRequests(spec).milli_cpu - Resources::From(spec.overhead).milli_cpu;
  cri::LinuxResources out;
  out.cpu_shares = CpuShares(request);
  out.cpu_period = kCpuPeriodUs;
  out.cpu_quota = CpuQuota(PodLimit(spec, "cpu").value_or(0));
  out.memory_limit_bytes = PodLimit(spec, "memory").value_or(0);
  return out;
}

std::optional<cri::LinuxResources> PodOverhead(const core_v1::PodSpec& spec) {
  if (spec.overhead.empty()) return std::nullopt;
  const int64_t cpu = Milli(spec.overhead, "cpu");
  cri::LinuxResources out;
  out.cpu_shares = CpuShares(cpu);
  out.cpu_period = kCpuPeriodUs;
  out.cpu_quota = CpuQuota(cpu);
  out.memory_limit_bytes = Whole(spec.overhead, "memory");
  return out;
}

std::string PodsCgroup(const std::string& root, CgroupDriver driver) {
  return driver == CgroupDriver::kSystemd ? SlicePath(root) : root;
}

std::string PodCgroup(const core_v1::Pod& pod, const std::string& root, CgroupDriver driver) {
  const std::string qos = ComputeQosClass(pod.spec);
  std::string path = root;
  if (qos == "Burstable") path += "/burstable";
  if (qos == "BestEffort") path += "/besteffort";
  path += "/pod" + pod.metadata.uid;
  return driver == CgroupDriver::kSystemd ? SlicePath(path) : path;
}

}  // namespace skiff::kubelet
