// References by name, when all names are made: who refers to an object by a name that it had is
// told the one that it has.
#pragma once

#include <vector>

#include "cli/kustomize/fields.h"
#include "cli/kustomize/resource.h"

namespace skiff::cli::kustomize {

Result<> MendReferences(ResourceSet& resources, const std::vector<NameReferences>& references);

}  // namespace skiff::cli::kustomize
