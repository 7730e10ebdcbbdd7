// managedFields seen through scale: who owns the replicas of an object, as owners of the fields of
// an autoscaling/v1 Scale, and back. A server-side apply of a Scale is an apply of these.
#pragma once

#include <string_view>

#include "api/patch/managed_fields.h"

namespace skiff {

// Where all built-in kinds keep their number, and where a Scale does.
inline constexpr std::string_view kScaleReplicasPath = "spec.replicas";

// Those of the object's entries that own the replicas, which are at that dotted path of it, in the
// words of Scale.
ManagedEntries ScaleEntries(const ManagedEntries& object_entries, std::string_view api_version,
                            std::string_view replicas_path);

// The object's entries after the Scale's have become `scale_entries`: who owns the replicas no more
// loses them, and who does gets an entry that, as Kubernetes writes it, says no time.
ManagedEntries ObjectEntries(ManagedEntries object_entries, const ManagedEntries& scale_entries,
                             std::string_view api_version, std::string_view replicas_path);

// Whether any entry owns the replicas, through whichever version.
bool AnyOwnsReplicas(const ManagedEntries& object_entries, std::string_view replicas_path);

}  // namespace skiff
