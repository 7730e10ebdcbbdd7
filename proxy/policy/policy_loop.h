// Keeps the kernel's table in step with the NetworkPolicies of the cluster, for this node's pods.
//
//   no policy  ── the first one ──►  reading pods, writing  ── the last one goes ──►  no table
//
// While there is no policy in the cluster this is asleep, pods are not read, and there is no table.
// A step takes what has changed into the plan and writes the difference, in one transaction. All is
// written at the start, after a failure, and when somebody took the table away. What an earlier
// process wrote holds until then.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "api/gen/networking_v1.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "client/informer.h"
#include "proxy/policy/nft.h"
#include "proxy/policy/policy_plan.h"

namespace skiff::netpol {

struct PolicyTimes {
  Duration min_sync_period = 100ms;  // Between two writes; changes in between wait and coalesce.
  Duration sync_period = 30s;        // After a failed write.
};

// Step: one thread at a time. Informers and the kernel's watch note changes from threads of theirs.
class PolicyLoop final : public ControlLoop {
 public:
  // Between two looks at a table of which somebody has deleted something; and until what was
  // emptied is deleted.
  static constexpr Duration kLookPeriod = 1s;

  struct Dependencies {
    Informer<networking_v1::NetworkPolicy> policies;
    Informer<core_v1::Namespace> namespaces;
    Informer<core_v1::Node> nodes;
    Informer<core_v1::Pod> pods;  // Of the whole cluster.
    // Called once, when pods are to be read: with the first policy.
    std::function<void()> read_pods;
    // Policies do not hold here: with why, once for as long as it is so.
    std::function<void(const std::string& why)> tell;
    // Told which ranges this node's pods have while policies hold, and none when there are none any
    // more, whenever that has changed: what is to be closed after a boot (CloseUntilRead).
    std::function<void(const std::vector<std::string>& ranges)> remember;
    const Clock& clock;
    Nft& nft;
  };
  // Informers are started by the caller, afterwards.
  PolicyLoop(Dependencies dependencies, std::string node_name, PolicyTimes times = {});
  ~PolicyLoop() override;
  Duration Step() override;

 private:
  struct Changes {
    std::set<ObjectKey> policies, pods;
    std::set<std::string> namespaces, nodes;
    bool empty() const {
      return policies.empty() && pods.empty() && namespaces.empty() && nodes.empty();
    }
  };
  void WatchInformers();
  template <typename Note>
  void NoteChange(Note note);
  // Whether everything has been read that a plan takes.
  bool HasInputs();
  void TakeChanges();
  void SetPolicy(const ObjectKey& key);
  void Remember(const std::vector<std::string>& ranges);
  Result<> Sync();
  void LookAtTable(Duration now);
  Duration AfterFailure(const std::string& why, Duration now);
  // When to come back, if nothing changes.
  Duration NextDue(Duration now) const;

  const Dependencies dependencies_;
  const std::string node_name_;
  const PolicyTimes times_;
  const Log log_{"network-policies"};
  PolicyPlan plan_;
  std::atomic<bool> reads_ = false;
  bool has_taken_all_ = false;
  bool must_write_all_ = true;
  bool is_clean_ = false;  // No table, and none is wanted.
  std::optional<std::vector<std::string>> remembered_;
  bool watches_ = false;
  std::string told_;
  Duration not_before_{};
  Duration look_not_before_{};
  std::atomic<bool> look_ = false;
  Mutex mutex_;
  Changes changes_ GUARDED_BY(mutex_);
};

}  // namespace skiff::netpol
