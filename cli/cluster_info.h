// `cluster-info` and `cluster-info dump`.
#pragma once

#include "cli/command.h"

namespace skiff::cli {

Result<> RunClusterDump(Command& command, const Args& args);
int ClusterInfoMain(Environment& environment, const Args& args);

}  // namespace skiff::cli
