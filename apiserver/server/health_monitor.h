// Whether the server does its work, found out before anyone asks. /livez and /readyz are asked when
// things go wrong, so they may wait for nothing that can go wrong: a loop looks after each part
// once a second, and the answer is what it saw last. When the loop itself no longer comes round,
// because a disk, an etcd or a lock holds it, that is the answer.
//
// Where nobody runs the loop, as in the simulation, each question looks itself.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/error.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"

namespace skiff {

// Thread-safe.
class HealthMonitor final : public ControlLoop {
 public:
  static constexpr Duration kPeriod = 1s;
  // Past it, what was seen last says nothing any more.
  static constexpr Duration kAgeMax = 10s;

  struct Check {
    std::string name;
    bool ready_only = false;  // A server that fails it is not to be restarted, only spared.
    bool not_live = false;    // The same, but that /healthz tells of it as well.
    // Looks when it is asked, as it cannot wait for anything.
    bool immediate = false;
    // Something that is done once at the start: when it has been seen to be, it stays so.
    bool once = false;
    std::function<Result<>()> look;
  };
  struct Verdict {
    std::string name;
    bool ready_only = false;
    bool not_live = false;
    std::string fault;  // "": it passes.

    bool IsAskedAt(std::string_view root) const {
      return root == "readyz" || (!ready_only && (!not_live || root != "livez"));
    }
  };
  static constexpr std::string_view kRoots[] = {"healthz", "livez", "readyz"};

  // `clock` outlives it, and so does what the checks look at.
  HealthMonitor(const Clock& clock, std::vector<Check> checks);

  // From now on Step looks, and its owner runs it.
  void LookAside();
  Duration Step() override;
  // In the order of the checks.
  std::vector<Verdict> Verdicts();
  // That somebody was told this below /healthz, /livez or /readyz.
  void Count(const Verdict& verdict, std::string_view root);
  // kubernetes_healthcheck*, as at kube-apiserver's /metrics/slis.
  const MetricRegistry& levels() const { return levels_; }

 private:
  struct Seen {
    Result<> result;
    bool done = false;  // Of a check that passes once.
  };
  Seen Look(const Check& check, Seen before) const;

  const Clock& clock_;
  const std::vector<Check> checks_;
  const Log log_{"health"};
  MetricRegistry levels_;
  CounterFamily& told_;
  Mutex mutex_;
  std::vector<Seen> seen_ GUARDED_BY(mutex_);  // One a check.
  bool aside_ GUARDED_BY(mutex_) = false;
  Duration looked_at_ GUARDED_BY(mutex_) = Duration::zero();  // Monotonic: the last time.
};

}  // namespace skiff
