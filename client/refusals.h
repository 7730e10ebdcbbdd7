// Refusals that say nothing is wrong.
#pragma once

#include "base/error.h"

namespace skiff {

// The namespace is being deleted, and takes nothing in any more. Its end ends whatever wanted to
// create there.
bool IsNamespaceTerminating(const Error& error);

}  // namespace skiff
