#include "controllers/scheduler/pod_counts.h"

#include <algorithm>
#include <span>

namespace skiff::scheduler {
namespace {

void AddTo(Sums& sums, const std::string& value, int64_t amount) {
  const auto place = sums.try_emplace(value, 0).first;
  place->second += amount;
  if (place->second == 0) sums.erase(place);
}

void AddTerm(TermCounts& counts, const AffinityTerm& term, const NodeInfo& node, int64_t amount,
             bool is_required = false) {
  std::string id = term.id + "\n" + term.key;
  if (is_required) id += "\nrequired";
  auto place = counts.find(id);
  if (place == counts.end()) {
    place = counts.emplace(std::move(id), TermPlaces{term, {}, is_required}).first;
  }
  place->second.places.Add(node, amount);
  if (place->second.places.empty()) counts.erase(place);
}

void AddRefusals(TermCounts& counts, const PodInfo& pod, const NodeInfo& node, int64_t sign) {
  for (const AffinityTerm& term : pod.affinity.required_anti) AddTerm(counts, term, node, sign);
}

void AddWishes(TermCounts& counts, const PodInfo& pod, const NodeInfo& node, int64_t sign) {
  for (const AffinityTerm& term : pod.affinity.required) {
    AddTerm(counts, term, node, sign, /*is_required=*/true);
  }
  for (const WeightedTerm& each : pod.affinity.preferred) {
    AddTerm(counts, each.term, node, sign * each.weight);
  }
}

int64_t CountOn(const PodGroup& group, const NodeInfo& node) {
  return std::count_if(node.pods.begin(), node.pods.end(),
                       [&](const auto& entry) { return group.holds(*entry.second->pod); });
}

// Returns how many pods were looked at.
uint64_t CountGroup(const PodGroup& group, const std::vector<const NodeInfo*>& nodes,
                    Places& places) {
  uint64_t looks = 0;
  for (const NodeInfo* node : nodes) {
    looks += node->pods.size();
    places.Add(*node, CountOn(group, *node));
  }
  return looks;
}

// A pointer to what somebody else keeps.
template <typename T>
std::shared_ptr<const T> Kept(const T& value) {
  return {std::shared_ptr<void>(), &value};
}

using AddTerms = void (*)(TermCounts&, const PodInfo&, const NodeInfo&, int64_t);

TermCountsPtr CountTerms(std::span<const NodeInfo* const> nodes, int NodeInfo::*pods_with_terms,
                         AddTerms add) {
  auto counts = std::make_shared<TermCounts>();
  for (const NodeInfo* node : nodes) {
    if (node->*pods_with_terms == 0) continue;
    for (const auto& [uid, pod] : node->pods) add(*counts, *pod, *node, 1);
  }
  return counts;
}

std::span<const NodeInfo* const> AllOf(const NodeList& nodes) {
  return {nodes.begin(), nodes.size()};
}

// Which stays as long as all of them.
Refusals Part(const TermCountsPtr& counts, const TermPlaces& part) {
  return {{counts, &part.term}, {counts, &part.places}};
}

// What pods refuse that are on the node as it is tried and not as it is; less than nothing is what
// those refuse that are gone. A pod may go for another from each of a hundred nodes, which is tried
// again for each pod on it: only what is another pod there is looked at.
TermCountsPtr ChangesOn(const TriedNode& tried, const MatchesTerm& matches) {
  auto changes = std::make_shared<TermCounts>();
  const auto add = [&](const NodeInfo& node, const NodeInfo& other, int64_t sign) {
    if (node.pods_with_required_anti_affinity == 0) return;
    for (const auto& [uid, pod] : node.pods) {
      if (!pod->HasRequiredAntiAffinity() || other.pods.contains(uid)) continue;
      for (const AffinityTerm& term : pod->affinity.required_anti) {
        if (matches(term)) AddTerm(*changes, term, *tried.as_it_is, sign);
      }
    }
  };
  add(*tried.as_tried, *tried.as_it_is, 1);
  add(*tried.as_it_is, *tried.as_tried, -1);
  return changes;
}

std::vector<Refusals> RefusalsBeside(const TriedNode& tried, const MatchesTerm& matches) {
  std::vector<Refusals> refusals;
  const TermCountsPtr kept = Kept(tried.counts->refusals());
  const TermCountsPtr changes = ChangesOn(tried, matches);
  for (const auto& [id, each] : *kept) {
    if (!matches(each.term)) continue;
    Refusals& now = refusals.emplace_back(Part(kept, each));
    const auto changed = changes->find(id);
    if (changed == changes->end()) continue;
    now.places = each.places.With(*tried.as_it_is, changed->second.places.On(*tried.as_it_is));
  }
  for (const auto& [id, each] : *changes) {
    if (!kept->contains(id)) refusals.push_back(Part(changes, each));
  }
  return refusals;
}

}  // namespace

void Places::Add(const NodeInfo& node, int64_t amount) {
  if (amount == 0) return;
  const size_t page = node.slot / kPageSlots;
  if (page >= pages_.size()) pages_.resize(page + 1);
  if (!pages_[page]) pages_[page] = std::make_unique<Page>();
  Amount& place = (*pages_[page])[node.slot % kPageSlots];
  if (place.amount == 0) ++nodes_;
  place.node = &node;
  place.amount += amount;
  if (place.amount == 0) --nodes_;
  for (auto& [key, sums] : by_value_) {
    const auto label = node.labels().find(key);
    if (label != node.labels().end()) AddTo(*sums, label->second, amount);
  }
}

int64_t Places::On(const NodeInfo& node) const {
  const size_t page = node.slot / kPageSlots;
  if (page >= pages_.size() || !pages_[page]) return 0;
  return (*pages_[page])[node.slot % kPageSlots].amount;
}

std::shared_ptr<const Places> Places::With(const NodeInfo& node, int64_t amount) const {
  auto copy = std::make_shared<Places>();
  copy->pages_.reserve(pages_.size());
  for (const auto& page : pages_) {
    copy->pages_.push_back(page ? std::make_unique<Page>(*page) : nullptr);
  }
  copy->nodes_ = nodes_;
  for (const auto& [key, sums] : by_value_) copy->by_value_[key] = std::make_shared<Sums>(*sums);
  copy->Add(node, amount);
  return copy;
}

std::shared_ptr<const Sums> Places::ByValueOf(const std::string& key) const {
  const auto found = by_value_.find(key);
  if (found != by_value_.end()) return found->second;
  if (by_value_.size() >= kKeysMax) by_value_.clear();
  auto sums = std::make_shared<Sums>();
  for (const auto& page : pages_) {
    if (!page) continue;
    for (const auto& [node, amount] : *page) {
      if (amount == 0) continue;
      const auto label = node->labels().find(key);
      if (label != node->labels().end()) AddTo(*sums, label->second, amount);
    }
  }
  by_value_[key] = sums;
  return sums;
}

void NodeValues::Add(const NodeInfo& node, const std::string& value) {
  Value& known = values_[value];
  if (known.nodes++ == 0) {
    if (free_.empty()) {
      known.number = numbers_end_++;
    } else {
      known.number = free_.back();
      free_.pop_back();
    }
  }
  if (node.slot >= by_slot_.size()) by_slot_.resize(node.slot + 1, kNone);
  by_slot_[node.slot] = known.number;
}

void NodeValues::Remove(const NodeInfo& node, const std::string& value) {
  const auto known = values_.find(value);
  by_slot_[node.slot] = kNone;
  if (--known->second.nodes > 0) return;
  free_.push_back(known->second.number);
  values_.erase(known);
}

SumsAt::SumsAt(std::string key, PlacesPtr places, bool hosts_differ, NodeValuesPtr values)
    : SumsAt(key, places->ByValueOf(key),
             hosts_differ && key == kHostLabel ? nullptr : std::move(values)) {
  if (hosts_differ && key_ == kHostLabel) places_ = std::move(places);
}

SumsAt::SumsAt(std::string key, std::shared_ptr<const Sums> sums, NodeValuesPtr values)
    : key_(std::move(key)), sums_(std::move(sums)), is_few_(sums_->size() <= kFewMax) {
  if (key_ == kHostLabel) at_hand_ = &NodeInfo::host;
  if (key_ == kZoneLabel) at_hand_ = &NodeInfo::zone;
  if (is_few_) few_.assign(sums_->begin(), sums_->end());
  if (!values) return;
  values_ = std::move(values);
  by_number_.assign(values_->end(), 0);
  // Values without such a pod have no sum.
  for (const auto& [value, sum] : *sums_) {
    const auto known = values_->values().find(value);
    if (known != values_->values().end()) by_number_[known->second.number] = sum;
  }
}

int64_t SumsAt::On(const NodeInfo& node) const {
  if (places_) return places_->On(node);
  if (!by_number_.empty()) return by_number_[values_->Of(node)];
  const std::string* label = Label(node);
  if (label == nullptr) return 0;
  if (is_few_) {
    for (const auto& [value, count] : few_) {
      if (value == *label) return count;
    }
    return 0;
  }
  const auto found = sums_->find(*label);
  return found == sums_->end() ? 0 : found->second;
}

void PodCounts::AddNode(const NodeInfo& node) {
  nodes_.Add(node, 1);
  for (auto& [key, values] : values_) {
    if (const std::string* label = node.Label(key)) values->Add(node, *label);
  }
  for (const auto& [uid, pod] : node.pods) AddPod(*pod, node);
}

void PodCounts::RemoveNode(const NodeInfo& node) {
  nodes_.Add(node, -1);
  for (auto& [key, values] : values_) {
    if (const std::string* label = node.Label(key)) values->Remove(node, *label);
  }
  for (const auto& [uid, pod] : node.pods) RemovePod(*pod, node);
}

NodeValuesPtr PodCounts::ValuesOf(const std::string& key,
                                  const std::vector<const NodeInfo*>& nodes) {
  if (const auto found = values_.find(key); found != values_.end()) return found->second;
  if (values_.size() >= Places::kKeysMax) values_.clear();
  const auto values = std::make_shared<NodeValues>();
  for (const NodeInfo* node : nodes) {
    if (const std::string* label = node->Label(key)) values->Add(*node, *label);
  }
  values_[key] = values;
  return values;
}

void PodCounts::Count(const PodInfo& pod, const NodeInfo& node, int64_t sign) {
  AddRefusals(refusals_, pod, node, sign);
  AddWishes(wishes_, pod, node, sign);
  for (auto& [id, group] : groups_) {
    if (group.group.holds(*pod.pod)) group.places->Add(node, sign);
  }
}

PlacesPtr PodCounts::Of(const PodGroup& group, const std::vector<const NodeInfo*>& nodes) {
  ++asked_;
  if (const auto found = groups_.find(group.id); found != groups_.end()) {
    found->second.asked_at = asked_;
    return found->second.places;
  }
  if (groups_.size() >= kGroupsMax) {
    const auto is_older = [](const auto& a, const auto& b) {
      return a.second.asked_at < b.second.asked_at;
    };
    groups_.erase(std::min_element(groups_.begin(), groups_.end(), is_older));
  }
  const auto places = std::make_shared<Places>();
  looks_ += CountGroup(group, nodes, *places);
  groups_[group.id] = {group, places, asked_};
  return places;
}

PlacesPtr CountsOf(const Snapshot& snapshot, const PodGroup& group) {
  if (snapshot.counts != nullptr && group.is_lasting) {
    return snapshot.counts->Of(group, snapshot.nodes);
  }
  if (snapshot.tried != nullptr && group.is_lasting) {
    const TriedNode& tried = *snapshot.tried;
    const PlacesPtr places = tried.counts->Of(group, tried.nodes);
    const int64_t more = CountOn(group, *tried.as_tried) - places->On(*tried.as_it_is);
    return more == 0 ? places : places->With(*tried.as_it_is, more);
  }
  auto places = std::make_shared<Places>();
  CountGroup(group, snapshot.nodes, *places);
  return places;
}

PlacesPtr NodeCounts(const Snapshot& snapshot) {
  if (snapshot.counts != nullptr) return Kept(snapshot.counts->nodes());
  if (snapshot.tried != nullptr) return Kept(snapshot.tried->counts->nodes());
  auto places = std::make_shared<Places>();
  for (const NodeInfo* node : snapshot.nodes) places->Add(*node, 1);
  return places;
}

NodeValuesPtr ValuesOf(const Snapshot& snapshot, const std::string& key) {
  // A node has the labels that it has, whoever is tried on it.
  PodCounts* const counts = snapshot.tried != nullptr ? snapshot.tried->counts : snapshot.counts;
  if (counts == nullptr) return nullptr;
  if (counts->nodes().ByValueOf(key)->size() > NodeValues::kValuesMax) return nullptr;
  return counts->ValuesOf(key, snapshot.nodes);
}

bool HostsDiffer(const Snapshot& snapshot, const Places& nodes) {
  return nodes.ByValueOf(std::string(kHostLabel))->size() == snapshot.nodes.size();
}

std::vector<Refusals> RefusalsIn(const Snapshot& snapshot, const MatchesTerm& matches) {
  std::vector<Refusals> refusals;
  if (snapshot.tried != nullptr && snapshot.counts == nullptr) {
    return RefusalsBeside(*snapshot.tried, matches);
  }
  const auto all = snapshot.counts != nullptr
                       ? Kept(snapshot.counts->refusals())
                       : CountTerms(AllOf(snapshot.nodes),
                                    &NodeInfo::pods_with_required_anti_affinity, AddRefusals);
  for (const auto& [id, each] : *all) {
    if (matches(each.term)) refusals.push_back(Part(all, each));
  }
  return refusals;
}

TermCountsPtr WishesIn(const Snapshot& snapshot) {
  if (snapshot.counts != nullptr) return Kept(snapshot.counts->wishes());
  return CountTerms(AllOf(snapshot.nodes), &NodeInfo::pods_with_wishes, AddWishes);
}

}  // namespace skiff::scheduler
