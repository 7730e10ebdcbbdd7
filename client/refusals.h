// What refusals say.
#pragma once

#include "base/error.h"

namespace skiff {

// The namespace is being deleted, and takes nothing in any more. Its end ends whatever wanted to
// create there.
bool IsNamespaceTerminating(const Error& error);

// The server has looked at it and will not have it. One that is away, not well or too busy has
// refused nothing: it is told later.
bool IsRefusal(const Error& error);

}  // namespace skiff
