// What may be wrong with the versions of a definition, each of them and all together.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/crd/definition.h"
#include "api/crd/definition_schema.h"
#include "api/select/field_path.h"
#include "api/violations.h"

namespace skiff::crd {

// All that is wrong with a name is one error.
void CheckName(const FieldPath& path, const std::string& name,
               const std::vector<std::string>& wrong, std::string_view before, Violations& out);

// Whether `is` says so of the schema of any version.
bool AnySchema(const apiextensions_v1::CustomResourceDefinition& definition,
               bool (*is)(const Json& props));

// What may be wrong with the versions of a definition as it was wrong with those that they replace.
struct VersionFaults {
  bool missing = false;  // A version without a schema.
  SchemaFaults schemas = {};
};
VersionFaults FaultsOf(const apiextensions_v1::CustomResourceDefinition& definition);

struct VersionChecks {
  // What is replaced, or null: what it had already is not held to bounds.
  const apiextensions_v1::CustomResourceDefinition* old = nullptr;
  VersionFaults allowed = {};
};
void CheckVersions(const apiextensions_v1::CustomResourceDefinition& definition,
                   const VersionChecks& checks, Violations& out);

}  // namespace skiff::crd
