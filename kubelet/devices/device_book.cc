#include "kubelet/devices/device_book.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/codec/json.h"
#include "api/codec/json_members.h"
#include "base/hash.h"

namespace skiff::kubelet::devices {
namespace {

constexpr int64_t kNoNumaNode = -1;

Json EntryOf(const std::string& pod, const std::string& container, const std::string& resource,
             const Allocation& given) {
  Json ids = Json::object();
  for (const auto& [node, list] : given.by_numa) ids[std::to_string(node)] = list;
  return {{"PodUID", pod},
          {"ContainerName", container},
          {"ResourceName", resource},
          {"DeviceIDs", std::move(ids)},
          {"AllocResp", Base64(given.response)}};
}

Allocation AllocationFrom(const Json& entry) {
  Allocation given;
  given.response = FromBase64(MemberText(entry, "AllocResp")).value_or("");
  const Json& ids = MemberOf(entry, "DeviceIDs");
  if (!ids.is_object()) return given;
  for (const auto& [node, list] : ids.items()) {
    auto& of_node = given.by_numa[std::strtoll(node.c_str(), nullptr, 10)];
    for (const Json& id : list) {
      if (!id.is_string()) continue;
      of_node.push_back(id.get<std::string>());
      given.ids.insert(of_node.back());
    }
  }
  return given;
}

}  // namespace

bool DeviceBook::Set(const std::string& resource, DeviceMap devices) {
  DeviceMap& kept = resources_[resource].devices;
  if (kept == devices) return false;
  kept = std::move(devices);
  return true;
}

void DeviceBook::Stop(const std::string& resource, Duration now) {
  const auto found = resources_.find(resource);
  if (found == resources_.end()) return;
  for (auto& [id, device] : found->second.devices) device.is_healthy = false;
  if (!found->second.stopped_at) found->second.stopped_at = now;
}

void DeviceBook::Connect(const std::string& resource) {
  resources_[resource].stopped_at.reset();
}

std::map<std::string, DeviceBook::Amounts> DeviceBook::TakeAmounts(Duration stopped_before) {
  std::map<std::string, Amounts> amounts;
  for (auto it = resources_.begin(); it != resources_.end();) {
    const auto& [name, resource] = *it;
    Amounts& of_it = amounts[name];
    if (resource.stopped_at && *resource.stopped_at < stopped_before) {
      it = resources_.erase(it);
      continue;
    }
    of_it.capacity = static_cast<int64_t>(resource.devices.size());
    of_it.allocatable = std::count_if(resource.devices.begin(), resource.devices.end(),
                                      [](const auto& entry) { return entry.second.is_healthy; });
    ++it;
  }
  return amounts;
}

std::optional<Duration> DeviceBook::FirstStop() const {
  std::optional<Duration> first;
  for (const auto& [name, resource] : resources_) {
    if (!resource.stopped_at) continue;
    first = std::min(first.value_or(*resource.stopped_at), *resource.stopped_at);
  }
  return first;
}

bool DeviceBook::Knows(const std::string& resource) const {
  return resources_.contains(resource) || !UsedOf(resource).empty();
}

const DeviceResource* DeviceBook::Find(const std::string& resource) const {
  const auto found = resources_.find(resource);
  return found != resources_.end() ? &found->second : nullptr;
}

const PodAllocations* DeviceBook::FindPod(const std::string& pod) const {
  const auto found = pods_.find(pod);
  return found != pods_.end() ? &found->second : nullptr;
}

const Allocation* DeviceBook::Find(const std::string& pod, const std::string& container,
                                   const std::string& resource) const {
  const PodAllocations* all = FindPod(pod);
  if (all == nullptr) return nullptr;
  const auto of_container = all->find(container);
  if (of_container == all->end()) return nullptr;
  const auto found = of_container->second.find(resource);
  return found != of_container->second.end() ? &found->second : nullptr;
}

DeviceIds DeviceBook::UsedOf(const std::string& resource) const {
  DeviceIds used;
  for (const auto& [pod, containers] : pods_) {
    for (const auto& [container, resources] : containers) {
      const auto found = resources.find(resource);
      if (found != resources.end()) used.insert(found->second.ids.begin(), found->second.ids.end());
    }
  }
  return used;
}

Result<DeviceBook::Choice> DeviceBook::Choose(const std::string& pod, const std::string& container,
                                              const std::string& resource, size_t count,
                                              const DeviceIds& reusable) const {
  const auto fail = [](std::string why) { return Fail(Reason::kConflict, std::move(why)); };
  const Allocation* before = Find(pod, container, resource);
  if (before != nullptr && before->ids.size() != count) {
    return fail(
        fmt::format("pod \"{}\" container \"{}\" changed request for resource \"{}\" from "
                    "{} to {}",
                    pod, container, resource, before->ids.size(), count));
  }
  const DeviceResource* known = Find(resource);
  if (known == nullptr) return fail("cannot allocate unregistered device " + resource);
  DeviceIds healthy;
  for (const auto& [id, device] : known->devices) {
    if (device.is_healthy) healthy.insert(id);
  }
  if (healthy.empty()) {
    return fail("no healthy devices present; cannot allocate unhealthy devices " + resource);
  }
  if (before != nullptr) {
    if (std::includes(healthy.begin(), healthy.end(), before->ids.begin(), before->ids.end())) {
      return Choice();
    }
    return fail(
        "previously allocated devices are no longer healthy; cannot allocate unhealthy "
        "devices " +
        resource);
  }
  Choice choice;
  for (const auto& id : reusable) {
    if (choice.taken.size() < count) choice.taken.insert(id);
  }
  choice.missing = count - choice.taken.size();
  const DeviceIds used = UsedOf(resource);
  const auto reserved = reserved_.find(resource);
  for (const auto& id : healthy) {
    const bool is_held = reserved != reserved_.end() && reserved->second.contains(id);
    if (!used.contains(id) && !is_held) choice.available.insert(id);
  }
  if (choice.available.size() >= choice.missing) return choice;
  return fail(
      fmt::format("requested number of devices unavailable for {}. Requested: {}, "
                  "Available: {}",
                  resource, choice.missing, choice.available.size()));
}

void DeviceBook::Reserve(const std::string& resource, const DeviceIds& ids) {
  reserved_[resource].insert(ids.begin(), ids.end());
}

void DeviceBook::Release(const std::string& resource, const DeviceIds& ids) {
  auto& held = reserved_[resource];
  for (const auto& id : ids) {
    if (const auto found = held.find(id); found != held.end()) held.erase(found);
  }
  if (held.empty()) reserved_.erase(resource);
}

void DeviceBook::Give(const std::string& pod, const std::string& container,
                      const std::string& resource, const DeviceIds& ids, std::string response) {
  Allocation given{ids, {}, std::move(response)};
  const DeviceResource* known = Find(resource);
  for (const auto& id : ids) {
    std::vector<int64_t> nodes;
    if (known != nullptr) {
      const auto device = known->devices.find(id);
      if (device != known->devices.end()) nodes = device->second.numa_nodes;
    }
    if (nodes.empty()) nodes.push_back(kNoNumaNode);
    for (const int64_t node : nodes) given.by_numa[node].push_back(id);
  }
  pods_[pod][container][resource] = std::move(given);
}

void DeviceBook::Retain(const std::set<std::string>& pods) {
  std::erase_if(pods_, [&](const auto& entry) { return !pods.contains(entry.first); });
}

std::map<std::string, int64_t> DeviceBook::InUse() const {
  std::map<std::string, DeviceIds> used;
  for (const auto& [pod, containers] : pods_) {
    for (const auto& [container, resources] : containers) {
      for (const auto& [name, given] : resources) {
        used[name].insert(given.ids.begin(), given.ids.end());
      }
    }
  }
  std::map<std::string, int64_t> counts;
  for (const auto& [name, ids] : used) counts[name] = static_cast<int64_t>(ids.size());
  return counts;
}

std::vector<ListedDevice> DeviceBook::DevicesOf(const std::string& pod,
                                                const std::string& container) const {
  std::vector<ListedDevice> list;
  const PodAllocations* all = FindPod(pod);
  if (all == nullptr || !all->contains(container)) return list;
  for (const auto& [resource, given] : all->at(container)) {
    for (const auto& [node, ids] : given.by_numa) {
      const auto near = node == kNoNumaNode ? std::nullopt : std::optional(node);
      for (const auto& id : ids) list.push_back({resource, id, near});
    }
  }
  return list;
}

std::vector<ListedDevice> DeviceBook::Healthy() const {
  std::vector<ListedDevice> list;
  for (const auto& [name, resource] : resources_) {
    for (const auto& [id, device] : resource.devices) {
      if (!device.is_healthy) continue;
      for (const int64_t node : device.numa_nodes) list.push_back({name, id, node});
      if (device.numa_nodes.empty()) list.push_back({name, id, std::nullopt});
    }
  }
  return list;
}

std::string DeviceBook::Checkpoint() const {
  Json entries = Json::array();
  for (const auto& [pod, containers] : pods_) {
    for (const auto& [container, resources] : containers) {
      for (const auto& [name, given] : resources) {
        entries.push_back(EntryOf(pod, container, name, given));
      }
    }
  }
  Json registered = Json::object();
  // Nobody reads more of them than their names: their plugins tell again what they have.
  for (const auto& [name, resource] : resources_) registered[name] = Json::array();
  const Json data = {{"PodDeviceEntries", std::move(entries)},
                     {"RegisteredDevices", std::move(registered)}};
  return Json{{"Data", data}, {"Checksum", Fnv1a32(data.dump())}}.dump();
}

Result<> DeviceBook::Load(std::string_view text, Duration now) {
  const Json whole = TRY(ParseJson(text));
  const Json& data = MemberOf(whole, "Data");
  const Json& sum = MemberOf(whole, "Checksum");
  if (!sum.is_number_integer() || sum.get<int64_t>() != Fnv1a32(data.dump())) {
    return Fail(Reason::kInvalid, "checkpoint is corrupted");
  }
  for (const Json& entry : MemberOf(data, "PodDeviceEntries")) {
    pods_[MemberText(entry, "PodUID")][MemberText(entry, "ContainerName")]
         [MemberText(entry, "ResourceName")] = AllocationFrom(entry);
  }
  const Json& registered = MemberOf(data, "RegisteredDevices");
  if (!registered.is_object()) return {};
  for (const auto& [name, ids] : registered.items()) resources_[name].stopped_at = now;
  return {};
}

DeviceIds Complete(const DeviceBook::Choice& choice, const DeviceIds& preferred) {
  DeviceIds ids = choice.taken;
  const size_t count = ids.size() + choice.missing;
  for (const auto& id : preferred) {
    if (ids.size() < count && choice.available.contains(id)) ids.insert(id);
  }
  for (const auto& id : choice.available) {
    if (ids.size() < count) ids.insert(id);
  }
  return ids;
}

}  // namespace skiff::kubelet::devices
