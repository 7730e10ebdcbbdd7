// managedFields seen through scale: who owns the replicas of an object, as owners of the fields of
// an autoscaling/v1 Scale, and back. A server-side apply of a Scale is an apply of these.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "api/patch/managed_fields.h"

namespace skiff {

// Where the versions of a kind keep their number, as dotted paths by apiVersion; "" for a version
// that has no Scale.
using ReplicasPaths = std::map<std::string, std::string, std::less<>>;

// Where a Scale keeps it.
inline constexpr std::string_view kScaleReplicasPath = "spec.replicas";

// Those of the object's entries that own the replicas, through whichever version, in the words of
// Scale.
ManagedEntries ScaleEntries(const ManagedEntries& object_entries, const ReplicasPaths& paths);

struct ReplicasChange {
  int32_t before;
  int32_t now;
};
// Who owns a Scale after an update of it, which is no apply. A Scale leaves out a number that is
// zero, so nobody owns that; and Kubernetes records no writer of what nobody owns anything of.
// `time`: of the writer's entry, as far as the Scale is shown to webhooks.
ManagedEntries EntriesAfterUpdate(ManagedEntries scale_entries, const ReplicasChange& change,
                                  std::string manager, std::string time);

// The object's entries after the Scale's have become `scale_entries`, made by `api_version` of the
// object: who owns the replicas no more loses them, in whichever version, and who does gets an
// entry that, as Kubernetes writes it, says no time. So does who owned them by Update before: a
// Scale's entry is never taken for that one, as its apiVersion is another. Of versions that the
// kind no longer has nothing is kept.
ManagedEntries ObjectEntries(ManagedEntries object_entries, const ManagedEntries& scale_entries,
                             std::string_view api_version, const ReplicasPaths& paths);

}  // namespace skiff
