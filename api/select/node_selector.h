// Node selectors: which nodes a pod's nodeSelector and affinity, or a volume's node affinity,
// allow.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/gen/core_v1.h"

namespace skiff {

// All expressions of the term hold; an empty term and one that cannot be understood match nothing.
bool Matches(const core_v1::NodeSelectorTerm& term, const core_v1::Node& node);
// Any term matches.
bool Matches(const core_v1::NodeSelector& selector, const core_v1::Node& node);
// The pod's nodeSelector and its required node affinity.
bool MatchesNodeSelection(const core_v1::PodSpec& spec, const core_v1::Node& node);

}  // namespace skiff
