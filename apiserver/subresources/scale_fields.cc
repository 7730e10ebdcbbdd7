#include "apiserver/subresources/scale_fields.h"

#include <algorithm>

namespace skiff {
namespace {

constexpr std::string_view kScaleVersion = "autoscaling/v1";

FieldSet Replicas(std::string_view path) {
  FieldSet set;
  FieldSet* at = &set;
  while (!path.empty()) {
    const size_t dot = std::min(path.find('.'), path.size());
    at = &at->children["f:" + std::string(path.substr(0, dot))];
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  at->member = true;
  return set;
}

bool OwnsReplicas(const ManagedEntry& entry, std::string_view path) {
  return !Intersection(entry.fields, Replicas(path)).Empty();
}

// The version does not count: it differs on the two sides.
bool SameOwner(const ManagedEntry& a, const ManagedEntry& b) {
  return a.manager == b.manager && a.is_apply == b.is_apply && a.subresource == b.subresource;
}

}  // namespace

ManagedEntries ScaleEntries(const ManagedEntries& object_entries, std::string_view api_version,
                            std::string_view path) {
  ManagedEntries entries;
  for (const ManagedEntry& entry : object_entries) {
    if (entry.api_version != api_version || !OwnsReplicas(entry, path)) continue;
    ManagedEntry& shown = entries.emplace_back(entry);
    shown.api_version = kScaleVersion;
    shown.fields = Replicas(kReplicasPath);
  }
  return entries;
}

ManagedEntries ObjectEntries(ManagedEntries object_entries, const ManagedEntries& scale_entries,
                             std::string_view api_version, std::string_view path) {
  const auto owner_in = [](const ManagedEntries& entries, const ManagedEntry& wanted,
                           std::string_view where) {
    return std::any_of(entries.begin(), entries.end(), [&](const ManagedEntry& entry) {
      return SameOwner(entry, wanted) && OwnsReplicas(entry, where);
    });
  };
  for (ManagedEntry& entry : object_entries) {
    if (!owner_in(scale_entries, entry, kReplicasPath)) {
      entry.fields = Difference(entry.fields, Replicas(path));
    }
  }
  std::erase_if(object_entries, [](const ManagedEntry& entry) { return entry.fields.Empty(); });
  for (const ManagedEntry& entry : scale_entries) {
    if (!OwnsReplicas(entry, kReplicasPath) || owner_in(object_entries, entry, path)) continue;
    ManagedEntry& added = object_entries.emplace_back(entry);
    added.api_version = api_version;
    added.fields = Replicas(path);
    added.time.clear();
  }
  return object_entries;
}

}  // namespace skiff
