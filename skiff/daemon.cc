#include "skiff/daemon.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "base/did_you_mean.h"
#include "base/folders.h"
#include "base/lock_within.h"
#include "base/program.h"
#include "base/shell_word.h"
#include "cli/terminal_text.h"
#include "skiff/chaos/program.h"
#include "skiff/ending_process.h"
#include "skiff/progress.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

constexpr Duration kStopGrace = 20s;
// Ending in good order takes some seconds, and so does freeing memory where that is large, or the
// machine is busy.
constexpr Duration kEndingWithin = 30s;
// Where the command was typed, for its daemon.
constexpr char kDirectoryVariable[] = "SKIFF_TYPED_IN";

std::string LockPath(const std::string& data_dir) {
  return data_dir + "/lock";
}

// A second lock on the same file, which flock() does not see: held for as long as its holder
// starts. Shared, as whoever finds the directory locked has held it for a moment, too, and must not
// have kept it from the one who starts.
void LockStart(int file, short kind) {
  struct flock lock {};
  lock.l_type = kind;
  lock.l_whence = SEEK_SET;
  (void)fcntl(file, F_OFD_SETLK, &lock);
}

bool HasFileOpen(pid_t process, const struct stat& file) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/fd", process), error)) {
    struct stat opened {};
    const bool is_it = stat(entry.path().c_str(), &opened) == 0 && opened.st_dev == file.st_dev &&
                       opened.st_ino == file.st_ino;
    if (is_it) return true;
  }
  return false;
}

// Whoever the kernel says has that file locked.
std::optional<ProcessId> HolderOfLock(const std::string& lock_path) {
  struct stat lock {};
  if (stat(lock_path.c_str(), &lock) != 0) return {};
  // "7: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF"
  std::ifstream lines("/proc/locks");
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string number, kind, mode, access, file;
    pid_t process = 0;
    if (!(fields >> number >> kind >> mode >> access >> process >> file)) continue;
    const bool may_be = kind == "FLOCK" && process > 0 &&
                        file.substr(file.rfind(':') + 1) == std::to_string(lock.st_ino);
    const auto holder = may_be ? IdentifyProcess(process) : std::nullopt;
    // One that ends does not show its files any more.
    if (holder && (HasFileOpen(process, lock) || IsEnding(*holder))) return holder;
  }
  return {};
}

// Whether another process is on its way to its end. Ours runs as long as it asks.
bool IsOthersEnding(const ProcessId& process) {
  return process.pid != getpid() && IsEnding(process);
}

// Whether it has ended in time. Says what is waited for where that takes more than a moment.
bool AwaitEnd(const ProcessId& process) {
  constexpr Duration kMoment = 300ms;
  if (WaitUntilGone(process, kMoment)) return true;
  ShowProgress(fmt::format("note: process {} is ending: waiting for that", process.pid));
  return WaitUntilGone(process, kEndingWithin);
}

// Whoever has been killed, or told to end, has the directory until it is gone, and nobody can start
// there: it is waited for. Whether it has ended by that.
bool AwaitEndOfHolder(const std::string& data_dir) {
  for (const auto& process : {ReadPidFile(PidPath(data_dir)), HolderOfLock(LockPath(data_dir))}) {
    if (process && IsOthersEnding(*process)) return AwaitEnd(*process);
  }
  return false;
}

// `file` is the directory's lock.
bool LockDataDir(int file, const std::string& data_dir) {
  const auto try_lock = [file] { return flock(file, LOCK_EX | LOCK_NB) == 0; };
  if (try_lock()) return true;
  // Others who have waited for the same look for a moment who has it, as IsDataDirLocked does.
  constexpr Duration kOthersLook = 100ms;
  return LockWithin(AwaitEndOfHolder(data_dir) ? kOthersLook : 0ns, try_lock).has_value();
}

}  // namespace

std::string PidPath(const std::string& data_dir) {
  return data_dir + "/skiff.pid";
}
std::string LogPath(const std::string& data_dir) {
  return data_dir + "/skiff.log";
}

