#include "controllers/machinery/kind_finder.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/text/group_version.h"
#include "client/discovery.h"

namespace skiff {
namespace {

std::optional<Resource> BuiltInResource(const std::string& group, const std::string& kind) {
  for (const KindInfo* info : BuiltInKinds()) {
    if (info->group == group && info->kind == kind && !info->storage_key.empty() &&
        info->storage_version == info->api_version) {
      return Resource(*info);
    }
  }
  return std::nullopt;
}

}  // namespace

Result<Resource> KindFinder::Find(const std::string& group, const std::string& kind) {
  if (const auto built_in = BuiltInResource(group, kind)) return *built_in;
  const MutexLock lock(mutex_);
  const Duration now = clock_.Monotonic();
  // What was served may be gone, or in another version, and new kinds come.
  if (!refreshed_ || now - *refreshed_ >= kRefreshPeriod) {
    const ServedResources served = TRY(Discover(client_));
    refreshed_ = now;
    served_.clear();
    for (const ServedResource& each : served.resources) served_.push_back(each.resource);
  }
  const auto found = std::find_if(served_.begin(), served_.end(), [&](const Resource& each) {
    return each.kind == kind && each.Group() == group;
  });
  if (found != served_.end()) return *found;
  return Fail(Reason::kNotFound,
              fmt::format("no matches for kind \"{}\" in group \"{}\"", kind, group));
}

Result<Json> ScaleIn(Client& client, const Resource& resource, const ObjectKey& key) {
  if (resource.namespaced) return client.Get(resource, key, "scale");
  return Fail(Reason::kNotFound,
              fmt::format("the server could not find the requested resource (get {} {})",
                          resource.name, key.name));
}

Result<std::string> GroupOfVersion(const std::string& api_version) {
  if (VersionPart(api_version).find('/') != std::string_view::npos) {
    return Fail(Reason::kInvalid, "unexpected GroupVersion string: " + api_version);
  }
  return std::string(GroupPart(api_version));
}

}  // namespace skiff
