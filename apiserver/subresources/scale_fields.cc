#include "apiserver/subresources/scale_fields.h"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>

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
using Owner = std::tuple<std::string, bool, std::string>;
Owner OwnerOf(const ManagedEntry& entry) {
  return {entry.manager, entry.is_apply, entry.subresource};
}

// Those of the replicas.
std::set<Owner> OwnersIn(const ManagedEntries& entries) {
  std::set<Owner> owners;
  for (const ManagedEntry& entry : entries) {
    if (OwnsReplicas(entry)) owners.insert(OwnerOf(entry));
  }
  return owners;
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
  const std::set<Owner> scalers = OwnersIn(scale_entries);
  for (ManagedEntry& entry : object_entries) {
    if (!scalers.contains(OwnerOf(entry))) entry.fields = Difference(entry.fields, Replicas());
  }
  std::erase_if(object_entries, [](const ManagedEntry& entry) { return entry.fields.Empty(); });
  std::set<Owner> known = OwnersIn(object_entries);
  for (const ManagedEntry& entry : scale_entries) {
    if (!OwnsReplicas(entry) || !known.insert(OwnerOf(entry)).second) continue;
    ManagedEntry& added = object_entries.emplace_back(entry);
    added.api_version = api_version;
    added.fields = Replicas();
    added.time.clear();
  }
  return object_entries;
}

}  // namespace skiff
