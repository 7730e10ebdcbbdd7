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
  static bool IsReady(const core_v1::Node& node);
  // False when one of them was not yet Ready after `timeout`. Others do not count: those of an
  // earlier start are Ready in the store until somebody misses them.
  bool WaitFor(const std::vector<std::string>& names, Duration timeout);

 private:
  const Informer<core_v1::Node> nodes_;
  Mutex mutex_;
  CondVar changed_;
};

}  // namespace skiff
