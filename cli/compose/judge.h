// What the server refuses of a project's objects, or would: that is found without it, by the rules
// that it has. Told of the values in the files that the objects come from.
#pragma once

#include "cli/compose/convert.h"
#include "cli/compose/mistakes.h"

namespace skiff::cli::compose {

void JudgeObjects(const Project& project, const Conversion& conversion, Mistakes& wrong);
// What is refused of an object when it is tried, told of what it comes from.
void TellRefused(const Project& project, const Json& object, const Error& refused, Mistakes& wrong);

}  // namespace skiff::cli::compose
