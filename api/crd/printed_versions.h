// The versions of a definition as errors of kube-apiserver print them: as the JSON of the structs
// that it holds them in, whose fields have names of their own and are all there.
#pragma once

#include <string>
#include <vector>

#include "api/gen/apiextensions_v1.h"

namespace skiff::crd {

// Kubernetes keeps what all versions have in common once, and its errors name that one place. A
// version by itself is told of where it stands only if they differ.
struct Places {
  bool schema = true, subresources = true, columns = true, fields = true;
};

// The list, what all have in common left out. `sent_empty`: it was sent, and is not merely missing.
// Schemas that take more than kPrintedSchemasMax are left out as well.
inline constexpr size_t kPrintedSchemasMax = 256 << 10;
std::string PrintedVersions(
    const std::vector<apiextensions_v1::CustomResourceDefinitionVersion>& versions,
    const Places& places, bool sent_empty);

}  // namespace skiff::crd
