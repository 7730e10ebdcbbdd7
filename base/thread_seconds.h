// For tests of what grows how: the time of a processor, which others on the machine do not make
// longer.
#pragma once

#include <ctime>

namespace skiff {

// Of this thread, so far.
inline double ThreadSeconds() {
  timespec at{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) / 1e9;
}

template <typename Work>
double SecondsOf(const Work& work) {
  const double start = ThreadSeconds();
  work();
  return ThreadSeconds() - start;
}

}  // namespace skiff
