// Makes the DNS known to the cluster: the Service kube-system/kube-dns, and an EndpointSlice for
// each node that has a server (published.h). Whoever deletes or changes them finds them made again;
// a Service of that name with a selector belongs to somebody who runs another DNS, and is left
// alone.
#pragma once

#include <string>

#include "base/control_loop.h"
#include "base/log.h"
#include "client/client.h"
#include "client/informer.h"
#include "dns/published.h"

namespace skiff::dns {

class PublishLoop final : public ControlLoop {
 public:
  // Informers are started by the caller, afterwards.
  PublishLoop(std::string service_address, Client client, InformerFactory& informers);
  Duration Step() override;

 private:
  Result<> PublishService();
  Result<> PublishSlice(const discovery_v1::EndpointSlice& wanted);
  Result<> PublishAll();

  const std::string service_address_;
  Client client_;
  const Informer<core_v1::Service> services_;
  const Informer<discovery_v1::EndpointSlice> slices_;
  const Informer<core_v1::Node> nodes_;
  const Log log_{"dns"};
};

// Says on this machine's Node at which port its server answers. The Node may come later, and be
// made anew.
class AnnounceLoop final : public ControlLoop {
 public:
  // `client`: as the node. Informers are started by the caller, afterwards.
  AnnounceLoop(std::string node, int port, Client client, InformerFactory& informers);
  Duration Step() override;

 private:
  const std::string node_;
  const std::string port_;
  Client client_;
  const Informer<core_v1::Node> nodes_;
  const Log log_{"dns"};
};

}  // namespace skiff::dns
