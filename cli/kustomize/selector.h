// Which objects patches mean: by regular expressions that have to match all of a name, and by
// selectors of labels and annotations.
#pragma once

#include <vector>

#include "cli/kustomize/resource.h"

namespace skiff::cli::kustomize {

// As a target of patches. Fails on expressions and selectors that are none.
Result<std::vector<Resource*>> Select(const ResourceSet& resources, const Json& selector);

// Whether its labels and annotations are those of the selector.
Result<bool> MatchesMetadata(const Json& object, const Json& selector);

}  // namespace skiff::cli::kustomize
