// Keeps this machine's routes to the pods of other nodes: plans them from the Node objects, brings
// the kernel there, and says on its own Node where its end of the tunnel is. Looks again when Nodes
// change and when the kernel tells that links, addresses or one of these routes changed.
//
//   NodeRouteLoop routes({.nodes = informers.For<core_v1::Node>(), .client = client,
//                         .clock = clock, .on_pod_mtu = [](int mtu) { ... }},
//                        {.node_name = "node-a", .reserved_cidrs = {"10.96.0.0/16"}});
//   executor.Add(routes);
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "base/netlink_watch.h"
#include "client/client.h"
#include "client/informer.h"
#include "client/recorder.h"
#include "kubelet/network/node_route_plan.h"
#include "kubelet/network/route_problems.h"

namespace skiff {

// Where a node says which MAC its end of the tunnel has.
inline constexpr char kTunnelMacAnnotation[] = "skiff.io/tunnel-mac";

// What the plan needs to know of Nodes, the oldest first; those that are being deleted left out.
std::vector<RoutedNode> RoutedNodes(const std::vector<Ptr<core_v1::Node>>& nodes);

class NodeRouteLoop final : public ControlLoop {
 public:
  // What failed is tried again after this.
  static constexpr Duration kRetryPeriod = 10s;
  // Where the kernel's events cannot be had, it is looked at this often.
  static constexpr Duration kCheckPeriod = 30s;
  // Events come in bursts: between two looks at the kernel at least this.
  static constexpr Duration kPause = 200ms;

  struct Dependencies {
    Informer<core_v1::Node> nodes;
    Client& client;
    const Clock& clock;
    EventRecorder* events = nullptr;  // Problems are told of as Events of the own Node as well.
    // Called by a Step once the own Node has pod CIDRs and an address, and when it changes: what
    // pods may send at once; 0: cannot be found out.
    std::function<void(int mtu)> on_pod_mtu;
  };
  // Informers are started by the caller, afterwards. Steps act on the network namespace of the
  // thread they run on.
  NodeRouteLoop(Dependencies dependencies, NodeRouteOptions options);
  Duration Step() override;
  // The last step left nothing to do. Any thread.
  bool settled() const { return settled_; }

 private:
  Result<NodeRoutePlan> Apply();
  void TellMtu(int mtu);
  // The own Node says where our end of the tunnel is.
  Result<> Announce();
  void Report(const std::vector<std::string>& problems, Duration now);
  void StartWatch();

  const Dependencies dependencies_;
  const NodeRouteOptions options_;
  const Log log_{"network"};
  Duration not_before_{};
  int pod_mtu_ = -1;  // As told last.
  RouteProblems problems_;
  bool tried_watch_ = false;
  std::atomic<bool> settled_ = false;
  std::unique_ptr<NetlinkWatch> watch_;  // Last: it calls Wake.
};

}  // namespace skiff
