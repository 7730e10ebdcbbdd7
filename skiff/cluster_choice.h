// Which of a machine's clusters a program is about that works on a data directory: the kubeconfig's
// word is heard first, as kubectl hears it.
#pragma once

#include <string>
#include <vector>

#include "base/flags.h"
#include "skiff/cluster.h"

namespace skiff {

// The data directory of the cluster that the files of `variable` (KUBECONFIG) name: of the
// directories beside these files, and of `usual`, the one whose own kubeconfig has the same server
// and authority. `usual` where they name no cluster at all. NotFound where it is a cluster of which
// nothing is kept there: what happened to another one in its place nobody asked for.
Result<std::string> DataDirOfKubeconfig(const std::string& variable, const std::string& usual);

// The same for a program whose --data-dir was not given.
Result<> ChooseDataDir(const Flags& flags, ClusterOptions& options);

}  // namespace skiff
