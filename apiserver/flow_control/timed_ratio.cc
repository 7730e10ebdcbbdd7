#include "apiserver/flow_control/timed_ratio.h"

#include <algorithm>

namespace skiff::flow_control {

HistogramSample TimedRatio::Read(Duration now) {
  Advance(now);
  return {.labels = {}, .counts = counts_, .sum = sum_};
}

void TimedRatio::Advance(Duration now) {
  if (now <= since_) return;
  const auto nanoseconds = static_cast<double>((now - since_).count());
  since_ = now;
  const double ratio = value_ == 0 ? 0 : value_ / std::max(1.0, limit_);
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), ratio);
  counts_[static_cast<size_t>(bound - bounds_.begin())] += nanoseconds;
  sum_ += ratio * nanoseconds;
}

}  // namespace skiff::flow_control
