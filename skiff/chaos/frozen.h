// Processes that stand still because somebody traces them. Traced by nobody, they go on: that is
// what the kernel sees to when the tracer ends, however it does.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "base/error.h"

namespace skiff::chaos {

// All calls by one thread, which is the tracer.
class Frozen {
 public:
  static constexpr size_t kThreadsMax = 8192;
  // Stops every thread of all processes in those groups, also of those that begin meanwhile.
  Result<> Stop(const std::vector<std::string>& groups);
  // Takes note of what became of them: whoever waits for the end of one that was killed hears of it
  // by that alone.
  void Reap();
  // Lets all of them go on.
  ~Frozen();

 private:
  // Whether it is one that was not traced before.
  Result<bool> Trace(pid_t thread);
  Result<bool> TraceAll(const std::vector<std::string>& groups);
  bool AreAllStopped() const;
  std::map<pid_t, bool> is_stopped_;  // By thread.
};

}  // namespace skiff::chaos
