// This machine as a node of the cluster: containerd, network, kubelet with its server, proxy.
#pragma once

#include <memory>

#include "apiserver/auth/pki.h"
#include "base/id.h"
#include "client/manager.h"
#include "skiff/cluster.h"

namespace skiff {

class LocalNode {
 public:
  struct Dependencies {
    Transport& transport;
    InformerFactory& informers;
    const Clock& clock;
    Random& random;
    const Pki& pki;
  };
  // Brings containerd up and adds the node's loops to an executor of its own. The informers are
  // started by the caller, afterwards.
  static Result<std::unique_ptr<LocalNode>> Start(const ClusterOptions& options,
                                                  Dependencies dependencies,
                                                  const Progress& progress);
  ~LocalNode();
  const std::string& name() const;

 private:
  struct Parts;
  explicit LocalNode(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// "": the host's name.
std::string NodeName(const ClusterOptions& options);
// The address by which this machine reaches others; loopback when it reaches none.
std::string NodeAddress();

// N kubelets on runtimes in memory.
class SimulatedNodes {
 public:
  SimulatedNodes(int count, Transport& transport, InformerFactory& informers, const Clock& clock,
                 Random& random);
  ~SimulatedNodes();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace skiff
