// The operations on custom kinds, as apiextensions-apiserver tells of them: they differ from those
// on built-in kinds in what they take and answer, and say nothing of discovery and old watches.
#pragma once

#include <vector>

#include "api/openapi/openapi_paths.h"
#include "api/registry.h"

namespace skiff::openapi {

// Adds the paths of the kind, all of them whatever verbs discovery lists: a definition that goes is
// told of until it is gone.
void AddCustomPaths(const RuntimeKind& kind, std::vector<Path>& out);

}  // namespace skiff::openapi
