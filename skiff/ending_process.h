// A process that does nothing any more, but has not ended: until its memory is freed, which takes
// seconds where that is large, it keeps its files, its locks and its ports, and has its number.
#pragma once

#include "base/process.h"

namespace skiff {

// Whether it has been killed, or ends by itself; false of one that is gone.
bool IsEnding(const ProcessId& process);

}  // namespace skiff
