// `skiff snapshot save|restore|fork|ls`: a cluster as a file, back from it, and a second time.
#pragma once

#include <string>
#include <vector>

namespace skiff {

int SnapshotMain(const std::vector<std::string>& args);

}  // namespace skiff
