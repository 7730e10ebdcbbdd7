// What command lines of Kubernetes' programs say of which metrics are shown, where that cannot be:
// there is an older version of none, and labels are told of in a notation of their own.
#pragma once

#include <string>

namespace skiff {

// Why Kubernetes' programs would not take that value, in their words; "" where they do.
// Of --show-hidden-metrics-for-version.
std::string WhyNotHiddenMetrics(const std::string& value);
// Of --allow-metric-labels.
std::string WhyNotMetricLabels(const std::string& value);

}  // namespace skiff
