// What a controller counts of its work where somebody asks for it, under kube-controller-manager's
// names: counters and histograms that may lead nowhere.
//
//   const FigureCounter deletions_{metrics, {"pod_deletions_total", "[ALPHA] ...", {"reason"}}};
//   deletions_.Add({"orphaned"});
#pragma once

#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"

namespace skiff {

// Copies count the same. Thread-safe.
class FigureCounter {
 public:
  // Null: nobody asks. Outlives it.
  FigureCounter(MetricRegistry* registry, MetricDescription description)
      : family_(registry ? &registry->AddCounter(std::move(description)) : nullptr) {}
  void Add(LabelValues labels = {}, double amount = 1) const {
    if (family_ != nullptr) family_->Add(labels, amount);
  }

 private:
  CounterFamily* family_;
};

// The same of values and how long something took.
class FigureHistogram {
 public:
  FigureHistogram(MetricRegistry* registry, MetricDescription description,
                  std::vector<double> bounds)
      : family_(registry ? &registry->AddHistogram(std::move(description), std::move(bounds))
                         : nullptr) {}
  // Whether anybody asks: what costs something to find out need not be, else.
  explicit operator bool() const { return family_ != nullptr; }
  void Observe(LabelValues labels, double value) const {
    if (family_ != nullptr) family_->Observe(labels, value);
  }
  void Took(LabelValues labels, Duration took) const {
    Observe(labels, std::chrono::duration<double>(took).count());
  }

 private:
  HistogramFamily* family_;
};

// `count` bounds, each `factor` times the one before.
inline std::vector<double> GrowingBounds(double first, double factor, size_t count) {
  std::vector<double> bounds;
  for (double bound = first; bounds.size() < count; bound *= factor) bounds.push_back(bound);
  return bounds;
}

}  // namespace skiff
