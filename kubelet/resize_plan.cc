#include "kubelet/resize_plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace skiff::kubelet {
namespace {

bool RestartsFor(const core_v1::Container& container, const std::string& resource) {
  const auto& policies = container.resize_policy;
  return std::any_of(policies.begin(), policies.end(), [&](const auto& policy) {
    return policy.resource_name == resource && policy.restart_policy == "RestartContainer";
  });
}

Quantity Limit(const core_v1::ResourceRequirements& amounts, const std::string& resource) {
  const auto found = amounts.limits.find(resource);
  if (found != amounts.limits.end()) return found->second;
  const auto request = amounts.requests.find(resource);
  return request == amounts.requests.end() ? Quantity() : request->second;
}

bool Shrinks(const core_v1::ResourceRequirements& before,
             const core_v1::ResourceRequirements& now) {
  for (const char* resource : {"memory", "cpu"}) {
    const auto order = Limit(now, resource) <=> Limit(before, resource);
    if (order != 0) return order < 0;
  }
  return false;
}

const core_v1::Container* Counterpart(const std::vector<core_v1::Container>& list,
                                      const core_v1::Container& container) {
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const auto& each) { return each.name == container.name; });
  return found == list.end() ? nullptr : &*found;
}

// nullptr: it asks for as much as before.
const char* ResizeOperation(const std::map<std::string, Quantity>& before,
                            const std::map<std::string, Quantity>& now,
                            const std::string& resource) {
  const auto amount = [&](const std::map<std::string, Quantity>& amounts) {
    const auto found = amounts.find(resource);
    return found == amounts.end() ? Quantity() : found->second;
  };
  const Quantity had = amount(before), wants = amount(now);
  const auto order = wants <=> had;
  if (order == 0) return nullptr;
  if ((wants <=> Quantity()) == 0) return "remove";
  if ((had <=> Quantity()) == 0) return "add";
  return order < 0 ? "decrease" : "increase";
}

}  // namespace

std::vector<RequestedResize> RequestedResizes(const core_v1::PodSpec& before,
                                              const core_v1::PodSpec& now) {
  std::vector<RequestedResize> out;
  const auto compare = [&](const core_v1::Container& old, const core_v1::Container* current) {
    if (current == nullptr) return;
    for (const char* resource : {"memory", "cpu"}) {
      if (const char* done =
              ResizeOperation(old.resources.requests, current->resources.requests, resource)) {
        out.push_back({resource, "requests", done});
      }
      if (const char* done =
              ResizeOperation(old.resources.limits, current->resources.limits, resource)) {
        out.push_back({resource, "limits", done});
      }
    }
  };
  for (const auto& container : before.containers) {
    compare(container, Counterpart(now.containers, container));
  }
  for (const auto& container : before.init_containers) {
    if (IsSidecar(container)) compare(container, Counterpart(now.init_containers, container));
  }
  return out;
}

std::optional<ResizePending> DecideResize(const core_v1::PodSpec& wanted, const NodeRoom& room) {
  const Resources asked = PodRequests(wanted);
  const auto text = [](const char* head, const char* resource, int64_t requested, auto... more) {
    return fmt::format("{}: {}, requested: {}, {}", head, resource, requested, more...);
  };
  constexpr char kNoCapacity[] = "Node didn't have enough capacity";
  const Resources& all = room.allocatable;
  if (asked.memory > all.memory) {
    return ResizePending{"Infeasible", text(kNoCapacity, "memory", asked.memory,
                                            fmt::format("capacity: {}", all.memory))};
  }
  if (asked.milli_cpu > all.milli_cpu) {
    return ResizePending{"Infeasible", text(kNoCapacity, "cpu", asked.milli_cpu,
                                            fmt::format("capacity: {}", all.milli_cpu))};
  }
  constexpr char kNoRoom[] = "Node didn't have enough resource";
  if (SaturatedSum(asked.milli_cpu, room.used.milli_cpu) > all.milli_cpu) {
    return ResizePending{"Deferred", text(kNoRoom, "cpu", asked.milli_cpu,
                                          fmt::format("used: {}, capacity: {}",
                                                      room.used.milli_cpu, all.milli_cpu))};
  }
  if (SaturatedSum(asked.memory, room.used.memory) > all.memory) {
    return ResizePending{"Deferred", text(kNoRoom, "memory", asked.memory,
                                          fmt::format("used: {}, capacity: {}",
                                                      room.used.memory, all.memory))};
  }
  return std::nullopt;
}

std::vector<ContainerResize> PlanResizes(const core_v1::PodSpec& allotted,
                                         const ObservedPod& observed, const Amounts& actuated) {
  std::vector<ContainerResize> out;
  if (observed.sandboxes.empty()) return out;
  const auto look_at = [&](const core_v1::Container& container) {
    const ObservedContainer* running = observed.Newest(container.name);
    if (running == nullptr || !running->IsRunning() ||
        running->sandbox_id != observed.sandboxes.front().id) {
      return;
    }
    const auto told = actuated.find(container.name);
    if (told == actuated.end()) return;  // As old as the container, then: nothing was resized.
    bool changes = false, restarts = false;
    for (const char* resource : {"cpu", "memory"}) {
      if (SameAmount(told->second, container.resources, resource)) continue;
      changes = true;
      restarts |= RestartsFor(container, resource);
    }
    if (!changes) return;
    out.push_back({container.name, running->status.id, restarts,
                   Shrinks(told->second, container.resources)});
  };
  for (const auto& container : allotted.containers) look_at(container);
  for (const auto& container : allotted.init_containers) {
    if (IsSidecar(container)) look_at(container);
  }
  std::stable_partition(out.begin(), out.end(), [](const auto& each) { return each.shrinks; });
  return out;
}

}  // namespace skiff::kubelet
