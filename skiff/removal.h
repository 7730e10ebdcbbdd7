// What `skiff down` may take away of a data directory. Pure.
#pragma once

#include <string>

#include "base/error.h"

namespace skiff {

struct DataDirFact;

struct Removal {
  bool files = false;
  bool node = false;  // Containers, network and rules of the node that ran from there.
  bool containerd = false;  // One was started there, though no node was.
};

// The error says why nothing is touched: another's files, or nothing at all.
Result<Removal> RemovalOf(const std::string& data_dir, const DataDirFact& found);

}  // namespace skiff
