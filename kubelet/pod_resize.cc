// How a worker gives its containers what a resize allots them.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kubelet/pod_worker.h"
#include "kubelet/static_pod.h"

namespace skiff::kubelet {
namespace {

const core_v1::Container* FindContainer(const core_v1::PodSpec& spec, const std::string& name) {
  for (const auto* list : {&spec.containers, &spec.init_containers}) {
    for (const auto& each : *list) {
      if (each.name == name) return &each;
    }
  }
  return nullptr;
}

Json AmountsIn(const std::vector<core_v1::Container>& containers) {
  Json out = Json::array();
  for (const auto& each : containers) {
    out.push_back({{"name", each.name}, {"resources", ToJson(each.resources)}});
  }
  return out;
}

// What the pod has or asks for, and the generation of the spec that did.
std::string Details(const core_v1::Pod& pod, int64_t generation, const std::string& error) {
  // In the kubelet's order, which is no object's here.
  std::string out = "{";
  if (!pod.spec.init_containers.empty()) {
    out += "\"initContainers\":" + AmountsIn(pod.spec.init_containers).dump() + ",";
  }
  out += "\"containers\":" + AmountsIn(pod.spec.containers).dump();
  out += fmt::format(",\"generation\":{}", generation);
  if (!error.empty()) out += ",\"error\":" + Json(error).dump();
  return out + "}";
}

}  // namespace

std::optional<core_v1::Pod> PodWorker::Allot(const core_v1::Pod& pod) {
  Resizes::Verdict verdict = context_.resizes.Allot(pod);
  if (verdict.pending && verdict.pending != resize_.pending) {
    context_.events.Warning(
        pod, "Resize" + verdict.pending->reason,
        fmt::format("Pod resize {}: {}", verdict.pending->reason,
                    Details(pod, pod.metadata.generation, verdict.pending->message)));
    if (context_.metrics != nullptr && verdict.pending->reason == "Infeasible") {
      context_.metrics->infeasible_resizes.Add(
          {IsStaticPod(pod) ? "static_pod" : "insufficient_node_allocatable"});
    }
  }
  if (verdict.accepted) {
    // The spec may ask for something else again by now.
    const core_v1::Pod& run = verdict.pod ? *verdict.pod : pod;
    context_.events.Normal(pod, "ResizeStarted",
                           "Pod resize started: " + Details(run, verdict.generation, ""));
    if (context_.metrics != nullptr && verdict.trigger[0] != '\0') {
      context_.metrics->accepted_resizes.Add({verdict.trigger});
    }
    resize_.in_progress = true;
    resize_.error.clear();
    resize_.generation = verdict.generation;
  }
  resize_.pending = std::move(verdict.pending);
  return std::move(verdict.pod);
}

// The kernel would kill a container whose limit falls below what it uses.
Result<> PodWorker::CheckUsage(const core_v1::Container& container, const std::string& id) const {
  const auto limit = container.resources.limits.find("memory");
  if (limit == container.resources.limits.end()) return {};
  const auto stats = context_.runtime.ContainerStats(id);
  if (!stats) return {};  // Who cannot tell does not hold a resize up.
  const auto used = static_cast<int64_t>(stats->memory_usage_bytes.value_or(0));
  if (used <= limit->second.Value()) return {};
  return Fail(Reason::kConflict,
              fmt::format("cannot decrease memory limits: attempting to set container \"{}\" "
                          "memory limit ({}) below current usage ({})",
                          container.name, limit->second.Value(), used));
}

Result<> PodWorker::ResizeContainer(const core_v1::Pod& pod, const ContainerResize& resize) {
  const core_v1::Container* container = FindContainer(pod.spec, resize.name);
  if (container == nullptr) return {};
  if (resize.shrinks) TRY(CheckUsage(*container, resize.id));
  cri::LinuxResources resources = ContainerResources(pod, *container, context_.node_memory_bytes);
  if (!context_.policy.limits_cpu) resources.cpu_quota = 0;
  resources.unified = context_.container_cgroup_files;
  TRY(context_.runtime.UpdateContainerResources(resize.id, resources));
  context_.resizes.SetActuated(pod.metadata.uid, container->name, container->resources);
  return {};
}

// Whoever made it may have been ended within a resize: a limit below what containers use by now
// would have the kernel kill them.
void PodWorker::TakeOverCgroup(const core_v1::Pod& pod, const ObservedPod& observed) {
  const bool is_resized =
      PlanResizes(pod.spec, observed, context_.resizes.Actuated(pod.metadata.uid)).empty();
  (void)(is_resized ? context_.cgroups.Set(pod) : context_.cgroups.TakeOver(pod));
}

// The pod's own cgroup has room before its containers grow, and is narrowed after they shrank.
void PodWorker::ActuateResizes(const core_v1::Pod& pod,
                               const std::vector<ContainerResize>& resizes) {
  if (resizes.empty() && !resize_.in_progress) return;
  if (!std::exchange(resize_.in_progress, true)) resize_.generation = pod.metadata.generation;
  const Duration begun = context_.clock.Monotonic();
  std::string error;
  const auto note = [&](const Result<>& result) {
    if (!result && error.empty()) error = result.error().message;
  };
  note(context_.cgroups.Raise(pod));
  for (const ContainerResize& resize : resizes) {
    if (!resize.restarts) note(ResizeContainer(pod, resize));
  }
  // What is to be started anew counts when it has been.
  const Amounts told = context_.resizes.Actuated(pod.metadata.uid);
  const Amounts wanted = AmountsOf(pod.spec);
  const bool is_done = std::all_of(told.begin(), told.end(), [&](const auto& each) {
    const auto found = wanted.find(each.first);
    return found == wanted.end() || SameAmounts({each}, {*found});
  });
  if (is_done && error.empty()) note(context_.cgroups.Set(pod));
  if (context_.metrics != nullptr && !resizes.empty()) {
    context_.metrics->resize_milliseconds.Observe(
        {error.empty() ? "true" : "false"}, 1000 * InSeconds(context_.clock.Monotonic() - begun));
  }
  if (!error.empty()) {
    if (error != resize_.error) {
      context_.events.Warning(pod, "ResizeError",
                              "Pod resize error: " + Details(pod, resize_.generation, error));
    }
    retry_after_ = std::min(retry_after_, Duration(kRetry));
  }
  resize_.error = std::move(error);
  if (!is_done || !resize_.error.empty()) return;
  resize_.in_progress = false;
  context_.events.Normal(pod, "ResizeCompleted",
                         "Pod resize completed: " + Details(pod, resize_.generation, ""));
}

}  // namespace skiff::kubelet
