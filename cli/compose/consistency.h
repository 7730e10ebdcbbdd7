// What the parts of compose files may not say beside each other, as docker compose has it.
#pragma once

#include "cli/compose/load.h"
#include "cli/compose/mistakes.h"

namespace skiff::cli::compose {

// Of a project whose services are active and in their long forms. `wrong` gets the place of each
// thing that is refused, and docker compose's reason.
void CheckConsistency(const Project& project, Mistakes& wrong);

}  // namespace skiff::cli::compose
