// What the parts of compose files may not say beside each other, as docker compose has it.
#pragma once

#include "cli/compose/load.h"

namespace skiff::cli::compose {

// Of a project whose services are active and in their long forms. Fails with the place of what is
// refused, and docker compose's reason.
Result<> CheckConsistency(const Project& project);

}  // namespace skiff::cli::compose
