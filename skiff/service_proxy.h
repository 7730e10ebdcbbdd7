// The service proxy of this machine, as `up`, `join` and `kube-proxy` run it.
#pragma once

#include <memory>
#include <string>

#include "client/informer.h"
#include "proxy/proxier.h"

namespace skiff {

class ServiceProxy {
 public:
  // Adds itself to the executor. The informers are started by the caller, afterwards. Fails where
  // the machine has no packet filter that works.
  static Result<std::unique_ptr<ServiceProxy>> Start(const std::string& node_name,
                                                     const proxy::IptablesOptions& rules,
                                                     InformerFactory& informers, const Clock& clock,
                                                     Executor& executor);
  // The rules stay.
  ~ServiceProxy();
  // How far it is; any thread.
  const proxy::Proxier& proxier() const { return *proxier_; }

 private:
  ServiceProxy(std::unique_ptr<proxy::Netfilter> netfilter, Executor& executor)
      : netfilter_(std::move(netfilter)), executor_(executor) {}

  const std::unique_ptr<proxy::Netfilter> netfilter_;
  Executor& executor_;
  std::unique_ptr<proxy::Proxier> proxier_;
};

}  // namespace skiff
