#include "kubelet/housekeeping.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "kubelet/pod_lookup.h"

namespace skiff::kubelet {
namespace {

std::string Label(const cri::StringMap& labels, const char* name) {
  const auto found = labels.find(name);
  return found == labels.end() ? "" : found->second;
}

template <typename T>
void NewestFirst(std::vector<T>& list) {
  std::sort(list.begin(), list.end(),
            [](const T& a, const T& b) { return a.created_at > b.created_at; });
}

}  // namespace

Duration Housekeeping::Step() {
  const auto known = known_();
  if (!known) return kNever;  // Woken when they are.
  const Duration now = clock_.Monotonic();
  if (now < next_) return next_ - now;
  RemoveOrphans(*known);
  if (const auto removed = RemoveDead(1); !removed) {
    log_.Info("dead containers stay", {{"error", removed.error().message}});
  }
  next_ = now + kPeriod;
  return kPeriod;
}

void Housekeeping::RemoveOrphans(const std::set<std::string>& known) {
  const auto running = RuntimePods(runtime_);
  if (!running) return;
  for (const auto& [uid, name] : *running) {
    if (known.contains(uid)) continue;
    if (const auto removed = RemoveFromRuntime(runtime_, uid); !removed) {
      log_.Info("orphaned pod not removed", {{"pod", name}, {"error", removed.error().message}});
    }
  }
  for (const std::string& uid : volumes_.Pods()) {
    if (known.contains(uid) || running->contains(uid)) continue;
    if (const auto down = volumes_.TearDown(uid); !down) {
      log_.Info("orphaned volumes stay", {{"pod", uid}, {"error", down.error().message}});
    }
  }
}

Result<int> Housekeeping::RemoveDead(size_t keep) {
  const auto containers = TRY(runtime_.ListContainers({}));
  std::map<std::pair<std::string, std::string>, std::vector<cri::Container>> dead;
  std::set<std::string> used_sandboxes;
  for (const cri::Container& container : containers) {
    const std::string uid = Label(container.labels, kPodUidLabel);
    if (uid.empty()) continue;
    used_sandboxes.insert(container.sandbox_id);
    if (container.state != cri::ContainerState::kExited) continue;
    dead[{uid, Label(container.labels, kContainerNameLabel)}].push_back(container);
  }
  int removed = 0;
  for (auto& [key, attempts] : dead) {
    NewestFirst(attempts);
    for (size_t i = keep; i < attempts.size(); ++i) {
      removed += runtime_.RemoveContainer(attempts[i].id).has_value() ? 1 : 0;
    }
  }
  const auto listed = TRY(runtime_.ListPodSandboxes({}));
  std::map<std::string, std::vector<cri::Sandbox>> sandboxes;
  for (const cri::Sandbox& sandbox : listed) {
    const std::string uid = Label(sandbox.labels, kPodUidLabel);
    if (!uid.empty()) sandboxes[uid].push_back(sandbox);
  }
  for (auto& [uid, attempts] : sandboxes) {
    NewestFirst(attempts);
    for (size_t i = 1; i < attempts.size(); ++i) {
      const cri::Sandbox& old = attempts[i];
      if (old.state != cri::SandboxState::kNotReady || used_sandboxes.contains(old.id)) continue;
      (void)runtime_.RemovePodSandbox(old.id);  // The next round tries again.
    }
  }
  return removed;
}

}  // namespace skiff::kubelet
