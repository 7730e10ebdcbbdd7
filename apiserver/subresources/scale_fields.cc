#include "apiserver/subresources/scale_fields.h"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace skiff {
namespace {

constexpr std::string_view kScaleVersion = "autoscaling/v1";

// No more than what stands at a dotted path.
FieldSet OnlyAt(std::string_view path) {
  std::vector<ElementChain> chain;
  chain.reserve(static_cast<size_t>(std::count(path.begin(), path.end(), '.')) + 1);
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    const ElementChain* parent = chain.empty() ? nullptr : &chain.back();
    chain.push_back({parent, 'f', path.substr(begin, end - begin)});
    begin = end + 1;
  }
  FieldSet set;
  Insert(set, &chain.back());
  return set;
}

bool OwnsAny(const ManagedEntry& entry, const FieldSet& fields) {
  return !Intersection(entry.fields, fields).Empty();
}

// The version does not count: it differs on the two sides.
using Owner = std::tuple<std::string, bool, std::string>;
Owner OwnerOf(const ManagedEntry& entry) {
  return {entry.manager, entry.is_apply, entry.subresource};
}

// Those of the fields.
std::set<Owner> OwnersIn(const ManagedEntries& entries, const FieldSet& fields) {
  std::set<Owner> owners;
  for (const ManagedEntry& entry : entries) {
    if (OwnsAny(entry, fields)) owners.insert(OwnerOf(entry));
  }
  return owners;
}

}  // namespace

ManagedEntries ScaleEntries(const ManagedEntries& object_entries, std::string_view api_version,
                            std::string_view replicas_path) {
  const FieldSet replicas = OnlyAt(replicas_path);
  ManagedEntries entries;
  for (const ManagedEntry& entry : object_entries) {
    if (entry.api_version != api_version || !OwnsAny(entry, replicas)) continue;
    ManagedEntry& shown = entries.emplace_back(entry);
    shown.api_version = kScaleVersion;
    shown.fields = OnlyAt(kScaleReplicasPath);
  }
  return entries;
}

ManagedEntries ObjectEntries(ManagedEntries object_entries, const ManagedEntries& scale_entries,
                             std::string_view api_version, std::string_view replicas_path) {
  const FieldSet replicas = OnlyAt(replicas_path);
  const FieldSet of_scale = OnlyAt(kScaleReplicasPath);
  const std::set<Owner> scalers = OwnersIn(scale_entries, of_scale);
  for (ManagedEntry& entry : object_entries) {
    if (!scalers.contains(OwnerOf(entry))) entry.fields = Difference(entry.fields, replicas);
  }
  std::erase_if(object_entries, [](const ManagedEntry& entry) { return entry.fields.Empty(); });
  std::set<Owner> known = OwnersIn(object_entries, replicas);
  for (const ManagedEntry& entry : scale_entries) {
    if (!OwnsAny(entry, of_scale) || !known.insert(OwnerOf(entry)).second) continue;
    ManagedEntry& added = object_entries.emplace_back(entry);
    added.api_version = api_version;
    added.fields = replicas;
    added.time.clear();
  }
  return object_entries;
}

bool AnyOwnsReplicas(const ManagedEntries& object_entries, std::string_view replicas_path) {
  const FieldSet replicas = OnlyAt(replicas_path);
  return std::any_of(object_entries.begin(), object_entries.end(),
                     [&](const ManagedEntry& entry) { return OwnsAny(entry, replicas); });
}

}  // namespace skiff
