#include "skiff/service_proxy.h"

#include "base/log.h"

namespace skiff {

Result<std::unique_ptr<ServiceProxy>> ServiceProxy::Make(const std::string& node_name,
                                                         const proxy::IptablesOptions& rules,
                                                         proxy::IptablesFlavour flavour,
                                                         InformerFactory& informers,
                                                         const Clock& clock,
                                                         const proxy::ProxierTimes& times,
                                                         proxy::ProxyMetrics* metrics) {
  auto netfilter = TRY(proxy::OpenIptables(rules.family, flavour));
  std::unique_ptr<ServiceProxy> made(new ServiceProxy(std::move(netfilter)));
  made->proxier_ = std::make_unique<proxy::Proxier>(
      proxy::Proxier::Dependencies{
          informers.For<core_v1::Service>(), informers.For<discovery_v1::EndpointSlice>(),
          informers.For<core_v1::Node>(), clock, *made->netfilter_, &made->health_,
          metrics},
      node_name, rules, times);
  if (rules.localhost_node_ports && rules.family == proxy::IpFamily::kIpv4) {
    const auto allowed = made->netfilter_->AllowLocalNodePorts();
    if (!allowed) {
      Log("proxy").Error("no node ports at 127.0.0.1", {{"error", allowed.error().message}});
    }
  }
  return made;
}

void ServiceProxy::Start(Executor& executor) {
  executor_ = &executor;
  executor.Add(*proxier_);
}

void ServiceProxy::Stop() {
  if (executor_ != nullptr) executor_->Remove(*proxier_);
  executor_ = nullptr;
}

}  // namespace skiff
