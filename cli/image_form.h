// What a command line may say as an image.
#pragma once

#include <string>

#include "api/rules/core/image_reference.h"

namespace skiff::cli {

// kubectl looks at the form alone: whether a digest is one is for whoever pulls the image.
inline bool HasImageForm(const std::string& image) {
  const auto name = ParseImageName(image);
  return name || !name.error().message.starts_with("invalid reference format");
}

}  // namespace skiff::cli
