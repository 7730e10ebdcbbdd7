// Who uses the network of this machine: links, routes, service rules and switches of the kernel
// are one set, whatever number of nodes run here, each from a data directory of its own. The last
// one to leave takes them away.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace skiff {

class MachineNetwork {
 public:
  // Of the network that this process is in.
  MachineNetwork();
  // Remembered in `directory`, which is made when it is needed.
  explicit MachineNetwork(std::string directory) : directory_(std::move(directory)) {}

  // A node with this data directory uses the network from now on.
  Result<> Join(const std::string& data_dir);
  // The data directories of the other nodes, in order of their names. One whose directory holds no
  // cluster any more uses nothing.
  std::vector<std::string> Others(const std::string& data_dir) const;
  void Leave(const std::string& data_dir);

 private:
  std::string FileOf(const std::string& data_dir) const;
  const std::string directory_;
};

}  // namespace skiff
