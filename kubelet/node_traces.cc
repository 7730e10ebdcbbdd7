#include "kubelet/node_traces.h"

#include <sys/mount.h>

#include "kubelet/containerd.h"
#include "kubelet/mount_table.h"
#include "kubelet/network/cni_config.h"
#include "kubelet/network/links.h"
#include "kubelet/network/node_route_kernel.h"
#include "kubelet/volumes/volume_manager.h"

namespace skiff {
namespace {

// What the kubelet mounted for pods, whether it still runs or not.
Result<> RemoveVolumes(const NodeTraces& traces) {
  if (!traces.keep_data) {
    const SystemClock clock;
    kubelet::VolumeManager volumes(traces.kubelet_root, {}, clock);
    for (const std::string& uid : volumes.Pods()) TRY(volumes.TearDown(uid));
  }
  // What is left of pods, and the directory itself, which is a mount where it is shared.
  for (const std::string& mount : MountsBelow(traces.kubelet_root)) {
    umount2(mount.c_str(), MNT_DETACH);
  }
  return {};
}

}  // namespace

std::string IpamDirectory(const std::string& directory) {
  return directory + "/cni/ipam";
}

std::string ForwardingUndoPath(const std::string& directory) {
  return directory + "/forwarding.undo";
}

Result<> RemoveNodePods(const NodeTraces& traces) {
  TRY(RemoveContainerd({.directory = traces.directory, .use_system = false},
                       {.keep_images = traces.keep_data, .cgroups = traces.cgroups}));
  return RemoveVolumes(traces);
}

Result<> RemoveNodeNetwork(const std::string& directory) {
  CniNetwork network;
  network.ipam_directory = IpamDirectory(directory);
  const auto pods = RemoveCniNetwork(network);
  const auto routes = RemoveNodeRoutes(NodeRouteOptions().tunnel);
  const auto switches = RestoreForwarding(ForwardingUndoPath(directory));
  return !pods ? pods : !routes ? routes : switches;
}

}  // namespace skiff
