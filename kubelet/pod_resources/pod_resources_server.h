// Serves the pod resources API on <root>/pod-resources/kubelet.sock, which root alone may reach.
#pragma once

#include <memory>
#include <string>

#include "base/control_loop.h"
#include "base/log.h"
#include "kubelet/pod_resources/pod_resources_grpc.h"

namespace skiff::kubelet {

class PodResourcesServer final : public ControlLoop {
 public:
  static constexpr Duration kListenRetry = 10s;
  // `metrics` may be nullptr.
  PodResourcesServer(std::string directory, const Clock& clock, PodResourcesSources sources,
                     PodResourcesMetrics* metrics);
  // Listens, if it does not yet.
  Duration Step() override;
  // Asks its sources nothing any more. Not while it steps.
  void Close() { service_.reset(); }

 private:
  // Says so, once as long as it stays the same.
  Duration Failed(const std::string& why);

  const std::string directory_;
  const Clock& clock_;
  const PodResourcesSources sources_;
  PodResourcesMetrics* const metrics_;
  const Log log_{"pod-resources"};
  std::string failure_;  // As told last.
  std::unique_ptr<PodResourcesService> service_;
};

}  // namespace skiff::kubelet
