// What a node with a data directory of ours leaves on its machine beside files, and how it goes:
// containers and their daemon, mounts, cgroups, links, routes, switches of the kernel.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace skiff {

struct NodeTraces {
  std::string directory;     // Of containerd/, cni/ and forwarding.undo.
  std::string kubelet_root;  // Where pods' volumes are mounted.
  std::vector<std::string> cgroups = {"/kubepods"};
  // Images and what pods wrote stay for the next start; else the volumes go as well.
  bool keep_data = false;
};

// Where host-local keeps which addresses pods have.
std::string IpamDirectory(const std::string& directory);
// What EnableForwarding found.
std::string ForwardingUndoPath(const std::string& directory);

// Ends all pods and the containerd that ran them. Both can be repeated, and serve after a crash
// too.
Result<> RemoveNodePods(const NodeTraces& traces);
// Takes away what CNI's plugins leave, routes to other nodes and the kernel's switches: each also
// when another could not be. Pods have ended: without these routes packets for them could leave.
Result<> RemoveNodeNetwork(const std::string& directory);

}  // namespace skiff
