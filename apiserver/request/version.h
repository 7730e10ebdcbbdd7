// Which Kubernetes this server is taken for.
#pragma once

#include "api/values.h"

namespace skiff {

// What /version answers.
Json VersionDocument();

}  // namespace skiff
