#include "kubelet/dra/dra_metrics.h"

#include <cmath>

namespace skiff::kubelet::dra {
namespace {

// From a tenth of a second to 40, as calls end after 45.
std::vector<double> Bounds() {
  constexpr int kCount = 15;
  const double factor = std::pow(40 / .1, 1.0 / (kCount - 1));
  std::vector<double> bounds;
  for (int i = 0; i < kCount; ++i) bounds.push_back(.1 * std::pow(factor, i));
  return bounds;
}

}  // namespace

DraMetrics::DraMetrics(MetricRegistry& registry)
    : operation_seconds(registry.AddHistogram(
          {"dra_operations_duration_seconds",
           "[ALPHA] How long the claims of a pod took to be prepared or given back.",
           {"operation_name", "is_error"}},
          Bounds())),
      call_seconds(registry.AddHistogram({"dra_grpc_operations_duration_seconds",
                                          "[ALPHA] How long calls of DRA drivers took.",
                                          {"driver_name", "method_name", "grpc_status_code"}},
                                         Bounds())) {}

}  // namespace skiff::kubelet::dra
