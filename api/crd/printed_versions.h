// The versions of a definition as errors of kube-apiserver print them: as the JSON of the structs
// that it holds them in, whose fields have names of their own and are all there.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "api/gen/apiextensions_v1.h"

namespace skiff::crd {

// Of each part of a version whether it stands in one place, which is so where all versions have the
// same: Kubernetes keeps it once then, and its errors name that place. A version by itself is told
// of where it stands only if they differ.
struct Places {
  bool schema = true, subresources = true, columns = true, fields = true;
};

// Where the list becomes longer than this, its schemas are left out.
inline constexpr size_t kPrintedBytesMax = 256 << 10;
// The list, what all have in common left out. `sent_empty`: it was sent, and is not merely missing.
std::string PrintedVersions(
    const std::vector<apiextensions_v1::CustomResourceDefinitionVersion>& versions,
    const Places& places, bool sent_empty);

}  // namespace skiff::crd
