// The CPU and memory of a pod's containers, apart from its spec: in place of what the spec asks for
// now, a pod runs with what it has been allotted. Pure.
#pragma once

#include <map>
#include <string>

#include "api/gen/core_v1.h"

namespace skiff::kubelet {

// By name of the container: regular ones and sidecars, the others cannot be resized.
using Amounts = std::map<std::string, core_v1::ResourceRequirements>;

Amounts AmountsOf(const core_v1::PodSpec& spec);
// The pod with these amounts in place of its own. Containers that are not named keep theirs.
core_v1::Pod WithAmounts(const core_v1::Pod& pod, const Amounts& amounts);
// Whether CPU and memory are the same.
bool SameAmount(const core_v1::ResourceRequirements& a, const core_v1::ResourceRequirements& b,
                const std::string& resource);
bool SameAmounts(const Amounts& a, const Amounts& b);
// Whether the spec asks for the same, of the same containers: SameAmounts with its AmountsOf, which
// is not made. Each pod that comes to a node asks it of all that are there.
bool AsksFor(const core_v1::PodSpec& spec, const Amounts& amounts);

}  // namespace skiff::kubelet
