// Which nodes are Ready, for somebody who waits for it.
#pragma once

#include <string>

#include "client/informer.h"

namespace skiff {

// Thread-safe; made before the informer starts.
class ReadyNodes {
 public:
  explicit ReadyNodes(Informer<core_v1::Node> nodes);
  static bool IsReady(const core_v1::Node& node);
  // False when that many are not Ready after `timeout`.
  bool WaitFor(int count, Duration timeout);
  bool WaitForNode(const std::string& name, Duration timeout);

 private:
  const Informer<core_v1::Node> nodes_;
  Mutex mutex_;
  CondVar changed_;
};

}  // namespace skiff
