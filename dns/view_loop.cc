#include "dns/view_loop.h"

namespace skiff::dns {
namespace {

constexpr char kServiceOfSlice[] = "kubernetes.io/service-name";
constexpr char kIndex[] = "dns-service";

std::string ServiceOf(const discovery_v1::EndpointSlice& slice) {
  const auto label = slice.metadata.labels.find(kServiceOfSlice);
  return label == slice.metadata.labels.end() ? "" : label->second;
}

}  // namespace

ViewLoop::ViewLoop(Dependencies dependencies) : dependencies_(dependencies) {
  dependencies_.services.OnChange([this](const auto& before, const auto& now) {
    const auto& metadata = (now ? now : before)->metadata;
    Changed(metadata.namespace_, metadata.name);
  });
  dependencies_.slices.AddIndex(kIndex, [](const auto& slice) {
    return std::vector<std::string>{slice.metadata.namespace_ + "/" + ServiceOf(slice)};
  });
  dependencies_.slices.OnChange([this](const auto& before, const auto& now) {
    if (before) ServiceOfSliceChanged(*before);
    if (now) ServiceOfSliceChanged(*now);
  });
  dependencies_.namespaces.OnChange([this](const auto& before, const auto& now) {
    if (before && now) return;  // Only that it is there matters.
    {
      MutexLock lock(mutex_);
      namespaces_changed_ = true;
    }
    Wake();
  });
  dependencies_.nodes.OnChange([this](const auto& before, const auto& now) {
    if (before && now && before->status.addresses == now->status.addresses) return;
    {
      MutexLock lock(mutex_);
      nodes_changed_ = true;
    }
    Wake();
  });
  dependencies_.services.cache().OnSynced([this] { Wake(); });
  dependencies_.slices.cache().OnSynced([this] { Wake(); });
  dependencies_.namespaces.cache().OnSynced([this] { Wake(); });
  dependencies_.nodes.cache().OnSynced([this] { Wake(); });
}

bool ViewLoop::Synced() const {
  return dependencies_.services.synced() && dependencies_.slices.synced() &&
         dependencies_.namespaces.synced() && dependencies_.nodes.synced();
}

void ViewLoop::Changed(const std::string& namespace_, const std::string& service) {
  {
    MutexLock lock(mutex_);
    changed_.insert({namespace_, service});
  }
  Wake();
}

void ViewLoop::ServiceOfSliceChanged(const discovery_v1::EndpointSlice& slice) {
  const std::string service = ServiceOf(slice);
  if (!service.empty()) Changed(slice.metadata.namespace_, service);
}

void ViewLoop::RebuildNamespaces() {
  View::Namespaces names;
  for (const auto& each : dependencies_.namespaces.List()) names.insert(each->metadata.name);
  builder_.SetNamespaces(std::move(names));
}

void ViewLoop::RebuildNodes() {
  View::Addresses addresses;
  for (const auto& node : dependencies_.nodes.List()) {
    for (const auto& each : node->status.addresses) {
      if (const auto address = ParseIp(each.address)) addresses.insert(*address);
    }
  }
  builder_.SetNodes(std::move(addresses));
}

Duration ViewLoop::Step() {
  if (!Synced()) return kNever;
  std::set<ObjectKey> changed;
  bool namespaces = false;
  bool nodes = false;
  {
    MutexLock lock(mutex_);
    changed.swap(changed_);
    std::swap(namespaces, namespaces_changed_);
    std::swap(nodes, nodes_changed_);
  }
  if (changed.empty() && !namespaces && !nodes) return kNever;
  for (const ObjectKey& key : changed) {
    const auto service = dependencies_.services.Get(key);
    View::ServicePtr record;
    if (service) {
      record = MakeServiceRecord(
          *service, dependencies_.slices.ByIndex(kIndex, key.namespace_ + "/" + key.name));
    }
    builder_.Set(key.namespace_, key.name, std::move(record));
  }
  if (namespaces) RebuildNamespaces();
  if (nodes) RebuildNodes();
  const auto now = std::chrono::time_point_cast<std::chrono::seconds>(dependencies_.clock.Now());
  const auto serial = static_cast<uint32_t>(now.time_since_epoch().count());
  dependencies_.views.Publish(builder_.Build(serial));
  return kNever;
}

}  // namespace skiff::dns
