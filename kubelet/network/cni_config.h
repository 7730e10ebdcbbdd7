// The configuration that CNI's plugins read: one bridge a node, addresses from the node's pod
// CIDRs, host ports by portmap.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace skiff {

struct CniNetwork {
  std::string name = "skiff";
  std::string bridge = "cni0";
  std::vector<std::string> pod_cidrs;  // One per family, primary first.
  int mtu = 1500;
  std::string ipam_directory;  // Where host-local keeps which addresses are taken.
  bool operator==(const CniNetwork&) const = default;
};

// The conflist, indented JSON. Pure.
std::string CniConflist(const CniNetwork& network);

// Writes it as `directory`/10-<name>.conflist, in one step; leaves an equal file alone, so that the
// runtime, which watches the folder, is not disturbed. Makes the folder.
Result<> WriteCniConfig(const std::string& directory, const CniNetwork& network);

// Takes away what the plugins leave when their pods are gone: the bridge, the addresses, libcni's
// cache, and portmap's chains where they are empty.
Result<> RemoveCniNetwork(const CniNetwork& network);

}  // namespace skiff
