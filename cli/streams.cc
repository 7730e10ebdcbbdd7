#include "cli/streams.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include "api/base64.h"
#include "api/json.h"
#include "base/mutex.h"
#include "cli/json_text.h"
#include "cli/session.h"
#include "http/websocket.h"

namespace skiff::cli {
namespace {

constexpr size_t kInputBytesMax = 32 << 10;
constexpr char kStdinChannel = 0;
constexpr char kStdoutChannel = 1;
constexpr char kStderrChannel = 2;
constexpr char kErrorChannel = 3;
constexpr char kResizeChannel = 4;
constexpr char kCloseChannel = static_cast<char>(255);

// What the loop's thread and ours share. The file descriptor becomes readable when anything
// changes.
struct Shared {
  Mutex mutex;
  std::shared_ptr<http::WebSocketSender> sender GUARDED_BY(mutex);
  std::string protocol GUARDED_BY(mutex);
  std::optional<Error> refused GUARDED_BY(mutex);
  std::string status GUARDED_BY(mutex);  // What came on the error channel.
  bool closed GUARDED_BY(mutex) = false;
  int close_code GUARDED_BY(mutex) = 1005;
  const int changed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

  ~Shared() { close(changed); }
  void Signal() const {
    const uint64_t one = 1;
    (void)!write(changed, &one, sizeof(one));  // Full means that it is readable already.
  }
};

// Writes what comes to our own outputs. They may block the loop, which carries nothing else.
class RemoteOutput final : public http::MessageHandler {
 public:
  explicit RemoteOutput(std::shared_ptr<Shared> shared, Environment& environment)
      : shared_(std::move(shared)), environment_(environment) {}

  void OnOpen(std::shared_ptr<http::WebSocketSender> sender) override {
    const MutexLock lock(shared_->mutex);
    shared_->sender = std::move(sender);
    shared_->Signal();
  }
  bool OnMessage(std::string_view data, bool /*text*/) override {
    if (data.size() < 2) return true;
    const char channel = data[0];
    const std::string_view bytes = data.substr(1);
    if (channel == kStdoutChannel) environment_.out(bytes);
    if (channel == kStderrChannel) environment_.err(bytes);
    if (channel == kErrorChannel) {
      const MutexLock lock(shared_->mutex);
      shared_->status += bytes;
    }
    return true;
  }
  void OnRoom(size_t /*bytes*/) override { shared_->Signal(); }
  void OnClose(int code, std::string_view /*reason*/) override {
    const MutexLock lock(shared_->mutex);
    shared_->closed = true;
    shared_->close_code = code;
    shared_->Signal();
  }

 private:
  const std::shared_ptr<Shared> shared_;
  Environment& environment_;
};

// The terminal without echo and line editing, as long as this lives.
class RawTerminal {
 public:
  explicit RawTerminal(bool wanted) {
    if (!wanted || tcgetattr(STDIN_FILENO, &saved_) != 0) return;
    termios raw = saved_;
    cfmakeraw(&raw);
    active_ = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
  }
  ~RawTerminal() {
    if (active_) tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  termios saved_ = {};
  bool active_ = false;
};

// Changes of the terminal's size, as a descriptor to poll.
class SizeChanges {
 public:
  explicit SizeChanges(bool wanted) {
    if (!wanted) return;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGWINCH);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    descriptor_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  }
  ~SizeChanges() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  SizeChanges(const SizeChanges&) = delete;
  SizeChanges& operator=(const SizeChanges&) = delete;
  int descriptor() const { return descriptor_; }
  void Drain() const {
    signalfd_siginfo info;
    while (read(descriptor_, &info, sizeof(info)) == sizeof(info)) {
    }
  }

 private:
  int descriptor_ = -1;
};

std::string SizeMessage() {
  winsize size = {};
  if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return "";
  return fmt::format("{}{{\"Width\":{},\"Height\":{}}}", kResizeChannel, size.ws_col, size.ws_row);
}

// Pumps standard input and sizes until the remote side has closed.
class InputPump {
 public:
  InputPump(Shared& shared, const RemoteRequest& request, int size_changes)
      : shared_(shared), tty_(request.tty), size_changes_(size_changes) {
    input_open_ = request.with_stdin;
  }

