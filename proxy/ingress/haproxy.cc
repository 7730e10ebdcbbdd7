#include "proxy/ingress/haproxy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <sstream>

#include "base/whole_file.h"

namespace skiff::ingress {
namespace {

namespace fs = std::filesystem;

constexpr char kProgram[] = "haproxy";
constexpr char kCurrent[] = "current";
constexpr char kMaster[] = "master.sock";
constexpr char kPid[] = "haproxy.pid";
constexpr char kLog[] = "haproxy.log";
constexpr char kConfigFile[] = "haproxy.cfg";
// To whom the master passes a command on.
constexpr char kNewestWorker[] = "@1";
constexpr size_t kAnswerBytesMax = 64 << 20;
// How often one that starts is asked again.
constexpr int kStartStepMs = 20;
constexpr size_t kLogShown = 1000;  // Of its end, where it fails.
constexpr Duration kStopGrace = 5s;

// Keys of certificates are among them.
Result<> WritePrivately(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return Fail(Reason::kForbidden, path + ": " + std::strerror(errno));
  size_t written = 0;
  while (written < text.size()) {
    const ssize_t n = write(file, text.data() + written, text.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int error = errno;
      close(file);
      return Fail(Reason::kInternalError, path + ": " + std::strerror(error));
    }
    written += static_cast<size_t>(n);
  }
  close(file);
  return {};
}

// What it has against a configuration: its alerts, without the number of the process that differs
// each time. "[ALERT]    (19027) : config : parsing ..."
std::string AlertsIn(const std::string& said) {
  std::string alerts;
  std::istringstream lines(said);
  for (std::string line; std::getline(lines, line);) {
    const size_t end = line.find(") : ");
    if (!line.starts_with("[ALERT]") || end == std::string::npos) continue;
    alerts += (alerts.empty() ? "" : "\n") + line.substr(end + 4);
  }
  return alerts.empty() ? said : alerts;
}

// A connection to a socket in the file system that does not wait longer than it should. While it
// waits it calls `meanwhile` every kStartStepMs.
class UnixConversation {
 public:
  UnixConversation(Duration timeout, const std::function<void()>& meanwhile)
      : deadline_(clock_.Monotonic() + timeout), meanwhile_(meanwhile) {}
  ~UnixConversation() {
    if (socket_ >= 0) close(socket_);
  }
  UnixConversation(const UnixConversation&) = delete;
  UnixConversation& operator=(const UnixConversation&) = delete;

  Result<std::string> Ask(const std::string& path, const std::string& text) {
    sockaddr_un address{.sun_family = AF_UNIX};
    if (path.size() >= sizeof address.sun_path) return Fail(Reason::kInvalid, path + ": too long");
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    // One that hangs takes nobody from its queue, for whose end a connection would wait.
    socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      return Fail(Reason::kServiceUnavailable, path + ": " + std::strerror(errno));
    }
    if (send(socket_, text.data(), text.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(text.size())) {
      return Fail(Reason::kServiceUnavailable, path + ": " + std::strerror(errno));
    }
    shutdown(socket_, SHUT_WR);  // It answers, and closes.
    return ReadAll(path);
  }

 private:
  Result<std::string> ReadAll(const std::string& path) {
    std::string answer;
    char buffer[16384];
    while (true) {
      if (!WaitForSome()) return Fail(Reason::kTimeout, path + ": no answer");
      const ssize_t n = recv(socket_, buffer, sizeof buffer, 0);
      if (n < 0 && errno == EAGAIN) continue;
      if (n < 0) return Fail(Reason::kServiceUnavailable, path + ": " + std::strerror(errno));
      if (n == 0) return answer;
      answer.append(buffer, static_cast<size_t>(n));
      if (answer.size() > kAnswerBytesMax) return Fail(Reason::kInternalError, path + ": too long");
    }
  }

  bool WaitForSome() const {
    while (true) {
      pollfd file{socket_, POLLIN, 0};
      const auto left = std::max(Duration::zero(), deadline_ - clock_.Monotonic());
      const int left_ms = static_cast<int>(left / 1ms);
      const int wait_ms = meanwhile_ ? std::min(kStartStepMs, left_ms) : left_ms;
      if (poll(&file, 1, wait_ms) > 0) return true;
      if (wait_ms == left_ms) return false;
      meanwhile_();
    }
  }

