#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

// glibc 2.36 forgot to say that these are C.
extern "C" {
#include <sys/pidfd.h>
}

extern char** environ;

namespace skiff {
namespace {

constexpr Duration kKillWait = 10s;

// Owns a file descriptor.
class File {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    Close();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~File() { Close(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

tl::unexpected<Error> FailErrno(const std::string& what, int error = errno) {
  const Reason reason = error == ENOENT   ? Reason::kNotFound
                        : error == EACCES ? Reason::kForbidden
                                          : Reason::kInternalError;
  return Fail(reason, what + ": " + std::strerror(error));
}

struct Pipe {
  File read;
  File write;
};

Result<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return FailErrno("pipe");
  return Pipe{File(ends[0]), File(ends[1])};
}

int RemainingMs(Duration deadline) {
  const Duration left = deadline - SystemClock().Monotonic();
  if (left <= 0ns) return 0;
  return static_cast<int>(std::min<int64_t>(left / 1ms + 1, 1'000'000'000));
}

// As much as a pipe may hold, so that nothing is left of a program that has ended.
constexpr int kReadsAtOnce = 16;

// Reads what is there now, and not for ever from who writes faster than that; false at the end of
// the stream.
bool Drain(File& from, std::string& to, size_t bytes_max, bool& truncated) {
  std::array<char, 65536> buffer;
  for (int i = 0; i < kReadsAtOnce; ++i) {
    const ssize_t n = read(from.get(), buffer.data(), buffer.size());
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    if (n == 0) return false;
    const size_t room = bytes_max - std::min(bytes_max, to.size());
    truncated |= static_cast<size_t>(n) > room;
    to.append(buffer.data(), std::min(room, static_cast<size_t>(n)));
  }
  return true;
}

std::vector<std::string> Environment(
    const std::vector<std::pair<std::string, std::string>>& additions) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    bool replaced = false;
    for (const auto& [name, value] : additions) replaced |= text.starts_with(name + "=");
    if (!replaced) all.emplace_back(text);
  }
  for (const auto& [name, value] : additions) all.push_back(name + "=" + value);
  return all;
}

// The array that exec wants; points into `strings`.
std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// A running child with the ends of its pipes that are ours.
struct Child {
  pid_t pid = 0;
  File handle;  // pidfd
  File in, out, err;
};

// One without a terminal: in a group of its own beside ours, who asks there for a pass phrase would
// be stopped. Who talks to our user stays in our group, for the same reason.
bool HasOwnSession(const ProcessSpec& spec) {
  return !spec.keeps_stdin;
}

Result<Child> Spawn(const ProcessSpec& spec, const std::string& program) {
  Pipe in = TRY(MakePipe());
  Pipe out = TRY(MakePipe());
  Pipe err = TRY(MakePipe());
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (!spec.keeps_stdin) posix_spawn_file_actions_adddup2(&actions, in.read.get(), 0);
  posix_spawn_file_actions_adddup2(&actions, out.write.get(), 1);
  if (!spec.keeps_stderr) posix_spawn_file_actions_adddup2(&actions, err.write.get(), 2);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  if (!spec.working_directory.empty()) {
    posix_spawn_file_actions_addchdir_np(&actions, spec.working_directory.c_str());
  }
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  const int session = HasOwnSession(spec) ? POSIX_SPAWN_SETSID : 0;
  posix_spawnattr_setflags(
      &attributes, static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | session));
  std::vector<std::string> argv = spec.argv;
  std::vector<std::string> environment = Environment(spec.environment);
  Child child;
  const int error = posix_spawn(&child.pid, program.c_str(), &actions, &attributes,
                                Pointers(argv).data(), Pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return FailErrno(program, error);
  child.handle = File(pidfd_open(child.pid, 0));
  child.in = std::move(in.write);
  child.out = std::move(out.read);
  child.err = std::move(err.read);
  for (const File* file : {&child.in, &child.out, &child.err}) {
    fcntl(file->get(), F_SETFL, O_NONBLOCK);
  }
  return child;
}

// Hands over the whole lines from `told` on; false when no more are wanted.
bool TellLines(const ProcessSpec& spec, const std::string& out, size_t& told) {
  if (!spec.on_line) return true;
  for (size_t end = out.find('\n', told); end != std::string::npos; end = out.find('\n', told)) {
    const std::string_view line = std::string_view(out).substr(told, end - told);
    told = end + 1;
    if (!spec.on_line(line)) return false;
  }
  return true;
}

enum class Talk { kExited, kTimedOut, kEnough, kStopped };

// Feeds and drains the child until it exits, `deadline` comes, it is stopped, or its lines are
// enough.
Talk Converse(Child& child, const ProcessSpec& spec, Duration deadline, ProcessOutput& output) {
  size_t written = 0, told = 0;
  const bool looks_up = spec.meanwhile || spec.stop.stop_possible();
  if (spec.stdin_text.empty()) child.in.Close();
  while (true) {
    if (spec.stop.stop_requested()) return Talk::kStopped;
    std::array<pollfd, 4> files = {{{child.handle.get(), POLLIN, 0},
                                    {child.in.get(), POLLOUT, 0},
                                    {child.out.get(), POLLIN, 0},
                                    {child.err.get(), POLLIN, 0}}};
    const Duration period = looks_up ? kMeanwhilePeriod : deadline;
    const Duration until = std::min(deadline, SystemClock().Monotonic() + period);
    const int ready = poll(files.data(), files.size(), RemainingMs(until));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      if (until == deadline) return Talk::kTimedOut;
      if (spec.meanwhile) spec.meanwhile();
      continue;
    }
    if (child.in && files[1].revents != 0) {
      const ssize_t n =
          write(child.in.get(), spec.stdin_text.data() + written, spec.stdin_text.size() - written);
      if (n > 0) written += static_cast<size_t>(n);
      const bool refused = n < 0 && errno != EAGAIN && errno != EINTR;
      if (refused || written == spec.stdin_text.size()) child.in.Close();
    }
    const size_t bytes_max = spec.output_bytes_max;
    if (child.out && files[2].revents != 0 &&
        !Drain(child.out, output.out, bytes_max, output.truncated)) {
      child.out.Close();
    }
    if (child.err && files[3].revents != 0 &&
        !Drain(child.err, output.err, bytes_max, output.truncated)) {
      child.err.Close();
    }
    const bool exited = files[0].revents != 0;
    if (exited && child.out) Drain(child.out, output.out, bytes_max, output.truncated);
    if (exited && child.err) Drain(child.err, output.err, bytes_max, output.truncated);
    if (!TellLines(spec, output.out, told)) return Talk::kEnough;
    if (exited) return Talk::kExited;
    // One that says something all the time.
    if (SystemClock().Monotonic() >= deadline) return Talk::kTimedOut;
  }
}

int Reap(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// A child that closes its stdin early must not kill us. Blocks SIGPIPE on this thread for a while
// and takes away one that our own write raised.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~WithoutSigpipe() {
    const timespec now{};
    if (sigismember(&before_, SIGPIPE) == 0) sigtimedwait(&pipe_, nullptr, &now);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_;
  sigset_t before_;
};

// What the daemon's process does between fork and exec; only calls that are safe there.
struct DaemonPlan {
  const char* program;
  char* const* argv;
  char* const* environment;
  const char* const* cgroup_files;  // Null-terminated.
  int log_fd;
  int report_fd;
  int handed_fd;  // -1: none.
};

[[noreturn]] void BecomeDaemon(const DaemonPlan& plan) {
  setsid();
  const pid_t daemon = fork();
  if (daemon != 0) _exit(daemon > 0 ? 0 : 1);
  const pid_t self = getpid();
  for (const char* const* file = plan.cgroup_files; *file != nullptr; ++file) {
    const int fd = open(*file, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) (void)!write(fd, "0", 1);  // A cgroup we may not join is not worth failing for.
    if (fd >= 0) close(fd);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  umask(022);
  (void)!chdir("/");
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, 0);
  dup2(plan.log_fd, 1);
  dup2(plan.log_fd, 2);
  // The report pipe says who we are; exec closes it, and an error number comes before that.
  (void)!write(plan.report_fd, &self, sizeof self);
  // Both are first moved out of the way of the numbers that they get.
  constexpr int kAside = 16;
  const int report = fcntl(plan.report_fd, F_DUPFD, kAside);
  const int handed = plan.handed_fd < 0 ? -1 : fcntl(plan.handed_fd, F_DUPFD, kAside);
  dup2(report, kHandedFd + 1);
  fcntl(kHandedFd + 1, F_SETFD, FD_CLOEXEC);
  close(kHandedFd);
  if (handed >= 0) dup2(handed, kHandedFd);
  closefrom(kHandedFd + 2);
  execve(plan.program, plan.argv, plan.environment);
  const int error = errno;
  (void)!write(kHandedFd + 1, &error, sizeof error);
  _exit(127);
}

bool ReadAll(int fd, void* to, size_t size) {
  size_t done = 0;
  while (done < size) {
    const ssize_t n = read(fd, static_cast<char*>(to) + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += static_cast<size_t>(n);
  }
  return true;
}

File OpenProcess(const ProcessId& process) {
  File handle(pidfd_open(process.pid, 0));
  // Asked after the handle was taken: if it is the one we mean now, the handle is its too.
  return IdentifyProcess(process.pid) == process ? std::move(handle) : File();
}

}  // namespace

Result<ProcessOutput> RunProcess(const ProcessSpec& spec) {
  CHECK(!spec.argv.empty());
  const auto program = FindProgram(spec.argv[0]);
  if (!program) return Fail(Reason::kNotFound, spec.argv[0] + ": no such program");
  const WithoutSigpipe guard;
  const Duration deadline = SystemClock().Monotonic() + spec.timeout;
  Child child = TRY(Spawn(spec, *program));
  ProcessOutput output;
  const Talk talk = Converse(child, spec, deadline, output);
  if (talk != Talk::kExited) {
    kill(HasOwnSession(spec) ? -child.pid : child.pid, SIGKILL);
    Reap(child.pid);
    if (talk == Talk::kEnough) return output;
    if (talk == Talk::kStopped) {
      return Fail(Reason::kTimeout, spec.argv[0] + ": stopped before its end, killed");
    }
    return Fail(Reason::kTimeout, spec.argv[0] + ": still running after " +
                                      std::to_string(spec.timeout / 1ms) + " ms, killed");
  }
  output.exit_code = Reap(child.pid);
  return output;
}

Result<std::string> RunChecked(const ProcessSpec& spec) {
  ProcessOutput output = TRY(RunProcess(spec));
  if (output.exit_code == 0) return std::move(output.out);
  std::string said = output.err.empty() ? output.out : output.err;
  while (!said.empty() && said.back() == '\n') said.pop_back();
  return Fail(Reason::kInternalError, spec.argv[0] + ": exit code " +
                                          std::to_string(output.exit_code) + ": " +
                                          said.substr(0, 2000));
}

std::optional<std::string> FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    return access(name.c_str(), X_OK) == 0 ? std::optional(name) : std::nullopt;
  }
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string(path != nullptr ? path : "/usr/bin:/bin") +
                             ":/usr/local/sbin:/usr/sbin:/sbin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    // What lies where somebody happens to be is not run for that, as by Go's programs.
    if (!folder.starts_with('/')) continue;
    const std::string candidate = folder + "/" + name;
    struct stat found {};
    const bool is_file = stat(candidate.c_str(), &found) == 0 && S_ISREG(found.st_mode);
    if (is_file && access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return std::nullopt;
}

std::optional<ProcessId> IdentifyProcess(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (pid <= 0 || !std::getline(in, line)) return std::nullopt;
  // The second field is the name in parentheses, which may hold anything.
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream rest(line.substr(name_end + 1));
  std::string field;
  ProcessId process{.pid = pid};
  bool has_ended = false;  // The thread of that number.
  for (int number = 3; number <= 22 && rest >> field; ++number) {
    if (number == 3) has_ended = field == "Z" || field == "X";
    if (number == 20 && has_ended && std::atoi(field.c_str()) <= 1) return std::nullopt;
    if (number == 22) process.start_ticks = std::strtoull(field.c_str(), nullptr, 10);
  }
  return process.start_ticks != 0 ? std::optional(process) : std::nullopt;
}

bool IsAlive(const ProcessId& process) {
  return IdentifyProcess(process.pid) == process;
}

void SignalProcess(const ProcessId& process, int signal) {
  if (const File handle = OpenProcess(process)) {
    pidfd_send_signal(handle.get(), signal, nullptr, 0);
  }
}

bool WaitUntilGone(const ProcessId& process, Duration timeout) {
  const Duration deadline = SystemClock().Monotonic() + timeout;
  const File handle = OpenProcess(process);
  if (!handle) return !IsAlive(process);
  while (true) {
    pollfd file{handle.get(), POLLIN, 0};
    const int ready = poll(&file, 1, RemainingMs(deadline));
    if (ready > 0) return true;
    if (ready == 0 || errno != EINTR) return false;
  }
}

bool StopProcess(const ProcessId& process, Duration grace) {
  SignalProcess(process, SIGTERM);
  if (WaitUntilGone(process, grace)) return true;
  SignalProcess(process, SIGKILL);
  return WaitUntilGone(process, kKillWait);
}

namespace {

std::string StartedPath(const std::string& pid_path) {
  return pid_path + ".started";
}

template <typename Number>
Result<> WriteLine(const std::string& path, Number number) {
  std::ofstream file(path, std::ios::trunc);
  file << number << '\n';
  if (!file.flush()) return FailErrno(path);
  return {};
}

}  // namespace

Result<ProcessId> SpawnDaemon(const DaemonSpec& spec) {
  CHECK(!spec.argv.empty());
  const auto program = FindProgram(spec.argv[0]);
  if (!program) return Fail(Reason::kNotFound, spec.argv[0] + ": no such program");
  const File log(open(spec.log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!log) return FailErrno(spec.log_path);
  Pipe report = TRY(MakePipe());
  std::vector<std::string> argv = spec.argv;
  std::vector<std::string> environment = Environment(spec.environment);
  const auto argv_pointers = Pointers(argv);
  const auto environment_pointers = Pointers(environment);
  std::vector<const char*> cgroup_files;
  for (const std::string& path : spec.cgroup_procs_paths) cgroup_files.push_back(path.c_str());
  cgroup_files.push_back(nullptr);
  const DaemonPlan plan{program->c_str(),
                        argv_pointers.data(),
                        environment_pointers.data(),
                        cgroup_files.data(),
                        log.get(),
                        report.write.get(),
                        spec.handed_fd};
  const pid_t middle = fork();
  if (middle < 0) return FailErrno("fork");
  if (middle == 0) BecomeDaemon(plan);
  report.write.Close();
  Reap(middle);
  pid_t pid = 0;
  int error = 0;
  if (!ReadAll(report.read.get(), &pid, sizeof pid)) {
    return Fail(Reason::kInternalError, spec.argv[0] + ": could not be started");
  }
  if (ReadAll(report.read.get(), &error, sizeof error)) return FailErrno(*program, error);
  const auto process = IdentifyProcess(pid);
  if (!process) return Fail(Reason::kInternalError, spec.argv[0] + ": ended at once");
  if (!spec.pid_path.empty()) TRY(WritePidFile(spec.pid_path, *process));
  return *process;
}

Result<> WritePidFile(const std::string& path, const ProcessId& process) {
  TRY(WriteLine(StartedPath(path), process.start_ticks));
  return WriteLine(path, process.pid);
}

std::optional<ProcessId> ReadPidFile(const std::string& path) {
  std::ifstream file(path);
  ProcessId process;
  if (!(file >> process.pid)) return std::nullopt;
  // Older versions wrote both numbers into one file.
  if (!(file >> process.start_ticks)) {
    std::ifstream started(StartedPath(path));
    if (!(started >> process.start_ticks)) return std::nullopt;
  }
  return IsAlive(process) ? std::optional(process) : std::nullopt;
}

}  // namespace skiff
