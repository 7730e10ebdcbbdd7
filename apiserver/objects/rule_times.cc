#include "apiserver/objects/rule_times.h"

#include <chrono>

namespace skiff {
namespace {

// What a histogram of Prometheus has where it is told of none.
const std::vector<double> kBounds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

}  // namespace

RuleTimes::RuleTimes(MetricRegistry& metrics)
    : compilation_(
          metrics.AddHistogram({"apiserver_cel_compilation_duration_seconds",
                                "[BETA] Time to compile the rules of a schema, in seconds."},
                               kBounds)),
      evaluation_(
          metrics.AddHistogram({"apiserver_cel_evaluation_duration_seconds",
                                "[BETA] Time to evaluate the rules of a value, in seconds."},
                               kBounds)) {}

int64_t RuleTimes::Nanoseconds() const {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void RuleTimes::Took(crd::RuleWork work, int64_t begin) {
  const double seconds = static_cast<double>(Nanoseconds() - begin) / 1e9;
  (work == crd::RuleWork::kCompilation ? compilation_ : evaluation_).Observe({}, seconds);
}

}  // namespace skiff