  SystemClock clock_;
  const Duration deadline_;
  const std::function<void()>& meanwhile_;
  int socket_ = -1;
};

}  // namespace

std::optional<ProcessId> Haproxy::Process() const {
  return ReadPidFile(Path(kPid));
}

std::string Haproxy::ConfigText() const {
  return ReadWholeFile(Path(kCurrent) + "/" + kConfigFile).value_or("");
}

Result<std::string> Haproxy::AskMaster(const std::string& command,
                                       const std::function<void()>& meanwhile) const {
  return UnixConversation(kAnswerTimeout, meanwhile)
      .Ask(Path(kMaster), std::string(kNewestWorker) + " " + command + "\n");
}

Result<std::optional<SeenWorker>> Haproxy::Oldest() const {
  return OldestWorker(TRY(UnixConversation(kAnswerTimeout, {}).Ask(Path(kMaster), "show proc\n")));
}

// Its master passes questions on, but for as long as it becomes another process, which starts the
// next worker: then the one that serves is asked itself.
Result<std::string> Haproxy::Ask(const std::string& command) const {
  if (serving_.empty()) return AskMaster(command);
  return UnixConversation(kAnswerTimeout, {})
      .Ask(WorkerSocket(directory_, serving_), command + "\n");
}

// Thousands at once, as of a Service with as many ports, need a few connections: each one takes a
// turn of the master and one of the worker.
Result<std::vector<std::string>> Haproxy::AskAll(const std::vector<std::string>& commands) const {
  const bool by_master = serving_.empty();
  const std::string path = by_master ? Path(kMaster) : WorkerSocket(directory_, serving_);
  std::vector<std::string> answers;
  for (size_t begin = 0; begin < commands.size();) {
    const size_t end = EndOfConversation(commands, begin);
    std::string text = "prompt\n";
    if (by_master) text += std::string(kNewestWorker) + "\n";
    for (size_t i = begin; i < end; ++i) text += commands[i] + "\n";
    const std::string said = TRY(UnixConversation(kAnswerTimeout, {}).Ask(path, text));
    auto some = TRY(AnswersIn(said, end - begin));
    answers.insert(answers.end(), std::make_move_iterator(some.begin()),
                   std::make_move_iterator(some.end()));
    begin = end;
  }
  return answers;
}

Result<std::string> Haproxy::Signature(const std::function<void()>& meanwhile) const {
  const std::string info = TRY(AskMaster("show info", meanwhile));
  constexpr std::string_view kMark = "\ndescription: ";
  const size_t begin = info.find(kMark);
  if (begin == std::string::npos) return Fail(Reason::kServiceUnavailable, "no worker answers");
  const size_t end = info.find('\n', begin + kMark.size());
  return info.substr(begin + kMark.size(), end - begin - kMark.size());
}

// The files of a configuration that HAProxy takes, and `current` leads to them.
Result<> Haproxy::Prepare(const HaproxyConfig& config, const std::function<void()>& meanwhile) {
  std::error_code error;
  fs::create_directories(Path("empty"), error);
  if (error) return Fail(Reason::kForbidden, Path("empty") + ": " + error.message());
  fs::permissions(directory_, fs::perms::owner_all, error);
  const fs::path now = fs::read_symlink(Path(kCurrent), error);
  const std::string next = now == "config.0" ? "config.1" : "config.0";
  const std::string folder = directory_ + "/" + next;
  fs::remove_all(folder, error);
  fs::create_directories(folder + "/certificates", error);
  if (error) return Fail(Reason::kForbidden, folder + ": " + error.message());
  for (const auto& [name, text] : config.files) TRY(WritePrivately(folder + "/" + name, text));
  if (taken_ != config.signature) {
    const auto checked = TRY(RunProcess(
        {.argv = {kProgram, "-c", "-f", folder + "/" + kConfigFile}, .meanwhile = meanwhile}));
    if (checked.exit_code != 0) {
      return Fail(Reason::kInvalid,
                  "haproxy does not take its configuration: " + AlertsIn(checked.err));
    }
    taken_ = config.signature;
  }
  // With the endpoints of now.
  TRY(WritePrivately(folder + "/" + kConfigFile, config.files.at(kConfigFile)));
  const std::string link = Path("current.new");
  fs::remove(link, error);
  fs::create_symlink(next, link, error);
  if (!error) fs::rename(link, Path(kCurrent), error);
  if (error) return Fail(Reason::kInternalError, link + ": " + error.message());
  return {};
}

Result<> Haproxy::WaitForSignature(const std::string& signature, const ProcessId& process,
                                   const std::function<void()>& meanwhile) const {
  SystemClock clock;
  const Duration deadline = clock.Monotonic() + kStartTimeout;
  while (true) {
    const auto serves = Signature(meanwhile);
    if (serves && *serves == signature) return {};
    if (!IsAlive(process)) {
      return Fail(Reason::kInternalError,
                  "haproxy ended; its log ends with:\n" + ReadEndOfFile(Path(kLog), kLogShown));
    }
    if (clock.Monotonic() > deadline) {
      return Fail(Reason::kTimeout, "no new worker of haproxy serves; its log ends with:\n" +
                                        ReadEndOfFile(Path(kLog), kLogShown));
    }
    poll(nullptr, 0, kStartStepMs);
    if (meanwhile) meanwhile();
  }
}

Result<> Haproxy::Start(const HaproxyConfig& config) {
  const auto program = FindProgram(kProgram);
  if (!program) {
    return Fail(Reason::kNotFound, "haproxy is not installed: install the package haproxy");
  }
  TRY(Prepare(config));
  RemoveWorkerSockets("");
  const ProcessId process =
      TRY(SpawnDaemon({.argv = {*program, "-W", "-S", Path(kMaster) + ",mode,600,level,admin", "-f",
                                Path(kCurrent) + "/" + kConfigFile},
                       .log_path = Path(kLog),
                       .pid_path = Path(kPid)}));
  auto serving = WaitForSignature(config.signature, process);
  if (!serving) {
    taken_.clear();
    StopProcess(process, kStopGrace);
  }
  return serving;
}

Result<> Haproxy::Reload(HaproxyConfig& config, const std::function<void()>& meanwhile,
                         const std::function<void()>& while_it_starts) {
  const auto process = Process();
  if (!process) return Fail(Reason::kServiceUnavailable, "haproxy does not run");
  TRY(Prepare(config, meanwhile));
  serving_ = Signature().value_or("");
  SignalProcess(*process, SIGUSR2);
  auto serves = WaitForSignature(config.signature, *process, while_it_starts);
  serving_.clear();
  if (serves) {
    RemoveWorkerSockets(config.signature);
  } else {
    taken_.clear();
  }
  return serves;
}

// Workers cannot, in their empty root.
void Haproxy::RemoveWorkerSockets(const std::string& but) const {
  const std::string kept = but.empty() ? "" : WorkerSocket(directory_, but);
  const std::string any = WorkerSocket(directory_, "");
  std::error_code ignored;
  std::vector<fs::path> old;
  for (const auto& each : fs::directory_iterator(directory_, ignored)) {
    if (each.path().native().starts_with(any) && each.path() != kept) old.push_back(each.path());
  }
  for (const fs::path& each : old) fs::remove(each, ignored);
}

Result<> Haproxy::SyncServers(const std::map<std::string, Backend>& backends) const {
  const auto running = TRY(ParseServers(TRY(Ask("show servers state"))));
  const ServerChanges changes = ChangesOf(running, backends);
  // One that is refused keeps no other server from being taken out.
  Result<> all;
  const auto answers = TRY(AskAll(changes.must));
  for (size_t i = 0; i < answers.size() && all; ++i) {
    if (IsDone(answers[i])) continue;
    all =
        Fail(Reason::kInternalError, "haproxy refused \"" + changes.must[i] + "\": " + answers[i]);
  }
  TRY(AskAll(changes.may));
  return all;
}

bool Haproxy::Stop() {
  const auto process = Process();
  const bool gone = !process || StopProcess(*process, kStopGrace);
  std::error_code ignored;
  for (const char* name : {kMaster, kPid, "haproxy.pid.started"}) fs::remove(Path(name), ignored);
  RemoveWorkerSockets("");
  return gone;
}

void Haproxy::BoundLog() const {
  std::error_code error;
  const std::string log = Path(kLog);
  const auto size = fs::file_size(log, error);
  if (error || size <= kLogBytesMax) return;
  // It goes on writing at the end of the same file, wherever that is.
  fs::copy_file(log, log + ".1", fs::copy_options::overwrite_existing, error);
  fs::resize_file(log, 0, error);
}

}  // namespace skiff::ingress
