// `kustomize build`: a directory with a kustomization becomes objects, as kustomize 5.7 makes them.
//
//   resources, generators -> components -> patches, namespace, names, labels, annotations,
//   replicas, images, replacements   (each kustomization for itself, the innermost first)
//   -> hashes, references, vars, order   (once, at the end)
//
// Nothing is fetched and nothing is run: remote resources, charts and plugins are refused.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"

namespace skiff::cli::kustomize {

// The kustomize that this one does as; the label that buildMetadata asks for has it.
inline constexpr char kVersion[] = "v5.7.1";

struct BuildOptions {
  bool anywhere = false;      // Files may lie outside of the kustomization that names them.
  bool says_managed = false;  // The label that buildMetadata may ask for, whether it does or not.
  // Where the kustomization has no sortOptions: objects stay in the order of their sources.
  bool keeps_order = false;
};

// `warnings`: a line each, also of a build that fails.
Result<std::vector<Json>> Build(const std::string& directory, const BuildOptions& options,
                                std::vector<std::string>& warnings);

// Documents of YAML, apart from each other.
std::string YamlOf(const std::vector<Json>& objects);

}  // namespace skiff::cli::kustomize
