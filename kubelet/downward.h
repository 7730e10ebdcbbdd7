// The downward API: what a pod may know of itself, as text. Pure.
#pragma once

#include <string>

#include "api/gen/core_v1.h"
#include "base/error.h"

namespace skiff::kubelet {

// "metadata.name", "metadata.labels['app']", "status.podIP", "metadata.annotations" (all of them, a
// line each), ...
Result<std::string> FieldText(const core_v1::Pod& pod, const std::string& field_path);

// "limits.cpu" and the like of a container of the pod, divided by the divisor and rounded up. An
// unset limit is what the node can allocate.
Result<std::string> ResourceText(const core_v1::Pod& pod,
                                 const core_v1::ResourceFieldSelector& selector,
                                 const std::string& default_container,
                                 const std::map<std::string, Quantity>& node_allocatable);

}  // namespace skiff::kubelet
