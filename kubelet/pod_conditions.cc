#include "kubelet/pod_conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace skiff::kubelet {
namespace {

constexpr std::array<std::string_view, 7> kOwned = {
    "PodReadyToStartContainers", "Initialized",     "Ready",
    "ContainersReady",           kPodResizePending, kPodResizeInProgress,
    "PodScheduled"};

constexpr char kTerminationByKubelet[] = "TerminationByKubelet";

struct Judgement {
  bool holds = true;
  std::string reason;
  std::string message;
};

std::string Listed(const std::vector<std::string>& names) {
  return fmt::format("[{}]", fmt::join(names, " "));
}

const core_v1::ContainerStatus* Find(const std::vector<core_v1::ContainerStatus>& statuses,
                                     const std::string& name) {
  const auto found = std::find_if(statuses.begin(), statuses.end(),
                                  [&](const auto& status) { return status.name == name; });
  return found == statuses.end() ? nullptr : &*found;
}

Judgement Initialized(const StatusInput& input, const core_v1::PodStatus& status) {
  if (status.phase == "Succeeded") return {true, "PodCompleted", ""};
  const bool started = std::any_of(status.container_statuses.begin(),
                                   status.container_statuses.end(), [](const auto& each) {
                                     return each.started.value_or(false) || each.state.running ||
                                            each.state.terminated || each.last_state.terminated;
                                   });
  if (started) return {};
  std::vector<std::string> incomplete;
  for (const auto& container : input.pod.spec.init_containers) {
    const auto* found = Find(status.init_container_statuses, container.name);
    const bool done =
        found != nullptr && (IsSidecar(container) ? found->started.value_or(false) : found->ready);
    if (!done) incomplete.push_back(container.name);
  }
  if (incomplete.empty()) return {};
  return {false, "ContainersNotInitialized",
          "containers with incomplete status: " + Listed(incomplete)};
}

Judgement ContainersReady(const StatusInput& input, const core_v1::PodStatus& status) {
  if (status.phase == "Succeeded") return {false, "PodCompleted", ""};
  if (status.phase == "Failed") return {false, "PodFailed", ""};
  std::vector<std::string> unready;
  const auto look_at = [&](const core_v1::Container& container, const auto& statuses) {
    const auto* found = Find(statuses, container.name);
    if (found == nullptr || !found->ready) unready.push_back(container.name);
  };
  for (const auto& container : input.pod.spec.init_containers) {
    if (IsSidecar(container)) look_at(container, status.init_container_statuses);
  }
  for (const auto& container : input.pod.spec.containers) {
    look_at(container, status.container_statuses);
  }
  if (unready.empty()) return {};
  return {false, "ContainersNotReady", "containers with unready status: " + Listed(unready)};
}

Judgement Ready(const StatusInput& input, const Judgement& containers) {
  if (!containers.holds) return containers;
  std::vector<std::string> problems;
  for (const auto& gate : input.pod.spec.readiness_gates) {
    const auto& conditions = input.pod.status.conditions;
    const auto found =
        std::find_if(conditions.begin(), conditions.end(),
                     [&](const auto& condition) { return condition.type == gate.condition_type; });
    if (found == conditions.end()) {
      problems.push_back(
          fmt::format("corresponding condition of pod readiness gate \"{}\" does not exist.",
                      gate.condition_type));
    } else if (found->status != "True") {
      problems.push_back(
          fmt::format("the status of pod readiness gate \"{}\" is not \"True\", but {}",
                      gate.condition_type, found->status));
    }
  }
  if (problems.empty()) return {};
  return {false, "ReadinessGatesNotReady", fmt::format("{}", fmt::join(problems, ", "))};
}

bool SandboxIsUp(const StatusInput& input) {
  if (input.observed.sandboxes.empty()) return false;
  const cri::SandboxStatus& newest = input.observed.sandboxes.front();
  return newest.state == cri::SandboxState::kReady &&
         (input.pod.spec.host_network || !newest.ips.empty());
}

}  // namespace

bool IsOwnCondition(const std::string& type, const std::string& reason) {
  return std::find(kOwned.begin(), kOwned.end(), type) != kOwned.end() ||
         (type == "DisruptionTarget" && reason == kTerminationByKubelet);
}

void HoldBackEnd(const core_v1::PodStatus& before, core_v1::PodStatus& status) {
  status.phase = before.phase;
  status.reason = before.reason;
  status.message = before.message;
  std::erase_if(status.conditions, [](const auto& condition) {
    return condition.type == "DisruptionTarget" && condition.reason == kTerminationByKubelet;
  });
}

void KeepForeignConditions(const StatusInput& input, core_v1::PodStatus& status) {
  for (const auto& condition : input.pod.status.conditions) {
    if (!IsOwnCondition(condition.type, condition.reason)) status.conditions.push_back(condition);
  }
}

void FillConditions(const StatusInput& input, core_v1::PodStatus& status) {
  KeepForeignConditions(input, status);
  const auto& old = input.Before().conditions;
  const auto add = [&](std::string_view type, const Judgement& judgement) {
    core_v1::PodCondition condition;
    condition.type = type;
    condition.status = judgement.holds ? "True" : "False";
    condition.reason = judgement.reason;
    condition.message = judgement.message;
    condition.observed_generation = status.observed_generation;
    condition.last_transition_time = TimePoint(std::chrono::floor<std::chrono::seconds>(input.now));
    const auto before =
        std::find_if(old.begin(), old.end(), [&](const auto& each) { return each.type == type; });
    if (before != old.end() && before->status == condition.status) {
      condition.last_transition_time = before->last_transition_time;
    }
    status.conditions.push_back(std::move(condition));
  };
  // As of when it was first so, and not of each look: nobody writes a status for that.
  const auto looked_at = [&](core_v1::PodCondition& condition) {
    const auto before = std::find_if(old.begin(), old.end(), [&](const auto& each) {
      return each.type == condition.type && each.reason == condition.reason &&
             each.message == condition.message;
    });
    condition.last_probe_time = before != old.end() && !(before->last_probe_time == Time())
                                    ? before->last_probe_time
                                    : Time(std::chrono::floor<std::chrono::seconds>(input.now));
  };
  if (input.resize.pending) {
    add(kPodResizePending, {true, input.resize.pending->reason, input.resize.pending->message});
    looked_at(status.conditions.back());
  }
  if (input.resize.in_progress) {
    const std::string& error = input.resize.error;
    add(kPodResizeInProgress, {true, error.empty() ? "" : "Error", error});
    if (input.resize.generation > 0) {
      status.conditions.back().observed_generation = input.resize.generation;
    }
    looked_at(status.conditions.back());
  }
  const Judgement containers = ContainersReady(input, status);
  add("PodReadyToStartContainers", {SandboxIsUp(input), "", ""});
  add("Initialized", Initialized(input, status));
  add("Ready", Ready(input, containers));
  add("ContainersReady", containers);
  add("PodScheduled", {});
  if (input.failure && input.failure->is_disruption) {
    const WaitingReason& why = *input.failure;
    add("DisruptionTarget",
        {true, kTerminationByKubelet, why.disruption.empty() ? why.message : why.disruption});
  }
}

}  // namespace skiff::kubelet
