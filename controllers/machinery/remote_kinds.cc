#include "controllers/machinery/remote_kinds.h"

#include <algorithm>
#include <set>
#include <utility>

#include "api/openapi/discovery.h"
#include "client/discovery.h"

namespace skiff {
namespace {

using apiregistration_v1::APIService;

std::string VersionOf(const APIService& service) {
  return service.spec.group + "/" + service.spec.version;
}

bool IsAvailable(const APIService& service) {
  const auto& conditions = service.status.conditions;
  return std::any_of(conditions.begin(), conditions.end(),
                     [](const auto& it) { return it.type == "Available" && it.status == "True"; });
}

std::set<std::string> BuiltInVersions() {
  std::set<std::string> versions;
  for (const KindInfo* info : BuiltInKinds()) versions.emplace(info->api_version);
  return versions;
}

// In another version: whoever owns one means ours.
bool IsBuiltIn(const Resource& resource) {
  const auto& kinds = BuiltInKinds();
  return std::any_of(kinds.begin(), kinds.end(), [&](const KindInfo* info) {
    return info->group == resource.Group() &&
           (info->kind == resource.kind || info->resource == resource.name);
  });
}

bool CanBeCollected(const ServedResource& served) {
  return served.Has("list") && served.Has("watch") && served.Has("delete") &&
         !served.resource.kind.empty() && !IsBuiltIn(served.resource);
}

}  // namespace

RemoteKinds::RemoteKinds(Manager& manager, std::function<void()> changed)
    : manager_(manager), changed_(std::move(changed)), services_(manager.informer<APIService>()) {
  services_.OnChange([this](const auto&, const auto&) { Wake(); });
  services_.cache().OnSynced([this] { Wake(); });
}

std::optional<std::vector<Resource>> RemoteKinds::Served() const {
  const MutexLock lock(mutex_);
  return served_;
}

std::map<std::string, std::vector<Ptr<APIService>>> RemoteKinds::RemoteVersions() const {
  static const std::set<std::string> kBuiltIn = BuiltInVersions();
  std::map<std::string, std::vector<Ptr<APIService>>> groups;
  for (const auto& service : services_.List()) {
    const bool is_remote = service->spec.service && !service->spec.group.empty() &&
                           !kBuiltIn.contains(VersionOf(*service));
    if (is_remote) groups[service->spec.group].push_back(service);
  }
  for (auto& [group, services] : groups) {
    std::sort(services.begin(), services.end(), [](const auto& a, const auto& b) {
      if (a->spec.version_priority != b->spec.version_priority) {
        return a->spec.version_priority > b->spec.version_priority;
      }
      return VersionGoesBefore(a->spec.version, b->spec.version);
    });
  }
  return groups;
}

void RemoteKinds::Ask(const APIService& service) {
  const std::string api_version = VersionOf(service);
  Version& version = versions_[api_version];
  const Duration now = manager_.clock().Monotonic();
  const bool is_fresh =
      version.asked_of == service.metadata.resource_version && now - version.asked_at < kAskPeriod;
  if (is_fresh) return;
  version.asked_of = service.metadata.resource_version;
  version.asked_at = now;
  if (!IsAvailable(service)) return;
  const auto told = ResourcesIn(manager_.reader(), api_version);
  if (!told) return;
  version.kinds.clear();
  for (const ServedResource& each : told->resources) {
    if (!CanBeCollected(each)) continue;
    if (version.kinds.size() < kKindsOfVersionMax) version.kinds.push_back(each.resource);
  }
}

Duration RemoteKinds::Step() {
  if (!services_.synced()) return kNever;
  std::vector<Resource> served;
  std::set<std::string> api_versions;
  for (const auto& [group, services] : RemoteVersions()) {
    std::set<std::string> named;
    for (const auto& service : services) {
      const std::string api_version = VersionOf(*service);
      // Who makes two APIServices of one version is refused by the server.
      api_versions.insert(api_version);
      Ask(*service);
      for (const Resource& kind : versions_[api_version].kinds) {
        if (named.insert(kind.name).second) served.push_back(kind);
      }
    }
  }
  std::erase_if(versions_, [&](const auto& it) { return !api_versions.contains(it.first); });
  const bool has_remote = !api_versions.empty();
  {
    const MutexLock lock(mutex_);
    if (served_ == served) return has_remote ? kAskPeriod : kNever;
    served_ = std::move(served);
  }
  changed_();
  return has_remote ? kAskPeriod : kNever;
}

}  // namespace skiff
