// Scheduler and kubelet in miniature, for tests of controllers alone: every pod is bound to one
// node, runs and is Ready at once, and goes at once when it is deleted. All nodes report every 10
// s.
#pragma once

#include <functional>
#include <string>

#include "api/gen/core_v1.h"
#include "client/manager.h"

namespace skiff {

struct PodRunnerOptions {
  std::string node = "node1";
  // Pods it refuses stay Pending. Empty: all run.
  std::function<bool(const core_v1::Pod&)> runs;
  // Nodes it refuses fall silent. Empty: all report.
  std::function<bool(const std::string& node)> reports;
};
void AddPodRunner(Manager& manager, PodRunnerOptions options = {});

}  // namespace skiff
