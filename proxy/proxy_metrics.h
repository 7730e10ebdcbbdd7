// What kube-proxy tells of its work on its metrics address, under its names (kubeproxy_...), family
// by family. Thread-safe.
#pragma once

#include <map>
#include <memory>
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

// Of one family. What counts is said to `Shared`, which the families have in common.
class FamilyMetrics {
 public:
  struct Shared {
    explicit Shared(MetricRegistry& metrics);
    HistogramFamily& durations;
    HistogramFamily& full_durations;
    HistogramFamily& partial_durations;
    HistogramFamily& programming;
    HistogramFamily& conntrack_durations;
    CounterFamily& conntrack_deleted;
    CounterFamily& restore_failures;
    CounterFamily& partial_restore_failures;
  };
  // Both outlive this.
  FamilyMetrics(Shared& shared, IpFamily family, const Clock& clock);

  void ServiceChanged(const std::string& service);
  // One of a service's slices: `before` or `now` is null where it comes or goes.
  void SliceChanged(const std::string& service, const SlicePtr& before, const SlicePtr& now);
  // What has changed until now is being written.
  void Begun();
  // It was not. How long that took will not be known, as in kube-proxy.
  void Failed(bool full, Duration took);
  void Written(const SyncReport& report, Duration took, const RuleCounts& rules,
               const NoLocalEndpoints& none);

  // What has been so far.
  struct Figures {
    double service_changes = 0;
    double endpoint_changes = 0;
    double pending_services = 0;
    double pending_endpoints = 0;
    TimePoint last_queued;
    TimePoint last_written;
    RuleCounts rules;
    RuleCounts rules_written;
    NoLocalEndpoints none;
  };
  Figures Read() const;
  // "IPv4"
  const std::string& family() const { return family_; }

 private:
  void Took(bool full, Duration took);

  Shared& shared_;
  const Clock& clock_;
  const std::string family_;
  const TimePoint started_;
  mutable Mutex mutex_;
  Figures figures_ GUARDED_BY(mutex_);
  std::set<std::string> pending_services_ GUARDED_BY(mutex_);
  // When that happened which slices tell of, by service: not written yet, and being written.
  using Causes = std::map<std::string, std::vector<TimePoint>>;
  Causes waiting_ GUARDED_BY(mutex_);
  Causes under_way_ GUARDED_BY(mutex_);
};

class ProxyMetrics {
 public:
  // `metrics` and `clock` outlive this; nobody asks `metrics` for its text afterwards.
  ProxyMetrics(MetricRegistry& metrics, const std::vector<IpFamily>& families, const Clock& clock);
  FamilyMetrics& Of(IpFamily family) { return *families_.at(family); }
  // The answer to who asks for the health of the proxy: /healthz or /livez.
  void Answered(const std::string& path, int code);

 private:
  void AddGauges(MetricRegistry& metrics);

  FamilyMetrics::Shared shared_;
  CounterFamily& healthz_;
  CounterFamily& livez_;
  std::map<IpFamily, std::unique_ptr<FamilyMetrics>> families_;
};

}  // namespace skiff::proxy
