#include "controllers/workloads/budget_index.h"

namespace skiff {

std::shared_ptr<BudgetIndex> BudgetIndex::Of(const Informer<Budget>& budgets) {
  auto index = std::make_shared<BudgetIndex>();
  budgets.OnChange(
      [index](const Ptr<Budget>& before, const Ptr<Budget>& now) { index->Change(before, now); });
  return index;
}

BudgetIndex::Selecting BudgetIndex::Find(const std::string& namespace_,
                                         const Labels& labels) const {
  const MutexLock lock(mutex_);
  const auto in = namespaces_.find(namespace_);
  if (in == namespaces_.end()) return {};
  Search search{namespace_, labels, {}};
  const bool all = LookAtAll(in->second, search);
  return {std::move(search.keys), all ? 0 : in->second.group_of.size()};
}

bool BudgetIndex::LookAtAll(const InNamespace& in, Search& search) {
  if (search.labels.size() > kLabelsAskedMax) return false;
  for (const auto& [name, value] : search.labels) {
    const auto group = in.groups.find(name + "=" + value);
    if (group != in.groups.end() && !LookAt(group->second, search)) return false;
  }
  const auto others = in.groups.find("");
  return others == in.groups.end() || LookAt(others->second, search);
}

bool BudgetIndex::LookAt(const Group& group, Search& search) {
  for (const auto& [name, selector] : group) {
    search.asked += 1 + search.labels.size();
    if (search.asked > kLabelsAskedMax) return false;
    if (!selector->Matches(search.labels)) continue;
    if (search.keys.size() == kSelectingMax) return false;
    search.keys.push_back({search.namespace_, name});
  }
  return true;
}

std::string BudgetIndex::GroupOf(const Budget& budget) {
  const auto& labels = budget.spec.selector->match_labels;
  return labels.empty() ? "" : labels.begin()->first + "=" + labels.begin()->second;
}

void BudgetIndex::Change(const Ptr<Budget>& before, const Ptr<Budget>& now) {
  // Most changes are of what a budget says of its state.
  if (before && now && before->spec.selector == now->spec.selector) return;
  // One without a selector selects nothing, nor does one whose selector cannot be read.
  std::shared_ptr<const LabelSelector> selector;
  if (now && now->spec.selector) {
    if (auto read = LabelSelector::From(*now->spec.selector)) {
      selector = std::make_shared<const LabelSelector>(*std::move(read));
    }
  }
  const MutexLock lock(mutex_);
  Remove(now ? now->metadata : before->metadata);
  if (!selector) return;
  InNamespace& in = namespaces_[now->metadata.namespace_];
  const std::string& name = now->metadata.name;
  const std::string& group = in.group_of[name] = GroupOf(*now);
  in.groups[group][name] = std::move(selector);
}

// By where it was put: one that is deleted is told of in its last version, which may have come
// to nobody before.
void BudgetIndex::Remove(const meta_v1::ObjectMeta& budget) {
  const auto in = namespaces_.find(budget.namespace_);
  if (in == namespaces_.end()) return;
  const auto place = in->second.group_of.find(budget.name);
  if (place == in->second.group_of.end()) return;
  const auto group = in->second.groups.find(place->second);
  group->second.erase(budget.name);
  if (group->second.empty()) in->second.groups.erase(group);
  in->second.group_of.erase(place);
  if (in->second.group_of.empty()) namespaces_.erase(in);
}

}  // namespace skiff
