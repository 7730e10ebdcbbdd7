// Names of environment variables.
#pragma once

#include <string>

#include "base/error.h"

namespace skiff::cli {

// Fails with what kubectl says of a name that programs could not have set.
Result<> CheckEnvName(const std::string& name);

}  // namespace skiff::cli