std::error_code MakeDataDir(const std::string& data_dir) {
  return MakeFolder(data_dir, 0755);
}

Result<DataDirLock> DataDirLock::Take(const std::string& data_dir) {
  const std::error_code error = MakeDataDir(data_dir);
  const auto failed = [&](const std::string& why) {
    return Fail(Reason::kForbidden,
                fmt::format("cannot write the data directory {}: {}; choose another with "
                            "--data-dir, or run as its owner",
                            data_dir, why));
  };
  if (error) return failed(error.message());
  const int file = open(LockPath(data_dir).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return failed(std::strerror(errno));
  // First: who finds the directory locked finds this one, too, until the start is over.
  LockStart(file, F_RDLCK);
  if (!LockDataDir(file, data_dir)) {
    close(file);
    return Fail(Reason::kConflict,
                fmt::format("another skiff runs on the data directory {}: end it with `skiff down "
                            "--keep-data --data-dir={}`, or choose another with --data-dir",
                            data_dir, ShellWord(data_dir)));
  }
  return DataDirLock(file);
}

Result<DataDirLock> DataDirLock::TakeAsDaemon(const std::string& data_dir) {
  DataDirLock lock = TRY(Take(data_dir));
  const auto self = IdentifyProcess(getpid());
  CHECK(self.has_value());
  TRY(WritePidFile(PidPath(data_dir), *self));
  return lock;
}

DataDirLock::DataDirLock(DataDirLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
DataDirLock::~DataDirLock() {
  if (file_ >= 0) close(file_);
}

void DataDirLock::StartIsOver() {
  LockStart(file_, F_UNLCK);
}

bool IsStarting(const std::string& data_dir) {
  const int file = open(LockPath(data_dir).c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return false;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  const bool is_known = fcntl(file, F_OFD_GETLK, &lock) == 0;
  close(file);
  return is_known && lock.l_type != F_UNLCK;
}

StartWait AwaitStart(const std::string& data_dir, Duration limit,
                     const std::function<void()>& tell) {
  if (!IsStarting(data_dir)) return StartWait::kNone;
  tell();
  const auto is_over = [&] {
    errno = EWOULDBLOCK;
    return !IsStarting(data_dir);
  };
  return LockWithin(limit, is_over) ? StartWait::kOver : StartWait::kTimedOut;
}

Result<> AwaitStartOf(const std::string& data_dir, const ProcessId& process, Duration limit) {
  if (IsEnding(process)) {
    return Fail(Reason::kTimeout,
                fmt::format("process {} is ending, and has not ended after {} s: nothing can start "
                            "on {} before; `skiff down --keep-data --data-dir={}` ends it by force",
                            process.pid, kEndingWithin / 1s, data_dir, ShellWord(data_dir)));
  }
  const std::string log = LogOf(data_dir, process);  // Of one that has gone nobody can tell.
  const StartWait wait =
      AwaitStart(data_dir, limit, [] { ShowProgress("waiting for the start that is under way"); });
  if (wait == StartWait::kTimedOut) {
    return Fail(
        Reason::kTimeout,
        fmt::format("process {} is not usable after two minutes; its log is {}; `skiff down "
                    "--keep-data --data-dir={}` ends it",
                    process.pid, log, ShellWord(data_dir)));
  }
  if (wait == StartWait::kOver && !DaemonOf(data_dir)) {
    return Fail(Reason::kNotFound, "it ended while it started; its log is " + log);
  }
  return {};
}

bool IsDataDirLocked(const std::string& data_dir) {
  const int file = open(LockPath(data_dir).c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) return false;
  const bool locked = !LockDataDir(file, data_dir);
  close(file);
  return locked;
}

std::optional<ProcessId> DaemonOf(const std::string& data_dir) {
  auto named = ReadPidFile(PidPath(data_dir));
  if (named && IsOthersEnding(*named)) {
    // Its ports, too, are free by then.
    if (!AwaitEnd(*named)) return named;
    named = ReadPidFile(PidPath(data_dir));
  }
  // A copy of a directory names the daemon of the other one. What may not be opened is another
  // user's, and is believed.
  const bool is_known = access(LockPath(data_dir).c_str(), R_OK | W_OK) == 0;
  return named && is_known && !IsDataDirLocked(data_dir) ? std::nullopt : named;
}

std::optional<ProcessId> RunningOn(const std::string& data_dir) {
  if (const auto daemon = DaemonOf(data_dir)) return daemon;
  return IsDataDirLocked(data_dir) ? HolderOfLock(LockPath(data_dir)) : std::nullopt;
}

std::string LogOf(const std::string& data_dir, const ProcessId& process) {
  std::error_code ignored;
  const std::string output = fs::read_symlink(fmt::format("/proc/{}/fd/2", process.pid), ignored);
  // Also where a file is left of another start.
  if (output.starts_with("socket:")) return fmt::format("journalctl _PID={}", process.pid);
  if (fs::exists(LogPath(data_dir), ignored)) return LogPath(data_dir);
  return fmt::format("what process {} prints{}", process.pid,
                     output.starts_with('/') ? " to " + output : "; of a container: docker logs");
}

std::vector<std::string> ArgumentsOfDaemon(const ProcessId& process) {
  std::ifstream in(fmt::format("/proc/{}/cmdline", process.pid));
  std::vector<std::string> words;
  for (std::string word; std::getline(in, word, '\0');) words.push_back(word);
  words.erase(words.begin(), words.begin() + std::min<long>(2, std::ssize(words)));
  return words;
}

ServiceManager::ServiceManager() {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr) return;
  socket_ = path;
  unsetenv("NOTIFY_SOCKET");
}

void ServiceManager::TellUsable() const {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
  socket_.copy(address.sun_path, socket_.size());
  if (socket_.front() == '@') address.sun_path[0] = '\0';  // An abstract one.
  constexpr std::string_view kReady = "READY=1\nSTATUS=The cluster is usable";
  const int file = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  // Whoever does not hear of it gives up in time.
  (void)sendto(file, kReady.data(), kReady.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address),
               static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size()));
  close(file);
}

