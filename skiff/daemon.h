// What `up` and `join` share: one cluster or node a data directory, as a daemon or attached.
#pragma once

#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "base/process.h"
#include "skiff/cluster.h"

namespace skiff {

// DIR/skiff.pid and DIR/skiff.log
std::string PidPath(const std::string& data_dir);
std::string LogPath(const std::string& data_dir);

// With what leads there. Only its owner may write into any of what is made, whatever the umask is:
// who could would put keys of his own there.
std::error_code MakeDataDir(const std::string& data_dir);

// The data directory belongs to one process: whoever holds its lock.
class DataDirLock {
 public:
  // Makes the directory. Conflict when another process holds it. One that has been killed, or told
  // to end, is waited for, here and below, until it is gone: for half a minute.
  static Result<DataDirLock> Take(const std::string& data_dir);
  // The same, and DIR/skiff.pid names this process, which `down` may end. Of two that start at once
  // it names the one that has the lock.
  static Result<DataDirLock> TakeAsDaemon(const std::string& data_dir);
  // Whoever waits in AwaitStart goes on.
  void StartIsOver();
  DataDirLock(DataDirLock&& other) noexcept;
  ~DataDirLock();

 private:
  explicit DataDirLock(int file) : file_(file) {}
  int file_;
};
// Whether whoever holds the lock has not started yet; false where it is another user's.
bool IsStarting(const std::string& data_dir);
// How long a start may take.
inline constexpr Duration kStartTimeout = 120s;
enum class StartWait { kNone, kOver, kTimedOut };
// Until whoever holds the lock has started, or has ended, or `limit` is over: it may hang. `tell`
// is called before. kNone, at once, where nobody holds it, or it is another user's.
StartWait AwaitStart(const std::string& data_dir, Duration limit,
                     const std::function<void()>& tell);
// The same for `process`, the daemon there: says that it waits. Fails where the daemon has ended,
// or is not usable in time.
Result<> AwaitStartOf(const std::string& data_dir, const ProcessId& process,
                      Duration limit = kStartTimeout);
// Whether somebody holds the lock now; false where there is no such directory.
bool IsDataDirLocked(const std::string& data_dir);
// The daemon that DIR/skiff.pid names, where it is this directory's. One that has been killed, or
// told to end, only where it does not end in time.
std::optional<ProcessId> DaemonOf(const std::string& data_dir);
// Whoever holds the lock, also where that was not started as a daemon: in a terminal, in a
// container.
std::optional<ProcessId> RunningOn(const std::string& data_dir);

// Where to read what that process, which lives, says of itself.
std::string LogOf(const std::string& data_dir, const ProcessId& process);

// The command line of a daemon, without the program and its word.
std::vector<std::string> ArgumentsOfDaemon(const ProcessId& process);

// Runs until SIGINT or SIGTERM what `start` makes; returns the exit code. Progress goes to the
// command that started us, or to stdout. `leave` is done at the end, also after a start that
// failed, unless the data directory is somebody else's.
using Start = std::function<Result<std::shared_ptr<void>>(const Progress& progress)>;
struct Leave {
  std::function<void(const Progress& progress)> first;  // While what was started still runs.
  std::function<Result<>(const Progress& progress)> last;
};
int RunAttached(const std::string& data_dir, int verbosity, const Start& start,
                const Leave& leave = {});

// systemd, where it has started this process as a service of Type=notify.
class ServiceManager {
 public:
  // Takes it out of the environment, so that what we start does not speak for us: before there is
  // another thread.
  ServiceManager();
  bool is_there() const { return !socket_.empty(); }
  // The start is over.
  void TellUsable() const;

 private:
  std::string socket_;  // "": nobody wants to know.
};

// What --leave-nothing means; nothing when it is not wanted, or no container ran. `options` outlive
// it.
Leave LeaveAtEnd(const ClusterOptions& options, bool wanted);

// Whether --foreground is meant where it is not given: the environment has SKIFF_FOREGROUND=true,
// as it has in our container image.
bool IsAttachedByDefault();

// Whether --leave-nothing is meant where it is not given: by a container of our image that shares
// its host's processes, and so lives in the host's network, which would outlive it.
bool LeavesNothingByDefault();

// The daemon that has come before `late`, one of the same directory: waits a moment for its name.
std::optional<ProcessId> DaemonBefore(const std::string& data_dir, const ProcessId& late);
// What to tell of the daemon, and the exit code.
struct DaemonTold {
  std::function<int()> usable;
  // Where another one has taken the directory, before or meanwhile.
  std::function<int(const ProcessId& other)> runs_already;
};
// While it lives, who interrupts this process is told, as it ends, that what it has started goes
// on: that is a process of its own, which no interrupt of the terminal reaches.
class ToldIfInterrupted {
 public:
  ToldIfInterrupted();
  ~ToldIfInterrupted();
  ToldIfInterrupted(const ToldIfInterrupted&) = delete;
  ToldIfInterrupted& operator=(const ToldIfInterrupted&) = delete;

 private:
  struct sigaction before_ {};
};

// Runs `skiff WORD --foreground ARGS...` as a daemon; returns when it is usable, or fails. Prints
// what it says of its start.
int RunAsDaemon(const std::string& data_dir, const std::string& word,
                const std::vector<std::string>& args, const DaemonTold& told);

// A relative path is meant from where the command was typed; a daemon is elsewhere. Without a slash
// at its end.
std::string PathAsTyped(const std::string& path);

// Whether this process is the daemon that RunAsDaemon starts.
bool IsStartedByUs();

// "error: MESSAGE" to stderr; 1.
int Complain(const std::string& message);
// Of a program whose first word is none of its `verbs`: what may have been meant, if there is a
// word at all, and the usage, to stderr; 2.
int RefuseVerb(const std::string& word, const std::vector<std::string>& verbs,
               const std::string& usage);

}  // namespace skiff
