#include "kubelet/pod_resources/pod_resources_server.h"

#include <utility>

#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {

PodResourcesServer::PodResourcesServer(std::string directory, const Clock& clock,
                                       PodResourcesSources sources, PodResourcesMetrics* metrics)
    : directory_(std::move(directory)),
      clock_(clock),
      sources_(std::move(sources)),
      metrics_(metrics) {}

Duration PodResourcesServer::Step() {
  constexpr mode_t kMode = 0750;
  if (service_) return kNever;
  if (const auto made = MakeDirectories(directory_, kMode); !made) {
    log_.Error("no directory for pod resources", {{"error", made.error().message}});
    return kListenRetry;
  }
  service_ = PodResourcesService::Listen(directory_ + "/kubelet.sock", sources_, clock_, metrics_);
  if (service_) return kNever;
  log_.Error("no socket for pod resources", {{"directory", directory_}});
  return kListenRetry;
}

}  // namespace skiff::kubelet
