// How long a thread keeps a processor that others wait for.
//
// Linux lets a thread work for some milliseconds once it runs, and who is woken meanwhile waits as
// long: a request crosses three or four threads, and beside twenty others that are at work it would
// wait for several of them. A thread that asks for short slices is let go sooner, and comes sooner
// when it is woken; how much it gets in all is what it was.
#pragma once

#include <chrono>

namespace skiff {

inline constexpr std::chrono::nanoseconds kShortSlice{200'000};

// Of this thread, from now on; not of threads and processes that it begins. Without effect where
// the kernel knows no such thing (before 6.12).
void TakeShortSlices();

}  // namespace skiff
