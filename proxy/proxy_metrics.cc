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

FamilyMetrics::Shared::Shared(MetricRegistry& metrics)
    : durations(metrics.AddHistogram(
          ByFamily("sync_proxy_rules_duration_seconds", "SyncProxyRules latency in seconds"),
          SyncBounds())),
      full_durations(
          metrics.AddHistogram(ByFamily("sync_full_proxy_rules_duration_seconds",
                                        "SyncProxyRules latency in seconds for full resyncs"),
                               SyncBounds())),
      partial_durations(
          metrics.AddHistogram(ByFamily("sync_partial_proxy_rules_duration_seconds",
                                        "SyncProxyRules latency in seconds for partial resyncs"),
                               SyncBounds())),
      programming(
          metrics.AddHistogram(ByFamily("network_programming_duration_seconds",
                                        "In Cluster Network Programming Latency in seconds"),
                               ProgrammingBounds())),
      conntrack_durations(
          metrics.AddHistogram(ByFamily("conntrack_reconciler_sync_duration_seconds",
                                        "ReconcileConntrackFlowsLatency latency in seconds"),
                               SyncBounds())),
      conntrack_deleted(metrics.AddCounter(
          ByFamily("conntrack_reconciler_deleted_entries_total",
                   "Cumulative conntrack flows deleted by conntrack reconciler"))),
      restore_failures(
          metrics.AddCounter(ByFamily("sync_proxy_rules_iptables_restore_failures_total",
                                      "Cumulative proxy iptables restore failures"))),
      partial_restore_failures(
          metrics.AddCounter(ByFamily("sync_proxy_rules_iptables_partial_restore_failures_total",
                                      "Cumulative proxy iptables partial restore failures"))) {}

FamilyMetrics::FamilyMetrics(Shared& shared, IpFamily family, const Clock& clock)
    : shared_(shared),
      clock_(clock),
      family_(family == IpFamily::kIpv6 ? "IPv6" : "IPv4"),
      started_(clock.Now()) {}

FamilyMetrics::Figures FamilyMetrics::Read() const {
  const MutexLock lock(mutex_);
  Figures figures = figures_;
  figures.pending_services = static_cast<double>(pending_services_.size());
  return figures;
}

ProxyMetrics::ProxyMetrics(MetricRegistry& metrics, const std::vector<IpFamily>& families,
                           const Clock& clock)
    : shared_(metrics),
      healthz_(metrics.AddCounter(
          Named("proxy_healthz_total", "Cumulative proxy healthz HTTP status", {"code"}))),
      livez_(metrics.AddCounter(
          Named("proxy_livez_total", "Cumulative proxy livez HTTP status", {"code"}))) {
  for (const IpFamily family : families) {
    families_[family] = std::make_unique<FamilyMetrics>(shared_, family, clock);
  }
  AddGauges(metrics);
}