  void Run(const SizeChanges& sizes) {
    while (true) {
      std::shared_ptr<http::WebSocketSender> sender;
      {
        const MutexLock lock(shared_.mutex);
        if (shared_.closed || shared_.refused) return;
        sender = shared_.sender;
      }
      const bool can_read = sender && input_open_ && pending_.empty();
      pollfd polled[] = {{shared_.changed, POLLIN, 0},
                         {size_changes_, POLLIN, 0},
                         {can_read ? STDIN_FILENO : -1, POLLIN, 0}};
      if (sender && tty_ && !size_sent_) {
        size_sent_ = true;
        if (const std::string size = SizeMessage(); !size.empty()) sender->Send(size);
      }
      if (poll(polled, 3, -1) < 0) continue;
      uint64_t count = 0;
      if (polled[0].revents) (void)!read(shared_.changed, &count, sizeof(count));
      if (polled[1].revents) {
        sizes.Drain();
        size_sent_ = false;
      }
      if (polled[2].revents) ReadInput(*sender);
      if (sender && !pending_.empty() && sender->Send(pending_)) pending_.clear();
    }
  }

 private:
  void ReadInput(http::WebSocketSender& sender) {
    char buffer[kInputBytesMax];
    const ssize_t count = read(STDIN_FILENO, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) return;
    if (count > 0) {
      pending_ = std::string(1, kStdinChannel) + std::string(buffer, static_cast<size_t>(count));
      return;
    }
    input_open_ = false;
    const MutexLock lock(shared_.mutex);
    // v4 knows no end of input.
    if (shared_.protocol == "v5.channel.k8s.io") sender.Send({kCloseChannel, kStdinChannel});
  }

