// skiff up and down: a cluster as a daemon of this machine.
#pragma once

#include <string>
#include <vector>

#include "base/flags.h"
#include "skiff/cluster.h"

namespace skiff {

struct UpFlags {
  ClusterOptions cluster;
  bool foreground = false;
  bool leave_nothing = false;
  bool merge_kubeconfig = false;
  int verbosity = 0;
  bool operator==(const UpFlags&) const = default;
};
void AddUpFlags(Flags& flags, UpFlags& to);
// After those were parsed: addresses for the pods of so many nodes, unless some were given.
void ChooseAddresses(ClusterOptions& options);
// Invalid names the flag that is wrong.
Result<> CheckUpFlags(UpFlags& to);
// The one that `down`, `status`, `join` and `token` take too.
void AddDataDirFlag(Flags& flags, ClusterOptions& options);
// Of `up` and `down`.
void AddServiceRangeFlag(Flags& flags, ClusterOptions& options);
// Relative paths among the options are where the command was typed, also in its daemon.
void MakePathsAbsolute(ClusterOptions& options);
// Of `up` and `join`: --foreground and --leave-nothing.
void AddAttachedFlags(Flags& flags, bool& foreground, bool& leave_nothing);

int UpMain(const std::vector<std::string>& args);
int DownMain(const std::vector<std::string>& args);
int ImageMain(const std::vector<std::string>& args);

}  // namespace skiff
