#include "controllers/scheduler/cycle.h"

#include <fmt/format.h>

#include <algorithm>

#include "controllers/scheduler/cycle_times.h"
#include "controllers/scheduler/evaluation_counts.h"
#include "controllers/scheduler/node_trial.h"
#include "controllers/scheduler/profile.h"

namespace skiff::scheduler {
namespace {

struct NamedFilter {
  std::string_view rule;
  NodeFilter filter;
  bool may_go_first = false;  // As of FilterRule.
  size_t place = 0;           // Of the rule, among those of the profile.
  mutable uint64_t asked = 0;  // About so many nodes.
};

// The filters that have something to check for this pod; or the rejection that ends the search.
struct Filters {
  std::vector<NamedFilter> list;
  size_t among = 0;  // So many come first, and have to: Prepared::among.
  std::vector<SlotRefusal> by_slot;
  Verdict rejection;
  std::string_view rejector;
  size_t rejector_place = 0;
};

Filters PrepareFilters(const PodInfo& pod, const Snapshot& snapshot) {
  Filters filters;
  const std::vector<FilterRule>& rules = ProfileOf(snapshot).filters;
  for (size_t place = 0; place < rules.size(); ++place) {
    const FilterRule& rule = rules[place];
    Prepared prepared = PrepareTimed(rule, pod, snapshot);
    if (!prepared.rejection.fits()) {
      filters.rejection = std::move(prepared.rejection);
      filters.rejector = rule.name;
      filters.rejector_place = place;
      return filters;
    }
    if (prepared.among) {
      const auto at = filters.list.begin() + static_cast<ptrdiff_t>(filters.among++);
      filters.list.insert(at, NamedFilter{.rule = rule.name, .filter = std::move(prepared.among)});
    }
    if (!prepared.filter) continue;
    if (prepared.refuses) filters.by_slot.push_back(std::move(prepared.refuses));
    filters.list.push_back(NamedFilter{.rule = rule.name,
                                       .filter = std::move(prepared.filter),
                                       .may_go_first = rule.may_go_first,
                                       .place = place});
  }
  return filters;
}

// For whoever counts: what the rules have been asked of the pod until now, and of nodes.
void CountAsked(const Filters& filters, const Snapshot& snapshot) {
  EvaluationCounts* const counts = snapshot.evaluations;
  if (counts == nullptr) return;
  if (!filters.rejection.fits()) {
    counts->Add(EvaluationCounts::kPreFilter, filters.rejector_place);
  }
  for (size_t i = filters.among; i < filters.list.size(); ++i) {
    const NamedFilter& named = filters.list[i];
    counts->Add(EvaluationCounts::kPreFilter, named.place);
    counts->Add(EvaluationCounts::kFilter, named.place, named.asked);
  }
}

// The first filter that refuses the node; nullptr when it fits.
const NamedFilter* FirstRefusal(const Filters& filters, const NodeInfo& node, Verdict& verdict) {
  for (const NamedFilter& named : filters.list) {
    ++named.asked;
    verdict = named.filter(node);
    if (!verdict.fits()) return &named;
  }
  return nullptr;
}

// Asks filters in the order in which they are likely to refuse: the one that refused the node
// before comes first, as of two zones that take turns one is full, and all its nodes are refused by
// the same filter. So it finds somebody who refuses the node, but not always the first who does.
class LikelyRefusals {
 public:
  explicit LikelyRefusals(const Filters& filters) : among_(filters.among) {
    for (const NamedFilter& named : filters.list) order_.push_back(&named);
  }
  // nullptr when the node fits.
  const NamedFilter* Refusing(const NodeInfo& node, Verdict& verdict) {
    for (auto it = order_.begin(); it != order_.end(); ++it) {
      ++(*it)->asked;
      verdict = (*it)->filter(node);
      if (verdict.fits()) continue;
      const NamedFilter* refusing = *it;
      const auto first = order_.begin() + static_cast<ptrdiff_t>(among_);
      if (refusing->may_go_first) std::rotate(first, it, it + 1);
      return refusing;
    }
    return nullptr;
  }

