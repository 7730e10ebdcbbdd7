// How a number stands to its limit, over time: for how many nanoseconds the ratio was in which
// bucket, as Kubernetes' histograms of what is "observed at the end of every nanosecond". Its
// owner's lock guards it.
//
//   TimedRatio use(kUseBounds, now);
//   use.Set(now, seats_in_use, seats_max); ...
//   HistogramSample sample = use.Read(now);
#pragma once

#include <span>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"

namespace skiff::flow_control {

class TimedRatio {
 public:
  // `bounds` rise, and outlive it.
  TimedRatio(std::span<const double> bounds, Duration now)
      : bounds_(bounds), counts_(bounds.size() + 1), since_(now) {}
  // From `now` on. Of no limit nothing is a part but nothing.
  void Set(Duration now, double value, double limit) {
    if (value == value_ && limit == limit_) return;
    Advance(now);
    value_ = value;
    limit_ = limit;
  }
  // Until now; its labels are for others to say.
  HistogramSample Read(Duration now);

 private:
  void Advance(Duration now);

  std::span<const double> bounds_;
  std::vector<double> counts_;
  double sum_ = 0;
  Duration since_;
  double value_ = 0;
  double limit_ = 0;
};

}  // namespace skiff::flow_control
