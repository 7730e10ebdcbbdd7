// What may be wrong with the versions of a definition, each of them and all together.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/crd/definition.h"
#include "api/select/field_path.h"
#include "api/violations.h"

namespace skiff::crd {

// All that is wrong with a name is one error.
void CheckName(const FieldPath& path, const std::string& name,
               const std::vector<std::string>& wrong, std::string_view before, Violations& out);

// `old`: what is replaced, or null: schemas that it had already are not judged by their rules.
void CheckVersions(const apiextensions_v1::CustomResourceDefinition& definition,
                   const apiextensions_v1::CustomResourceDefinition* old, Violations& out);

}  // namespace skiff::crd
