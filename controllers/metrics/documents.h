// The documents of metrics.k8s.io/v1beta1. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/values.h"
#include "controllers/metrics/samples.h"

namespace skiff::metrics {

inline constexpr const char* kGroup = "metrics.k8s.io";
inline constexpr const char* kVersion = "v1beta1";
inline constexpr const char* kApiVersion = "metrics.k8s.io/v1beta1";

// What the metrics of an object say of the object itself.
struct Described {
  std::string name_space;
  std::string name;
  std::map<std::string, std::string> labels;
};

// Without kind and apiVersion, as items of a list.
Json NodeMetricsOf(const Described& node, const Usage& usage, TimePoint now);
// The time and window are those of the container that was looked at first.
Json PodMetricsOf(const Described& pod, const std::map<std::string, Usage>& containers,
                  TimePoint now);
// `kind` is that of the items: "PodMetrics".
Json ListOf(const std::string& kind, Json items);
Json SingleOf(const std::string& kind, Json item);
// /apis/metrics.k8s.io/v1beta1
Json ResourceList();
// /openapi/v3/apis/metrics.k8s.io/v1beta1
Json OpenApiDocument();

}  // namespace skiff::metrics
