// The configuration that CNI's plugins read: a cable from the machine to each pod with a route to
// the pod's address (ptp), addresses from the node's pod CIDRs, host ports by portmap.
//
// All that pods send is routed, also between two of one machine, so that the service rules see it
// both ways. On a bridge they would not, unless the kernel had br_netfilter
// (docs/decisions/0034-pods-are-routed.md).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace skiff {

struct CniNetwork {
  std::string name = "skiff";
  std::vector<std::string> pod_cidrs;  // One per family, primary first.
  int mtu = 1500;
  std::string ipam_directory;  // Where host-local keeps which addresses are taken.
  // At which the machine's own programs are reached, whatever host ports pods claim: the rules for
  // those come before who listens, also for what a machine sends itself. Fifteen at most.
  std::vector<int> kept_ports = {};
  bool operator==(const CniNetwork&) const = default;
};

// Where this machine has the plugins that the conflist names.
struct CniPlugins {
  std::string folder;                // The first that has them all; else the one that lacks fewest.
  std::vector<std::string> missing;  // There. All, with no folder, where none of them is.
};
// In the folders that Debian and others install them to, unless the test names its own.
CniPlugins FindCniPlugins(const std::vector<std::string>& folders = {"/usr/lib/cni", "/opt/cni/bin",
                                                                     "/usr/libexec/cni"});

// The conflist, indented JSON. Pure.
std::string CniConflist(const CniNetwork& network);

// Writes it as `directory`/10-<name>.conflist, in one step; leaves an equal file alone, so that the
// runtime, which watches the folder, is not disturbed. Makes the folder.
Result<> WriteCniConfig(const std::string& directory, const CniNetwork& network);

// Takes away what the plugins leave when their pods are gone: the addresses, libcni's cache, and
// portmap's chains where they are empty.
Result<> RemoveCniNetwork(const CniNetwork& network);

}  // namespace skiff
