// The cluster's DNS inside its process: a server on this node, and what leads to it.
//
//   pod ──► 10.96.0.10:53 (kube-dns) ──service rules──► node address:10053 ──► this process
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/error.h"
#include "base/id.h"
#include "client/client.h"
#include "client/informer.h"
#include "skiff/cluster.h"

namespace skiff {

// What pods are given as their name server; none when the cluster has no DNS of its own.
std::vector<std::string> ClusterDnsServers(const ClusterOptions& options);

class ClusterDnsPart {
 public:
  struct Dependencies {
    Transport& transport;
    InformerFactory& informers;
    const Clock& clock;
    Random& random;
    Executor& executor;
  };
  // The caller starts the informers afterwards, and stops them before this ends. Fails when the
  // port is taken, with how to choose another. nullptr when no DNS is wanted.
  static Result<std::unique_ptr<ClusterDnsPart>> Start(const ClusterOptions& options,
                                                       Dependencies dependencies);
  ~ClusterDnsPart();

 private:
  struct Parts;
  explicit ClusterDnsPart(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace skiff
