// What device plugins have told of their devices, and which containers have which of them. Pure;
// the file <root>/device-plugins/kubelet_internal_checkpoint keeps it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace skiff::kubelet::devices {

struct Device {
  bool is_healthy = false;
  std::vector<int64_t> numa_nodes;  // Empty: near to all.
  bool operator==(const Device&) const = default;
};
using DeviceMap = std::map<std::string, Device>;  // By id.
using DeviceIds = std::set<std::string>;

// The devices of a kind, "example.com/gpu".
struct DeviceResource {
  DeviceMap devices;
  std::optional<Duration> stopped_at;  // Monotonic: since when its plugin has been away.
};

// As whoever asks is told of one: once for each NUMA node that it is near to.
struct ListedDevice {
  std::string resource;
  std::string id;
  std::optional<int64_t> numa_node;  // Unset: near to all.
  bool operator==(const ListedDevice&) const = default;
};

// What a container was given of a resource.
struct Allocation {
  DeviceIds ids;
  std::map<int64_t, std::vector<std::string>> by_numa;  // -1: near to all.
  std::string response;  // What the plugin said is to be done for it, as it said it.
};
using ContainerAllocations = std::map<std::string, Allocation>;      // By resource.
using PodAllocations = std::map<std::string, ContainerAllocations>;  // By container.

class DeviceBook {
 public:
  struct Amounts {
    int64_t capacity = 0;     // All devices.
    int64_t allocatable = 0;  // Those that are well.
  };

  // The whole of what a plugin has; false: as before.
  bool Set(const std::string& resource, DeviceMap devices);
  // Its plugin is away: its devices are not well until it is back.
  void Stop(const std::string& resource, Duration now);
  void Connect(const std::string& resource);
  // Of all resources; a plugin that has been away since before `stopped_before` has none any more,
  // and is forgotten.
  std::map<std::string, Amounts> TakeAmounts(Duration stopped_before);

  // Since when the plugin that has been away for longest is; nullopt: none is.
  std::optional<Duration> FirstStop() const;

  // Whether it is a device plugin's, now or for some container.
  bool Knows(const std::string& resource) const;
  size_t resources() const { return resources_.size(); }
  const DeviceResource* Find(const std::string& resource) const;
  const Allocation* Find(const std::string& pod, const std::string& container,
                         const std::string& resource) const;
  const PodAllocations* FindPod(const std::string& pod) const;

  // How `count` devices can be given to a container.
  struct Choice {
    DeviceIds taken;      // Settled: reused ones.
    DeviceIds available;  // Of these come the others.
    size_t missing = 0;   // How many of them.
  };
  // Nothing to do when nothing is missing and nothing taken. Fails in the kubelet's words.
  Result<Choice> Choose(const std::string& pod, const std::string& container,
                        const std::string& resource, size_t count, const DeviceIds& reusable) const;
  // Held for an allocation that is under way, from others' choices.
  void Reserve(const std::string& resource, const DeviceIds& ids);
  void Release(const std::string& resource, const DeviceIds& ids);
  void Give(const std::string& pod, const std::string& container, const std::string& resource,
            const DeviceIds& ids, std::string response);
  // What pods that are not among these had is free.
  void Retain(const std::set<std::string>& pods);
  // How many devices of a resource containers have.
  std::map<std::string, int64_t> InUse() const;
  // What a container has.
  std::vector<ListedDevice> DevicesOf(const std::string& pod, const std::string& container) const;
  // All that are well, whoever has them.
  std::vector<ListedDevice> Healthy() const;

  std::string Checkpoint() const;
  // Resources begin without devices until their plugins are back.
  Result<> Load(std::string_view text, Duration now);

 private:
  DeviceIds UsedOf(const std::string& resource) const;

  std::map<std::string, DeviceResource> resources_;
  std::map<std::string, PodAllocations> pods_;                  // By uid.
  std::map<std::string, std::multiset<std::string>> reserved_;  // By resource.
};

// Those of the choice: what the plugin prefers first, then the others in order.
DeviceIds Complete(const DeviceBook::Choice& choice, const DeviceIds& preferred);

}  // namespace skiff::kubelet::devices
