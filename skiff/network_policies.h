// NetworkPolicies for the pods of this machine, as `up`, `join` and `kube-proxy` enforce them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/informer.h"
#include "client/recorder.h"
#include "client/scoped_informer.h"
#include "proxy/policy/policy_loop.h"

namespace skiff {

// The ranges of pods for which policies held, in a data directory; none: there were no policies.
std::vector<std::string> ClosedRanges(const std::string& data_dir);
Result<> KeepClosedRanges(const std::string& data_dir, const std::vector<std::string>& ranges);

class NetworkPolicies {
 public:
  struct Dependencies {
    InformerFactory& informers;
    // Of the whole cluster; unset: they are read by `api`, once there is a policy.
    std::optional<Informer<core_v1::Pod>> pods;
    Reflector::Dependencies api;
    EventRecorder* events = nullptr;  // nullptr: troubles are told by the log alone.
    // In it is remembered, over a boot of the machine, what is to be closed until policies are
    // read; "": nothing is.
    std::string data_dir;
  };
  // Where the machine has booted since policies held here, its pods' ranges are closed on return.
  // Before the informers start, which the caller does; it outlives them.
  NetworkPolicies(const std::string& node_name, const Dependencies& dependencies);
  ~NetworkPolicies() { Stop(); }
  void Start(Executor& executor);
  // While the executor lives. The rules stay.
  void Stop();

 private:
  const std::unique_ptr<netpol::Nft> nft_ = netpol::OpenNft();
  std::unique_ptr<ScopedInformer<core_v1::Pod>> own_pods_;
  std::unique_ptr<netpol::PolicyLoop> loop_;
  Executor* executor_ = nullptr;
};

}  // namespace skiff
