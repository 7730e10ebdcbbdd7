// Checks that the kinds of storage share.
#pragma once

#include <map>
#include <string>

#include "api/select/field_path.h"

namespace skiff {

class Violations;

// The name of a driver or provisioner, whatever its case.
void ValidateProvisioner(const std::string& name, const FieldPath& path, Violations& out);
// What is handed to it.
void ValidateStorageParameters(const std::map<std::string, std::string>& parameters,
                               bool allow_empty, const FieldPath& path, Violations& out);

}  // namespace skiff
