// What is timed of claims that are prepared: dra_* of /metrics.
#pragma once

#include "base/metrics.h"

namespace skiff::kubelet::dra {

struct DraMetrics {
  explicit DraMetrics(MetricRegistry& registry);
  HistogramFamily& operation_seconds;  // operation_name, is_error
  HistogramFamily& call_seconds;       // driver_name, method_name, grpc_status_code
};

}  // namespace skiff::kubelet::dra
