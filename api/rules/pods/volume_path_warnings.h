// Warnings of volumes whose files would lie on each other.
#pragma once

#include <string>
#include <vector>

#include "api/gen/core_v1.h"

namespace skiff {

// Of config maps, secrets, the downward API and what projected volumes make of them: a path twice,
// a path below another one, and projected volumes without sources.
void WarnOfVolumePaths(const std::vector<core_v1::Volume>& volumes, std::vector<std::string>& out);

}  // namespace skiff
