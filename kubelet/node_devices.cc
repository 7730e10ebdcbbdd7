#include "kubelet/node_devices.h"

#include <utility>

namespace skiff::kubelet {

NodeDevices::NodeDevices(const Settings& settings, Client& client, const Clock& clock,
                         Sources sources, Metrics metrics)
    : dra_drivers_(settings.node_name, client, clock, std::move(sources.node), metrics.dra),
      claims_(
          settings.root + "/dra_manager_state", dra_drivers_,
          {[&client](const ObjectKey& key) { return client.Get<resource_v1::ResourceClaim>(key); },
           std::move(sources.pods)},
          metrics.dra),
      plugins_(settings.root + "/device-plugins", clock,
               {std::move(sources.placed_pods), std::move(sources.changed)}, metrics.devices),
      cdi_(settings.cdi_directories) {}

Result<> NodeDevices::Give(const core_v1::Pod& pod, const core_v1::Container& container,
                           cri::ContainerConfig& config) {
  TRY(plugins_.Give(pod, container, config));
  for (auto& device : TRY(claims_.CdiDevices(pod, container))) {
    config.cdi_devices.push_back(std::move(device));
  }
  return {};
}

Result<> NodeDevices::Resolve(cri::ContainerConfig& config) {
  const auto names = std::exchange(config.cdi_devices, {});
  return cdi_.Give(names, config);
}

}  // namespace skiff::kubelet
