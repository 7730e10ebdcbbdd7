// Answers for metrics.k8s.io/v1beta1, of what the kubelets say themselves, where nobody has
// installed a metrics server. The API server asks it for what it has authenticated and authorized;
// a loop of the controllers' manager looks at the nodes.
//
//   metrics::MetricsServer server(clock);
//   ... requests: server.Answer(request) ...
//   AddMetricsScraper(manager, server);
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "client/manager.h"
#include "controllers/metrics/usage_table.h"
#include "http/message.h"

namespace skiff::metrics {

// Thread-safe. Outlives who asks; the manager may come and go.
class MetricsServer {
 public:
  explicit MetricsServer(const Clock& clock) : clock_(clock) {}
  // Of a path below /apis/metrics.k8s.io/v1beta1, or of that version's OpenAPI document. Never
  // waits. Until nodes have been looked at twice, lists are empty.
  Result<http::Response> Answer(const http::Request& request);

  UsageTable& table() { return table_; }
  // What there is to measure, and who is to be woken when somebody asks; until Leave.
  struct World {
    Informer<core_v1::Node> nodes;
    Informer<core_v1::Pod> pods;
    ControlLoop* scraper;
  };
  void Enter(World world);
  void Leave();

 private:
  struct Question;
  Result<http::Response> AnswerNodes(const Question& question) REQUIRES(mutex_);
  Result<http::Response> AnswerPods(const Question& question) REQUIRES(mutex_);
  std::optional<Json> MetricsOf(const core_v1::Node& node) const;
  std::optional<Json> MetricsOf(const core_v1::Pod& pod) const;

  const Clock& clock_;
  UsageTable table_;
  Mutex mutex_;
  std::optional<World> world_ GUARDED_BY(mutex_);
};

// Looks at the nodes while somebody asks. Before the manager starts; `server` outlives it.
void AddMetricsScraper(Manager& manager, MetricsServer& server);

}  // namespace skiff::metrics
