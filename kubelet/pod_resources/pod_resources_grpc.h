// The pod resources API, v1 and v1alpha1: which devices containers have, told on a socket to
// whoever may open it, as exporters of GPU metrics do. There is neither pinning of CPUs nor of
// memory here, so it says of those what a kubelet with the policies `none` does: nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"
#include "base/clock.h"
#include "client/client.h"
#include "kubelet/devices/device_book.h"
#include "kubelet/dra/claims.h"
#include "kubelet/pod_resources/pod_resources_metrics.h"

namespace skiff::kubelet {

// Where its answers come from. Any thread.
struct PodResourcesSources {
  std::function<std::vector<Ptr<core_v1::Pod>>()> pods;
  // Those of them that have not ended.
  std::function<std::vector<Ptr<core_v1::Pod>>()> active_pods;
  // nullptr: there is none.
  std::function<Ptr<core_v1::Pod>(const std::string& namespace_, const std::string& name)> find;
  std::function<std::vector<devices::ListedDevice>(const core_v1::Pod& pod,
                                                   const core_v1::Container& container)>
      devices;
  std::function<std::vector<devices::ListedDevice>()> allocatable;
  std::function<std::vector<dra::ClaimInfo>(const core_v1::Pod& pod,
                                            const core_v1::Container& container)>
      claims;
};

// Serves on a socket as long as it lives.
class PodResourcesService {
 public:
  // Requests beyond are answered ResourceExhausted.
  static constexpr double kPerSecondMax = 100;
  static constexpr double kBurstMax = 10;

  // nullptr where the socket cannot be made. `metrics` may be nullptr.
  static std::unique_ptr<PodResourcesService> Listen(const std::string& socket,
                                                     const PodResourcesSources& sources,
                                                     const Clock& clock,
                                                     PodResourcesMetrics* metrics);
  virtual ~PodResourcesService() = default;
};

}  // namespace skiff::kubelet
