// Keeps the kernel's rules in step with Services and EndpointSlices. Changes coalesce; a step
// compiles all services and writes the chains that differ from what was written before.
#pragma once

#include <atomic>
#include <memory>

#include "base/control_loop.h"
#include "base/log.h"
#include "client/informer.h"
#include "proxy/iptables.h"
#include "proxy/netfilter.h"
#include "proxy/service_map.h"

namespace skiff::proxy {

class Proxier final : public ControlLoop {
 public:
  // Whether somebody flushed our rules is looked at this often; a failed write is tried again.
  static constexpr Duration kSyncPeriod = 30s;

  struct Dependencies {
    Informer<core_v1::Service> services;
    Informer<discovery_v1::EndpointSlice> slices;
    Informer<core_v1::Node> nodes;
    const Clock& clock;
    Netfilter& netfilter;
  };
  // `node_name` tells which endpoints are local. Informers are started by the caller, afterwards.
  Proxier(Dependencies dependencies, std::string node_name, IptablesOptions options);
  Duration Step() override;
  // The first rules have been written. Any thread.
  bool synced() const { return synced_; }

 private:
  Result<> Sync();
  bool InformersSynced() const;
  void CleanConntrack(const ServiceMap& before, const ServiceMap& now);

  const Dependencies dependencies_;
  const std::string node_name_;
  const IptablesOptions options_;
  const Log log_{"proxy"};
  std::atomic<bool> changed_ = true;
  std::atomic<bool> synced_ = false;
  bool must_write_all_ = true;
  Duration next_check_{};
  RuleSet applied_;
  ServiceMap services_;
};

}  // namespace skiff::proxy