 private:
  const size_t among_;
  std::vector<const NamedFilter*> order_;
};

// With the places of nominated pods taken. All filters are prepared anew for it, as those of pods
// beside pods depend on who is there.
Refusal RefusalBesideNominated(const PodInfo& pod, const NodeInfo& node, const Snapshot& snapshot) {
  Refusal refusal{.node = &node};
  std::vector<PodInfoPtr> waiting;
  for (const PodInfoPtr& other : snapshot.nominations->On(node.name())) {
    if (other->priority >= pod.priority && other->uid() != pod.uid()) waiting.push_back(other);
  }
  if (waiting.empty()) return refusal;
  NodeTrial trial(node, snapshot);
  for (const PodInfoPtr& other : waiting) trial.node().AddPod(other);
  const Filters filters = PrepareFilters(pod, trial.snapshot());
  if (!filters.rejection.fits()) return {&node, filters.rejector, filters.rejection};
  const NamedFilter* filter = FirstRefusal(filters, trial.node(), refusal.verdict);
  if (filter != nullptr) refusal.rule = filter->rule;
  return refusal;
}

bool AnyNominated(const Snapshot& snapshot) {
  return snapshot.nominations != nullptr && !snapshot.nominations->empty();
}

Refusal RefusalOn(const Filters& filters, const PodInfo& pod, const NodeInfo& node,
                  const Snapshot& snapshot) {
  Refusal refusal{.node = &node};
  if (AnyNominated(snapshot)) refusal = RefusalBesideNominated(pod, node, snapshot);
  if (!refusal.rule.empty()) return refusal;
  const NamedFilter* filter = FirstRefusal(filters, node, refusal.verdict);
  if (filter != nullptr) refusal.rule = filter->rule;
  return refusal;
}

// The node the pod is nominated to, when it fits there by now.
const NodeInfo* NominatedNode(const Filters& filters, const PodInfo& pod,
                              const Snapshot& snapshot) {
  if (!AnyNominated(snapshot)) return nullptr;
  const std::string name = snapshot.nominations->NodeOf(pod.uid());
  if (name.empty()) return nullptr;
  for (const NodeInfo* node : snapshot.nodes) {
    if (node->name() != name) continue;
    return RefusalOn(filters, pod, *node, snapshot).rule.empty() ? node : nullptr;
  }
  return nullptr;
}

constexpr size_t kAhead = 4;  // So many nodes before one is looked at, it is fetched.

// Has the processor read what filters ask of a node from memory, while others are looked at: all
// nodes are more than its caches hold.
void Fetch(const NodeInfo* node) {
  __builtin_prefetch(node);
  __builtin_prefetch(&node->requested);
  __builtin_prefetch(&node->pods);
}

// Looks at nodes from `start` on until enough of them fit, and moves it.
class NodeWalk {
 public:
  NodeWalk(const PodInfo& pod, const Snapshot& snapshot, const Filters& filters,
           bool keeps_refusals)
      : pod_(pod),
        snapshot_(snapshot),
        filters_(filters),
        keeps_refusals_(keeps_refusals),
        likely_(filters) {}

  void Go(size_t& start, size_t wanted, Search& search) {
    const NodeList& nodes = snapshot_.nodes;
    size_t at = start % nodes.size();
    size_t ahead = (at + kAhead) % nodes.size();
    for (size_t left = nodes.size(); left > 0 && search.feasible.size() < wanted; --left) {
      if (!IsPassedOver(ahead, search)) Fetch(nodes[ahead]);
      if (!IsPassedOver(at, search)) Look(*nodes[at], search);
      if (!search.error.empty()) return;
      at = at + 1 == nodes.size() ? 0 : at + 1;
      ahead = ahead + 1 == nodes.size() ? 0 : ahead + 1;
    }
    start = at;
  }

