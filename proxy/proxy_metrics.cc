#include "proxy/proxy_metrics.h"

#include "base/seconds.h"

namespace skiff::proxy {
namespace {

constexpr char kTriggerTime[] = "endpoints.kubernetes.io/last-change-trigger-time";

double InSeconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// From 1 ms on, each twice the one before.
std::vector<double> SyncBounds() {
  std::vector<double> bounds;
  for (int i = 0; i < 15; ++i) bounds.push_back(0.001 * (1 << i));
  return bounds;
}

// Seconds: finer where most are.
std::vector<double> ProgrammingBounds() {
  std::vector<double> bounds{0.25, 0.5};
  for (int i = 1; i < 60; ++i) bounds.push_back(i);
  for (int i = 60; i < 120; i += 5) bounds.push_back(i);
  for (int i = 120; i <= 300; i += 30) bounds.push_back(i);
  return bounds;
}

MetricDescription Named(const char* name, const char* help, std::vector<std::string> labels) {
  return {std::string("kubeproxy_") + name, std::string("[ALPHA] ") + help, std::move(labels)};
}

MetricDescription ByFamily(const char* name, const char* help) {
  return Named(name, help, {"ip_family"});
}

std::optional<TimePoint> CauseOf(const discovery_v1::EndpointSlice& slice) {
  const auto& annotations = slice.metadata.annotations;
  const auto found = annotations.find(kTriggerTime);
  if (found == annotations.end()) return std::nullopt;
  const auto time = Time::Parse(found->second);
  return time ? std::optional(time->point()) : std::nullopt;
}

bool LeadsElsewhere(const SlicePtr& before, const SlicePtr& now) {
  return !before || !now || before->endpoints != now->endpoints || before->ports != now->ports;
}

}  // namespace

NoLocalEndpoints CountNoLocalEndpoints(const ServiceMap& services) {
  NoLocalEndpoints counts;
  for (const auto& [key, port] : services) {
    if (!port.has_endpoints) continue;  // Nobody is led anywhere, from no node.
    if (port.internal_local && port.local_endpoints.empty()) ++counts.internal;
    if (port.external_local && port.IsExternal() && port.local_endpoints.empty()) {
      ++counts.external;
    }
  }
  return counts;
}

ProxyMetrics::ProxyMetrics(MetricRegistry& metrics, IpFamily family, const Clock& clock)
    : clock_(clock),
      family_(family == IpFamily::kIpv6 ? "IPv6" : "IPv4"),
      started_(clock.Now()),
      durations_(metrics.AddHistogram(
          ByFamily("sync_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds"),
          SyncBounds())),
      full_durations_(
          metrics.AddHistogram(ByFamily("sync_full_proxy_rules_duration_seconds",
                                        "SyncProxyRules latency in seconds for full resyncs"),
                               SyncBounds())),
      partial_durations_(
          metrics.AddHistogram(ByFamily("sync_partial_proxy_rules_duration_seconds",
                                        "SyncProxyRules latency in seconds for partial resyncs"),
                               SyncBounds())),
      programming_(
          metrics.AddHistogram(ByFamily("network_programming_duration_seconds",
                                        "In Cluster Network Programming Latency in seconds"),
                               ProgrammingBounds())),
      conntrack_durations_(
          metrics.AddHistogram(ByFamily("conntrack_reconciler_sync_duration_seconds",
                                        "ReconcileConntrackFlowsLatency latency in seconds"),
                               SyncBounds())),
      conntrack_deleted_(metrics.AddCounter(
          ByFamily("conntrack_reconciler_deleted_entries_total",
                   "Cumulative conntrack flows deleted by conntrack reconciler"))),
      restore_failures_(metrics.AddCounter(
          ByFamily("sync_proxy_rules_iptables_restore_failures_total",
                   "Cumulative proxy iptables restore failures"))),
      partial_restore_failures_(metrics.AddCounter(
          ByFamily("sync_proxy_rules_iptables_partial_restore_failures_total",
                   "Cumulative proxy iptables partial restore failures"))),
      healthz_(metrics.AddCounter(
          Named("proxy_healthz_total", "Cumulative proxy healthz HTTP status", {"code"}))),
      livez_(metrics.AddCounter(
          Named("proxy_livez_total", "Cumulative proxy livez HTTP status", {"code"}))) {
  AddGauges(metrics);
}

void ProxyMetrics::AddGauges(MetricRegistry& metrics) {
  using Type = MetricRegistry::MeasuredType;
  const auto add = [&](MetricDescription description, auto samples, Type type = Type::kGauge) {
    metrics.AddMeasured(
        std::move(description),
        [this, samples]() -> std::vector<Sample> {
          const MutexLock lock(mutex_);
          return samples();
        },
        type);
  };
  const auto at = [this](const TimePoint& time) -> std::vector<Sample> {
    if (time == TimePoint{}) return {};
    return {{{family_}, InSeconds(time.time_since_epoch())}};
  };
  const auto by_table = [this](const RuleCounts& rules) -> std::vector<Sample> {
    if (last_written_ == TimePoint{}) return {};
    return {{{"filter", family_}, static_cast<double>(rules.filter)},
            {{"nat", family_}, static_cast<double>(rules.nat)}};
  };
  const auto alone = [](double value) { return std::vector<Sample>{{{}, value}}; };
  add(Named("sync_proxy_rules_endpoint_changes_total", "Cumulative proxy rules Endpoint changes",
            {}),
      [this, alone] { return alone(endpoint_changes_); }, Type::kCounter);
  add(Named("sync_proxy_rules_endpoint_changes_pending", "Pending proxy rules Endpoint changes",
            {}),
      [this, alone] { return alone(pending_endpoints_); });
  add(Named("sync_proxy_rules_service_changes_total", "Cumulative proxy rules Service changes", {}),
      [this, alone] { return alone(service_changes_); }, Type::kCounter);
  add(Named("sync_proxy_rules_service_changes_pending", "Pending proxy rules Service changes", {}),
      [this, alone] { return alone(static_cast<double>(pending_services_.size())); });
  add(ByFamily("sync_proxy_rules_last_queued_timestamp_seconds",
               "The last time a sync of proxy rules was queued"),
      [this, at] { return at(last_queued_); });
  add(ByFamily("sync_proxy_rules_last_timestamp_seconds",
               "The last time proxy rules were successfully synced"),
      [this, at] { return at(last_written_); });
  add(Named("sync_proxy_rules_iptables_total", "Total number of iptables rules owned by kube-proxy",
            {"table", "ip_family"}),
      [this, by_table] { return by_table(rules_); });
  add(Named("sync_proxy_rules_iptables_last",
            "Number of iptables rules written by kube-proxy in last sync", {"table", "ip_family"}),
      [this, by_table] { return by_table(rules_written_); });
  add(Named("sync_proxy_rules_no_local_endpoints_total",
            "Number of services with a Local traffic policy and no endpoints",
            {"traffic_policy", "ip_family"}),
      [this]() -> std::vector<Sample> {
        if (last_written_ == TimePoint{}) return {};
        return {{{"internal", family_}, static_cast<double>(none_.internal)},
                {{"external", family_}, static_cast<double>(none_.external)}};
      });
}

void ProxyMetrics::ServiceChanged(const std::string& service) {
  const MutexLock lock(mutex_);
  ++service_changes_;
  pending_services_.insert(service);
  last_queued_ = clock_.Now();
}

void ProxyMetrics::SliceChanged(const std::string& service, const SlicePtr& before,
                                const SlicePtr& now) {
  if ((now ? now : before)->address_type != family_) return;
  const MutexLock lock(mutex_);
  ++endpoint_changes_;
  last_queued_ = clock_.Now();
  if (!LeadsElsewhere(before, now)) return;
  ++pending_endpoints_;
  // What a slice that goes says is when it was written last.
  if (!now) {
    waiting_.erase(service);
    return;
  }
  // Nor does it tell of this proxy what was before it began.
  if (const auto cause = CauseOf(*now); cause && *cause > started_) {
    waiting_[service].push_back(*cause);
  }
}

void ProxyMetrics::Begun() {
  const MutexLock lock(mutex_);
  pending_services_.clear();
  pending_endpoints_ = 0;
  for (auto& [service, causes] : waiting_) {
    auto& all = under_way_[service];
    all.insert(all.end(), causes.begin(), causes.end());
  }
  waiting_.clear();
}

void ProxyMetrics::Took(bool full, Duration took) {
  durations_.Observe({family_}, InSeconds(took));
  (full ? full_durations_ : partial_durations_).Observe({family_}, InSeconds(took));
}

void ProxyMetrics::Failed(bool full, Duration took) {
  {
    const MutexLock lock(mutex_);
    under_way_.clear();
  }
  Took(full, took);
  restore_failures_.Add({family_});
  if (!full) partial_restore_failures_.Add({family_});
}

void ProxyMetrics::Written(const SyncReport& report, Duration took, const RuleCounts& rules,
                           const NoLocalEndpoints& none) {
  Took(report.full, took);
  if (report.forgetting_took) {
    conntrack_durations_.Observe({family_}, InSeconds(*report.forgetting_took));
    conntrack_deleted_.Add({family_}, report.forgotten);
  }
  const MutexLock lock(mutex_);
  last_written_ = clock_.Now();
  for (const auto& [service, causes] : under_way_) {
    for (const TimePoint cause : causes) {
      programming_.Observe({family_}, InSeconds(Between(cause, last_written_)));
    }
  }
  under_way_.clear();
  rules_ = rules;
  rules_written_ = report.rules;
  none_ = none;
}

void ProxyMetrics::Answered(const std::string& path, int code) {
  (path == "/livez" ? livez_ : healthz_).Add({std::to_string(code)});
}

}  // namespace skiff::proxy
