// What a pod asks for as a whole, and the quality of service that follows.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "api/gen/core_v1.h"

namespace skiff {

using ResourceList = std::map<std::string, Quantity>;

// "hugepages-2Mi"
bool IsHugePageResource(std::string_view name);
// A name of Kubernetes' own: without a domain, or within kubernetes.io.
bool IsNativeResource(std::string_view name);
// Native resources that can be limited above what is requested: all but huge pages.
bool IsOvercommitAllowed(std::string_view name);
// Whether an init container keeps running beside the containers (a sidecar).
bool IsRestartableInitContainer(const core_v1::Container& container);

// What the containers add up to, where `list` picks requests or limits: the sum of containers and
// sidecars, or what an init container needs while it runs, whichever is more. Pod level resources
// and overhead are not in it.
ResourceList AggregateContainers(
    const core_v1::PodSpec& spec,
    const std::function<const ResourceList&(const core_v1::ResourceRequirements&)>& list);

// What the pod takes while it is resized: its spec with each container and sidecar raised to what
// it runs with and to what its node has promised it; not what it asks for where the node can never
// give that. nullopt: as its spec says.
std::optional<core_v1::PodSpec> SpecAsRun(const core_v1::Pod& pod);

// "Guaranteed", "Burstable" or "BestEffort".
std::string ComputeQosClass(const core_v1::PodSpec& spec);

}  // namespace skiff
