#include "kubelet/eviction_rank.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "api/pods/pod_resources.h"
#include "api/rules/pods/pod_resources.h"
#include "api/select/tolerations.h"
#include "kubelet/pod_observed.h"
#include "kubelet/static_pod.h"

namespace skiff::kubelet {
namespace {

constexpr char kStorage[] = "ephemeral-storage";

int64_t RequestOf(const core_v1::Pod& pod, const std::string& resource) {
  const Resources requests = PodRequests(pod.spec);
  return resource == kStorage ? requests.ephemeral_storage : requests.memory;
}

// Smaller keys go first.
using Key = std::tuple<bool, bool, int32_t, int64_t>;

Key KeyFor(Signal signal, const PodUsage& usage) {
  const int32_t priority = usage.pod->spec.priority.value_or(0);
  const auto by = [&](int64_t used, const std::string& resource) {
    const int64_t request = resource.empty() ? 0 : RequestOf(*usage.pod, resource);
    return Key{usage.is_known, used <= request, priority, request - used};
  };
  switch (signal) {
    case Signal::kMemoryAvailable:
    case Signal::kAllocatableMemoryAvailable:
      return by(usage.memory_bytes, "memory");
    case Signal::kPidAvailable:
      return Key{usage.is_known, false, priority, -usage.processes};
    case Signal::kNodeFsInodesFree:
    case Signal::kImageFsInodesFree:
    case Signal::kContainerFsInodesFree:
      return by(usage.inodes, "");
    case Signal::kNodeFsAvailable:
    case Signal::kImageFsAvailable:
    case Signal::kContainerFsAvailable:
      break;
  }
  return by(usage.disk_bytes, kStorage);
}

std::string Binary(int64_t bytes) {
  return Quantity::FromValue(bytes, /*binary_suffix=*/true).Text();
}

std::optional<Quantity> LimitOf(const core_v1::Container& container) {
  const auto found = container.resources.limits.find(kStorage);
  if (found == container.resources.limits.end() || found->second.IsZero()) return std::nullopt;
  return found->second;
}

// What the pod as a whole may use: its containers and sidecars together, or its largest init
// container with the sidecars before it, and its overhead. A container without a limit adds
// nothing. nullopt: none has one.
std::optional<int64_t> TotalLimit(const core_v1::PodSpec& spec) {
  int64_t total = 0, sidecars = 0, largest_init = 0;
  for (const auto& container : spec.containers) {
    const auto limit = LimitOf(container);
    total = SaturatedSum(total, limit ? limit->Value() : 0);
  }
  for (const auto& container : spec.init_containers) {
    const auto limit = LimitOf(container);
    const int64_t together = SaturatedSum(sidecars, limit ? limit->Value() : 0);
    if (IsSidecar(container)) sidecars = together;
    largest_init = std::max(largest_init, together);
  }
  total = std::max(SaturatedSum(total, sidecars), largest_init);
  if (total == 0) return std::nullopt;
  return SaturatedSum(total, Resources::From(spec.overhead).ephemeral_storage);
}

constexpr char kOffenders[] = "offending_containers";
constexpr char kOffendersUsage[] = "offending_containers_usage";

// "Pod web was using 200Mi, request is 100Mi, has larger consumption of memory. "
std::string Larger(const char* what, const std::string& name, int64_t used,
                   const std::string& request, const std::string& resource) {
  return fmt::format("{} {} was using {}, request is {}, has larger consumption of {}. ", what,
                     name, Binary(used), request, resource);
}

// The pod as a whole, where it asks for memory as a whole.
void NamePod(const PodUsage& usage, EvictionNotice& notice) {
  const core_v1::PodSpec& spec = usage.pod->spec;
  if (!spec.resources) return;
  const auto request = spec.resources->requests.find("memory");
  if (request == spec.resources->requests.end()) return;
  const std::string& name = usage.pod->metadata.name;
  notice.message += Larger("Pod", name, usage.memory_bytes, request->second.Text(), "memory");
  notice.annotations["offending_pod"] = name;
  notice.annotations["offending_pod_usage"] = Binary(usage.memory_bytes);
}

// Those of its containers that have more than they asked for.
void NameContainers(const PodUsage& usage, const std::string& resource, EvictionNotice& notice) {
  const core_v1::PodSpec& spec = usage.pod->spec;
  std::vector<std::string> names, amounts;
  for (const auto* containers : {&spec.containers, &spec.init_containers}) {
    for (const auto& container : *containers) {
      const auto used = usage.containers.find(container.name);
      if (used == usage.containers.end()) continue;
      const int64_t bytes =
          resource == "memory" ? used->second.memory_bytes : used->second.disk_bytes;
      const auto request = container.resources.requests.find(resource);
      const bool has_request = request != container.resources.requests.end();
      if (bytes <= (has_request ? request->second.Value() : 0)) continue;
      notice.message += Larger("Container", container.name, bytes,
                               has_request ? request->second.Text() : "0", resource);
      names.push_back(container.name);
      amounts.push_back(Binary(bytes));
    }
  }
  notice.annotations[kOffenders] = fmt::format("{}", fmt::join(names, ","));
  notice.annotations[kOffendersUsage] = fmt::format("{}", fmt::join(amounts, ","));
}

}  // namespace

void RankForEviction(Signal signal, std::vector<PodUsage>& pods) {
  std::stable_sort(pods.begin(), pods.end(), [&](const PodUsage& a, const PodUsage& b) {
    return KeyFor(signal, a) < KeyFor(signal, b);
  });
}

EvictionNotice NoticeOfEviction(const Threshold& threshold, const Measurements& measured,
                                const PodUsage& usage) {
  const std::string resource(StarvedResource(threshold.signal));
  EvictionNotice notice{fmt::format("The node was low on resource: {}. ", resource)};
  const bool is_bytes = resource == "memory" || resource == kStorage;
  if (const auto found = measured.find(threshold.signal); found != measured.end()) {
    const auto print = [&](int64_t value) {
      return is_bytes ? Binary(value) : std::to_string(value);
    };
    notice.message += fmt::format("Threshold quantity: {}, available: {}. ",
                                  print(threshold.amount.Of(found->second.capacity)),
                                  print(found->second.available));
  }
  if (!usage.is_known) return notice;
  if (resource == "memory") NamePod(usage, notice);
  if (is_bytes) {
    NameContainers(usage, resource, notice);
  } else {
    notice.annotations[kOffenders] = notice.annotations[kOffendersUsage] = "";
  }
  notice.annotations["starved_resource"] = resource;
  return notice;
}

bool HasLocalStorageLimits(const core_v1::Pod& pod) {
  const auto& volumes = pod.spec.volumes;
  const auto has_limit = [](const auto& each) { return LimitOf(each).has_value(); };
  return std::ranges::any_of(pod.spec.containers, has_limit) ||
         std::ranges::any_of(pod.spec.init_containers, has_limit) ||
         std::any_of(volumes.begin(), volumes.end(),
                     [](const auto& each) { return each.empty_dir && each.empty_dir->size_limit; });
}

std::optional<LocalExcess> LocalStorageExcess(const PodUsage& usage) {
  if (!usage.is_known) return std::nullopt;
  const core_v1::PodSpec& spec = usage.pod->spec;
  for (const auto& volume : spec.volumes) {
    if (!volume.empty_dir || !volume.empty_dir->size_limit) continue;
    const Quantity& limit = *volume.empty_dir->size_limit;
    const auto used = usage.empty_dir_bytes.find(volume.name);
    if (limit.IsZero() || used == usage.empty_dir_bytes.end()) continue;
    if (used->second > limit.Value() || usage.unbounded_empty_dirs.contains(volume.name)) {
      return LocalExcess{"emptydirfs.limit",
                         fmt::format("Usage of EmptyDir volume \"{}\" exceeds the limit \"{}\". ",
                                     volume.name, limit.Text())};
    }
  }
  const auto total = TotalLimit(spec);
  if (total && (usage.disk_bytes > *total || usage.is_disk_unbounded)) {
    return LocalExcess{
        "ephemeralpodfs.limit",
        fmt::format("Pod ephemeral local storage usage exceeds the total limit of containers {}. ",
                    Binary(*total))};
  }
  for (const auto& container : spec.containers) {
    const auto limit = LimitOf(container);
    const auto used = usage.containers.find(container.name);
    if (!limit || used == usage.containers.end()) continue;
    if (used->second.disk_bytes > limit->Value()) {
      return LocalExcess{
          "ephemeralcontainerfs.limit",
          fmt::format("Container {} exceeded its local ephemeral storage limit \"{}\". ",
                      container.name, limit->Text())};
    }
  }
  return std::nullopt;
}

std::optional<std::string> RefusalUnderPressure(const core_v1::Pod& pod,
                                                const std::set<std::string>& pressures) {
  if (pressures.empty() || IsCriticalPod(pod)) return std::nullopt;
  const bool memory_alone = pressures.size() == 1 && pressures.contains("MemoryPressure");
  if (memory_alone) {
    if (ComputeQosClass(pod.spec) != "BestEffort") return std::nullopt;
    core_v1::Taint taint;
    taint.key = "node.kubernetes.io/memory-pressure";
    taint.effect = "NoSchedule";
    if (AnyTolerates(pod.spec.tolerations, taint)) return std::nullopt;
  }
  return fmt::format("The node had condition: [{}]. ", fmt::join(pressures, " "));
}

}  // namespace skiff::kubelet
