// This machine as a node of the cluster: containerd, network, kubelet with its server, proxy.
#pragma once

#include <memory>

#include "base/id.h"
#include "base/metrics.h"
#include "client/manager.h"
#include "http/tls.h"
#include "skiff/cluster.h"

namespace skiff {

class LocalNode {
 public:
  struct Dependencies {
    Transport& transport;  // As this node.
    Transport& services;   // As what serves the cluster's network from it.
    InformerFactory& informers;  // As the same.
    Informer<core_v1::Pod> pods;  // Those of this node at least.
    const Clock& clock;
    Random& random;
    http::ServerTls tls;  // Of the kubelet's port.
    bool pods_are_all = false;  // `pods` are those of the whole cluster.
  };
  // Brings containerd up and adds the node's loops to an executor of its own. The informers are
  // started by the caller, afterwards.
  static Result<std::unique_ptr<LocalNode>> Start(const ClusterOptions& options,
                                                  Dependencies dependencies,
                                                  const Progress& progress);
  ~LocalNode();
  const std::string& name() const;
  // The kubelet's port shows this certificate from now on. Any thread.
  Result<> ReloadTls(const http::ServerTls& tls);
  // What the kubelet tells at /metrics.
  MetricRegistry& kubelet_metrics();

 private:
  struct Parts;
  explicit LocalNode(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// "": the host's name.
std::string NodeName(const ClusterOptions& options);
// The address by which this machine reaches others; loopback when it reaches none.
std::string NodeAddress();
// Those that a cluster of such ranges knows this node by, that one first. Of IPv6 there may be
// none: pods reach one another through the tunnel then.
std::vector<std::string> NodeAddresses(const ClusterOptions& options);
// At which this machine's own programs listen: no pod gets what arrives there.
std::vector<int> OwnPorts(const ClusterOptions& options);

}  // namespace skiff
