#include "kubelet/status_manager.h"

#include <algorithm>
#include <vector>

namespace skiff::kubelet {
namespace {

bool IsTerminal(const core_v1::PodStatus& status) {
  return status.phase == "Succeeded" || status.phase == "Failed";
}

}  // namespace

void StatusManager::Set(const Ptr<core_v1::Pod>& pod, core_v1::PodStatus status) {
  {
    MutexLock lock(mutex_);
    Entry& entry = entries_[pod->metadata.uid];
    const bool same = entry.version > 0 && entry.status == status;
    entry.pod = pod;
    if (same) return;
    entry.status = std::move(status);
    ++entry.version;
  }
  Wake();
}

void StatusManager::Finish(const Ptr<core_v1::Pod>& pod) {
  {
    MutexLock lock(mutex_);
    Entry& entry = entries_[pod->metadata.uid];
    entry.pod = pod;
    entry.finished = true;
  }
  Wake();
}

void StatusManager::Forget(const std::string& uid) {
  MutexLock lock(mutex_);
  entries_.erase(uid);
}

Duration StatusManager::Step() {
  std::vector<Entry> due;
  {
    MutexLock lock(mutex_);
    for (const auto& [uid, entry] : entries_) {
      if (entry.version > entry.written || entry.finished) due.push_back(entry);
    }
  }
  bool all_done = true;
  for (const Entry& entry : due) {
    const bool written = entry.version == entry.written || Write(entry);
    if (written) {
      MutexLock lock(mutex_);
      const auto found = entries_.find(entry.pod->metadata.uid);
      if (found != entries_.end()) found->second.written = entry.version;
    }
    const bool done = written && (!entry.finished || Remove(entry));
    all_done &= done;
  }
  return all_done ? kNever : kRetryDelay;
}

bool StatusManager::Write(const Entry& entry) {
  const ObjectKey key{entry.pod->metadata.namespace_, entry.pod->metadata.name};
  const auto current = client_.Get<core_v1::Pod>(key);
  if (!current) return current.error().reason == Reason::kNotFound;
  if ((*current)->metadata.uid != entry.pod->metadata.uid) return true;
  const auto written = client_.PatchStatus(**current, [&](core_v1::Pod& pod) {
    // Conditions of others may have come since the status was computed.
    std::vector<core_v1::PodCondition> conditions = entry.status.conditions;
    for (const auto& condition : pod.status.conditions) {
      const bool known = std::any_of(conditions.begin(), conditions.end(),
                                     [&](const auto& each) { return each.type == condition.type; });
      if (!known) conditions.push_back(condition);
    }
    const auto start_time = pod.status.start_time;
    pod.status = entry.status;
    pod.status.conditions = std::move(conditions);
    if (start_time) pod.status.start_time = start_time;
  });
  if (written || written.error().reason == Reason::kNotFound) return true;
  log_.Info("pod status not written",
            {{"pod", entry.pod->metadata.name}, {"error", written.error().message}});
  return false;
}

bool StatusManager::Remove(const Entry& entry) {
  if (!entry.pod->metadata.deletion_timestamp || !IsTerminal(entry.status)) return true;
  DeleteOptions options;
  options.grace_period_s = 0;
  options.uid = entry.pod->metadata.uid;
  const auto deleted = client_.Delete(*entry.pod, options);
  const bool gone = deleted || deleted.error().reason == Reason::kNotFound ||
                    deleted.error().reason == Reason::kConflict;
  if (gone) Forget(entry.pod->metadata.uid);
  return gone;
}

}  // namespace skiff::kubelet
