#include "kubelet/housekeeping.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>
#include <vector>

#include "kubelet/log_rotation.h"
#include "kubelet/pod_lookup.h"

namespace skiff::kubelet {
namespace {

namespace fs = std::filesystem;

std::string LabelOf(const cri::StringMap& labels, const char* name) {
  const auto found = labels.find(name);
  return found == labels.end() ? "" : found->second;
}

template <typename T>
void NewestFirst(std::vector<T>& list) {
  std::sort(list.begin(), list.end(), IsLater<T>);
}

}  // namespace

Duration Housekeeping::Step() {
  if (!known_()) return kNever;  // Woken when they are.
  const Duration now = clock_.Monotonic();
  if (now < next_) return next_ - now;
  RemoveOrphans();
  if (const auto removed = RemoveDead({}); !removed) {
    log_.Info("dead containers stay", {{"error", removed.error().message}});
  }
  next_ = now + kPeriod;
  return kPeriod;
}

// What there is is listed before it is asked who is known: what a pod that begins in between makes
// is nobody's orphan.
void Housekeeping::RemoveOrphans() {
  const auto running = RuntimePods(runtime_);
  if (!running) return;
  const auto logs = LogDirectories();
  const auto volumes = belongings_.volumes.Pods();
  const auto cgroups = belongings_.cgroups.Pods();
  const auto known = known_();
  if (!known) return;
  for (const auto& [uid, name] : *running) {
    if (known->contains(uid)) continue;
    if (const auto removed = RemoveFromRuntime(runtime_, uid); !removed) {
      log_.Info("orphaned pod not removed", {{"pod", name}, {"error", removed.error().message}});
    }
  }
  std::set<std::string> kept = *known;
  for (const auto& [uid, name] : *running) kept.insert(uid);
  for (const fs::path& directory : logs) {
    const std::string name = directory.filename().string();
    if (kept.contains(name.substr(name.rfind('_') + 1))) continue;
    std::error_code ignored;  // The next round tries again.
    fs::remove_all(directory, ignored);
  }
  for (const std::string& uid : volumes) {
    if (kept.contains(uid)) continue;
    if (const auto down = belongings_.volumes.TearDown(uid); !down) {
      log_.Info("orphaned volumes stay", {{"pod", uid}, {"error", down.error().message}});
    } else if (belongings_.user_namespaces != nullptr) {
      belongings_.user_namespaces->Release(uid);
    }
  }
  RemoveOrphanedCgroups(cgroups, kept);
  belongings_.resizes.Retain(kept);
}

void Housekeeping::RemoveOrphanedCgroups(const std::vector<std::string>& cgroups,
                                         const std::set<std::string>& kept) {
  std::set<std::string> names;
  for (const std::string& uid : kept) names.insert(belongings_.cgroups.NameOf(uid));
  for (const std::string& name : cgroups) {
    if (names.contains(name)) continue;
    if (const auto removed = belongings_.cgroups.RemoveOrphan(name); !removed) {
      log_.Info("orphaned cgroup stays", {{"pod", name}, {"error", removed.error().message}});
    }
  }
}

// They are named NAMESPACE_NAME_UID.
std::vector<fs::path> Housekeeping::LogDirectories() const {
  std::vector<fs::path> directories;
  if (log_root_.empty()) return directories;
  std::error_code error;
  for (fs::directory_iterator entry(log_root_, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename().string().find('_') == std::string::npos) continue;
    directories.push_back(entry->path());
  }
  return directories;
}

bool Housekeeping::RemoveContainer(const cri::Container& container) {
  if (!runtime_.RemoveContainer(container.id)) return false;
  if (log_root_.empty()) return true;
  const fs::path log = ContainerLogPath(log_root_, container);
  const std::string name = log.filename().string();
  std::error_code error;
  std::vector<fs::path> logs;
  for (fs::directory_iterator entry(log.parent_path(), error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string file = entry->path().filename().string();
    if (file == name || file.starts_with(name + ".")) logs.push_back(entry->path());
  }
  for (const fs::path& each : logs) fs::remove(each, error);
  return true;
}

// One that was never started is no last attempt of anything once there is a newer one: a kubelet,
// or its call, has ended between its making and its start.
bool Housekeeping::IsLeft(const cri::Container& container, const cri::Container& newest) {
  return container.state == cri::ContainerState::kExited ||
         (container.state == cri::ContainerState::kCreated && container.id != newest.id);
}

Result<int> Housekeeping::RemoveDead(const std::set<std::string>& ended) {
  const auto containers = TRY(runtime_.ListContainers({}));
  std::map<std::pair<std::string, std::string>, std::vector<cri::Container>> all;
  std::set<std::string> used_sandboxes;
  for (const cri::Container& container : containers) {
    const std::string uid = LabelOf(container.labels, kPodUidLabel);
    if (uid.empty()) continue;
    used_sandboxes.insert(container.sandbox_id);
    all[{uid, LabelOf(container.labels, kContainerNameLabel)}].push_back(container);
  }
  int removed = 0;
  for (auto& [key, attempts] : all) {
    NewestFirst(attempts);
    bool keeps_last = !ended.contains(key.first);
    for (const cri::Container& container : attempts) {
      if (!IsLeft(container, attempts.front())) continue;
      const bool is_exited = container.state == cri::ContainerState::kExited;
      if (is_exited && std::exchange(keeps_last, false)) continue;
      removed += RemoveContainer(container) ? 1 : 0;
    }
  }
  TRY(RemoveOldSandboxes(used_sandboxes));
  return removed;
}

Result<> Housekeeping::RemoveOldSandboxes(const std::set<std::string>& used) {
  const auto listed = TRY(AllSandboxes(runtime_));
  std::map<std::string, std::vector<cri::Sandbox>> sandboxes;
  for (const cri::Sandbox& sandbox : listed) {
    const std::string uid = LabelOf(sandbox.labels, kPodUidLabel);
    if (!uid.empty()) sandboxes[uid].push_back(sandbox);
  }
  for (auto& [uid, attempts] : sandboxes) {
    NewestFirst(attempts);
    for (size_t i = 1; i < attempts.size(); ++i) {
      const cri::Sandbox& old = attempts[i];
      if (old.state != cri::SandboxState::kNotReady || used.contains(old.id)) continue;
      // Its network may not have been given back: one that ended by itself has an address still,
      // and a runtime refuses to remove it. The next round tries again.
      if (runtime_.StopPodSandbox(old.id)) (void)runtime_.RemovePodSandbox(old.id);
    }
  }
  return {};
}

}  // namespace skiff::kubelet
