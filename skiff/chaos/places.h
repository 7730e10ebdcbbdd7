// Finds where a target of the cluster is on this machine.
#pragma once

#include <string>
#include <vector>

#include "client/client.h"
#include "skiff/chaos/machine.h"
#include "skiff/chaos/plan.h"

namespace skiff::chaos {

// kNotFound: the cluster has no such node or pod. A target that the cluster has and this machine
// does not is found with is_here false, and says where to ask instead.
Result<Place> FindPlace(Client& client, const Request& request, const Target& target);

// Where to ask for a node that the network of this machine's first process has no address of. Where
// that may not be looked at (a container's root, say), it may be this machine all the same.
std::string NodeElsewhere(const Result<NetworkFact>& machines);

// The containers of a pod whose processes are meant, by the names that their cgroups have: all of
// them when `container` is "". kNotFound: there is no such container, or it does not run.
Result<std::vector<std::string>> GroupsOf(const core_v1::Pod& pod, const std::string& container);
// As others see it: CIDRs, of a node with its pods'. What is no address, though a node or a client
// says so, is left out.
std::vector<std::string> AddressesOf(const core_v1::Node& node);
std::vector<std::string> AddressesOf(const core_v1::Pod& pod);
// What the API shows of a static pod has a uid of its own; on its node it has this one. "" for
// other pods, whatever their annotations say.
std::string StaticUid(const core_v1::Pod& pod);
// The names that a pod's cgroup has, by either driver; none for "".
std::vector<std::string> PodGroups(const std::string& uid);
// Where a container of the pod has mounted that emptyDir; the only one that the pod has, when
// `volume` is "".
struct MountedVolume {
  std::string container;
  std::string path;
};
Result<MountedVolume> FindVolume(const core_v1::Pod& pod, const std::string& volume);

// The cluster, where nobody names a kubeconfig: that of this machine's own, else the user's, else
// that of a machine that joined, by which a node may look itself up and tell of itself.
std::string UnnamedKubeconfig(const std::string& data_dir, const std::string& home);

}  // namespace skiff::chaos
