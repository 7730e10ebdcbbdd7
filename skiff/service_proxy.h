// The service proxy of this machine, as `up`, `join` and `kube-proxy` run it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/informer.h"
#include "proxy/proxier.h"

namespace skiff {

class ServiceProxy {
 public:
  // What is proxied of one family of addresses.
  struct Family {
    proxy::IptablesOptions rules;
    proxy::FamilyMetrics* metrics = nullptr;  // Outlives the proxy; null: nobody asks.
    bool is_named = true;  // Somebody has asked for it: that it cannot be had is an error.
  };
  // Before the informers start, which the caller does; it outlives them. Fails where the machine
  // has no packet filter that works for the first family; another one is logged and left out, as by
  // kube-proxy.
  static Result<std::unique_ptr<ServiceProxy>> Make(const std::string& node_name,
                                                    const std::vector<Family>& families,
                                                    proxy::IptablesFlavour flavour,
                                                    InformerFactory& informers, const Clock& clock,
                                                    const proxy::ProxierTimes& times = {});
  ~ServiceProxy() { Stop(); }
  // Writes rules from now on.
  void Start(Executor& executor);
  // While the executor lives. The rules stay.
  void Stop();

  // How far it is, of the family that is behind the others; as proxy::Proxier says. Any thread.
  bool synced() const;
  TimePoint last_updated() const;
  Duration waiting_since() const;

 private:
  struct Part {
    std::unique_ptr<proxy::Netfilter> netfilter;
    std::unique_ptr<proxy::Proxier> proxier;
  };

  // Of the servers that load balancers ask for this node's endpoints.
  http::Loops loops_{1};
  proxy::ServiceHealthServers health_{loops_};
  std::vector<Part> parts_;
  Executor* executor_ = nullptr;
};

}  // namespace skiff