 private:
  // Nobody wants to know who refuses a node, as another one fits.
  bool IsQuick(const Search& search) const {
    return !keeps_refusals_ && !search.feasible.empty() && !AnyNominated(snapshot_);
  }
  // Whether the node is refused without being read.
  bool IsPassedOver(size_t at, const Search& search) const {
    if (filters_.by_slot.empty() || snapshot_.nodes.slots() == nullptr) return false;
    if (!IsQuick(search)) return false;
    const size_t slot = (*snapshot_.nodes.slots())[at];
    return std::any_of(filters_.by_slot.begin(), filters_.by_slot.end(),
                       [&](const SlotRefusal& refuses) { return refuses(slot); });
  }
  void Look(const NodeInfo& node, Search& search) {
    const bool is_quick = IsQuick(search);
    Refusal refusal{.node = &node};
    if (is_quick) {
      const NamedFilter* filter = likely_.Refusing(node, refusal.verdict);
      if (filter != nullptr) refusal.rule = filter->rule;
    } else {
      refusal = RefusalOn(filters_, pod_, node, snapshot_);
    }
    if (refusal.rule.empty()) {
      search.feasible.push_back(&node);
    } else if (refusal.verdict.code == Verdict::Code::kFailed) {
      search.error = fmt::format("running \"{}\" filter plugin: {}", refusal.rule,
                                 refusal.verdict.Reasons()[0]);
    } else if (!is_quick) {
      search.refused.push_back(std::move(refusal));
    }
  }

