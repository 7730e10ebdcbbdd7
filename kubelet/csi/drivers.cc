#include "kubelet/csi/drivers.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "api/codec/json.h"

namespace skiff::kubelet::csi {
namespace {

constexpr char kNodeIdAnnotation[] = "csi.volume.kubernetes.io/nodeid";

// {"DRIVER": "NODE ID"}; what is no such object counts for nothing.
Json NodeIds(const core_v1::Node& node) {
  const auto found = node.metadata.annotations.find(kNodeIdAnnotation);
  if (found == node.metadata.annotations.end()) return Json::object();
  const auto parsed = ParseJson(found->second);
  return parsed && parsed->is_object() ? *parsed : Json::object();
}

storage_v1::CSINodeDriver EntryOf(const Driver& driver) {
  storage_v1::CSINodeDriver entry;
  entry.name = driver.name;
  entry.node_id = driver.node_id;
  for (const auto& [key, value] : driver.topology) entry.topology_keys.push_back(key);
  if (driver.volumes_max > 0) {
    entry.allocatable.emplace().count = static_cast<int32_t>(
        std::min<int64_t>(driver.volumes_max, std::numeric_limits<int32_t>::max()));
  }
  return entry;
}

// "1.0.0", "v1.2": 0 and more; -1: no version.
int MajorOf(const std::string& version) {
  const size_t first = version.starts_with('v') ? 1 : 0;
  const size_t end = version.find_first_not_of("0123456789", first);
  const size_t digits = (end == std::string::npos ? version.size() : end) - first;
  if (digits == 0 || digits > 6) return -1;
  return std::stoi(version.substr(first, digits));
}

}  // namespace

void Drivers::Put(Driver driver) {
  MutexLock lock(mutex_);
  const std::string name = driver.name;
  drivers_[name] = std::move(driver);
}

void Drivers::Remove(const std::string& name) {
  MutexLock lock(mutex_);
  drivers_.erase(name);
}

bool Drivers::SetVolumesMax(const std::string& name, const std::string& endpoint,
                            int64_t volumes_max) {
  MutexLock lock(mutex_);
  const auto found = drivers_.find(name);
  if (found == drivers_.end() || found->second.endpoint != endpoint) return false;
  found->second.volumes_max = volumes_max;
  return true;
}

Result<std::string> Drivers::Endpoint(const std::string& name) const {
  MutexLock lock(mutex_);
  const auto found = drivers_.find(name);
  if (found != drivers_.end()) return found->second.endpoint;
  return Fail(Reason::kNotFound,
              fmt::format("driver name {} not found in the list of registered CSI drivers", name));
}

bool Drivers::Has(const std::string& name) const {
  MutexLock lock(mutex_);
  return drivers_.contains(name);
}

std::vector<Driver> Drivers::List() const {
  MutexLock lock(mutex_);
  std::vector<Driver> all;
  for (const auto& [name, driver] : drivers_) all.push_back(driver);
  return all;
}

bool PutDriver(storage_v1::CSINode& node, const Driver& driver) {
  auto entry = EntryOf(driver);
  const auto& all = node.spec.drivers;
  if (std::find(all.begin(), all.end(), entry) != all.end()) return false;
  RemoveDriver(node, driver.name);
  node.spec.drivers.push_back(std::move(entry));
  return true;
}

bool PutVolumesMax(storage_v1::CSINode& node, const Driver& driver) {
  const auto allocatable = EntryOf(driver).allocatable;
  bool changed = false;
  for (auto& entry : node.spec.drivers) {
    if (entry.name != driver.name || entry.node_id != driver.node_id) continue;
    if (entry.allocatable == allocatable) continue;
    entry.allocatable = allocatable;
    changed = true;
  }
  return changed;
}

bool RemoveDriver(storage_v1::CSINode& node, const std::string& name) {
  return std::erase_if(node.spec.drivers, [&](const auto& each) { return each.name == name; }) > 0;
}

Result<> PutDriver(core_v1::Node& node, const Driver& driver) {
  for (const auto& [key, value] : driver.topology) {
    const auto [kept, is_new] = node.metadata.labels.emplace(key, value);
    if (is_new || kept->second == value) continue;
    return Fail(
        Reason::kConflict,
        fmt::format("detected topology value collision: driver reported \"{0}\":\"{1}\" but "
                    "existing label is \"{0}\":\"{2}\"",
                    key, value, kept->second));
  }
  Json ids = NodeIds(node);
  ids[driver.name] = driver.node_id;
  node.metadata.annotations[kNodeIdAnnotation] = ids.dump();
  return {};
}

void RemoveDriver(core_v1::Node& node, const std::string& name) {
  Json ids = NodeIds(node);
  if (ids.erase(name) == 0) return;
  if (ids.empty()) {
    node.metadata.annotations.erase(kNodeIdAnnotation);
  } else {
    node.metadata.annotations[kNodeIdAnnotation] = ids.dump();
  }
}

std::string RefusalOf(const std::string& driver, const std::vector<std::string>& versions) {
  const std::string failed = fmt::format("validation failed for CSI Driver {}: ", driver);
  if (versions.empty()) return failed + "Plugin returned an empty list for supported versions";
  const bool is_served = std::any_of(versions.begin(), versions.end(),
                                     [](const auto& version) { return MajorOf(version) == 1; });
  if (is_served) return "";
  return failed + fmt::format("None of the versions specified \"{}\" are supported. err={}",
                              fmt::join(versions, ","), "no supported CSI version found");
}

}  // namespace skiff::kubelet::csi
