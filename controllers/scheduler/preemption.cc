#include "controllers/scheduler/preemption.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "api/select/selector.h"
#include "base/error.h"
#include "controllers/scheduler/node_trial.h"

namespace skiff::scheduler {
namespace {

bool IsMoreImportant(const PodInfoPtr& a, const PodInfoPtr& b) {
  if (a->priority != b->priority) return a->priority > b->priority;
  const auto started = [](const PodInfoPtr& pod) {
    return pod->pod->status.start_time ? pod->pod->status.start_time->point() : TimePoint::max();
  };
  return started(a) < started(b);
}

// One that pods may come under.
struct BudgetToKeep {
  const policy_v1::PodDisruptionBudget* budget;
  std::shared_ptr<const LabelSelector> selector;
};

// The budgets of each namespace, read when somebody of it may have to go: to read them all may take
// longer than all else.
class BudgetsToKeep {
 public:
  explicit BudgetsToKeep(const PreemptionInput& input) : selector_of_(input.selector_of) {
    for (const BudgetPtr& budget : input.budgets) {
      budgets_[budget->metadata.namespace_].push_back(budget);
    }
  }
  const std::vector<BudgetToKeep>& In(const std::string& namespace_) {
    const auto [place, is_new] = read_.try_emplace(namespace_);
    const auto budgets = budgets_.find(namespace_);
    if (!is_new || budgets == budgets_.end()) return place->second;
    for (const BudgetPtr& budget : budgets->second) {
      auto selector = selector_of_ ? selector_of_(budget) : Read(*budget);
      // One that selects everything is none of anybody.
      if (!selector || selector->empty()) continue;
      place->second.push_back({budget.get(), std::move(selector)});
    }
    return place->second;
  }

 private:
  static std::shared_ptr<const LabelSelector> Read(const policy_v1::PodDisruptionBudget& budget) {
    if (!budget.spec.selector) return nullptr;
    auto selector = LabelSelector::From(*budget.spec.selector);
    return selector ? std::make_shared<const LabelSelector>(*std::move(selector)) : nullptr;
  }

