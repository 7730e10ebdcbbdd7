#include "api/rules/pods/pod_resources.h"

#include <algorithm>

namespace skiff {
namespace {

using core_v1::Container;
using core_v1::ContainerStatus;
using core_v1::Pod;
using core_v1::PodSpec;
using core_v1::ResourceRequirements;

void Add(ResourceList& sum, const ResourceList& more) {
  for (const auto& [name, amount] : more) {
    const auto [entry, inserted] = sum.try_emplace(name, amount);
    if (!inserted) entry->second = entry->second + amount;
  }
}

void RaiseTo(ResourceList& sum, const ResourceList& least) {
  for (const auto& [name, amount] : least) {
    const auto [entry, inserted] = sum.try_emplace(name, amount);
    if (!inserted && entry->second < amount) entry->second = amount;
  }
}

// What a container and the sidecars before it take together, of what it names itself: of all else
// they take no more than before it. A pod may name ten thousands, and have as many containers.
ResourceList BesideSidecars(const ResourceList& sidecars, const ResourceList& own) {
  ResourceList running = own;
  for (auto& [name, amount] : running) {
    const auto found = sidecars.find(name);
    if (found != sidecars.end()) amount = found->second + amount;
  }
  return running;
}

bool IsResizeInfeasible(const Pod& pod) {
  return std::ranges::any_of(pod.status.conditions, [](const auto& condition) {
    return condition.type == "PodResizePending" && condition.reason == "Infeasible";
  });
}

ResourceRequirements AsRun(const ResourceRequirements& asked, const ContainerStatus& status,
                           bool infeasible) {
  ResourceRequirements taken = asked;
  if (infeasible) {
    taken.requests.clear();
    taken.limits.clear();
  }
  RaiseTo(taken.requests, status.resources->requests);
  RaiseTo(taken.requests, status.allocated_resources);
  RaiseTo(taken.limits, status.resources->limits);
  return taken;
}

// The resources that decide the class, with an amount above zero.
ResourceList Deciding(const ResourceList& list) {
  ResourceList deciding;
  for (const char* name : {"cpu", "memory"}) {
    const auto found = list.find(name);
    if (found != list.end() && found->second > Quantity()) deciding.insert(*found);
  }
  return deciding;
}

std::string ClassOf(const ResourceList& requests, const ResourceList& limits, bool all_limited) {
  if (requests.empty() && limits.empty()) return "BestEffort";
  const bool guaranteed = all_limited && requests.size() == limits.size() &&
                          std::ranges::all_of(requests, [&](const auto& request) {
                            const auto limit = limits.find(request.first);
                            return limit != limits.end() && limit->second == request.second;
                          });
  return guaranteed ? "Guaranteed" : "Burstable";
}

}  // namespace

bool IsHugePageResource(std::string_view name) {
  return name.starts_with("hugepages-");
}

bool IsNativeResource(std::string_view name) {
  return name.find('/') == std::string_view::npos ||
         name.find("kubernetes.io/") != std::string_view::npos;
}

bool IsOvercommitAllowed(std::string_view name) {
  return IsNativeResource(name) && !IsHugePageResource(name);
}

bool IsRestartableInitContainer(const Container& container) {
  return container.restart_policy == "Always";
}

ResourceList AggregateContainers(
    const PodSpec& spec,
    const std::function<const ResourceList&(const ResourceRequirements&)>& list) {
  ResourceList sum;
  for (const auto& container : spec.containers) Add(sum, list(container.resources));
  ResourceList sidecars;
  ResourceList peak;
  for (const auto& container : spec.init_containers) {
    const ResourceList& own = list(container.resources);
    RaiseTo(peak, BesideSidecars(sidecars, own));
    if (!IsRestartableInitContainer(container)) continue;
    Add(sum, own);
    Add(sidecars, own);
  }
  RaiseTo(sum, peak);
  return sum;
}

std::optional<PodSpec> SpecAsRun(const Pod& pod) {
  std::optional<PodSpec> as_run;
  const bool infeasible = IsResizeInfeasible(pod);
  const auto raise = [&](std::vector<Container> PodSpec::*list,
                         const std::vector<ContainerStatus>& statuses) {
    const std::vector<Container>& containers = pod.spec.*list;
    for (size_t i = 0; i < containers.size(); ++i) {
      const bool runs = list == &PodSpec::containers || IsRestartableInitContainer(containers[i]);
      const auto status = std::ranges::find(statuses, containers[i].name, &ContainerStatus::name);
      if (!runs || status == statuses.end() || !status->resources) continue;
      ResourceRequirements taken = AsRun(containers[i].resources, *status, infeasible);
      if (taken == containers[i].resources) continue;
      if (!as_run) as_run = pod.spec;
      ((*as_run).*list)[i].resources = std::move(taken);
    }
  };
  raise(&PodSpec::containers, pod.status.container_statuses);
  raise(&PodSpec::init_containers, pod.status.init_container_statuses);
  return as_run;
}

std::string ComputeQosClass(const PodSpec& spec) {
  // Even when they say nothing.
  if (spec.resources) {
    const ResourceList limits = Deciding(spec.resources->limits);
    return ClassOf(Deciding(spec.resources->requests), limits, limits.size() == 2);
  }
  ResourceList requests;
  ResourceList limits;
  bool all_limited = true;
  const auto count = [&](const std::vector<Container>& containers) {
    for (const auto& container : containers) {
      Add(requests, Deciding(container.resources.requests));
      const ResourceList own = Deciding(container.resources.limits);
      all_limited = all_limited && own.size() == 2;
      Add(limits, own);
    }
  };
  count(spec.containers);
  count(spec.init_containers);
  return ClassOf(requests, limits, all_limited);
}

}  // namespace skiff