  const PodInfo& pod_;
  const Snapshot& snapshot_;
  const Filters& filters_;
  const bool keeps_refusals_;
  LikelyRefusals likely_;
};

void AddOpinions(const std::vector<const NodeInfo*>& nodes,
                 const std::map<std::string, int64_t>& opinions, std::vector<int64_t>& totals) {
  for (size_t i = 0; i < nodes.size(); ++i) {
    const auto found = opinions.find(nodes[i]->name());
    if (found == opinions.end()) continue;
    // Others may say any number; as Go adds, around the end of them.
    totals[i] = static_cast<int64_t>(static_cast<uint64_t>(totals[i]) +
                                     static_cast<uint64_t>(found->second));
  }
}

}  // namespace

std::string Unfit::Message() const {
  if (nodes == 0) return "no nodes available to schedule pods";
  std::string text = fmt::format("0/{} nodes are available:", nodes);
  if (!overall.empty()) text += " " + overall + ".";
  if (reasons.empty()) return text;
  std::vector<std::string> counts;
  for (const auto& [reason, count] : reasons) counts.push_back(fmt::format("{} {}", count, reason));
  std::sort(counts.begin(), counts.end());
  return text + " " + fmt::format("{}", fmt::join(counts, ", ")) + ".";
}

size_t FeasibleWanted(size_t nodes, int percentage) {
  constexpr size_t kAllBelow = 100;
  if (nodes < kAllBelow) return nodes;
  const size_t shrinking = nodes / 125 >= 45 ? 5 : 50 - nodes / 125;
  const size_t percent = percentage > 0 ? static_cast<size_t>(percentage) : shrinking;
  return std::max(kAllBelow, nodes * percent / 100);
}

void Tell(const std::vector<Refusal>& refused, Unfit& unfit) {
  // Thousands of nodes say the same few words: these are copied once.
  std::map<std::string_view, int> reasons;
  std::set<std::string_view> rules;
  for (const Refusal& refusal : refused) {
    if (!refusal.verdict.constant.empty()) ++reasons[refusal.verdict.constant];
    for (const std::string& reason : refusal.verdict.more) ++reasons[reason];
    rules.insert(refusal.rule);
    const bool may_change = refusal.verdict.code == Verdict::Code::kUnschedulable;
    if (may_change) unfit.preemptable.push_back(refusal.node->name());
  }
  for (const auto& [reason, count] : reasons) unfit.reasons[std::string(reason)] += count;
  for (const std::string_view rule : rules) unfit.rejectors.emplace(rule);
}

Search FindNodes(const PodInfo& pod, const Snapshot& snapshot, size_t& start,
                 const SearchOptions& options) {
  Search search;
  Unfit& unfit = search.unfit;
  unfit.nodes = snapshot.nodes.size();
  if (snapshot.nodes.empty()) return search;
  const PointTimer preparing(snapshot.times);
  const Filters filters = PrepareFilters(pod, snapshot);
  preparing.Done("PreFilter", StatusTextOf(filters.rejection.code));
  if (!filters.rejection.fits()) {
    unfit.overall = filters.rejection.Reasons()[0];
    unfit.rejectors.insert(std::string(filters.rejector));
    CountAsked(filters, snapshot);
    return search;
  }
  const PointTimer filtering(snapshot.times);
  if (options.tries_nominated) {
    if (const NodeInfo* nominated = NominatedNode(filters, pod, snapshot)) {
      search.feasible = {nominated};
      search.is_nominated = true;
      filtering.Done("Filter", StatusTextOf(Verdict::Code::kFits));
      CountAsked(filters, snapshot);
      return search;
    }
  }
  const size_t wanted =
      options.first_will_do ? 1 : FeasibleWanted(snapshot.nodes.size(), options.percentage);
  search.feasible.reserve(std::min(wanted, snapshot.nodes.size()));
  NodeWalk(pod, snapshot, filters, options.keeps_refusals).Go(start, wanted, search);
  const bool failed = !search.error.empty();
  filtering.Done("Filter", StatusTextOf(failed ? Verdict::Code::kFailed : Verdict::Code::kFits));
  CountAsked(filters, snapshot);
  return search;
}

std::vector<const NodeInfo*> StillFeasible(const PodInfo& pod, const Snapshot& snapshot,
                                           const std::vector<const NodeInfo*>& nodes) {
  std::vector<const NodeInfo*> feasible;
  const Filters filters = PrepareFilters(pod, snapshot);
  if (!filters.rejection.fits()) return feasible;
  for (const NodeInfo* node : nodes) {
    if (RefusalOn(filters, pod, *node, snapshot).rule.empty()) feasible.push_back(node);
  }
  return feasible;
}

std::string BestOf(const PodInfo& pod, const Snapshot& snapshot,
                   const std::vector<const NodeInfo*>& feasible,
                   const std::map<std::string, int64_t>& opinions, Random& random) {
  if (feasible.size() == 1) return feasible[0]->name();
  std::vector<int64_t> totals(feasible.size(), 0);
  std::vector<int64_t> scores(feasible.size());
  const auto& rules = ProfileOf(snapshot).scores;
  std::vector<PreparedScore> opinions_of;
  opinions_of.reserve(rules.size());
  const PointTimer preparing(snapshot.times);
  for (const ScoreRule& rule : rules) {
    opinions_of.push_back(PrepareTimed(rule, pod, snapshot, feasible));
  }
  preparing.Done("PreScore", StatusTextOf(Verdict::Code::kFits));
  const PointTimer scoring(snapshot.times);
  for (size_t at = 0; at < rules.size(); ++at) {
    const PreparedScore& prepared = opinions_of[at];
    if (!prepared.score) continue;
    if (snapshot.evaluations != nullptr) {
      snapshot.evaluations->Add(EvaluationCounts::kPreScore, at);
      snapshot.evaluations->Add(EvaluationCounts::kScore, at, feasible.size());
    }
    for (size_t i = 0; i < feasible.size(); ++i) scores[i] = prepared.score(*feasible[i]);
    if (prepared.normalize) prepared.normalize(feasible, scores);
    for (size_t i = 0; i < feasible.size(); ++i) totals[i] += rules[at].weight * scores[i];
  }
  scoring.Done("Score", StatusTextOf(Verdict::Code::kFits));
  if (!opinions.empty()) AddOpinions(feasible, opinions, totals);
  const int64_t highest = *std::max_element(totals.begin(), totals.end());
  std::vector<size_t> best;
  for (size_t i = 0; i < totals.size(); ++i) {
    if (totals[i] == highest) best.push_back(i);
  }
  return feasible[best[random.Below(best.size())]]->name();
}

Decision Schedule(const PodInfo& pod, const Snapshot& snapshot, size_t& start, Random& random,
                  const SearchOptions& options) {
  Decision decision;
  Search search = FindNodes(pod, snapshot, start, options);
  if (!search.error.empty()) {
    decision.error = std::move(search.error);
  } else if (search.feasible.empty()) {
    decision.unfit = std::move(search.unfit);
    Tell(search.refused, decision.unfit);
  } else {
    decision.node = BestOf(pod, snapshot, search.feasible, {}, random);
  }
  return decision;
}

Verdict FitsOn(const PodInfo& pod, const NodeInfo& node, const Snapshot& snapshot) {
  const Filters filters = PrepareFilters(pod, snapshot);
  if (!filters.rejection.fits()) return filters.rejection;
  return RefusalOn(filters, pod, node, snapshot).verdict;
}

}  // namespace skiff::scheduler
