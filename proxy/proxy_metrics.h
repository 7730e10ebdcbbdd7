// What kube-proxy tells of its work on its metrics address, under its names (kubeproxy_...), of one
// address family. Thread-safe.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "proxy/rule_sync.h"
#include "proxy/service_map.h"

namespace skiff::proxy {

// Ports of services that lead somewhere but, by their traffic policy Local, not from here.
struct NoLocalEndpoints {
  int internal = 0;
  int external = 0;
};
NoLocalEndpoints CountNoLocalEndpoints(const ServiceMap& services);

class ProxyMetrics {
 public:
  // `metrics` and `clock` outlive this; nobody asks `metrics` for its text afterwards.
  ProxyMetrics(MetricRegistry& metrics, IpFamily family, const Clock& clock);

  void ServiceChanged(const std::string& service);
  // One of a service's slices: `before` or `now` is null where it comes or goes.
  void SliceChanged(const std::string& service, const SlicePtr& before, const SlicePtr& now);
  // What has changed until now is being written.
  void Begun();
  // It was not. How long that took will not be known, as in kube-proxy.
  void Failed(bool full, Duration took);
  void Written(const SyncReport& report, Duration took, const RuleCounts& rules,
               const NoLocalEndpoints& none);
  // The answer to who asks for the health of the proxy: /healthz or /livez.
  void Answered(const std::string& path, int code);

 private:
  void AddGauges(MetricRegistry& metrics);
  void Took(bool full, Duration took);

  const Clock& clock_;
  const std::string family_;
  const TimePoint started_;
  HistogramFamily& durations_;
  HistogramFamily& full_durations_;
  HistogramFamily& partial_durations_;
  HistogramFamily& programming_;
  HistogramFamily& conntrack_durations_;
  CounterFamily& conntrack_deleted_;
  CounterFamily& restore_failures_;
  CounterFamily& partial_restore_failures_;
  CounterFamily& healthz_;
  CounterFamily& livez_;
  mutable Mutex mutex_;
  double service_changes_ GUARDED_BY(mutex_) = 0;
  double endpoint_changes_ GUARDED_BY(mutex_) = 0;
  std::set<std::string> pending_services_ GUARDED_BY(mutex_);
  double pending_endpoints_ GUARDED_BY(mutex_) = 0;
  // When that happened which slices tell of, by service: not written yet, and being written.
  using Causes = std::map<std::string, std::vector<TimePoint>>;
  Causes waiting_ GUARDED_BY(mutex_);
  Causes under_way_ GUARDED_BY(mutex_);
  TimePoint last_queued_ GUARDED_BY(mutex_);
  TimePoint last_written_ GUARDED_BY(mutex_);
  RuleCounts rules_ GUARDED_BY(mutex_);
  RuleCounts rules_written_ GUARDED_BY(mutex_);
  NoLocalEndpoints none_ GUARDED_BY(mutex_);
};

}  // namespace skiff::proxy
