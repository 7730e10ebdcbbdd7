#include "skiff/service_proxy.h"

#include <fstream>

namespace skiff {

Result<std::unique_ptr<ServiceProxy>> ServiceProxy::Start(const std::string& node_name,
                                                          const proxy::IptablesOptions& rules,
                                                          InformerFactory& informers,
                                                          const Clock& clock, Executor& executor) {
  auto netfilter = TRY(proxy::OpenIptables(rules.family));
  std::unique_ptr<ServiceProxy> made(new ServiceProxy(std::move(netfilter), executor));
  made->proxier_ = std::make_unique<proxy::Proxier>(
      proxy::Proxier::Dependencies{informers.For<core_v1::Service>(),
                                   informers.For<discovery_v1::EndpointSlice>(),
                                   informers.For<core_v1::Node>(), clock, *made->netfilter_},
      node_name, rules);
  if (rules.localhost_node_ports) {
    // Packets from 127.0.0.1 to a node port leave through the bridge.
    std::ofstream("/proc/sys/net/ipv4/conf/all/route_localnet") << "1";
  }
  executor.Add(*made->proxier_);
  return made;
}

ServiceProxy::~ServiceProxy() {
  if (proxier_) executor_.Remove(*proxier_);
}

}  // namespace skiff
