// What a kubelet gives its node where nobody else does, as kubelets themselves once did: a
// containerd, images from files, and the network of the node's pods, from its pod CIDR.
//
//   auto own = TRY(OwnRuntime::Make({.directory = "/var/lib/skiff", .image_directory =
//   "/images"})); own->PrepareNetwork({.nodes = nodes, .client = client, .clock = clock},
//   node_name); own->StartNetwork(executor, kubelet);
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kubelet/containerd.h"
#include "kubelet/containerd_keeper.h"
#include "kubelet/network/pod_network.h"
#include "kubelet/node_traces.h"

namespace skiff::kubelet {

class NodeAgent;

class OwnRuntime {
 public:
  struct Options {
    // Of one kubelet at a time.
    std::string directory;
    // Its archives, *.tar, are loaded, and image collection leaves them alone. One that cannot be
    // loaded is reported and passed over. "" or not there: none.
    std::string image_directory;
    // Whether a containerd that runs at the system's place is taken before one is started.
    bool use_system = true;
    std::vector<int> kept_ports = {};  // CniNetwork has them.
  };
  // Returns when containerd answers and the images are there.
  // Conflict when another kubelet has the directory.
  static Result<std::unique_ptr<OwnRuntime>> Make(const Options& options);
  // Stops; containers go on.
  ~OwnRuntime();

  const std::string& endpoint() const { return containerd_.endpoint; }
  // Before the informers start. Does nothing for a containerd of somebody else, whose network is
  // theirs too.
  // `cluster_cidrs`: where other nodes' pods may be (NodeRouteOptions); empty: in private networks.
  void PrepareNetwork(NodeRouteLoop::Dependencies dependencies, const std::string& node_name,
                      std::vector<std::string> cluster_cidrs);
  // Host ports that the network leads to no pod (KubeletOptions has them); none where it is
  // somebody else's.
  std::vector<int> kept_ports() const;
  // From now on the agent's threads see to the network, tell its kubelet when pods have one, and
  // start containerd again when it ends. Both outlive Stop.
  void Start(NodeAgent& agent, const Clock& clock);
  void Stop();
  // Ends all pods and takes everything but files off the machine, unless containerd is somebody
  // else's. After the kubelet has ended.
  Result<> LeaveNothing(const std::string& kubelet_root, const std::string& cgroup_root);

 private:
  OwnRuntime(Options options, int lock) : options_(std::move(options)), lock_(lock) {}
  void LoadImages();

  const Options options_;
  const int lock_;  // A file; closed, the directory is free.
  Containerd containerd_;
  std::unique_ptr<PodNetwork> network_;
  std::unique_ptr<ContainerdKeeper> keeper_;
  NodeAgent* agent_ = nullptr;  // Set between Start and Stop.
};

}  // namespace skiff::kubelet
