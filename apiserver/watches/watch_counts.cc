#include "apiserver/watches/watch_counts.h"

#include <algorithm>

namespace skiff {

void WatchCounts::OfKind::Add(size_t bytes) {
  const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), static_cast<double>(bytes));
  sizes_[static_cast<size_t>(bound - kBounds.begin())].fetch_add(1, std::memory_order_relaxed);
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

WatchCounts::WatchCounts(MetricRegistry& registry)
    : state_seconds_(registry.AddHistogram(
          {"apiserver_watch_list_duration_seconds",
           "[ALPHA] Time until a watch had sent the state that it was asked for, in seconds.",
           {"group", "version", "resource", "scope"}},
          {0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 15, 20, 30, 45, 60})) {
  const std::vector<std::string> labels = {"group", "version", "resource"};
  registry.AddMeasured(
      {"apiserver_watch_events_total", "[ALPHA] Events that watches sent.", labels},
      [this] { return Events(); }, MetricRegistry::MeasuredType::kCounter);
  registry.AddMeasuredHistogram({"apiserver_watch_events_sizes",
                                 "[ALPHA] Size of events that watches sent, in bytes.", labels},
                                {kBounds.begin(), kBounds.end()}, [this] { return Sizes(); });
}

WatchCounts::OfKind* WatchCounts::Find(const KindInfo& kind) {
  Key key{kind.group, kind.version, kind.resource};
  const MutexLock lock(mutex_);
  const auto found = kinds_.find(key);
  if (found != kinds_.end()) return found->second.get();
  if (kinds_.size() >= kKindsMax) return nullptr;
  return kinds_.emplace(std::move(key), std::make_unique<OfKind>()).first->second.get();
}

void WatchCounts::StateSent(const KindInfo& kind, std::string_view scope, Duration took) {
  state_seconds_.Observe({kind.group, kind.version, kind.resource, scope},
                         std::chrono::duration<double>(took).count());
}

std::vector<HistogramSample> WatchCounts::Sizes() const {
  std::vector<HistogramSample> samples;
  const MutexLock lock(mutex_);
  for (const auto& [key, sent] : kinds_) {
    const auto& [group, version, resource] = key;
    HistogramSample sample{.labels = {group, version, resource}};
    double count = 0;
    for (const auto& size : sent->sizes_) {
      sample.counts.push_back(static_cast<double>(size.load(std::memory_order_relaxed)));
      count += sample.counts.back();
    }
    if (count == 0) continue;  // A watch that has sent nothing so far.
    sample.sum = static_cast<double>(sent->bytes_.load(std::memory_order_relaxed));
    samples.push_back(std::move(sample));
  }
  return samples;
}

std::vector<Sample> WatchCounts::Events() const {
  std::vector<Sample> samples;
  for (const HistogramSample& sizes : Sizes()) {
    double count = 0;
    for (const double each : sizes.counts) count += each;
    samples.push_back({sizes.labels, count});
  }
  return samples;
}

}  // namespace skiff
