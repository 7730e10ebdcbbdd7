// Keeps the node from running out of memory, disk and processes: looks every ten seconds, tells
// which pressures there are, removes what nobody needs, and at last one pod after the other. All
// that take more of the disk than their limits go at once.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/control_loop.h"
#include "base/log.h"
#include "base/mutex.h"
#include "kubelet/eviction.h"
#include "kubelet/eviction_rank.h"

namespace skiff::kubelet {

class EvictionManager final : public ControlLoop {
 public:
  static constexpr Duration kPeriod = 10s;
  static constexpr Duration kEvictionPatience = 30s;  // For an evicted pod to be gone.
  static constexpr Duration kEvictionLook = 1s;
  // The runtime gives the space of what was removed back a little later.
  static constexpr Duration kReclaimPatience = 5s;

  struct Hooks {
    std::function<Measurements()> measure;
    // Pods whose containers may run.
    std::function<std::vector<Ptr<core_v1::Pod>>()> pods;
    std::function<std::vector<PodUsage>(const std::vector<Ptr<core_v1::Pod>>&, bool with_disk)>
        usage;
    // Dead containers, and where images lie on the same disk, unused images. Whether there were
    // any.
    std::function<bool(Signal signal)> reclaim;
    // False when it does not run any more. `is_disruption`: the node needs what it has; else it
    // took more than it said it would.
    std::function<bool(const core_v1::Pod& pod, const EvictionNotice& notice, int64_t grace_s,
                       bool is_disruption)>
        evict;
    std::function<bool(const std::string& uid)> is_gone;
    std::function<void()> pressures_changed;
    std::function<void(const std::string& reason, const std::string& message)> warn;
    // A pod was told to go for this: "memory.available", "emptydirfs.limit".
    std::function<void(std::string_view signal)> evicted = [](std::string_view) {};
  };
  EvictionManager(EvictionSettings settings, const Clock& clock, Hooks hooks)
      : clock_(clock), hooks_(std::move(hooks)), judge_(std::move(settings)) {}
  Duration Step() override;
  // Any thread.
  std::set<std::string> pressures() const;

 private:
  // True when pods were told to go.
  bool EvictForLimits();
  bool Evict(const Threshold& threshold, const Measurements& measured);
  bool WaitsForEvicted(Duration now);

  const Clock& clock_;
  const Hooks hooks_;
  const Log log_{"eviction"};
  EvictionJudge judge_;
  std::vector<std::string> evicted_;  // Uids of pods that were told to go last, and have not gone.
  Duration evicted_at_{};
  Duration reclaimed_until_{};  // Until then what was removed may still come free.
  mutable Mutex mutex_;
  std::set<std::string> pressures_ GUARDED_BY(mutex_);
};

}  // namespace skiff::kubelet
