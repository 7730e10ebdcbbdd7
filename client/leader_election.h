// One of several copies of a program leads, by a Lease: it renews the Lease, the others watch it
// and take over when it has not changed for the lease duration (by their own clock).
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "api/gen/coordination_v1.h"
#include "base/control_loop.h"
#include "base/id.h"
#include "base/log.h"
#include "client/client.h"

namespace skiff {

class LeaderElection final : public ControlLoop {
 public:
  struct Options {
    ObjectKey lease;       // {"kube-system", "kube-scheduler"}
    std::string identity;  // "host_uuid"
    Duration lease_duration = 15s;
    Duration renew_deadline = 10s;
    Duration retry_period = 2s;
    std::function<void()> on_started;  // Called in Step, at most once.
    // Called in Step, at most once: the lease was lost or not renewed in time. The program ends.
    std::function<void()> on_stopped;
  };
  LeaderElection(Client& client, const Clock& clock, Random& random, Options options);
  Duration Step() override;
  bool leading() const { return leading_; }
  // How often the leader had to read the lease anew to renew it.
  uint64_t slow_renewals() const { return slow_renewals_; }
  // In an orderly end, after the last Step and when nothing runs any more that only a leader does:
  // who is next need not wait until the lease is over. Does nothing where this one does not lead.
  void Release();
  // Whose the lease was when it was last seen; "" before.
  std::string holder() const;

 private:
  Result<bool> TryAcquireOrRenew();
  // For the leader to go on without a renewal.
  bool IsTooLate() const;
  // The server's copy; remembers when this process saw it change.
  void Observe(Ptr<coordination_v1::Lease> lease);
  coordination_v1::Lease LeaseNow(const coordination_v1::Lease* previous) const;

  Client& client_;
  const Clock& clock_;
  Random& random_;
  const Options options_;
  const Log log_{"leader election"};
  Ptr<coordination_v1::Lease> observed_;
  Duration observed_at_ = Duration(0);  // Monotonic.
  Duration renewed_at_ = Duration(0);   // Monotonic: of the last success while leading.
  bool is_failing_ = false;             // The last attempt was no success.
  std::atomic<bool> leading_ = false;
  std::atomic<uint64_t> slow_renewals_ = 0;
  bool stopped_ = false;
};

}  // namespace skiff
