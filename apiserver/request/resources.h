// Which kinds are served under which URL.
#pragma once

#include <string>
#include <string_view>

#include "api/type.h"

namespace skiff {

// The built-in kind of a resource; nullptr when that group-version does not serve it.
const KindInfo* FindResource(std::string_view group, std::string_view version,
                             std::string_view resource);
// The built-in kind; nullptr when there is none.
const KindInfo* FindKind(std::string_view api_version, std::string_view kind);
// Whether an object of that kind of another version of its group could be converted to what is
// served: versions that Kubernetes once had count.
bool ServesKindIn(std::string_view api_version, std::string_view kind);
// The group has that version.
bool IsKnownGroupVersion(std::string_view group, std::string_view version);
bool IsBuiltInGroup(std::string_view group);

}  // namespace skiff
