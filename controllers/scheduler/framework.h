// What a scheduling rule is. A rule first looks at the pod and says what it will check on each
// node: a NodeFilter, or nothing when the pod gives it nothing to check (most rules, most pods), or
// a rejection that no node can mend. Filters and scores are pure functions of the snapshot, but for
// those of DynamicResources: they keep what they find in the snapshot's DeviceCycle.
//
//   Prepared Prepare(const PodInfo& pod, const Snapshot&) {
//     if (pod.pod->spec.node_name.empty()) return Prepared::Pass();
//     return Prepared::Each([&](const NodeInfo& node) { ... });
//   }
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controllers/scheduler/snapshot.h"

namespace skiff::scheduler {

struct Verdict {
  enum class Code : uint8_t {
    kFits,
    kUnschedulable,  // Removing pods may help.
    kUnresolvable,   // It cannot.
    kFailed,         // The rule cannot say: the cycle ends, and is tried again later.
  };
  Code code = Code::kFits;
  // Nearly all reasons are constants, and thousands of nodes say the same: no copy is made of it.
  std::string_view constant;
  std::vector<std::string> more;

  static Verdict Fits() { return {}; }
  template <size_t size>
  static Verdict Unschedulable(const char (&reason)[size]) {
    return {Code::kUnschedulable, reason, {}};
  }
  template <size_t size>
  static Verdict Unresolvable(const char (&reason)[size]) {
    return {Code::kUnresolvable, reason, {}};
  }
  static Verdict Unresolvable(std::string reason) {
    return Unresolvable(std::vector<std::string>{std::move(reason)});
  }
  static Verdict Unresolvable(std::vector<std::string> reasons) {
    return {Code::kUnresolvable, {}, std::move(reasons)};
  }
  static Verdict Failed(std::string why) { return {Code::kFailed, {}, {std::move(why)}}; }
  bool fits() const { return code == Code::kFits; }
  std::vector<std::string> Reasons() const;
};

using NodeFilter = std::function<Verdict(const NodeInfo& node)>;
// Whether a filter refuses the node with that slot, as far as that can be told without the node.
using SlotRefusal = std::function<bool(size_t slot)>;
// Higher is better; any range, Normalize brings it to 0..100.
using NodeScore = std::function<int64_t(const NodeInfo& node)>;
using Normalize =
    std::function<void(std::span<const NodeInfo* const> nodes, std::span<int64_t> scores)>;

struct Prepared {
  Verdict rejection;  // Not fitting: no node can take the pod.
  NodeFilter filter;  // Empty: nothing to check.
  NodeFilter among;   // Asked ahead of the filters of all rules; empty: any node is looked at.
  SlotRefusal refuses;  // What `filter` would refuse; empty: it cannot tell.

  static Prepared Pass() { return {}; }
  static Prepared Reject(Verdict verdict) { return {std::move(verdict), {}, {}}; }
  static Prepared Each(NodeFilter filter) { return {{}, std::move(filter), {}}; }
};

struct FilterRule {
  std::string_view name;
  Prepared (*prepare)(const PodInfo& pod, const Snapshot& snapshot);
  // Its filter is pure, never fails, and costs little: where it is likely to refuse a node, it may
  // be asked before the rules ahead of it.
  bool may_go_first = false;
};

struct PreparedScore {
  NodeScore score;      // Empty: the rule has no opinion on this pod.
  Normalize normalize;  // Empty: scores are 0..100 already.
};

struct ScoreRule {
  std::string_view name;
  int64_t weight;
  // `feasible` are the nodes that will be scored.
  PreparedScore (*prepare)(const PodInfo& pod, const Snapshot& snapshot,
                           std::span<const NodeInfo* const> feasible);
};

// The default profile, in kube-scheduler's order.
std::span<const FilterRule> DefaultFilters();
std::span<const ScoreRule> DefaultScores();

// 100 * score / highest; reversed: 100 minus that. All zero: 0, reversed 100.
void NormalizeByHighest(std::span<int64_t> scores, bool reverse);

}  // namespace skiff::scheduler
