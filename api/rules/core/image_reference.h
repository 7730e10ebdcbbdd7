// Names of container images: [domain/]path[:tag][@digest].
#pragma once

#include <string>
#include <string_view>

namespace skiff {

// Whether a runtime could look for an image of that name.
bool IsImageName(std::string_view image);

// The tag of an image: "latest" when it has neither tag nor digest, "" when it has only a digest or
// when it is no image name at all.
std::string ImageTag(std::string_view image);

}  // namespace skiff