  const std::function<std::shared_ptr<const LabelSelector>(const BudgetPtr&)>& selector_of_;
  std::map<std::string, std::vector<BudgetPtr>> budgets_;
  std::map<std::string, std::vector<BudgetToKeep>> read_;
};

// Splits off the pods whose removal would violate a disruption budget.
std::vector<bool> ViolatesBudget(const std::vector<PodInfoPtr>& pods, BudgetsToKeep& budgets) {
  std::map<const BudgetToKeep*, int> allowed;
  std::vector<bool> violates(pods.size(), false);
  for (size_t i = 0; i < pods.size(); ++i) {
    const core_v1::Pod& pod = *pods[i]->pod;
    if (pod.metadata.labels.empty()) continue;
    for (const BudgetToKeep& each : budgets.In(pod.metadata.namespace_)) {
      if (!each.selector->Matches(pod.metadata.labels)) continue;
      const auto& status = each.budget->status;
      if (status.disrupted_pods.contains(pod.metadata.name)) continue;
      int& left = allowed.try_emplace(&each, status.disruptions_allowed).first->second;
      if (--left < 0) violates[i] = true;
    }
  }
  return violates;
}

constexpr std::string_view kTooLong = "the search for pods that may go takes too long";

// Why nobody goes for the pod on a node.
struct NoVictims {
  std::vector<std::string> reasons;
  std::string error;  // It could not be found out.
};

tl::unexpected<NoVictims> NotEvenWithout(const Verdict& refusal) {
  std::vector<std::string> reasons = refusal.Reasons();
  if (refusal.code == Verdict::Code::kFailed) return tl::unexpected(NoVictims{{}, reasons[0]});
  return tl::unexpected(NoVictims{std::move(reasons), ""});
}

tl::expected<Victims, NoVictims> VictimsOn(const PodInfo& pod, const NodeInfo& node,
                                           const Snapshot& snapshot, BudgetsToKeep& budgets,
                                           const std::function<bool()>& give_up) {
  std::vector<PodInfoPtr> lower;
  for (const auto& [uid, other] : node.pods) {
    if (other->priority < pod.priority) lower.push_back(other);
  }
  if (lower.empty()) {
    return tl::unexpected(NoVictims{{"No preemption victims found for incoming pod"}, ""});
  }
  NodeTrial trial(node, snapshot);
  const auto fits = [&] { return FitsOn(pod, trial.node(), trial.snapshot()).fits(); };
  for (const PodInfoPtr& other : lower) trial.node().RemovePod(other->uid());
  const Verdict without = FitsOn(pod, trial.node(), trial.snapshot());
  if (!without.fits()) return NotEvenWithout(without);
  std::sort(lower.begin(), lower.end(), IsMoreImportant);
  const std::vector<bool> violates = ViolatesBudget(lower, budgets);
  Victims victims{node.name(), {}, 0};
  // Those whose budget would be violated are the first to be spared.
  for (const bool spare_violating : {true, false}) {
    for (size_t i = 0; i < lower.size(); ++i) {
      if (violates[i] != spare_violating) continue;
      if (give_up && give_up()) return tl::unexpected(NoVictims{{std::string(kTooLong)}, ""});
      trial.node().AddPod(lower[i]);
      if (fits()) continue;
      trial.node().RemovePod(lower[i]->uid());
      victims.pods.push_back(lower[i]);
      victims.budget_violations += violates[i] ? 1 : 0;
    }
  }
  // No rule refused the node, but an extender.
  if (victims.pods.empty()) {
    return tl::unexpected(
        NoVictims{{}, fmt::format("expected at least one victim pod on node \"{}\"", node.name())});
  }
  std::sort(victims.pods.begin(), victims.pods.end(), IsMoreImportant);
  return victims;
}

// When the first of the most important victims began; a pod that has not begins now.
TimePoint EarliestStart(const Victims& victims) {
  TimePoint earliest = TimePoint::max();
  for (const PodInfoPtr& pod : victims.pods) {
    if (pod->priority != victims.pods[0]->priority) continue;
    const auto& start = pod->pod->status.start_time;
    if (start) earliest = std::min(earliest, start->point());
  }
  return earliest;
}

// Smaller is better, element by element.
auto Harm(const Victims& victims) {
  int64_t sum = 0;
  for (const PodInfoPtr& pod : victims.pods) sum += int64_t{pod->priority} + (int64_t{1} << 31);
  const int highest =
      victims.pods.empty() ? std::numeric_limits<int>::min() : victims.pods[0]->priority;
  return std::tuple(victims.budget_violations, highest, sum, victims.pods.size(),
                    -EarliestStart(victims).time_since_epoch());
}

// What is said of nodes without candidates.
class Refused {
 public:
  void Add(NoVictims why) {
    if (!why.error.empty()) errors_.insert(std::move(why.error));
    for (std::string& reason : why.reasons) ++reasons_[std::move(reason)];
  }
  bool any_failed() const { return !errors_.empty(); }
  std::string Errors() const {
    if (errors_.size() == 1) return *errors_.begin();
    return fmt::format("[{}]", fmt::join(errors_, ", "));
  }
  // Of so many nodes, some of which were not looked at.
  std::string Summary(size_t nodes, size_t hopeless) const {
    auto reasons = reasons_;
    if (hopeless > 0) reasons["Preemption is not helpful for scheduling"] += hopeless;
    std::vector<std::string> counts;
    for (const auto& [reason, count] : reasons)
      counts.push_back(fmt::format("{} {}", count, reason));
    std::ranges::sort(counts);
    return fmt::format("0/{} nodes are available: {}.", nodes, fmt::join(counts, ", "));
  }

