// How long the rules of custom resources take to compile and to evaluate, under kube-apiserver's
// names.
#pragma once

#include "api/crd/rule_clock.h"
#include "base/metrics.h"

namespace skiff {

class RuleTimes final : public crd::RuleClock {
 public:
  // The registry outlives it.
  explicit RuleTimes(MetricRegistry& metrics);
  int64_t Nanoseconds() const override;
  void Took(crd::RuleWork work, int64_t begin) override;

 private:
  HistogramFamily& compilation_;
  HistogramFamily& evaluation_;
};

}  // namespace skiff
