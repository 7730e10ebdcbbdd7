// What a daemon says of its start to the command that started it, over a pipe, a line each:
//
//   <anything>         is under way
//   usable             the end: it worked
//   error: TEXT ...    the end: it did not; all that follows belongs to the text
//
// The daemon closes the pipe after the end, and the kernel does when it dies: so whoever reads
// learns of everything by the pipe alone.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "skiff/cluster.h"

namespace skiff {

// The environment variable that says that kHandedFd is such a pipe.
inline constexpr char kProgressVariable[] = "SKIFF_PROGRESS";

struct StartOutcome {
  enum class End { kUsable, kFailed, kDied, kTimedOut };
  End end = End::kDied;
  std::string error;  // Of kFailed.
};

// For whoever waits: on a terminal all of it, and elsewhere what begins with "note: " or "warning:
// ", on standard error. A pipe gets results alone. No control character of what others said
// reaches a terminal.
void ShowProgress(const std::string& line);

// Reads until the end. `show` gets the lines that are under way.
StartOutcome FollowProgress(int pipe, Duration timeout, const Progress& show);

// The daemon's side. Not thread-safe.
class ProgressWriter {
 public:
  // Takes the descriptor over; -1: the lines go to stdout.
  explicit ProgressWriter(int pipe);
  ~ProgressWriter() { Close(); }
  ProgressWriter(const ProgressWriter&) = delete;
  ProgressWriter& operator=(const ProgressWriter&) = delete;
  // From the command that started us, if one waits.
  static int PipeOfParent();

  void Say(const std::string& line);
  void Usable();
  void Failed(const std::string& error);

 private:
  void Close();
  int pipe_;
};

}  // namespace skiff
