// Loads image archives into containerd through its own services, without a registry and without
// ctr.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace skiff::cri {

class ContainerRuntime;

struct ImportedImage {
  std::string name;    // In full; what CRI lists as a repo tag.
  std::string digest;  // Of its manifest.
};

// Imports every image of the archive that `file` is open on and waits until `runtime`, CRI at the
// same endpoint, knows them. An image that is there under the same name is replaced. `pinned`:
// image collection leaves it alone. Errors: as ReadImageArchive; kBadRequest when an image has no
// name; kServiceUnavailable when containerd does not answer.
Result<std::vector<ImportedImage>> ImportImages(const std::string& endpoint,
                                                ContainerRuntime& runtime, int file,
                                                bool pinned = false);

// The same for an archive in memory.
Result<std::vector<ImportedImage>> ImportImageBytes(const std::string& endpoint,
                                                    ContainerRuntime& runtime,
                                                    std::string_view archive, bool pinned = false);

}  // namespace skiff::cri
