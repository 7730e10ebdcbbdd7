// Makes the DNS known to the cluster: the Service kube-system/kube-dns, and an EndpointSlice of it
// that leads to one server. Whoever deletes them finds them made again; a Service of that name with
// a selector belongs to somebody who runs another DNS, and is left alone.
#pragma once

#include <string>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "base/control_loop.h"
#include "base/log.h"
#include "client/client.h"
#include "client/informer.h"

namespace skiff::dns {

// The tenth address of the service range, as everywhere; "" when the range is too small.
std::string ClusterDnsAddress(const std::string& service_cidr);

class PublishLoop final : public ControlLoop {
 public:
  struct What {
    std::string service_address;
    std::string node;          // Where the server runs.
    std::string node_address;  // Loopback when that machine reaches no other: then its bridge's.
    int port = 0;              // Of the server, for both protocols.
  };
  // Informers are started by the caller, afterwards.
  PublishLoop(What what, Client client, InformerFactory& informers);
  Duration Step() override;

 private:
  Result<> Publish();
  std::string ReachableAddress() const;

  const What what_;
  Client client_;
  const Informer<core_v1::Service> services_;
  const Informer<discovery_v1::EndpointSlice> slices_;
  const Informer<core_v1::Node> nodes_;
  const Log log_{"dns"};
};

}  // namespace skiff::dns
