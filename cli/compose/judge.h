// What the server would refuse of a project's objects, found without it: by the rules that it has,
// told of the values in the files that the objects come from.
#pragma once

#include "cli/compose/convert.h"
#include "cli/compose/mistakes.h"

namespace skiff::cli::compose {

void JudgeObjects(const Project& project, const Conversion& conversion, Mistakes& wrong);

}  // namespace skiff::cli::compose
