// The cluster's DNS inside its process: a server on this node, and in the API the Service
// kube-system/kube-dns with an EndpointSlice that leads to it.
//
//   pod ──► 10.96.0.10:53 (kube-dns) ──service rules──► node address:10053 ──► this process
//
// A kube-dns Service with a selector belongs to somebody who runs another DNS: it is left alone.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/error.h"
#include "base/id.h"
#include "client/client.h"
#include "client/informer.h"
#include "skiff/cluster.h"

namespace skiff {

// The tenth address of the service range, as everywhere; "" when the range is too small.
std::string ClusterDnsAddress(const std::string& service_cidr);

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
  // port is taken, with how to choose another.
  static Result<std::unique_ptr<ClusterDnsPart>> Start(const ClusterOptions& options,
                                                       Dependencies dependencies);
  ~ClusterDnsPart();

 private:
  struct Parts;
  explicit ClusterDnsPart(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace skiff
