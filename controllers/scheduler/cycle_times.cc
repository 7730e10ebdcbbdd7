#include "controllers/scheduler/cycle_times.h"

#include <utility>

namespace skiff::scheduler {
namespace {

constexpr std::string_view kSuccess = "Success";

CycleTimes* RuleTimesIn(const Snapshot& snapshot) {
  CycleTimes* const times = snapshot.times;
  return times != nullptr && times->has_rules() ? times : nullptr;
}

}  // namespace

std::string_view StatusTextOf(Verdict::Code code) {
  switch (code) {
    case Verdict::Code::kUnschedulable:
      return "Unschedulable";
    case Verdict::Code::kUnresolvable:
      return "UnschedulableAndUnresolvable";
    case Verdict::Code::kFailed:
      return "Error";
    case Verdict::Code::kFits:
      break;
  }
  return kSuccess;
}

Prepared PrepareTimed(const FilterRule& rule, const PodInfo& pod, const Snapshot& snapshot) {
  CycleTimes* const times = RuleTimesIn(snapshot);
  if (times == nullptr) return rule.prepare(pod, snapshot);
  const Duration begin = times->Now();
  Prepared prepared = rule.prepare(pod, snapshot);
  const bool is_skipped = prepared.rejection.fits() && !prepared.filter && !prepared.among;
  times->InRule(rule.name, "PreFilter", is_skipped ? "Skip" : StatusTextOf(prepared.rejection.code),
                begin);
  if (!prepared.filter) return prepared;
  prepared.filter = [times, name = rule.name,
                     filter = std::move(prepared.filter)](const NodeInfo& node) {
    const Duration begins = times->Now();
    Verdict verdict = filter(node);
    times->InRule(name, "Filter", StatusTextOf(verdict.code), begins);
    return verdict;
  };
  return prepared;
}

PreparedScore PrepareTimed(const ScoreRule& rule, const PodInfo& pod, const Snapshot& snapshot,
                           std::span<const NodeInfo* const> feasible) {
  CycleTimes* const times = RuleTimesIn(snapshot);
  if (times == nullptr) return rule.prepare(pod, snapshot, feasible);
  const Duration begin = times->Now();
  PreparedScore prepared = rule.prepare(pod, snapshot, feasible);
  times->InRule(rule.name, "PreScore", prepared.score ? kSuccess : "Skip", begin);
  if (!prepared.score) return prepared;
  prepared.score = [times, name = rule.name,
                    score = std::move(prepared.score)](const NodeInfo& node) {
    const Duration begins = times->Now();
    const int64_t value = score(node);
    times->InRule(name, "Score", kSuccess, begins);
    return value;
  };
  if (!prepared.normalize) return prepared;
  prepared.normalize = [times, name = rule.name, normalize = std::move(prepared.normalize)](
                           std::span<const NodeInfo* const> nodes, std::span<int64_t> scores) {
    const Duration begins = times->Now();
    normalize(nodes, scores);
    times->InRule(name, "ScoreExtensionNormalize", kSuccess, begins);
  };
  return prepared;
}

}  // namespace skiff::scheduler
