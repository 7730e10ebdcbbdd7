// `vars`: values of fields that stand for $(NAME) in others. Deprecated in favour of replacements.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/kustomize/fields.h"
#include "cli/kustomize/resource.h"

namespace skiff::cli::kustomize {

// By name; each as it is given, with defaults.
using Variables = std::map<std::string, Json>;

// Adds those of a kustomization, and tells the objects that they are read from, by the names that
// these have now. Fails where a name is there already.
Result<> AddVariables(const std::vector<Json>& given, ResourceSet& resources, Variables& variables);
Result<> MergeVariables(Variables from, Variables& into);
// `unused`: those that no field has.
Result<> ResolveVariables(ResourceSet& resources, const Variables& variables,
                          const FieldSpecs& specs, std::vector<std::string>& unused);

}  // namespace skiff::cli::kustomize