void ProxyMetrics::AddGauges(MetricRegistry& metrics) {
  using Type = MetricRegistry::MeasuredType;
  using Figures = FamilyMetrics::Figures;
  // Of all families together, as there.
  const auto add_sum = [&](const char* name, const char* help, double Figures::*value, Type type) {
    metrics.AddMeasured(
        Named(name, help, {}),
        [this, value]() -> std::vector<Sample> {
          double sum = 0;
          for (const auto& [family, it] : families_) sum += it->Read().*value;
          return {{{}, sum}};
        },
        type);
  };
  add_sum("sync_proxy_rules_endpoint_changes_total", "Cumulative proxy rules Endpoint changes",
          &Figures::endpoint_changes, Type::kCounter);
  add_sum("sync_proxy_rules_endpoint_changes_pending", "Pending proxy rules Endpoint changes",
          &Figures::pending_endpoints, Type::kGauge);
  add_sum("sync_proxy_rules_service_changes_total", "Cumulative proxy rules Service changes",
          &Figures::service_changes, Type::kCounter);
  add_sum("sync_proxy_rules_service_changes_pending", "Pending proxy rules Service changes",
          &Figures::pending_services, Type::kGauge);

  const auto add = [&](MetricDescription description, auto samples_of) {
    metrics.AddMeasured(std::move(description), [this, samples_of]() -> std::vector<Sample> {
      std::vector<Sample> samples;
      for (const auto& [family, it] : families_) samples_of(it->family(), it->Read(), samples);
      return samples;
    });
  };
  const auto add_time = [&](const char* name, const char* help, TimePoint Figures::*time) {
    add(ByFamily(name, help),
        [time](const std::string& family, const Figures& figures, std::vector<Sample>& out) {
          if (figures.*time == TimePoint{}) return;
          out.push_back({{family}, InSeconds((figures.*time).time_since_epoch())});
        });
  };
  // Nothing is said of rules before the first are written.
  const auto add_pair = [&](const char* name, const char* help, const char* label,
                            std::pair<const char*, const char*> values, auto counts) {
    add(Named(name, help, {label, "ip_family"}),
        [values, counts](const std::string& family, const Figures& figures,
                         std::vector<Sample>& out) {
          if (figures.last_written == TimePoint{}) return;
          const auto [first, second] = counts(figures);
          out.push_back({{values.first, family}, static_cast<double>(first)});
          out.push_back({{values.second, family}, static_cast<double>(second)});
        });
  };
  add_time("sync_proxy_rules_last_queued_timestamp_seconds",
           "The last time a sync of proxy rules was queued", &Figures::last_queued);
  add_time("sync_proxy_rules_last_timestamp_seconds",
           "The last time proxy rules were successfully synced", &Figures::last_written);
  add_pair("sync_proxy_rules_iptables_total", "Total number of iptables rules owned by kube-proxy",
           "table", {"filter", "nat"},
           [](const Figures& it) { return std::pair(it.rules.filter, it.rules.nat); });
  add_pair(
      "sync_proxy_rules_iptables_last",
      "Number of iptables rules written by kube-proxy in last sync", "table", {"filter", "nat"},
      [](const Figures& it) { return std::pair(it.rules_written.filter, it.rules_written.nat); });
  add_pair("sync_proxy_rules_no_local_endpoints_total",
           "Number of services with a Local traffic policy and no endpoints", "traffic_policy",
           {"internal", "external"},
           [](const Figures& it) { return std::pair(it.none.internal, it.none.external); });
}

void FamilyMetrics::ServiceChanged(const std::string& service) {
  const MutexLock lock(mutex_);
  ++figures_.service_changes;
  pending_services_.insert(service);
  figures_.last_queued = clock_.Now();
}

void FamilyMetrics::SliceChanged(const std::string& service, const SlicePtr& before,
                                 const SlicePtr& now) {
  if ((now ? now : before)->address_type != family_) return;
  const MutexLock lock(mutex_);
  ++figures_.endpoint_changes;
  figures_.last_queued = clock_.Now();
  if (!LeadsElsewhere(before, now)) return;
  ++figures_.pending_endpoints;
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

void FamilyMetrics::Begun() {
  const MutexLock lock(mutex_);
  pending_services_.clear();
  figures_.pending_endpoints = 0;
  for (auto& [service, causes] : waiting_) {
    auto& all = under_way_[service];
    all.insert(all.end(), causes.begin(), causes.end());
  }
  waiting_.clear();
}

void FamilyMetrics::Took(bool full, Duration took) {
  shared_.durations.Observe({family_}, InSeconds(took));
  (full ? shared_.full_durations : shared_.partial_durations).Observe({family_}, InSeconds(took));
}

void FamilyMetrics::Failed(bool full, Duration took) {
  {
    const MutexLock lock(mutex_);
    under_way_.clear();
  }
  Took(full, took);
  shared_.restore_failures.Add({family_});
  if (!full) shared_.partial_restore_failures.Add({family_});
}

void FamilyMetrics::Written(const SyncReport& report, Duration took, const RuleCounts& rules,
                            const NoLocalEndpoints& none) {
  Took(report.full, took);
  if (report.forgetting_took) {
    shared_.conntrack_durations.Observe({family_}, InSeconds(*report.forgetting_took));
    shared_.conntrack_deleted.Add({family_}, report.forgotten);
  }
  const MutexLock lock(mutex_);
  figures_.last_written = clock_.Now();
  for (const auto& [service, causes] : under_way_) {
    for (const TimePoint cause : causes) {
      shared_.programming.Observe({family_}, InSeconds(Between(cause, figures_.last_written)));
    }
  }
  under_way_.clear();
  figures_.rules = rules;
  figures_.rules_written = report.rules;
  figures_.none = none;
}

void ProxyMetrics::Answered(const std::string& path, int code) {
  (path == "/livez" ? livez_ : healthz_).Add({std::to_string(code)});
}

}  // namespace skiff::proxy
