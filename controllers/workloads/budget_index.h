// Which PodDisruptionBudgets select a pod. Whatever changes of a pod, all that is heard of pods
// waits until this is known, and who may write in a namespace may put any number of budgets there:
// few of them are looked at, and whoever asks is told that there may be more.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/gen/policy_v1.h"
#include "api/select/selector.h"
#include "base/mutex.h"
#include "client/informer.h"

namespace skiff {

// Thread-safe.
class BudgetIndex {
 public:
  using Labels = std::map<std::string, std::string>;
  // As many budgets select a pod before the rest of them is left out. More than one is a mistake
  // already: such a pod cannot be evicted.
  static constexpr size_t kSelectingMax = 4;
  // Labels of the pod that budgets are asked about in all.
  static constexpr size_t kLabelsAskedMax = 8192;

  // Before the cache of `budgets` starts.
  static std::shared_ptr<BudgetIndex> Of(const Informer<policy_v1::PodDisruptionBudget>& budgets);

  struct Selecting {
    std::vector<ObjectKey> keys;  // At most kSelectingMax.
    size_t left_out_of = 0;       // So many are in the namespace; 0: `keys` are all.
  };
  Selecting Find(const std::string& namespace_, const Labels& labels) const;

 private:
  using Budget = policy_v1::PodDisruptionBudget;
  using Group = std::map<std::string, std::shared_ptr<const LabelSelector>>;  // By name.
  struct InNamespace {
    // By the first label that has to have one value, as "name=value"; "": by none.
    std::map<std::string, Group> groups;
    std::map<std::string, std::string> group_of;  // Each budget's, by its name.
  };
  // What is looked for in a namespace, and how far that has come.
  struct Search {
    const std::string& namespace_;
    const Labels& labels;
    std::vector<ObjectKey> keys;
    size_t asked = 0;
  };

  static std::string GroupOf(const Budget& budget);
  // Whether all of them were looked at.
  static bool LookAt(const Group& group, Search& search);
  static bool LookAtAll(const InNamespace& in, Search& search);
  void Change(const Ptr<Budget>& before, const Ptr<Budget>& now);
  void Remove(const meta_v1::ObjectMeta& budget) REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, InNamespace> namespaces_ GUARDED_BY(mutex_);
};

}  // namespace skiff
