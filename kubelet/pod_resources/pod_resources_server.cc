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
    return Failed("no directory: " + made.error().message);
  }
  service_ = PodResourcesService::Listen(directory_ + "/kubelet.sock", sources_, clock_, metrics_);
  return service_ ? kNever : Failed("no socket, as gRPC says why");
}

Duration PodResourcesServer::Failed(const std::string& why) {
  if (std::exchange(failure_, why) != why) {
    log_.Error("pod resources are not served", {{"directory", directory_}, {"error", why}});
  }
  return kListenRetry;
}

}  // namespace skiff::kubelet
