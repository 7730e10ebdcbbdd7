#include "kubelet/probes/probe_metrics.h"

#include <algorithm>

namespace skiff::kubelet {

const std::vector<double>& ProbeMetrics::Bounds() {
  static const std::vector<double> kBounds = {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};
  return kBounds;
}

void ProbeMetrics::Observe(const Probe& probe, bool success, Duration took) {
  const double seconds = std::chrono::duration<double>(took).count();
  const auto& bounds = Bounds();
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin();
  const MutexLock lock(mutex_);
  const auto [found, is_new] =
      rows_[probe.uid].try_emplace({probe.type, probe.container});
  Row& row = found->second;
  if (is_new) {
    row.probe = probe;
    row.durations.labels = {probe.container, probe.name_space, probe.pod, probe.type};
    row.durations.counts.resize(bounds.size() + 1);
  }
  (success ? row.successful : row.failed) += 1;
  if (!success) return;
  row.durations.counts[bucket] += 1;
  row.durations.sum += seconds;
}

void ProbeMetrics::Forget(const std::string& pod_uid) {
  const MutexLock lock(mutex_);
  rows_.erase(pod_uid);
}

std::vector<Sample> ProbeMetrics::Totals() const {
  std::vector<Sample> samples;
  const MutexLock lock(mutex_);
  for (const auto& [uid, rows] : rows_) {
    for (const auto& [key, row] : rows) {
      const auto add = [&, &probe = row.probe](const char* result, double count) {
        if (count == 0) return;
        samples.push_back(
            {{probe.container, probe.name_space, probe.pod, probe.uid, probe.type, result},
             count});
      };
      add("successful", row.successful);
      add("failed", row.failed);
    }
  }
  return samples;
}

std::vector<HistogramSample> ProbeMetrics::Durations() const {
  std::vector<HistogramSample> samples;
  const MutexLock lock(mutex_);
  for (const auto& [uid, rows] : rows_) {
    for (const auto& [key, row] : rows) {
      if (row.successful > 0) samples.push_back(row.durations);
    }
  }
  return samples;
}

void ProbeMetrics::AddTo(MetricRegistry& registry) const {
  registry.AddMeasured({"prober_probe_total",
                        "[BETA] Attempts of probes that came to a result, by result.",
                        {"container", "namespace", "pod", "pod_uid", "probe_type", "result"}},
                       [this] { return Totals(); }, MetricRegistry::MeasuredType::kCounter);
  registry.AddMeasuredHistogram({"prober_probe_duration_seconds",
                                 "[ALPHA] How long probes took that succeeded.",
                                 {"container", "namespace", "pod", "probe_type"}},
                                Bounds(), [this] { return Durations(); });
}

}  // namespace skiff::kubelet
