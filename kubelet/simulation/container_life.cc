#include "kubelet/simulation/container_life.h"

#include <algorithm>

#include "kubelet/pod_observed.h"
#include "kubelet/simulation/script.h"

namespace skiff::kubelet {
namespace {

std::string Label(const cri::Container& container, const char* name) {
  const auto found = container.labels.find(name);
  return found == container.labels.end() ? "" : found->second;
}

}  // namespace

ContainerLife::ContainerLife(Dependencies dependencies) : dependencies_(std::move(dependencies)) {
  subscription_ = dependencies_.runtime.Subscribe([this](const cri::Event& event) {
    if (event.what != cri::Event::What::kStarted) return;
    {
      MutexLock lock(mutex_);
      started_.push_back(event.id);
    }
    Wake();
  });
}

ContainerLife::~ContainerLife() {
  subscription_.reset();
}

void ContainerLife::Plan(const std::string& container_id) {
  const auto container = dependencies_.runtime.ContainerStatus(container_id);
  if (!container) return;  // Removed since.
  const auto pod = dependencies_.find_pod(
      {Label(*container, kPodNamespaceLabel), Label(*container, kPodNameLabel)});
  if (!pod || pod->metadata.uid != Label(*container, kPodUidLabel)) return;
  for (const std::string& problem : ScriptProblems(*pod)) {
    dependencies_.events.Warning(*pod, "SimulationProblem", problem);
  }
  for (const std::string& what : Unsimulated(*pod)) {
    dependencies_.events.Normal(*pod, "NotSimulated", what);
  }
  const auto end = EndOf(*pod, container->metadata.name);
  if (!end) return;
  const Duration age = dependencies_.clock.Now() - container->started_at;
  const Duration left = std::max<Duration>(0ns, end->after - age);
  ends_.emplace(dependencies_.clock.Monotonic() + left, End{container_id, end->exit_code});
}

Duration ContainerLife::Step() {
  std::vector<std::string> started;
  {
    MutexLock lock(mutex_);
    started.swap(started_);
  }
  for (const std::string& id : started) Plan(id);
  const Duration now = dependencies_.clock.Monotonic();
  while (!ends_.empty() && ends_.begin()->first <= now) {
    // One that was stopped before stays as it is.
    const End end = ends_.begin()->second;
    ends_.erase(ends_.begin());
    dependencies_.runtime.Exit(end.container_id, end.exit_code);
  }
  return ends_.empty() ? kNever : ends_.begin()->first - now;
}

}  // namespace skiff::kubelet
