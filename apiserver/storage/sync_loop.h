// Syncs what a store with Durability::kInterval has not synced yet, an interval after the first
// such write. Asleep while there is none.
#pragma once

#include "apiserver/storage/rocksdb_store.h"
#include "base/control_loop.h"

namespace skiff {

class SyncLoop final : public ControlLoop {
 public:
  // `store` and `clock` outlive the loop; nobody writes yet.
  SyncLoop(RocksdbStore& store, const Clock& clock) : store_(store), clock_(clock) {
    store_.OnUnsynced([this] { Wake(); });
  }

  Duration Step() override {
    if (!store_.Unsynced()) {
      due_ = kNever;
      return kNever;
    }
    const Duration now = clock_.Monotonic();
    if (due_ == kNever) due_ = now + store_.sync_interval();
    if (now < due_) return due_ - now;
    due_ = kNever;
    // A failure makes the store read-only, which it says itself.
    (void)store_.Sync();
    return kNever;
  }

 private:
  RocksdbStore& store_;
  const Clock& clock_;
  Duration due_ = kNever;  // Monotonic.
};

}  // namespace skiff
