// The annotations by which a Deployment and its ReplicaSets remember revisions and sizes. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/gen/apps_v1.h"

namespace skiff {

inline constexpr std::string_view kTemplateHash = "pod-template-hash";
inline constexpr std::string_view kRevision = "deployment.kubernetes.io/revision";
inline constexpr std::string_view kRevisionHistory = "deployment.kubernetes.io/revision-history";
inline constexpr std::string_view kDesiredReplicas = "deployment.kubernetes.io/desired-replicas";
inline constexpr std::string_view kMaxReplicas = "deployment.kubernetes.io/max-replicas";

// 0 when there is none, or none that is a number.
int64_t RevisionOf(const meta_v1::ObjectMeta& metadata);
std::optional<int> DesiredReplicas(const apps_v1::ReplicaSet& set);
std::optional<int> MaxReplicas(const apps_v1::ReplicaSet& set);
// Sets both sizes.
void SetReplicasAnnotations(apps_v1::ReplicaSet& set, int desired, int max);
// Copies the deployment's annotations, but not those that belong to one object only.
void CopyAnnotations(const meta_v1::ObjectMeta& deployment, meta_v1::ObjectMeta& set);
// Raises the revision of a set, keeping the old one in its history.
void RaiseRevision(meta_v1::ObjectMeta& set, int64_t revision);

}  // namespace skiff
