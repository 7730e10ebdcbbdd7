// The kubelet's plugins on its node, and what it knows of the node by their devices.
#include <fmt/format.h>

#include <memory>

#include "kubelet/kubelet.h"

namespace skiff::kubelet {

std::unique_ptr<csi::DriverRegistration> Kubelet::MakeCsiRegistration() {
  if (!csi_volumes_) return nullptr;
  return std::make_unique<csi::DriverRegistration>(
      options_.node_name, dependencies_.client, [this] { return FindOwnNode(); }, csi_drivers_);
}

std::unique_ptr<NodeDevices> Kubelet::MakeDevices() {
  if (!csi_volumes_) return nullptr;
  return std::make_unique<NodeDevices>(
      NodeDevices::Settings{.root = options_.root, .node_name = options_.node_name},
      dependencies_.client, dependencies_.clock,
      NodeDevices::Sources{[this] { return FindOwnNode(); }, [this] { return KnownPods(); },
                           [this] { return PlacedPods(); }, [this] { node_status_.Changed(); }},
      dependencies_.metrics != nullptr
          ? NodeDevices::Metrics{&dependencies_.metrics->dra, &dependencies_.metrics->devices}
          : NodeDevices::Metrics{});
}

std::map<std::string, std::pair<int64_t, int64_t>> Kubelet::DeviceAmounts() const {
  std::map<std::string, std::pair<int64_t, int64_t>> amounts;
  if (!devices_) return amounts;
  for (const auto& [name, each] : devices_->plugins().Amounts()) {
    amounts[name] = {each.capacity, each.allocatable};
  }
  return amounts;
}

std::unique_ptr<plugins::PluginRegistrar> Kubelet::MakePlugins() {
  if (!csi_volumes_) return nullptr;
  return std::make_unique<plugins::PluginRegistrar>(
      options_.root, dependencies_.clock, dependencies_.loops,
      plugins::Handlers{{csi::kPluginType, csi_registration_.get()},
                        {dra::kPluginType, &devices_->dra_drivers()},
                        {devices::kPluginType, &devices_->plugins()}},
      &blocking());
}

std::unique_ptr<PodResourcesServer> Kubelet::MakePodResources() {
  if (!csi_volumes_) return nullptr;
  const PodResourcesSources sources{
      [this] { return Pods(); },
      [this] { return AdmittedPods(); },
      [this](const auto& namespace_, const auto& name) { return FindPod(namespace_, name); },
      [this](const core_v1::Pod& pod, const core_v1::Container& container) {
        return devices_->plugins().DevicesOf(pod.metadata.uid, container.name);
      },
      [this] { return devices_->plugins().Healthy(); },
      [this](const core_v1::Pod& pod, const core_v1::Container& container) {
        return devices_->claims().ClaimsOf(pod, container).value_or(std::vector<dra::ClaimInfo>());
      }};
  return std::make_unique<PodResourcesServer>(
      options_.root + "/pod-resources", dependencies_.clock, sources,
      dependencies_.metrics != nullptr ? &dependencies_.metrics->pod_resources : nullptr);
}

std::optional<PodRefusal> Kubelet::AllocateDevices(const core_v1::Pod& pod) {
  if (!devices_) return std::nullopt;
  const auto done = devices_->Allocate(pod);
  if (done) return std::nullopt;
  return PodRefusal{
      "UnexpectedAdmissionError",
      fmt::format("Allocate failed due to {}, which is unexpected", done.error().message)};
}

Ptr<core_v1::Node> Kubelet::WithDevices(Ptr<core_v1::Node> node) const {
  if (!devices_) return node;
  std::shared_ptr<core_v1::Node> changed;
  for (const auto& [name, count] : devices_->plugins().InUse()) {
    const auto& all = node->status.allocatable;
    const auto found = all.find(name);
    if (found != all.end() && found->second.Value() >= count) continue;
    if (!changed) changed = std::make_shared<core_v1::Node>(*node);
    changed->status.allocatable[name] = Quantity::FromValue(count);
  }
  return changed ? changed : node;
}

std::optional<std::set<std::string>> Kubelet::PlacedPods() const {
  if (!KnownPods()) return std::nullopt;
  std::set<std::string> uids;
  MutexLock lock(mutex_);
  for (const auto& [uid, worker] : workers_) {
    // One whose object is gone, or that others were told has ended, may still run for its grace.
    const bool may_run = worker->state() < PodWorker::State::kTerminated;
    if (may_run && !refused_.contains(uid)) uids.insert(uid);
  }
  return uids;
}

}  // namespace skiff::kubelet
