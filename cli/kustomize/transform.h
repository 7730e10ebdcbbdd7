// What a kustomization changes of all its objects: names, namespaces, labels, images, replicas.
#pragma once

#include <string>

#include "cli/kustomize/fields.h"
#include "cli/kustomize/resource.h"

namespace skiff::cli::kustomize {

Result<> SetNamespaces(ResourceSet& resources, const std::string& namespace_,
                       const FieldSpecs& specs);
enum class Affix : uint8_t { kPrefix, kSuffix };
// Definitions, APIServices and namespaces keep their names.
Result<> AddAffix(ResourceSet& resources, Affix affix, const std::string& text,
                  const FieldSpecs& specs);
// Labels or annotations.
Result<> SetMetadata(ResourceSet& resources, const Json& pairs, const FieldSpecs& specs);
// One item of `labels`.
Result<> SetLabels(ResourceSet& resources, const Json& label, const FieldTables& tables);
// One item of `replicas`; fails where no object is meant.
Result<> SetReplicas(ResourceSet& resources, const Json& replica, const FieldSpecs& specs);
// One item of `images`.
Result<> SetImages(ResourceSet& resources, const Json& image, const FieldSpecs& specs);

}  // namespace skiff::cli::kustomize
