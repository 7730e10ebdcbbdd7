// How many pods of which sort are where, kept up to date pod by pod: a rule that asks pays for what
// it asks, and not for every pod there is.
//
//   const auto places = CountsOf(snapshot, group);      // Pods that count together.
//   places->On(node);                                   // How many of them are on that node,
//   places->ByValueOf("topology.kubernetes.io/zone");   // and in each zone.
//
// One thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "controllers/scheduler/snapshot.h"

namespace skiff::scheduler {

// By the value of a node label; none is 0.
using Sums = std::unordered_map<std::string, int64_t>;

// Numbers on nodes, and their sums over the values of node labels.
class Places {
 public:
  // The node has the labels that it had when what is taken back now was added.
  void Add(const NodeInfo& node, int64_t amount);
  int64_t On(const NodeInfo& node) const;
  // Summed up when it is asked for first, and kept up to date from then on, until so many other
  // keys are asked for.
  std::shared_ptr<const Sums> ByValueOf(const std::string& key) const;
  bool empty() const { return nodes_ == 0; }
  // A copy with so much more on that node.
  std::shared_ptr<const Places> With(const NodeInfo& node, int64_t amount) const;
  size_t keys() const { return by_value_.size(); }

  // Keys are for those to choose who make pods.
  static constexpr size_t kKeysMax = 64;

 private:
  struct Amount {
    const NodeInfo* node = nullptr;
    int64_t amount = 0;
  };
  // Of a term that one pod has there are few nodes, of what a Deployment spreads by there are all:
  // slots are made by the page.
  static constexpr size_t kPageSlots = 32;
  using Page = std::array<Amount, kPageSlots>;

  std::vector<std::unique_ptr<Page>> pages_;  // By slot; what is not there is 0.
  size_t nodes_ = 0;                          // That have an amount other than 0.
  mutable std::map<std::string, std::shared_ptr<Sums>> by_value_;  // By key.
};
using PlacesPtr = std::shared_ptr<const Places>;

// Which value of a label each node has, as a number, by slot: a zone is compared with another for
// hundreds of nodes a pod, whose labels lie far from one another.
class NodeValues {
 public:
  // Nodes have the same one if they have the same value.
  using Number = uint32_t;
  static constexpr Number kNone = 0;

  void Add(const NodeInfo& node, const std::string& value);
  void Remove(const NodeInfo& node, const std::string& value);
  // kNone: the node has no such label.
  Number Of(const NodeInfo& node) const { return At(node.slot); }
  Number At(size_t slot) const { return slot < by_slot_.size() ? by_slot_[slot] : kNone; }
  // Above all numbers.
  size_t end() const { return numbers_end_; }
  // By value.
  struct Value {
    Number number = kNone;
    size_t nodes = 0;
  };
  const std::unordered_map<std::string, Value>& values() const { return values_; }

  // Of a key with more values nobody asks for numbers.
  static constexpr size_t kValuesMax = 128;

 private:
  std::vector<Number> by_slot_;
  std::unordered_map<std::string, Value> values_;
  std::vector<Number> free_;  // Of values that no node has any more.
  Number numbers_end_ = kNone + 1;
};
using NodeValuesPtr = std::shared_ptr<const NodeValues>;

// The sums of one key, to be looked up for thousands of nodes.
class SumsAt {
 public:
  // `hosts_differ`: as HostsDiffer says of the nodes that will be asked for. `values`: of those
  // nodes and the key, where somebody keeps them.
  SumsAt(std::string key, PlacesPtr places, bool hosts_differ, NodeValuesPtr values = nullptr);
  // In sums that were made elsewhere.
  SumsAt(std::string key, std::shared_ptr<const Sums> sums, NodeValuesPtr values = nullptr);
  // What all nodes with the same value have; 0 where the node has none.
  int64_t On(const NodeInfo& node) const;
  bool Has(const NodeInfo& node) const {
    return by_number_.empty() ? Label(node) != nullptr : values_->Of(node) != NodeValues::kNone;
  }
  // Where the slot of a node says all, what On says of it; nullopt: it has no such label.
  bool IsBySlot() const { return !by_number_.empty(); }
  std::optional<int64_t> AtSlot(size_t slot) const {
    const NodeValues::Number number = values_->At(slot);
    if (number == NodeValues::kNone) return std::nullopt;
    return by_number_[number];
  }
  const std::string* Label(const NodeInfo& node) const {
    return at_hand_ == nullptr ? node.Label(key_) : node.*at_hand_;
  }
  bool is_of_hosts() const { return at_hand_ == &NodeInfo::host; }
  const Sums& sums() const { return *sums_; }

