// Which of many label selectors may match an object, without looking at all of them: a selector
// stands under one label that it needs, where it needs one of a certain value.
#pragma once

#include <map>
#include <set>
#include <string>

#include "api/select/selector.h"

namespace skiff::netpol {

using Labels = std::map<std::string, std::string>;

// `Id` names a selector; the caller knows which.
template <typename Id>
class SelectorBuckets {
 public:
  void Add(const Id& id, const LabelSelector& selector) { BucketOf(selector).insert(id); }
  void Remove(const Id& id, const LabelSelector& selector) {
    BucketOf(selector).erase(id);
    const auto found = by_label_.find(NeededLabel(selector));
    if (found != by_label_.end() && found->second.empty()) by_label_.erase(found);
  }
  // All that match these labels are among them.
  template <typename Visit>
  void ForEachCandidate(const Labels& labels, Visit visit) const {
    for (const Id& id : others_) visit(id);
    for (const auto& [key, value] : labels) {
      const auto found = by_label_.find(key + "=" + value);
      if (found == by_label_.end()) continue;
      for (const Id& id : found->second) visit(id);
    }
  }
  bool empty() const { return by_label_.empty() && others_.empty(); }

 private:
  // "key=value" of a label that every match has; "" where there is no such.
  static std::string NeededLabel(const LabelSelector& selector) {
    for (const LabelRequirement& each : selector.requirements()) {
      const bool names = each.op == LabelOperator::kEquals ||
                         each.op == LabelOperator::kDoubleEquals || each.op == LabelOperator::kIn;
      if (names && each.values.size() == 1) return each.key + "=" + each.values[0];
    }
    return "";
  }
  std::set<Id>& BucketOf(const LabelSelector& selector) {
    const std::string label = NeededLabel(selector);
    return label.empty() ? others_ : by_label_[label];
  }

  std::map<std::string, std::set<Id>> by_label_;
  std::set<Id> others_;
};

}  // namespace skiff::netpol
