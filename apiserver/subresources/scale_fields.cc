#include "apiserver/subresources/scale_fields.h"

#include <algorithm>
#include <set>
#include <string>
#include <tuple>
#include <utility>
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

// Whether the entry owns the replicas as its version keeps them.
bool OwnsReplicas(const ManagedEntry& entry, const ReplicasPaths& paths) {
  const auto path = paths.find(entry.api_version);
  if (path == paths.end() || path->second.empty()) return false;
  return !Intersection(entry.fields, OnlyAt(path->second)).Empty();
}

bool OwnsScale(const ManagedEntry& entry) {
  return !Intersection(entry.fields, OnlyAt(kScaleReplicasPath)).Empty();
}

// The version does not count: it differs on the two sides.
using Owner = std::tuple<std::string_view, bool, std::string_view>;
Owner OwnerOf(const ManagedEntry& entry) {
  return {entry.manager, entry.is_apply, entry.subresource};
}

}  // namespace

ManagedEntries ScaleEntries(const ManagedEntries& object_entries, const ReplicasPaths& paths) {
  ManagedEntries entries;
  for (const ManagedEntry& entry : object_entries) {
    if (!OwnsReplicas(entry, paths)) continue;
    ManagedEntry& shown = entries.emplace_back(entry);
    shown.api_version = kScaleVersion;
    shown.fields = OnlyAt(kScaleReplicasPath);
  }
  return entries;
}

ManagedEntries EntriesAfterUpdate(ManagedEntries scale_entries, const ReplicasChange& change,
                                  std::string manager, std::string time) {
  if (scale_entries.empty() || change.before == change.now) return scale_entries;
  ManagedEntries entries;
  if (change.now == 0) return entries;
  ManagedEntry& writer = entries.emplace_back();
  writer.manager = std::move(manager);
  writer.api_version = kScaleVersion;
  writer.subresource = "scale";
  writer.fields = OnlyAt(kScaleReplicasPath);
  writer.time = std::move(time);
  return entries;
}

ManagedEntries ObjectEntries(ManagedEntries object_entries, const ManagedEntries& scale_entries,
                             std::string_view api_version, const ReplicasPaths& paths) {
  std::erase_if(object_entries,
                [&](const ManagedEntry& entry) { return !paths.contains(entry.api_version); });
  std::set<Owner> left;
  for (const ManagedEntry& entry : scale_entries) left.insert(OwnerOf(entry));
  for (ManagedEntry& entry : object_entries) {
    if (!OwnsReplicas(entry, paths)) continue;
    if (entry.is_apply && left.erase(OwnerOf(entry)) != 0) continue;  // It stays as it is.
    entry.fields = Difference(entry.fields, OnlyAt(paths.find(entry.api_version)->second));
  }
  std::erase_if(object_entries, [](const ManagedEntry& entry) { return entry.fields.Empty(); });
  for (const ManagedEntry& entry : scale_entries) {
    if (!OwnsScale(entry) || left.erase(OwnerOf(entry)) == 0) continue;
    ManagedEntry& added = object_entries.emplace_back(entry);
    added.api_version = api_version;
    added.fields = OnlyAt(paths.find(api_version)->second);
    added.time.clear();
  }
  return object_entries;
}

}  // namespace skiff
