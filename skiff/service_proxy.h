// The service proxy of this machine, as `up`, `join` and `kube-proxy` run it.
#pragma once

#include <memory>
#include <string>

#include "client/informer.h"
#include "proxy/proxier.h"

namespace skiff {

class ServiceProxy {
 public:
  // Before the informers start, which the caller does; it outlives them. Fails where the machine
  // has no packet filter that works.
  static Result<std::unique_ptr<ServiceProxy>> Make(const std::string& node_name,
                                                    const proxy::IptablesOptions& rules,
                                                    proxy::IptablesFlavour flavour,
                                                    InformerFactory& informers, const Clock& clock,
                                                    const proxy::ProxierTimes& times = {},
                                                    proxy::ProxyMetrics* metrics = nullptr);
  ~ServiceProxy() { Stop(); }
  // Writes rules from now on.
  void Start(Executor& executor);
  // While the executor lives. The rules stay.
  void Stop();
  // How far it is; any thread.
  const proxy::Proxier& proxier() const { return *proxier_; }

 private:
  explicit ServiceProxy(std::unique_ptr<proxy::Netfilter> netfilter)
      : netfilter_(std::move(netfilter)) {}

  const std::unique_ptr<proxy::Netfilter> netfilter_;
  // Of the servers that load balancers ask for this node's endpoints.
  http::Loops loops_{1};
  proxy::ServiceHealthServers health_{loops_};
  std::unique_ptr<proxy::Proxier> proxier_;
  Executor* executor_ = nullptr;
};

}  // namespace skiff
