// How often the rules of a profile have been asked at the points of cycles: kube-scheduler's
// scheduler_plugin_evaluation_total. Rules know nothing of it, and to count takes no lock.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "base/metrics.h"
#include "controllers/scheduler/profile.h"

namespace skiff::scheduler {

// One thread counts; any may ask.
class EvaluationCounts {
 public:
  // Once for a pod that the rule has something to check for, or an opinion on, and once for each
  // node that it is asked about.
  enum Point : uint8_t { kPreFilter, kFilter, kPreScore, kScore, kPoints };

  // `profile` outlives it.
  explicit EvaluationCounts(const Profile& profile);
  // `place`: of the rule among the profile's filters, or its scores.
  void Add(Point point, size_t place, uint64_t times = 1) {
    std::atomic<uint64_t>& count = counts_[point][place];
    count.store(count.load(std::memory_order_relaxed) + times, std::memory_order_relaxed);
  }
  // Of the rules that have been asked: plugin, extension_point, profile.
  void AppendTo(std::vector<Sample>& samples) const;

 private:
  const Profile& profile_;
  std::array<std::vector<std::atomic<uint64_t>>, kPoints> counts_;  // By point and place.
};

}  // namespace skiff::scheduler
