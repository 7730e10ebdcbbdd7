// Names of images, as Docker and Kubernetes read them:
//
//   name   := [domain "/"] path [":" tag] ["@" digest]
//   domain := host [":" port]      has a dot, a colon, an upper case letter, or is localhost
//   path   := component {"/" component}
//   digest := algorithm ":" hex
//
//   busybox                   docker.io/library/busybox:latest
//   example/app:1             docker.io/example/app:1
//   skiff.local/nautilus:1.0  as it stands
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace skiff {

struct ImageName {
  std::string repository;  // With its domain: "docker.io/library/busybox".
  std::string tag;         // "latest" when the name had neither tag nor digest.
  std::string digest;      // "sha256:...", or "".

  // The name in full, under which a runtime keeps the image.
  std::string Text() const;
};

// Errors are kInvalid with Docker's own words: "invalid reference format", "invalid reference
// format: repository name (docker.io/library/X) must be lowercase", ...
Result<ImageName> ParseImageName(std::string_view text);

// Whether a runtime could look for an image of that name.
bool IsImageName(std::string_view image);

// The tag of an image: "latest" when it has neither tag nor digest, "" when it has only a digest or
// when it is no image name at all.
std::string ImageTag(std::string_view image);

}  // namespace skiff
