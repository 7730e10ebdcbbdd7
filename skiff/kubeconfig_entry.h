// One cluster's entry among others in somebody's kubeconfig file.
#pragma once

#include <string>

#include "base/error.h"

namespace skiff {

// Takes the context, cluster and user of that name out of the file, and its current context if that
// is the one. The rest stays; a file that is not there or knows no such name is left alone.
Result<> RemoveFromKubeconfigFile(const std::string& path, const std::string& name);

}  // namespace skiff
