// Makes the DNS known to the cluster: the Service kube-system/kube-dns, and an EndpointSlice for
// each node that has a server (published.h). Whoever deletes or changes them finds them made again;
// a Service of that name with a selector belongs to somebody who runs another DNS, and is left
// alone. In a cluster that wants no DNS any more, slices of nodes whose server is gone go as well.
#pragma once

#include <set>
#include <string>

#include "base/control_loop.h"
#include "base/log.h"
#include "client/client.h"
#include "client/informer.h"
#include "dns/published.h"

namespace skiff::dns {

class PublishLoop final : public ControlLoop {
 public:
  // `service_address`: "" makes nothing, and takes away what leads nowhere. Informers are started
  // by the caller, afterwards.
  PublishLoop(std::string service_address, Client client, InformerFactory& informers);
  Duration Step() override;

 private:
  Result<> PublishService();
  Result<> PublishSlice(const discovery_v1::EndpointSlice& wanted);
  Result<> PublishAll();
  Result<> DeleteOthersThan(const std::set<std::string>& wanted_names);

  const std::string service_address_;
  Client client_;
  const Informer<core_v1::Service> services_;
  const Informer<discovery_v1::EndpointSlice> slices_;
  const Informer<core_v1::Node> nodes_;
  const Log log_{"dns"};
};

// Says on this machine's Node at which port its server answers, or no more that one does. The Node
// may come later, and be made anew.
class AnnounceLoop final : public ControlLoop {
 public:
  // `port`: 0 where there is no server. `client`: as the node. Informers are started by the caller,
  // afterwards.
  AnnounceLoop(std::string node, int port, Client client, InformerFactory& informers);
  Duration Step() override;

 private:
  const std::string node_;
  const std::string port_;  // "" where there is no server.
  Client client_;
  const Informer<core_v1::Node> nodes_;
  const Log log_{"dns"};
};

}  // namespace skiff::dns
