// Which versions of groups are there without any definition or other server.
#pragma once

#include <string_view>

namespace skiff {

// Whether a version of that group is one of those of BuiltInKinds() that have resources.
bool IsBuiltInVersion(std::string_view group, std::string_view version);

}  // namespace skiff