  Shared& shared_;
  const bool tty_;
  const int size_changes_;
  bool input_open_ = false;
  bool size_sent_ = false;
  std::string pending_;  // A message that the socket has had no room for.
};

Result<int> ExitCodeOf(const std::string& status_text) {
  const auto status = ParseJson(status_text);
  if (!status || !status->is_object()) {
    return CliError(fmt::format("error stream protocol error: {}", status_text));
  }
  if (TextAt(*status, "status") == "Success") return 0;
  if (TextAt(*status, "reason") == "NonZeroExitCode") {
    for (const Json& cause : At(*status, "details", "causes")) {
      if (TextAt(cause, "reason") == "ExitCode") {
        return static_cast<int>(std::strtol(TextAt(cause, "message").c_str(), nullptr, 10) & 255);
      }
    }
    return CliError("error stream protocol error: no ExitCode cause given");
  }
  return CliError(TextAt(*status, "message"));
}

http::ClientRequest UpgradeRequest(const ServerAddress& address, const RemoteRequest& request) {
  http::Request target;
  target.path = fmt::format("/api/v1/namespaces/{}/pods/{}/{}", request.pod.namespace_,
                            request.pod.name, request.subresource);
  for (const std::string& word : request.command) target.query.emplace_back("command", word);
  target.query.emplace_back("container", request.container);
  if (request.with_stdin) target.query.emplace_back("stdin", "true");
  target.query.emplace_back("stdout", "true");
  if (!request.tty) target.query.emplace_back("stderr", "true");
  if (request.tty) target.query.emplace_back("tty", "true");
  http::ClientRequest out;
  out.target = address.path_prefix + EncodeTarget(target);
  out.headers = address.headers;
  return out;
}

}  // namespace

Result<int> RunRemote(Command& command, const RemoteRequest& request) {
  Session& session = *TRY(command.session());
  const ServerAddress address = TRY(AddressOf(session.options()));
  const auto shared = std::make_shared<Shared>();
  // Blocked before the loop's thread starts, so that the signal only comes by its descriptor.
  const SizeChanges sizes(request.tty);
  http::Loops loops;
  Environment& environment = command.environment();
  const auto exchange = http::OpenWebSocket(
      loops, address.upstream, UpgradeRequest(address, request),
      {"v5.channel.k8s.io", "v4.channel.k8s.io"},
      [shared,
       &environment](Result<std::string> protocol) -> std::unique_ptr<http::MessageHandler> {
        const MutexLock lock(shared->mutex);
        if (protocol) {
          shared->protocol = *protocol;
          return std::make_unique<RemoteOutput>(shared, environment);
        }
        shared->refused = protocol.error();
        shared->Signal();
        return nullptr;
      },
      {.ping_every = 5s});
  {
    const RawTerminal terminal(request.tty && request.with_stdin);
    InputPump(*shared, request, sizes.descriptor()).Run(sizes);
  }
  const MutexLock lock(shared->mutex);
  if (shared->refused) return Fail(*shared->refused);
  if (!shared->status.empty()) return ExitCodeOf(shared->status);
  if (shared->close_code == 1000 || shared->close_code == 1005) return 0;
  return CliError(fmt::format("next reader: websocket: close {}", shared->close_code));
}

Result<ServerAddress> AddressOf(const HttpsOptions& options) {
  ServerAddress address;
  std::string rest = options.server;
  bool tls = true;
  if (rest.starts_with("http://")) {
    tls = false;
    rest = rest.substr(7);
  } else if (rest.starts_with("https://")) {
    rest = rest.substr(8);
  }
  const size_t slash = std::min(rest.find('/'), rest.size());
  address.path_prefix = rest.substr(slash);
  while (address.path_prefix.ends_with('/')) address.path_prefix.pop_back();
  std::string host = rest.substr(0, slash);
  address.upstream.port = tls ? 443 : 80;
  const size_t bracket = host.rfind(']');
  const size_t colon = host.rfind(':');
  if (colon != std::string::npos && (bracket == std::string::npos || colon > bracket)) {
    address.upstream.port = std::atoi(host.c_str() + colon + 1);
    host.resize(colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  address.upstream.host = host;
  address.upstream.server_name = options.tls_server_name;
  if (tls) {
    address.upstream.tls =
        TRY(http::MakeClientContext({.ca_pem = options.certificate_authority,
                                     .insecure = options.insecure_skip_tls_verify,
                                     .server_name = options.tls_server_name,
                                     .certificate_pem = options.client_certificate,
                                     .key_pem = options.client_key}));
  }
  std::string token = options.token;
  if (!options.token_file.empty()) {
    std::ifstream file(options.token_file);
    std::getline(file, token);
  }
  if (!token.empty()) {
    address.headers.emplace("Authorization", "Bearer " + token);
  } else if (!options.username.empty()) {
    address.headers.emplace("Authorization",
                            "Basic " + EncodeBase64(options.username + ":" + options.password));
  }
  return address;
}

Result<std::string> ChooseContainer(Command& command, const Json& pod, const std::string& named,
                                    const char* missing, bool quiet) {
  std::vector<std::string> names;
  std::vector<std::string> shown;
  const std::pair<const char*, const char*> lists[] = {
      {"containers", ""}, {"ephemeralContainers", " (ephem)"}, {"initContainers", " (init)"}};
  for (const auto& [list, mark] : lists) {
    for (const Json& container : At(pod, "spec", list)) {
      names.push_back(TextAt(container, "name"));
      shown.push_back(names.back() + mark);
    }
  }
  if (!named.empty()) {
    if (std::find(names.begin(), names.end(), named) != names.end()) return named;
    return CliError(fmt::format(fmt::runtime(missing), named, NameOf(pod)));
  }
  if (names.empty()) return CliError("pod has no containers");
  const std::string annotated =
      TextAt(pod, "metadata", "annotations", "kubectl.kubernetes.io/default-container");
  if (std::find(names.begin(), names.end(), annotated) != names.end()) return annotated;
  if (names.size() > 1 && !quiet) {
    command.Warn("Defaulted container \"{}\" out of: {}\n", names[0], Join(shown, ", "));
  }
  return names[0];
}

}  // namespace skiff::cli
