// The devices of this node as its pods use them: those of DRA drivers and of device plugins, and
// the CDI files that say what a container needs for one.
#pragma once

#include <string>

#include "kubelet/cdi/cdi_devices.h"
#include "kubelet/devices/device_manager.h"
#include "kubelet/dra/claim_manager.h"
#include "kubelet/dra/drivers.h"
#include "kubelet/pod_devices.h"

namespace skiff::kubelet {

class NodeDevices final : public PodDevices {
 public:
  struct Settings {
    std::string root;
    std::string node_name;
    std::vector<std::string> cdi_directories = {"/etc/cdi", "/var/run/cdi"};
  };
  struct Sources {
    FindNode node;
    // Uids of all pods, and of those that have a place here; nullopt before they are known.
    std::function<std::optional<std::set<std::string>>()> pods;
    std::function<std::optional<std::set<std::string>>()> placed_pods;
    // Devices came or went. Any thread.
    std::function<void()> changed;
  };
  struct Metrics {
    dra::DraMetrics* dra = nullptr;
    devices::DeviceMetrics* devices = nullptr;
  };
  NodeDevices(const Settings& settings, Client& client, const Clock& clock, Sources sources,
              Metrics metrics);

  Result<> Allocate(const core_v1::Pod& pod) override { return plugins_.Allocate(pod); }
  Result<> Prepare(const core_v1::Pod& pod) override { return claims_.Prepare(pod); }
  Result<> Unprepare(const core_v1::Pod& pod) override { return claims_.Unprepare(pod); }
  Result<> Give(const core_v1::Pod& pod, const core_v1::Container& container,
                cri::ContainerConfig& config) override;
  Result<> Resolve(cri::ContainerConfig& config) override;

  dra::Drivers& dra_drivers() { return dra_drivers_; }
  dra::ClaimManager& claims() { return claims_; }
  devices::DeviceManager& plugins() { return plugins_; }
  const dra::ClaimManager& claims() const { return claims_; }

 private:
  dra::Drivers dra_drivers_;
  dra::ClaimManager claims_;
  devices::DeviceManager plugins_;
  const cdi::CdiDevices cdi_;
};

}  // namespace skiff::kubelet
