#include "controllers/scheduler/preemption.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "api/selector.h"

namespace skiff::scheduler {
namespace {

bool IsMoreImportant(const PodInfoPtr& a, const PodInfoPtr& b) {
  if (a->priority != b->priority) return a->priority > b->priority;
  const auto started = [](const PodInfoPtr& pod) {
    return pod->pod->status.start_time ? pod->pod->status.start_time->point() : TimePoint::max();
  };
  return started(a) < started(b);
}

// Splits off the pods whose removal would violate a disruption budget.
std::vector<bool> ViolatesBudget(const std::vector<PodInfoPtr>& pods,
                                 const std::vector<BudgetPtr>& budgets) {
  std::vector<int> allowed;
  for (const BudgetPtr& budget : budgets) allowed.push_back(budget->status.disruptions_allowed);
  std::vector<bool> violates(pods.size(), false);
  for (size_t i = 0; i < pods.size(); ++i) {
    const core_v1::Pod& pod = *pods[i]->pod;
    for (size_t b = 0; b < budgets.size(); ++b) {
      const policy_v1::PodDisruptionBudget& budget = *budgets[b];
      if (budget.metadata.namespace_ != pod.metadata.namespace_ || !budget.spec.selector) continue;
      const auto selector = LabelSelector::From(*budget.spec.selector);
      if (!selector || selector->empty() || !selector->Matches(pod.metadata.labels)) continue;
      if (budget.status.disrupted_pods.contains(pod.metadata.name)) continue;
      if (--allowed[b] < 0) violates[i] = true;
    }
  }
  return violates;
}

class NodeTrial {
 public:
  NodeTrial(const PodInfo& pod, const NodeInfo& node, const Snapshot& snapshot)
      : pod_(pod), node_(node), snapshot_(snapshot) {
    std::replace(snapshot_.nodes.begin(), snapshot_.nodes.end(), &node,
                 static_cast<const NodeInfo*>(&node_));
  }
  bool Fits() const { return FitsOn(pod_, node_, snapshot_).fits(); }
  void Remove(const PodInfoPtr& pod) { node_.RemovePod(pod->uid()); }
  void PutBack(const PodInfoPtr& pod) { node_.AddPod(pod); }

 private:
  const PodInfo& pod_;
  NodeInfo node_;
  Snapshot snapshot_;
};

std::optional<Victims> VictimsOn(const PodInfo& pod, const NodeInfo& node, const Snapshot& snapshot,
                                 const std::vector<BudgetPtr>& budgets) {
  std::vector<PodInfoPtr> lower;
  for (const auto& [uid, other] : node.pods) {
    if (other->priority < pod.priority) lower.push_back(other);
  }
  if (lower.empty()) return std::nullopt;
  NodeTrial trial(pod, node, snapshot);
  for (const PodInfoPtr& other : lower) trial.Remove(other);
  if (!trial.Fits()) return std::nullopt;
  std::sort(lower.begin(), lower.end(), IsMoreImportant);
  const std::vector<bool> violates = ViolatesBudget(lower, budgets);
  Victims victims{node.name(), {}, 0};
  // Those whose budget would be violated are the first to be spared.
  for (const bool spare_violating : {true, false}) {
    for (size_t i = 0; i < lower.size(); ++i) {
      if (violates[i] != spare_violating) continue;
      trial.PutBack(lower[i]);
      if (trial.Fits()) continue;
      trial.Remove(lower[i]);
      victims.pods.push_back(lower[i]);
      victims.budget_violations += violates[i] ? 1 : 0;
    }
  }
  std::sort(victims.pods.begin(), victims.pods.end(), IsMoreImportant);
  return victims;
}

// Smaller is better, element by element.
auto Harm(const Victims& victims) {
  int64_t sum = 0;
  for (const PodInfoPtr& pod : victims.pods) sum += int64_t{pod->priority} + (int64_t{1} << 31);
  const int highest =
      victims.pods.empty() ? std::numeric_limits<int>::min() : victims.pods[0]->priority;
  return std::tuple(victims.budget_violations, highest, sum, victims.pods.size());
}

std::string Summary(size_t nodes, size_t hopeless, size_t without_victims) {
  std::vector<std::string> counts;
  if (hopeless > 0) {
    counts.push_back(std::to_string(hopeless) + " Preemption is not helpful for scheduling");
  }
  if (without_victims > 0) {
    counts.push_back(std::to_string(without_victims) +
                     " No preemption victims found for incoming pod");
  }
  std::string text = "preemption: 0/" + std::to_string(nodes) + " nodes are available: ";
  for (size_t i = 0; i < counts.size(); ++i) text += (i == 0 ? "" : ", ") + counts[i];
  return text + ".";
}

}  // namespace

PreemptionOutcome Preempt(const PodInfo& pod, const Snapshot& snapshot, const Unfit& unfit,
                          const std::vector<BudgetPtr>& budgets) {
  if (pod.pod->spec.preemption_policy.value_or("") == "Never") {
    return {std::nullopt, "preemption: not eligible due to preemptionPolicy=Never."};
  }
  PreemptionOutcome outcome;
  size_t without_victims = 0;
  for (const NodeInfo* node : snapshot.nodes) {
    const auto& candidates = unfit.preemptable;
    if (std::find(candidates.begin(), candidates.end(), node->name()) == candidates.end()) continue;
    auto victims = VictimsOn(pod, *node, snapshot, budgets);
    if (!victims) {
      ++without_victims;
    } else if (!outcome.victims || Harm(*victims) < Harm(*outcome.victims)) {
      outcome.victims = std::move(victims);
    }
  }
  if (!outcome.victims) {
    outcome.message = Summary(snapshot.nodes.size(),
                              snapshot.nodes.size() - unfit.preemptable.size(), without_victims);
  }
  return outcome;
}

}  // namespace skiff::scheduler
