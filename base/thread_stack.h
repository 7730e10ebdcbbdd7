// How much stack the threads of this program have.
//
// Documents may nest 10,000 deep (api/codec/json.h), as in Kubernetes, and whoever copies,
// compares, merges or writes one recurses as deep. What a level costs is measured by api's
// nesting_test: the dearest walk over the deepest document fits into half of this. Address
// space alone is reserved: pages that are never touched cost nothing, and those that a deep
// document made a thread touch are given back.
#pragma once

#include <cstddef>
#include <functional>

namespace skiff {

#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
inline constexpr size_t kThreadStackBytes = size_t{128} << 20;
#else  // Frames are larger: up to 7 KiB a level.
inline constexpr size_t kThreadStackBytes = size_t{512} << 20;
#endif

// All threads that are made from now on have it, those of libraries too. To be called first in
// main, whose own thread keeps what the system gave it.
void SetThreadStacks();

// Runs `work` on a thread that has such a stack, and returns what it returns: for what main itself
// would do with documents.
int RunWithThreadStack(const std::function<int()>& work);

// Gives the machine back what this thread once touched of its stack far below where it now is.
// Called after each piece of work by whoever runs many, and costs no system call when there is
// nothing to give back. Not on the thread of main.
void ReleaseStack();

}  // namespace skiff
