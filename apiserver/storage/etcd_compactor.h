// Compacts an etcd that several API servers share: one of them, by kube-apiserver's own convention,
// so that both kinds may run side by side.
//
// Each server remembers a version of the key compact_rev_key. Once a period it tries to replace
// that version. Who succeeds has the turn and compacts up to the revision that was current a period
// ago; who does not learns the version, and that somebody is at it.
//
//   A: replace v0 -> v1 (9:00)      replace v1 -> v2, compact up to 9:00's revision (9:05) ...
//   B:       replace v0: no, it is v1 (9:02)      replace v1: no, it is v2 (9:07) ...
#pragma once

#include "apiserver/storage/etcd_store.h"
#include "base/clock.h"
#include "base/control_loop.h"
#include "base/log.h"

namespace skiff {

class EtcdCompactor final : public ControlLoop {
 public:
  // `period`: kube-apiserver's --etcd-compaction-interval; 0 never compacts. Both outlive the loop.
  EtcdCompactor(EtcdStore& store, const Clock& clock, Duration period)
      : store_(store), clock_(clock), period_(period), next_(clock.Monotonic() + period) {}

  Duration Step() override;

 private:
  Result<> TakeTurn();

  EtcdStore& store_;
  const Clock& clock_;
  const Duration period_;
  const Log log_{"compactor"};
  Duration next_;        // Monotonic.
  int64_t version_ = 0;  // Of the key, as this server knows it.
  Revision revision_;    // When it last looked; 0: it has not yet.
};

}  // namespace skiff
