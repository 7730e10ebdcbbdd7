// For tests of what grows how: the time of a processor, which others on the machine do not make
// longer.
#pragma once

#include <ctime>

namespace skiff {

// Of this thread.
template <typename Work>
double SecondsOf(const Work& work) {
  const auto now = [] {
    timespec at{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) / 1e9;
  };
  const double start = now();
  work();
  return now() - start;
}

}  // namespace skiff
