#include "kubelet/stats/disk_walks.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace skiff::kubelet {

std::map<std::string, PodDisk> DiskWalks::Of(const std::vector<Ptr<core_v1::Pod>>& pods,
                                             Duration patience) {
  if (tasks_ == nullptr) {
    std::map<std::string, PodDisk> found;
    for (const auto& pod : pods) found[pod->metadata.uid] = walk_(*pod);
    return found;
  }
  std::set<std::string> uids;
  int starts = 0;
  {
    MutexLock lock(mutex_);
    if (ended_) return FoundOf(pods);
    for (const auto& pod : pods) {
      uids.insert(pod->metadata.uid);
      if (std::exchange(known_[pod->metadata.uid].is_walked, true)) continue;
      due_.push_back(pod);
    }
    std::erase_if(known_, [&](const auto& each) {
      return !each.second.is_walked && !uids.contains(each.first);
    });
    starts = std::min(kAtOnceMax - walking_, static_cast<int>(due_.size()));
    walking_ += starts;
  }
  for (int i = 0; i < starts; ++i) tasks_->Run([this] { WalkAll(); });
  const auto end = std::chrono::steady_clock::now() + patience;
  MutexLock lock(mutex_);
  const auto are_done = [&]() REQUIRES(mutex_) {
    return std::ranges::none_of(uids, [&](const auto& uid) REQUIRES(mutex_) {
      const auto known = known_.find(uid);
      return known != known_.end() && known->second.is_walked;
    });
  };
  while (!ended_ && !are_done() && walked_.wait_until(lock, end) == std::cv_status::no_timeout) {
  }
  return FoundOf(pods);
}

std::map<std::string, PodDisk> DiskWalks::FoundOf(
    const std::vector<Ptr<core_v1::Pod>>& pods) const {
  std::map<std::string, PodDisk> found;
  for (const auto& pod : pods) {
    const auto known = known_.find(pod->metadata.uid);
    if (known == known_.end() || !known->second.found) continue;
    found[pod->metadata.uid] = *known->second.found;
  }
  return found;
}

void DiskWalks::End() {
  {
    MutexLock lock(mutex_);
    ended_ = true;
    due_.clear();
  }
  walked_.notify_all();
}

void DiskWalks::WalkAll() {
  while (true) {
    Ptr<core_v1::Pod> pod;
    {
      MutexLock lock(mutex_);
      if (due_.empty()) {
        --walking_;
        return;
      }
      pod = std::move(due_.front());
      due_.pop_front();
    }
    PodDisk found = walk_(*pod);
    {
      MutexLock lock(mutex_);
      if (ended_) continue;  // It may not have been walked to its end.
      Known& known = known_[pod->metadata.uid];
      known.is_walked = false;
      known.found = std::move(found);
    }
    walked_.notify_all();
  }
}

}  // namespace skiff::kubelet
