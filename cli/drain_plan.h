// Which pods of a node `drain` makes go, and which keep it from being drained: kubectl's filters.
// Of several that have something to say of a pod the first that holds it counts, else the last.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "api/values.h"
#include "base/clock.h"
#include "base/error.h"
#include "client/object_key.h"

namespace skiff::cli {

struct DrainRules {
  bool ignore_daemonsets = false;
  bool delete_emptydir_data = false;
  bool force = false;
  int skip_wait_for_delete_s = 0;  // 0: however long a pod has been going, it is waited for.
};

struct DrainPlan {
  std::vector<Json> pods;                                    // That have to go.
  std::map<std::string, std::vector<std::string>> refused;   // Cause -> "namespace/name".
  std::map<std::string, std::vector<std::string>> warnings;  // "ignoring ...", "deleting ..."

  // "cannot delete ...: default/a, default/b", one a cause.
  std::vector<std::string> Refusals() const;
};

// Asks the server for a DaemonSet: NotFound of one whose pods it has left behind.
using FindDaemonSet = std::function<Result<>(const ObjectKey& key)>;

DrainPlan PlanDrain(const DrainRules& rules, const std::vector<Json>& pods, TimePoint now,
                    const FindDaemonSet& find);

// Whether the pod has been going for longer than anybody is to wait for it.
bool IsNotWaitedFor(const DrainRules& rules, const Json& pod, TimePoint now);

}  // namespace skiff::cli