int RunAttached(const std::string& data_dir, int verbosity, const Start& start,
                const Leave& leave) {
  const ServiceManager manager;
  BeginProgram({.verbosity = verbosity});
  const bool is_daemon = IsStartedByUs() || manager.is_there();
  ProgressWriter progress(ProgressWriter::PipeOfParent());
  auto lock = is_daemon ? DataDirLock::TakeAsDaemon(data_dir) : DataDirLock::Take(data_dir);
  if (!lock) {
    progress.Failed(lock.error().message);
    return 1;
  }
  const Progress say = [&](const std::string& line) { progress.Say(line); };
  auto running = start(say);
  if (running) {
    lock->StartIsOver();
    progress.Usable();
    manager.TellUsable();
    WaitForSignal();
  } else {
    progress.Failed(running.error().message);
  }
  if (leave.first) leave.first(say);
  if (running) running->reset();
  const auto left = leave.last ? leave.last(say) : Result<>();
  if (!left) progress.Say("not all was removed: " + left.error().message);
  return running && left ? 0 : 1;
}

std::optional<ProcessId> DaemonBefore(const std::string& data_dir, const ProcessId& late) {
  // It has the lock before it is named.
  constexpr Duration kNamedWithin = 2s;
  std::optional<ProcessId> other;
  const auto is_told = [&] {
    other = DaemonOf(data_dir);
    errno = EWOULDBLOCK;
    return other.has_value() || !IsStarting(data_dir);
  };
  (void)LockWithin(kNamedWithin, is_told);
  return other && *other == late ? std::nullopt : other;
}

ToldIfInterrupted::ToldIfInterrupted() {
  struct sigaction tell {};
  tell.sa_handler = [](int signal) {
    constexpr std::string_view kText =
        "\nnote: the start goes on in the background: `skiff status` says how it is, and `skiff "
        "down` ends it (with the --data-dir of this command)\n";
    constexpr int kBySignal = 128;  // As a shell has it.
    (void)!write(STDERR_FILENO, kText.data(), kText.size());
    _exit(kBySignal + signal);
  };
  sigaction(SIGINT, &tell, &before_);
  if (before_.sa_handler == SIG_IGN) sigaction(SIGINT, &before_, nullptr);
}
ToldIfInterrupted::~ToldIfInterrupted() {
  sigaction(SIGINT, &before_, nullptr);
}

