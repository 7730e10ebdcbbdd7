// The network of this node's pods: what CNI's plugins read, as soon as the node has its pod CIDRs
// and it is known how large pods' packets may be; and the routes to the pods of other nodes.
//
//   PodNetwork network({.nodes = informers.For<core_v1::Node>(), .client = client, .clock = clock},
//                      {.routes = {.node_name = name, .reserved_cidrs = {service_cidr}},
//                       .cni_directory = containerd.cni_conf_directory,
//                       .network = {.mtu = uplink_mtu, .ipam_directory = ...}});
//   network.OnWritten([&] { kubelet.RuntimeChanged(); });
//   network.Start(executor);
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/control_loop.h"
#include "kubelet/network/cni_config.h"
#include "kubelet/network/node_routes.h"

namespace skiff {

class PodNetwork {
 public:
  struct Options {
    NodeRouteOptions routes;
    std::string cni_directory;  // Where the runtime looks for configurations.
    // As to be written, but for the pod CIDRs. Its MTU counts where none can be found out.
    CniNetwork network;
  };
  // Before the informers start, which the caller does. `dependencies.on_pod_mtu` is taken for its
  // own.
  PodNetwork(NodeRouteLoop::Dependencies dependencies, Options options);
  ~PodNetwork();  // Stops.
  // Called after each time that a configuration was written, on the loop's thread. Before Start.
  void OnWritten(std::function<void()> written);
  void Start(Executor& executor);
  // While the executor lives. Configuration and routes stay.
  void Stop();
  const NodeRouteLoop& routes() const { return *routes_; }

 private:
  class ConfigLoop;
  Executor* executor_ = nullptr;
  std::unique_ptr<ConfigLoop> config_;
  std::unique_ptr<NodeRouteLoop> routes_;
};

}  // namespace skiff
