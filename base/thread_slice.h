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

// As above, and ahead of the threads that have nothing but short slices: a thread that has little
// to do for each of many, as a loop has, and that all of them wait for. Its nice value is
// kAheadNice less than that of the process where the process may do so (CAP_SYS_NICE, or
// RLIMIT_NICE); elsewhere it has short slices alone.
inline constexpr int kAheadNice = 5;
void TakeShortSlicesAhead();

}  // namespace skiff
