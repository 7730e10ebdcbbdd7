// The formats of strings that Kubernetes checks in custom resources. Pure.
#pragma once

#include <string>
#include <string_view>

namespace skiff::crd {

// The format; "" for one that is not checked. Dashes in its name do not count.
std::string KnownFormat(std::string_view format);
bool HasFormat(std::string_view format, std::string_view text);

}  // namespace skiff::crd
