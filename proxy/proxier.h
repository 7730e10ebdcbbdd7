// Keeps the kernel's rules in step with Services and EndpointSlices, for one address family.
//
// A step compiles the services that changed and writes their chains (RuleBook). All is written at
// the start, after a failure, when somebody took rules away, and once an hour unless the cluster is
// large. Where the kernel tells of deletions (iptables-nft) nothing is looked at in between; else
// the canary chain is, every sync period.
#pragma once

#include <atomic>
#include <memory>
#include <set>
#include <string>

#include "base/control_loop.h"
#include "base/log.h"
#include "client/informer.h"
#include "proxy/iptables.h"
#include "proxy/netfilter.h"
#include "proxy/proxy_metrics.h"
#include "proxy/rule_sync.h"
#include "proxy/service_health.h"
#include "proxy/service_map.h"

namespace skiff::proxy {

struct ProxierTimes {
  // Between two writes; changes in between wait and coalesce. kube-proxy's flag
  // --iptables-min-sync-period, there 1 s.
  Duration min_sync_period = 100ms;
  // A failed write is tried again after it, and the canary is looked at: --iptables-sync-period.
  Duration sync_period = 30s;
};

class Proxier final : public ControlLoop {
 public:
  // Everything is written anew this often, in clusters that are not large.
  static constexpr Duration kFullSyncPeriod = 1h;
  // Between two looks at rules of which somebody has deleted some.
  static constexpr Duration kLookPeriod = 1s;

  struct Dependencies {
    Informer<core_v1::Service> services;
    Informer<discovery_v1::EndpointSlice> slices;
    Informer<core_v1::Node> nodes;
    const Clock& clock;
    Netfilter& netfilter;
    ServiceHealthServers* health = nullptr;  // Null: no health check node ports.
    FamilyMetrics* metrics = nullptr;        // Null: nobody asks.
  };
  // `node_name` tells which endpoints are local. Informers are started by the caller, afterwards.
  Proxier(Dependencies dependencies, std::string node_name, IptablesOptions options,
          ProxierTimes times = {});
  ~Proxier() override;
  Duration Step() override;
  // The first rules have been written. Any thread.
  bool synced() const { return synced_; }
  // When rules were last found to be what they should be (wall time), and since when (monotonic) a
  // change has waited to be written; kNever: none waits. Any thread.
  TimePoint last_updated() const { return TimePoint(Duration(last_updated_.load())); }
  Duration waiting_since() const { return Duration(waiting_since_.load()); }

 private:
  void WatchInformers();
  void NoteChange(const std::string& service);
  Result<SyncReport> Sync(std::set<std::string> changed);
  // Sync, and what metrics tell of it.
  Result<> Write(std::set<std::string> changed);
  // Rebuilds the ports of that service; returns the keys it has or had.
  std::set<std::string> Rebuild(const std::string& service, const NodeFacts& node);
  // Says, once, that not all endpoints of the service are led to.
  void TellIfCut(const std::string& service, const ServiceMap& ports);
  // Says, once, that the service or its endpoints have addresses that cannot be read.
  void TellIfUnreadable(const std::string& service, const Unreadable& unreadable);
  NodeFacts Node() const;
  bool InformersSynced() const;
  void CheckRules(Duration now);
  // When the rules are looked at or written next, if nothing changes.
  Duration NextDue(Duration now) const;

  const Dependencies dependencies_;
  const std::string node_name_;
  const IpFamily family_;
  const ProxierTimes times_;
  const Log log_{"proxy"};
  RuleSync rules_;
  ServiceMap services_;
  EndpointRoom room_;                                  // What is left by these.
  std::map<std::string, std::set<std::string>> keys_;  // Of services_, by "namespace/name".
  std::set<std::string> cut_, unreadable_;             // Of which that was said.
  bool watches_deletions_ = false;
  bool must_write_all_ = true;
  Duration next_check_{};
  Duration next_full_{};
  Duration not_before_{};  // The next write.
  Duration look_not_before_{};
  std::atomic<bool> look_ = false;
  std::atomic<bool> synced_ = false;
  std::atomic<int64_t> last_updated_ = 0;
  std::atomic<int64_t> waiting_since_ = kNever.count();
  Mutex mutex_;
  std::set<std::string> changed_ GUARDED_BY(mutex_);  // "namespace/name" of services.
  bool node_changed_ GUARDED_BY(mutex_) = false;
};

}  // namespace skiff::proxy
