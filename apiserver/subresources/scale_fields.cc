#include "apiserver/subresources/scale_fields.h"

#include <algorithm>

namespace skiff {
namespace {

constexpr std::string_view kScaleVersion = "autoscaling/v1";

// Where both the object and its Scale keep their number.
FieldSet Replicas() {
  FieldSet set;
  const ElementChain spec{nullptr, 'f', "spec"};
  const ElementChain replicas{&spec, 'f', "replicas"};
  Insert(set, &replicas);
  return set;
}

bool OwnsReplicas(const ManagedEntry& entry) {
  return !Intersection(entry.fields, Replicas()).Empty();
}

// The version does not count: it differs on the two sides.
bool SameOwner(const ManagedEntry& a, const ManagedEntry& b) {
  return a.manager == b.manager && a.is_apply == b.is_apply && a.subresource == b.subresource;
}

}  // namespace

ManagedEntries ScaleEntries(const ManagedEntries& object_entries, std::string_view api_version) {
  ManagedEntries entries;
  for (const ManagedEntry& entry : object_entries) {
    if (entry.api_version != api_version || !OwnsReplicas(entry)) continue;
    ManagedEntry& shown = entries.emplace_back(entry);
    shown.api_version = kScaleVersion;
    shown.fields = Replicas();
  }
  return entries;
}

ManagedEntries ObjectEntries(ManagedEntries object_entries, const ManagedEntries& scale_entries,
                             std::string_view api_version) {
  const auto owner_in = [](const ManagedEntries& entries, const ManagedEntry& wanted) {
    return std::any_of(entries.begin(), entries.end(), [&](const ManagedEntry& entry) {
      return SameOwner(entry, wanted) && OwnsReplicas(entry);
    });
  };
  for (ManagedEntry& entry : object_entries) {
    if (!owner_in(scale_entries, entry)) entry.fields = Difference(entry.fields, Replicas());
  }
  std::erase_if(object_entries, [](const ManagedEntry& entry) { return entry.fields.Empty(); });
  for (const ManagedEntry& entry : scale_entries) {
    if (!OwnsReplicas(entry) || owner_in(object_entries, entry)) continue;
    ManagedEntry& added = object_entries.emplace_back(entry);
    added.api_version = api_version;
    added.fields = Replicas();
    added.time.clear();
  }
  return object_entries;
}

}  // namespace skiff
