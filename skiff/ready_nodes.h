// Which nodes are Ready, for somebody who waits for it.
#pragma once

#include <string>
#include <vector>

#include "client/informer.h"

namespace skiff {

// Thread-safe; made before the informer starts.
class ReadyNodes {
 public:
  explicit ReadyNodes(Informer<core_v1::Node> nodes);
  virtual ~ReadyNodes() = default;
  static bool IsReady(const core_v1::Node& node);
  // False when one of them was not yet Ready, and no node had become so for as long as `patience`:
  // thousands take their time on a busy machine. Others do not count: those of an earlier start are
  // Ready in the store until somebody misses them.
  bool WaitFor(const std::vector<std::string>& names, Duration patience);

 protected:
  // Whether more than so many have become Ready so far, waited for that long at most.
  virtual bool AwaitMore(uint64_t seen, Duration patience);

 private:
  uint64_t BecameReady();

  const Informer<core_v1::Node> nodes_;
  Mutex mutex_;
  CondVar changed_;
  uint64_t became_ready_ GUARDED_BY(mutex_) = 0;  // So many have so far.
};

}  // namespace skiff
