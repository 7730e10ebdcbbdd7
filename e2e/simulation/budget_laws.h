// What disruption budgets promise while evictions take pods away: as many of the pods that a budget
// is about stay ready as it asks for, once they were. A pod that its controller has too many of
// goes without being asked for; its budget may count on it until a status of the budget knows
// better, as in Kubernetes.
#pragma once

#include <map>
#include <string>

#include "api/gen/core_v1.h"
#include "api/gen/policy_v1.h"
#include "api/select/selector.h"
#include "e2e/simulation/laws.h"

namespace skiff {

class BudgetLaws {
 public:
  explicit BudgetLaws(Laws& laws) : laws_(laws) {}

  // From now on the promise is to be kept, or no longer.
  void Guard(bool on);
  // A budget that asks for a number of pods, as it is from this revision on. Others say nothing
  // here.
  void TakeBudget(const policy_v1::PodDisruptionBudget& budget, bool deleted);
  struct PodView {
    bool serves = false;  // It is ready, and neither ends nor goes.
    // A status of it came too late: until its kubelet sees that, it says what was, and by that it
    // may go without asking its budget.
    bool is_doubtful = false;
    bool goes_unasked = false;  // It ends or goes, and no eviction was granted for that.
  };
  void TakePod(const core_v1::Pod& pod, PodView view);

 private:
  using Labels = std::map<std::string, std::string>;
  struct Budget {
    bool IsAbout(const std::string& namespace_name, const Labels& labels) const;

    ObjectKey key;
    LabelSelector selector;
    int least = 0;
    bool was_kept = false;  // Since it is guarded.
    int unseen = 0;         // Pods that went unasked, and that its status may still count.
  };
  struct ServingPod {
    std::string namespace_name;
    Labels labels;
  };
  // Budgets are as if their promise had not begun.
  void BeginAnew();
  void Check();
  int Serving(const Budget& budget) const;

  Laws& laws_;
  bool guards_ = false;
  std::map<std::string, Budget> budgets_;   // By uid.
  std::map<std::string, ServingPod> pods_;  // By uid.
};

}  // namespace skiff