 private:
  // To compare a handful of values is less than to hash one.
  static constexpr size_t kFewMax = 8;

  std::string key_;
  const std::string* NodeInfo::* at_hand_ = nullptr;  // The label, where a node has it so.
  std::shared_ptr<const Sums> sums_;
  PlacesPtr places_;  // Where each node has a value of its own, and that is all there is to know.
  bool is_few_ = false;
  std::vector<std::pair<std::string_view, int64_t>> few_;
  NodeValuesPtr values_;
  std::vector<int64_t> by_number_;  // Sums, of NodeValues; empty: they are looked up by label.
};

// Pods that count together.
struct PodGroup {
  std::string id;  // Groups with one id hold the same pods.
  std::function<bool(const core_v1::Pod&)> holds;
  // Whether a pod belongs to it hangs on the pod alone.
  bool is_lasting = true;
};

// What placed pods say about pods near them: where those are that say it, or with what weight.
struct TermPlaces {
  AffinityTerm term;
  Places places;
  bool is_required = false;  // Of affinity, as which it counts pods, and has no weight.
};
// By id and key of the term, and whether it is required affinity.
using TermCounts = std::map<std::string, TermPlaces>;
using TermCountsPtr = std::shared_ptr<const TermCounts>;

class PodCounts {
 public:
  // A node that is listed, and the pods on it.
  void AddNode(const NodeInfo& node);
  void RemoveNode(const NodeInfo& node);
  // A pod that came to such a node, or left it.
  void AddPod(const PodInfo& pod, const NodeInfo& node) { Count(pod, node, 1); }
  void RemovePod(const PodInfo& pod, const NodeInfo& node) { Count(pod, node, -1); }

  // 1 on each node.
  const Places& nodes() const { return nodes_; }
  // Of the nodes that are listed. Looks at all of them the first time.
  NodeValuesPtr ValuesOf(const std::string& key, const std::vector<const NodeInfo*>& nodes);
  // Looks at all pods the first time; those asked for least lately are forgotten. The group is
  // lasting.
  PlacesPtr Of(const PodGroup& group, const std::vector<const NodeInfo*>& nodes);
  // Required anti-affinity, by pods.
  const TermCounts& refusals() const { return refusals_; }
  // Preferences by their weight, and required affinity by pods.
  const TermCounts& wishes() const { return wishes_; }
  // Pods looked at to begin counting groups, so far.
  uint64_t looks() const { return looks_; }

  static constexpr size_t kGroupsMax = 64;

 private:
  struct Group {
    PodGroup group;
    std::shared_ptr<Places> places;
    uint64_t asked_at = 0;
  };
  void Count(const PodInfo& pod, const NodeInfo& node, int64_t sign);

  Places nodes_;
  std::map<std::string, std::shared_ptr<NodeValues>> values_;  // By key; kKeysMax of them.
  TermCounts refusals_;
  TermCounts wishes_;
  std::unordered_map<std::string, Group> groups_;  // By id.
  uint64_t asked_ = 0;
  uint64_t looks_ = 0;
};

// What is kept, or, in a snapshot that keeps no counts, what its nodes say now.
PlacesPtr CountsOf(const Snapshot& snapshot, const PodGroup& group);
PlacesPtr NodeCounts(const Snapshot& snapshot);
// nullptr where none are kept, or so many that to look each up is more than to look at nodes.
NodeValuesPtr ValuesOf(const Snapshot& snapshot, const std::string& key);
// Whether no two nodes call themselves the same host, and all call themselves something.
bool HostsDiffer(const Snapshot& snapshot, const Places& nodes);
// Required anti-affinity of placed pods: those terms that `matches` holds of.
struct Refusals {
  std::shared_ptr<const AffinityTerm> term;
  PlacesPtr places;
};
using MatchesTerm = std::function<bool(const AffinityTerm& term)>;
std::vector<Refusals> RefusalsIn(const Snapshot& snapshot, const MatchesTerm& matches);
TermCountsPtr WishesIn(const Snapshot& snapshot);

}  // namespace skiff::scheduler
