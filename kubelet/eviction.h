// When a node is short of something, and what follows: which thresholds are met, which conditions
// the node has, what to reclaim. Pure but for what it remembers of earlier rounds.
//
//   observed below a threshold --> its grace period passes --> met: reclaim, then evict one pod
//        |                                                       until there is minimum-reclaim
//        more
//        +--> the node has the condition, and keeps it for the transition period
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/values.h"
#include "base/clock.h"
#include "base/error.h"

namespace skiff::kubelet {

enum class Signal : uint8_t {
  kMemoryAvailable,
  kAllocatableMemoryAvailable,  // Of what pods may use, not of the machine.
  kNodeFsAvailable,
  kNodeFsInodesFree,
  kImageFsAvailable,
  kImageFsInodesFree,
  kContainerFsAvailable,
  kContainerFsInodesFree,
  kPidAvailable,
};
std::string_view SignalText(Signal signal);       // "memory.available"
std::string_view StarvedResource(Signal signal);  // "memory", "ephemeral-storage", "inodes", "pids"
std::string_view PressureOf(Signal signal);       // "MemoryPressure", ...

// An amount, or a part of the capacity.
struct Amount {
  int64_t value = 0;
  std::optional<double> percent;  // 10: a tenth of the capacity.
  int64_t Of(int64_t capacity) const;
  bool operator==(const Amount&) const = default;
};

struct Threshold {
  Signal signal{};
  Amount amount;
  Duration grace{};  // 0: hard.
  Amount minimum_reclaim;
  bool is_hard() const { return grace == Duration::zero(); }
  bool operator==(const Threshold&) const = default;
};

struct EvictionSettings {
  std::vector<Threshold> thresholds;
  Duration transition_period = 300s;
  int64_t max_pod_grace_s = 0;  // Of pods evicted for a soft threshold.
};

// As the configuration has them: signal -> "100Mi" or "10%", signal -> "1m30s". `hard` unset: the
// kubelet's defaults.
struct EvictionTexts {
  using Map = std::map<std::string, std::string>;
  std::optional<Map> hard;
  bool merge_defaults = false;
  Map soft, soft_grace, minimum_reclaim;
};
EvictionTexts::Map DefaultHardThresholds();
// Invalid carries the kubelet's text: `unsupported eviction signal x`.
Result<std::vector<Threshold>> ParseThresholds(const EvictionTexts& texts);

struct Measurement {
  int64_t available = 0;
  int64_t capacity = 0;
};
using Measurements = std::map<Signal, Measurement>;

// What one round has found.
struct EvictionVerdict {
  std::set<std::string> conditions;  // Pressures that the node has.
  // Met for as long as their grace, most urgent first: memory, then what has a resource to reclaim.
  std::vector<Threshold> met;
};

class EvictionJudge {
 public:
  explicit EvictionJudge(EvictionSettings settings) : settings_(std::move(settings)) {}
  // `now` is monotonic.
  EvictionVerdict Judge(const Measurements& measured, Duration now);
  const EvictionSettings& settings() const { return settings_; }

 private:
  const EvictionSettings settings_;
  std::vector<Threshold> met_;                         // In the last round, for their grace.
  std::map<std::string, Duration> condition_seen_at_;  // Last time a threshold of it was met.
  // By index into settings_.thresholds: since when.
  std::map<size_t, Duration> first_met_at_;
};

// Whether what is left is below the threshold; with `with_reclaim` not above it by the minimum to
// reclaim either.
bool IsMet(const Threshold& threshold, const Measurements& measured, bool with_reclaim);

}  // namespace skiff::kubelet
