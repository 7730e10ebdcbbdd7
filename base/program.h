// What skiff's programs (apiserver, kubelet, scheduler, ...) do alike around their work: the flags
// of their log, the signals that end them, and how a start that failed is told.
//
//   int SchedulerMain(const std::vector<std::string>& args) {
//     return RunProgram(ParseSchedulerFlags(args), [](const SchedulerFlags& flags) -> Result<int> {
//       BeginProgram(flags.log);
//       ...
//       return WaitForSignal() ? 0 : 1;
//     });
//   }
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/flags.h"

namespace skiff {

struct LogFlags {
  int verbosity = 0;  // 4 and above show details.
  std::string format = "text";
  std::vector<std::string> notes = {};  // Of flags that were given without effect.
};
// --v and --logging-format; others of klog have no effect. Flags without effect, of all kinds, are
// noted there.
// `used_gates`: feature gates that have an effect.
void AddLogFlags(Flags& flags, LogFlags& to, std::vector<std::string> used_gates = {});
// Of those that are to behave as another version: there is one.
void AddVersionFlags(Flags& flags);

// False: it was only asked for help, which is printed. Invalid as Flags::Parse.
Result<bool> ParseOrHelp(Flags& flags, const std::vector<std::string>& args);

// What every program does before it starts a thread: configures the log, says which flags had no
// effect, and blocks the signals that end it, so that every thread has them blocked.
void BeginProgram(const LogFlags& flags);
// Blocks until SIGINT or SIGTERM comes; false when EndProgram was called. The signal stays pending
// until the process has ended: others see by it that it is about to (skiff/ending_process.h).
bool WaitForSignal();
// Whether one of them has come, or EndProgram was called: what takes long before the program waits
// looks, and gives up.
bool EndIsAsked();
// From any thread: the program cannot go on.
void EndProgram();

// Says "Error: ..." on stderr; 1, the code to exit with.
int FailProgram(const Error& error);

// Runs a program with its flags, unless they were refused or only asked for help (nullopt; it is
// printed already). Returns the code to exit with.
template <typename ProgramFlags, typename Run>
int RunProgram(Result<std::optional<ProgramFlags>> flags, Run run) {
  if (!flags) return FailProgram(flags.error());
  if (!*flags) return 0;
  const Result<int> code = run(**flags);
  return code ? *code : FailProgram(code.error());
}

}  // namespace skiff
