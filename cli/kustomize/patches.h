// `patches`, `patchesStrategicMerge` and `patchesJson6902`: changes of objects, in place.
#pragma once

#include <string>
#include <vector>

#include "cli/kustomize/kustomization.h"
#include "cli/kustomize/resource.h"

namespace skiff::cli::kustomize {

struct PatchContext {
  const Loader& loader;
  ResourceSet& resources;
  const Json* definitions = nullptr;  // As for MergeSchema::Of.
};

// One item of `patches`. Objects of which nothing is left go.
Result<> ApplyPatch(const PatchContext& context, const Json& patch);
// One item of `patchesJson6902`.
Result<> ApplyJson6902(const PatchContext& context, const Json& patch);
// All of `patchesStrategicMerge`, each a text or a file.
Result<> ApplyStrategicMerges(const PatchContext& context, const std::vector<std::string>& patches);

}  // namespace skiff::cli::kustomize
