#include "kubelet/csi/driver_registration.h"

#include <fmt/format.h>

#include <utility>

#include "kubelet/csi_grpc.h"

namespace skiff::kubelet::csi {
namespace {

constexpr int kConflictsMax = 5;

}  // namespace

std::string DriverRegistration::RefusalOf(const plugins::PluginInfo& info) const {
  if (!drivers_.Has(info.name)) return csi::RefusalOf(info.name, info.versions);
  return fmt::format(
      "validation failed for CSI Driver {} at endpoint {}. Another driver with the same name is "
      "already registered with a higher supported version: \"1.0.0\"",
      info.name, info.endpoint);
}

Result<> DriverRegistration::Register(const plugins::PluginInfo& info) {
  const NodeInfo node = TRY(NodeClient(info.endpoint).GetInfo());
  MutexLock writing(writing_);
  // Another one of its name may have come meanwhile.
  if (auto refusal = RefusalOf(info); !refusal.empty()) return Fail(Reason::kConflict, refusal);
  TRY(Put(info.name, info.endpoint, node));
  MutexLock lock(mutex_);
  leaving_.erase(info.name);
  return {};
}

void DriverRegistration::Unregister(const plugins::PluginInfo& info) {
  {
    // First: whoever registers by its name after it is gone here takes it out of these.
    MutexLock lock(mutex_);
    leaving_.insert(info.name);
  }
  drivers_.Remove(info.name);
}

Result<> DriverRegistration::Put(const std::string& name, const std::string& endpoint,
                                 const NodeInfo& info) {
  if (info.node_id.empty()) {
    return Fail(Reason::kInvalid, "error updating CSI node info in the cluster: node id is empty");
  }
  const Driver driver{name, endpoint, info.node_id, info.topology, info.volumes_max};
  const auto node = TRY(find_());
  if (!node) return Fail(Reason::kNotFound, "the Node is not known yet");
  core_v1::Node changed = *node;
  TRY(PutDriver(changed, driver));
  TRY(client_.Patch(*node, [&](core_v1::Node& it) { it.metadata = changed.metadata; }));
  TRY(WriteCsiNode([&](storage_v1::CSINode& it) { return PutDriver(it, driver); }));
  drivers_.Put(driver);
  return {};
}

Result<> DriverRegistration::Remove(const std::string& name) {
  Result<> done = WriteCsiNode([&](storage_v1::CSINode& it) { return RemoveDriver(it, name); });
  const auto node = find_();
  if (done && node && *node) {
    const auto patched = client_.Patch(**node, [&](core_v1::Node& it) { RemoveDriver(it, name); });
    if (!patched) done = Fail(patched.error());
  }
  // An object that is gone holds nothing of the driver's.
  if (!done && done.error().reason != Reason::kNotFound) return done;
  return {};
}

bool DriverRegistration::IsSettled() const {
  MutexLock lock(mutex_);
  return leaving_.empty();
}

void DriverRegistration::Settle() {
  MutexLock writing(writing_);
  std::set<std::string> leaving;
  {
    MutexLock lock(mutex_);
    leaving = leaving_;
  }
  for (const std::string& name : leaving) {
    if (!Remove(name)) continue;
    MutexLock lock(mutex_);
    leaving_.erase(name);
  }
}

template <typename Change>
Result<> DriverRegistration::WriteCsiNode(Change change) {
  Result<> written;
  for (int i = 0; i < kConflictsMax; ++i) {
    storage_v1::CSINode object = *TRY(client_.Get<storage_v1::CSINode>({"", node_name_}));
    if (!change(object)) return {};
    const auto updated = client_.Update(object);
    if (updated) return {};
    written = Fail(updated.error());
    if (updated.error().reason != Reason::kConflict) break;
  }
  return written;
}

}  // namespace skiff::kubelet::csi
