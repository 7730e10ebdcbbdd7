// The metrics that other API servers have: of pods (metrics.k8s.io), of pods and other objects
// (custom.metrics.k8s.io), of anything else (external.metrics.k8s.io). Errors are those that
// HorizontalPodAutoscalers tell of.
#pragma once

#include <string>

#include "client/client.h"
#include "controllers/autoscaling/autoscaler_usage.h"

namespace skiff::autoscaler {

// A metric by its name, and which part of it.
struct MetricName {
  std::string name;
  std::string selector;  // Canonical text; "": all of it.
};

// Thread-safe. Each call is a request, or two.
class MetricsApi {
 public:
  explicit MetricsApi(Client& client) : client_(client) {}

  // What the pods that `selector` picks use of a resource, or one container of each.
  Result<PodMetrics> OfResource(const std::string& name_space, const std::string& selector,
                                const std::string& resource, const std::string& container);
  Result<PodMetrics> OfPods(const std::string& name_space, const std::string& selector,
                            const MetricName& metric);
  // In thousandths. A Namespace is named by `name_space`.
  Result<int64_t> OfObject(const std::string& name_space, const Resource& kind,
                           const std::string& name, const MetricName& metric);
  // The sum of what there is of it.
  Result<int64_t> OfElsewhere(const std::string& name_space, const MetricName& metric);

 private:
  using Query = std::vector<std::pair<std::string, std::string>>;
  // The items of a list. `what` names it in errors: "pods.metrics.k8s.io".
  Result<Json> Items(const std::string& path, Query query, const std::string& what);
  // "/apis/custom.metrics.k8s.io/v1beta2", as the server prefers it.
  Result<std::string> CustomRoot();

  Client& client_;
};

// Of lists as these APIs answer them. A pod that any container's amount is missing of is left out.
PodMetrics PodUsageFrom(const Json& items, const std::string& resource,
                        const std::string& container);
PodMetrics PodMetricsFrom(const Json& items);

}  // namespace skiff::autoscaler
