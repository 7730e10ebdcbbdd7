// A second cluster that begins as a copy of one: its objects, history and identities, other ports,
// simulated nodes. What becomes of either, the other never hears of.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "skiff/cluster.h"

namespace skiff {

struct ForkOptions {
  std::string name;
  std::string data_dir;  // Of the cluster that is copied.
  std::string kubeconfig;  // As StoreCopy::Take.
  int secure_port = 0;     // 0: the next one that is free.
  int nodes = 0;           // 0: as many as the other simulates.
};

// "/var/lib/skiff-NAME": beside the other, so that files are shared until one of the two changes.
std::string ForkDirectory(const std::string& data_dir, const std::string& name);

// The flags of its `skiff up`: those that the other was started with, but for what two clusters on
// one machine cannot both have. `fork` says what it has of its own. Pure.
std::vector<std::string> ForkArguments(const ClusterOptions& fork,
                                       const std::vector<std::string>& arguments);

// Starts it; prints what `up` prints. The exit code; errors say why nothing was made.
Result<int> Fork(const ForkOptions& options);

struct ForkedFrom {
  std::string data_dir;
  std::string fork_data_dir;
  bool running = false;
};
// The forks of the cluster in that directory that are there.
std::vector<ForkedFrom> ForksOf(const std::string& data_dir);

}  // namespace skiff
