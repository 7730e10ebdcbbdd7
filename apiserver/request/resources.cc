#include "apiserver/request/resources.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace skiff {
namespace {

struct Index {
  std::map<std::tuple<std::string_view, std::string_view, std::string_view>, const KindInfo*>
      by_resource;
  std::map<std::pair<std::string_view, std::string_view>, const KindInfo*> by_kind;
  std::set<std::pair<std::string_view, std::string_view>> versions;
};

const Index& TheIndex() {
  static const Index index = [] {
    Index made;
    for (const KindInfo* kind : BuiltInKinds()) {
      made.by_resource[{kind->group, kind->version, kind->resource}] = kind;
      made.by_kind[{kind->api_version, kind->kind}] = kind;
      made.versions.insert({kind->group, kind->version});
    }
    return made;
  }();
  return index;
}

// Old versions that a client may still name in a body.
struct OldVersion {
  std::string_view api_version;
  std::string_view group;  // Where its kinds are served today.
};
constexpr OldVersion kOldVersions[] = {
    {"extensions/v1beta1", "apps"},
    {"extensions/v1beta1", "networking.k8s.io"},
    {"apps/v1beta1", "apps"},
    {"apps/v1beta2", "apps"},
    {"autoscaling/v2beta1", "autoscaling"},
    {"autoscaling/v2beta2", "autoscaling"},
    {"batch/v1beta1", "batch"},
    {"policy/v1beta1", "policy"},
    {"events.k8s.io/v1beta1", "events.k8s.io"},
    {"networking.k8s.io/v1beta1", "networking.k8s.io"},
    {"rbac.authorization.k8s.io/v1beta1", "rbac.authorization.k8s.io"},
    {"storage.k8s.io/v1beta1", "storage.k8s.io"},
    {"coordination.k8s.io/v1beta1", "coordination.k8s.io"},
    {"discovery.k8s.io/v1beta1", "discovery.k8s.io"},
    {"certificates.k8s.io/v1beta1", "certificates.k8s.io"},
};

}  // namespace

const KindInfo* FindResource(std::string_view group, std::string_view version,
                             std::string_view resource) {
  const auto found = TheIndex().by_resource.find({group, version, resource});
  return found == TheIndex().by_resource.end() ? nullptr : found->second;
}

const KindInfo* FindKind(std::string_view api_version, std::string_view kind) {
  const auto found = TheIndex().by_kind.find({api_version, kind});
  return found == TheIndex().by_kind.end() ? nullptr : found->second;
}

bool ServesKindIn(std::string_view api_version, std::string_view kind) {
  if (FindKind(api_version, kind) != nullptr) return true;
  for (const OldVersion& old : kOldVersions) {
    if (old.api_version != api_version) continue;
    for (const KindInfo* served : BuiltInKinds()) {
      if (served->group == old.group && served->kind == kind) return true;
    }
  }
  return false;
}

bool IsKnownGroupVersion(std::string_view group, std::string_view version) {
  return TheIndex().versions.contains({group, version});
}

bool IsBuiltInGroup(std::string_view group) {
  const auto kinds = BuiltInKinds();
  return std::any_of(kinds.begin(), kinds.end(),
                     [&](const KindInfo* kind) { return kind->group == group; });
}

}  // namespace skiff
