// Ingresses of a cluster, served by HAProxy on the machine of its server.
//
//   browser ──► machine:80, :443 ──► haproxy ──► pods, on whichever node
#pragma once

#include <memory>
#include <string_view>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/error.h"
#include "client/client.h"
#include "client/informer.h"
#include "skiff/cluster.h"

namespace skiff {

inline constexpr std::string_view kIngressUser = "skiff:ingress";

// Where nodes are simulated there is nobody to lead requests to.
bool IsIngressWanted(const ClusterOptions& options);
// Whether the HAProxy of the cluster in that directory runs.
bool IngressRuns(const std::string& data_dir);
// Invalid names the flag.
Result<> CheckIngressFlags(const ClusterOptions& options);

class ClusterIngress {
 public:
  struct Dependencies {
    Transport& transport;  // As kIngressUser.
    InformerFactory& informers;
    const Clock& clock;
    Executor& executor;
  };
  // The caller starts the informers afterwards, and stops them before this ends. Where no Ingresses
  // are to be served, a HAProxy of an earlier start is ended, and what it served says so no more.
  // The same where something stands in the way, which is logged and told by an Event of each
  // Ingress: nothing else of a cluster waits for its Ingresses.
  static std::unique_ptr<ClusterIngress> Start(const ClusterOptions& options,
                                               Dependencies dependencies);
  // HAProxy goes on.
  ~ClusterIngress();

 private:
  struct Parts;
  explicit ClusterIngress(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// Ends the HAProxy of the cluster in that directory. True when none runs any more.
bool StopIngress(const std::string& data_dir);

}  // namespace skiff