 private:
  std::map<std::string, size_t> reasons_;  // By reason, how many nodes.
  std::set<std::string> errors_;
};

bool LeavesForAnother(const PodInfo& pod, const std::set<std::string>& leaving) {
  if (leaving.contains(pod.uid())) return true;
  if (!pod.pod->metadata.deletion_timestamp) return false;
  const auto& conditions = pod.pod->status.conditions;
  return std::any_of(conditions.begin(), conditions.end(), [](const auto& condition) {
    return condition.type == "DisruptionTarget" && condition.status == "True" &&
           condition.reason == "PreemptionByScheduler";
  });
}

// Why the pod may not make others go; "" when it may. One for whom pods are leaving already waits
// for them, unless the node cannot take it any more.
std::string WhyNot(const PreemptionInput& input) {
  if (input.pod.pod->spec.preemption_policy.value_or("") == "Never") {
    return "not eligible due to preemptionPolicy=Never.";
  }
  if (input.snapshot.nominations == nullptr) return "";
  const std::string nominated = input.snapshot.nominations->NodeOf(input.pod.uid());
  const auto& hopeful = input.unfit.preemptable;
  if (std::find(hopeful.begin(), hopeful.end(), nominated) == hopeful.end()) return "";
  for (const NodeInfo* node : input.snapshot.nodes) {
    if (node->name() != nominated) continue;
    for (const auto& [uid, other] : node->pods) {
      if (other->priority < input.pod.priority && LeavesForAnother(*other, input.leaving)) {
        return "not eligible due to a terminating pod on the nominated node.";
      }
    }
  }
  return "";
}

std::vector<const NodeInfo*> Potential(const PreemptionInput& input) {
  const std::set<std::string> hopeful(input.unfit.preemptable.begin(),
                                      input.unfit.preemptable.end());
  std::vector<const NodeInfo*> potential;
  for (const NodeInfo* node : input.snapshot.nodes) {
    if (hopeful.contains(node->name())) potential.push_back(node);
  }
  return potential;
}

}  // namespace

size_t CandidatesWanted(size_t nodes, const Profile& profile) {
  const auto percentage = static_cast<size_t>(profile.candidates_percentage_min);
  const auto absolute = static_cast<size_t>(profile.candidates_absolute_min);
  return std::min(nodes, std::max(absolute, nodes * percentage / 100));
}

PreemptionOutcome FindCandidates(const PreemptionInput& input, Random& random) {
  if (const std::string why_not = WhyNot(input); !why_not.empty()) {
    return {.eligible = false, .message = "preemption: " + why_not};
  }
  PreemptionOutcome outcome;
  const auto potential = Potential(input);
  const size_t wanted = CandidatesWanted(potential.size(), ProfileOf(input.snapshot));
  const size_t offset = potential.empty() ? 0 : random.Below(potential.size());
  BudgetsToKeep budgets(input);
  Refused refused;
  bool any_within_budgets = false;
  bool gives_up = false;
  for (size_t i = 0; i < potential.size() && !gives_up; ++i) {
    if (any_within_budgets && outcome.candidates.size() >= wanted) break;
    const NodeInfo& node = *potential[(offset + i) % potential.size()];
    auto victims = VictimsOn(input.pod, node, input.snapshot, budgets, input.give_up);
    gives_up = input.give_up && input.give_up();
    if (!victims) {
      refused.Add(std::move(victims).error());
      continue;
    }
    any_within_budgets |= victims->budget_violations == 0;
    outcome.candidates.push_back(*std::move(victims));
  }
  if (!outcome.candidates.empty()) return outcome;
  // Nobody knows, and what the pod is nominated to stays as it is.
  if (gives_up) return {.eligible = false, .message = fmt::format("preemption: {}.", kTooLong)};
  outcome.failed = refused.any_failed();
  outcome.eligible = !outcome.failed;
  const size_t nodes = input.snapshot.nodes.size();
  outcome.message =
      "preemption: " +
      (outcome.failed ? refused.Errors() : refused.Summary(nodes, nodes - potential.size()));
  return outcome;
}

std::optional<Victims> LeastHarm(std::vector<Victims> candidates) {
  const auto least = std::ranges::min_element(
      candidates, [](const Victims& a, const Victims& b) { return Harm(a) < Harm(b); });
  if (least == candidates.end()) return std::nullopt;
  return std::move(*least);
}

void SortVictims(std::vector<PodInfoPtr>& pods) {
  std::sort(pods.begin(), pods.end(), IsMoreImportant);
}

std::vector<PodInfoPtr> Displaced(const PodInfo& preemptor, const std::string& node,
                                  const Nominations& nominations) {
  std::vector<PodInfoPtr> displaced;
  for (const PodInfoPtr& pod : nominations.On(node)) {
    if (pod->priority < preemptor.priority) displaced.push_back(pod);
  }
  return displaced;
}

}  // namespace skiff::scheduler
