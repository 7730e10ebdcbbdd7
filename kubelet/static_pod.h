// Static pods: pods of a node that come from a file instead of the API. Pure: what a file's text
// means, and how such a pod is shown in the API (its mirror pod).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/gen/core_v1.h"

namespace skiff::kubelet {

// Annotations; Kubernetes' own.
inline constexpr char kConfigSource[] = "kubernetes.io/config.source";  // "file", "api"
inline constexpr char kConfigHash[] = "kubernetes.io/config.hash";      // Of a static pod: its uid.
inline constexpr char kConfigSeen[] = "kubernetes.io/config.seen";

bool IsStaticPod(const core_v1::Pod& pod);
bool IsMirrorPod(const core_v1::Pod& pod);
// Never evicted, and preempted for a higher priority alone: static, mirror, or of a system one.
bool IsCriticalPod(const core_v1::Pod& pod);

struct ManifestOrigin {
  std::string path;
  std::string node_name;
  TimePoint seen_at{};
};

// The pod that a manifest (YAML or JSON, one v1 Pod) describes, defaulted and valid, under the name
// it has on this node: NAME-NODE, with a uid made from its contents unless it brings one. Errors
// are Invalid, in the kubelet's words.
Result<core_v1::Pod> DecodeStaticPod(std::string_view text, const ManifestOrigin& origin);

// The pods of several manifests, those dropped that another one before has the name of. `dropped`
// gets a line for each.
std::vector<core_v1::Pod> WithoutDuplicates(std::vector<core_v1::Pod> pods,
                                            std::vector<std::string>& dropped);

// The mirror of a static pod as it is to be created; `node` is the object of this node.
core_v1::Pod MirrorOf(const core_v1::Pod& static_pod, const core_v1::Node& node);
// Whether what the API has still mirrors this static pod.
bool Mirrors(const core_v1::Pod& mirror, const core_v1::Pod& static_pod);

// The resource of the API that the pod leans on, which a static pod must not: "secrets"; "": none.
std::string ApiReference(const core_v1::Pod& pod);

}  // namespace skiff::kubelet
