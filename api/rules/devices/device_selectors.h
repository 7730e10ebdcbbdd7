// The expressions that select devices: compiled to be judged.
#pragma once

#include <string>

#include "api/select/field_path.h"

namespace skiff {

class Violations;

void ValidateDeviceExpression(const std::string& expression, const FieldPath& path,
                              Violations& out);

}  // namespace skiff
