// `configMapGenerator` and `secretGenerator`: objects made of literals and files, and the hash of
// their contents that their names end in.
#pragma once

#include <memory>
#include <string>

#include "cli/kustomize/loader.h"
#include "cli/kustomize/resource.h"

namespace skiff::cli::kustomize {

enum class Generated : uint8_t { kConfigMap, kSecret };
// One item of the list, with what the kustomization's generatorOptions say of all of them.
Result<std::unique_ptr<Resource>> Generate(const Loader& loader, Generated kind,
                                           const Json& arguments, const Json& all_options);

// Names of objects that take one end in a hash of what they hold.
void AddHashes(ResourceSet& resources);
// "4h2mbtbbt6"
std::string HashOf(const Json& object);

}  // namespace skiff::cli::kustomize
