// A process that is on its way to its end: one that was told to end and does so in good order, or
// one that does nothing any more until its memory is freed, which takes seconds where that is
// large. It keeps its files, its locks and its ports so long, and has its number.
#pragma once

#include "base/process.h"

namespace skiff {

// Whether it has been killed, or ends by itself, or is one of our programs (base/program.h) and was
// told to end; false of one that is gone.
bool IsEnding(const ProcessId& process);

}  // namespace skiff
