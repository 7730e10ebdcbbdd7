// One process with all of its threads standing still for a moment, to look at its memory and to
// change it. Traced by nobody it goes on: also when the tracer ends, however it does (but see
// MapPage).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/process.h"

namespace skiff::chaos {

// Of a process that need not stand still. Whole, or an error.
Result<std::string> ReadMemory(pid_t process, uint64_t at, size_t bytes);
// Also what the process itself may not write. kForbidden: it has ended, has no such memory, or
// kernels leave that to tracers here.
Result<> WriteMemory(pid_t process, uint64_t at, std::string_view bytes);

// All calls by one thread, which is the tracer.
class StoppedProcess {
 public:
  static constexpr size_t kThreadsMax = 8192;
  // `meanwhile` is called while threads are awaited that are in the kernel for a moment. kNotFound:
  // it has ended, also where another one has its number now. kForbidden: a thread did not stop
  // within a second; it is let go when the tracer ends.
  static Result<std::unique_ptr<StoppedProcess>> Stop(const ProcessId& process,
                                                      const std::function<void()>& meanwhile);
  // Of one thread that is stopped already. It is let go at the end.
  static std::unique_ptr<StoppedProcess> OfStopped(pid_t process, pid_t thread);
  StoppedProcess(const StoppedProcess&) = delete;
  StoppedProcess& operator=(const StoppedProcess&) = delete;
  // Lets it go on where it was.
  ~StoppedProcess();

  // Whether all of its threads stand still: one that was stopped by itself may not be the only one.
  bool IsWhole() const;
  // Where each of its threads will go on.
  Result<std::vector<uint64_t>> NextInstructions() const;
  // Whole, or an error.
  Result<std::string> Read(uint64_t at, size_t bytes) const;
  // Also what the process itself may not write; it has a copy of its own of that page then.
  Result<> Write(uint64_t at, std::string_view bytes);
  // A page at that address that it may read and run, by the instruction at `system_call`. A tracer
  // that is killed meanwhile leaves the process in the middle of that, which may be its end.
  // kConflict: something is there already. kForbidden and kTimeout: it is kept from such calls for
  // seconds by whoever filters them; after the latter its memory is not to be touched any more.
  Result<> MapPage(uint64_t at, size_t bytes, uint64_t system_call);

 private:
  explicit StoppedProcess(pid_t process) : process_(process) {}
  Result<bool> TraceAll();
  void LookAt(pid_t thread, bool& is_stopped);
  pid_t AnyThread() const { return is_stopped_.begin()->first; }

  const pid_t process_;
  std::map<pid_t, bool> is_stopped_;  // By thread.
};

}  // namespace skiff::chaos