int RunAsDaemon(const std::string& data_dir, const std::string& word,
                const std::vector<std::string>& args, const DaemonTold& told) {
  std::error_code error = MakeDataDir(data_dir);
  if (error) {
    return Complain(
        fmt::format("cannot make the data directory {}: {}; choose another with "
                    "--data-dir",
                    data_dir, error.message()));
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Complain(std::string("pipe: ") + std::strerror(errno));
  DaemonSpec spec;
  spec.argv = {fs::read_symlink("/proc/self/exe", error).string(), word, "--foreground"};
  spec.argv.insert(spec.argv.end(), args.begin(), args.end());
  spec.log_path = LogPath(data_dir);
  spec.environment = {{kProgressVariable, "1"},
                      {kDirectoryVariable, fs::current_path(error).string()}};
  spec.handed_fd = ends[1];
  const auto daemon = SpawnDaemon(spec);
  close(ends[1]);
  if (!daemon) {
    close(ends[0]);
    return Complain(daemon.error().message);
  }
  const auto follow = [&] {
    const ToldIfInterrupted told_if;
    return FollowProgress(ends[0], kStartTimeout, &ShowProgress);
  };
  const StartOutcome outcome = follow();
  close(ends[0]);
  if (outcome.end == StartOutcome::End::kUsable) return told.usable();
  StopProcess(*daemon, kStopGrace);
  if (const auto other = DaemonBefore(data_dir, *daemon)) return told.runs_already(*other);
  if (outcome.end == StartOutcome::End::kFailed) return Complain(outcome.error);
  return Complain(outcome.end == StartOutcome::End::kDied
                      ? "it ended while it started; its log is " + LogPath(data_dir)
                      : "it was not usable after two minutes; its log is " + LogPath(data_dir));
}

Leave LeaveAtEnd(const ClusterOptions& options, bool wanted) {
  if (!wanted || options.simulated_nodes > 0) return {};
  // While there is somebody to be told, and before what is stored is closed on a disk that is full.
  return {.first = [&options](const Progress& say) { chaos::EndFaultsAt(options.data_dir, say); },
          .last =
              [&options](const Progress& progress) {
                return LeaveMachine(options, /*keep_data=*/true, progress);
              }};
}

bool IsAttachedByDefault() {
  const char* value = std::getenv("SKIFF_FOREGROUND");
  return value != nullptr && std::string_view(value) == "true";
}

std::string PathAsTyped(const std::string& path) {
  if (path.empty()) return path;
  const char* typed_in = std::getenv(kDirectoryVariable);
  std::error_code ignored;
  const fs::path from =
      typed_in != nullptr && IsStartedByUs() ? fs::path(typed_in) : fs::current_path(ignored);
  std::string typed = (from / path).lexically_normal().string();
  // Paths are compared, and others begin with them.
  if (typed.size() > 1 && typed.ends_with('/')) typed.pop_back();
  return typed;
}

bool LeavesNothingByDefault() {
  // In a container's own processes the first one is our parent, or it is unknown to us.
  return IsAttachedByDefault() && getppid() > 1;
}

bool IsStartedByUs() {
  return std::getenv(kProgressVariable) != nullptr;
}

// What servers said that nobody has verified may be in it.
int Complain(const std::string& message) {
  std::fprintf(stderr, "error: %s\n", cli::WithoutControls(message).c_str());
  return 1;
}

int RefuseVerb(const std::string& word, const std::vector<std::string>& verbs,
               const std::string& usage) {
  if (!word.empty()) {
    (void)Complain(fmt::format("unknown command \"{}\"{}\n", word, DidYouMean(word, verbs)));
  }
  std::fprintf(stderr, "%s\n", usage.c_str());
  return 2;
}

}  // namespace skiff
