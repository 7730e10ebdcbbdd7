// How much the running program logs.
#pragma once

namespace skiff {

// klog's --v of now: 4 and above show details. The log's format stays. Any thread.
void SetVerbosity(int verbosity);

}  // namespace skiff
