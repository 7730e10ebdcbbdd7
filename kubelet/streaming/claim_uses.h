// How much of its space each claim uses that a pod here has mounted.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "kubelet/stats/measured.h"

namespace skiff::kubelet {

struct ClaimUse {
  std::string name_space, claim;
  FsUse use;
};

// Each claim once: pods may share one.
std::vector<ClaimUse> ClaimsOf(const MeasuredNode& node);

// Thread-safe. A scrape asks for six families: one look at the directories is for all of them, and
// for whoever else asks meanwhile.
class ClaimUses {
 public:
  static constexpr Duration kFreshFor = 1s;
  ClaimUses(const Clock& clock, std::function<std::vector<ClaimUse>()> look)
      : clock_(clock), look_(std::move(look)) {}
  std::vector<Sample> Samples(const std::function<std::optional<uint64_t>(const FsUse&)>& of);

 private:
  const Clock& clock_;
  const std::function<std::vector<ClaimUse>()> look_;
  Mutex mutex_;  // Held while somebody looks: the others want what he finds.
  std::vector<ClaimUse> uses_ GUARDED_BY(mutex_);
  std::optional<Duration> seen_at_ GUARDED_BY(mutex_);  // Monotonic.
};

}  // namespace skiff::kubelet
