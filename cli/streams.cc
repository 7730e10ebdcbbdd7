#include "cli/streams.h"

#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include "api/codec/base64.h"
#include "api/codec/json.h"
#include "cli/input_pump.h"
#include "cli/json_text.h"
#include "cli/remote_link.h"
#include "cli/session.h"
#include "client/proxy_route.h"
#include "client/server_url.h"

namespace skiff::cli {
namespace {

// For the connection through a proxy, TLS to the server not included.
constexpr Duration kProxyPatience = 10s;

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

// Of the terminal, and so much more.
std::string SizeMessage(int more) {
  winsize size = {};
  if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return "";
  return fmt::format("{{\"Width\":{},\"Height\":{}}}", size.ws_col + more, size.ws_row + more);
}

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

using OpenLink = std::unique_ptr<http::Exchange> (*)(http::Loops& loops,
                                                     const ServerAddress& address,
                                                     const RemoteRequest& request,
                                                     std::shared_ptr<RemoteState> state,
                                                     RemoteOutputs outputs);

// `write`, which tells `state` when nobody reads what it has written. A disk that is full ends no
// command, as it does not with kubectl.
std::function<void(std::string_view)> WhileRead(const Environment& environment,
                                                std::function<void(std::string_view)> write,
                                                std::shared_ptr<RemoteState> state) {
  return [&environment, write = std::move(write), state = std::move(state)](std::string_view text) {
    write(text);
    if (!environment.HasReaderLeft()) return;
    const MutexLock lock(state->mutex);
    state->is_unread = true;
    state->Signal();
  };
}

// What one attempt came to.
struct Attempt {
  std::optional<Error> refused;  // The connection was not upgraded.
  Result<int> code = 0;
};

Attempt RunOver(OpenLink open, Command& command, const ServerAddress& address,
                const RemoteRequest& request) {
  const auto state = std::make_shared<RemoteState>();
  // Blocked before the loop's thread starts, so that the signal only comes by its descriptor.
  const SizeChanges sizes(request.tty);
  http::Loops loops;
  Environment& environment = command.environment();
  const RemoteOutputs outputs{
      WhileRead(environment, request.out ? request.out : environment.out, state),
      WhileRead(environment, request.err ? request.err : environment.err, state)};
  const auto exchange = open(loops, address, request, state, outputs);
  {
    const RawTerminal terminal(request.tty && request.with_stdin);
    InputPump::Options pump{.input = request.input, .with_stdin = request.with_stdin};
    if (request.tty) {
      pump.size = [] { return SizeMessage(0); };
      if (request.redraws) pump.first_size = [] { return SizeMessage(1); };
      pump.size_changes = sizes.descriptor();
      pump.drain_changes = [&sizes] { sizes.Drain(); };
    }
    InputPump(*state, std::move(pump)).Run();
  }
  std::optional<http::Opened> answer;
  {
    const MutexLock lock(state->mutex);
    if (state->is_unread) {
      environment.ended_early = true;
      return {{}, Command::ExitNow()};
    }
    if (state->refused) return {*state->refused};
    answer = std::move(state->answer);
    if (!answer && !state->status.empty()) return {{}, ExitCodeOf(state->status)};
    if (!answer && (state->close_code == 1000 || state->close_code == 1005)) return {{}, 0};
    if (!answer) {
      return {{}, CliError(fmt::format("next reader: websocket: close {}", state->close_code))};
    }
  }
  return {ReadRefusal(std::move(*answer))};
}

}  // namespace

Result<int> RunRemote(Command& command, const RemoteRequest& request) {
  Session& session = *TRY(command.session());
  const ServerAddress address = TRY(AddressOf(session));
  const std::string wanted = command.environment().variable("KUBECTL_REMOTE_COMMAND_WEBSOCKETS");
  if (wanted != "false") {
    Attempt attempt = RunOver(&OpenRemoteWebSocket, command, address, request);
    if (!attempt.refused) return attempt.code;
    // Who does not answer at all will not answer otherwise either.
    if (attempt.refused->http_code == 0) return Fail(*attempt.refused);
  }
  Attempt attempt = RunOver(&OpenRemoteSpdy, command, address, request);
  if (attempt.refused) return Fail(*attempt.refused);
  return attempt.code;
}

Result<ServerAddress> AddressOf(const Session& session) {
  const HttpsOptions& options = session.options();
  ServerAddress address{.headers = session.impersonation()};
  const auto server = ParseServerUrl(options.server);
  if (!server) return CliError(server.error().message);
  address.path_prefix = server->path_prefix;
  address.upstream.host = server->host;
  address.upstream.port = server->port;
  address.upstream.server_name = options.tls_server_name;
  Credentials given{options.token, options.client_certificate, options.client_key};
  if (options.credentials) {
    auto asked = options.credentials->Get();
    if (!asked) return CliError("getting credentials: " + asked.error().message);
    given = *std::move(asked);
  }
  const auto route = ProxyRoute::To(options, *server);
  if (!route) return CliError(route.error().message);
  if (*route) {
    address.upstream.dial = [route = *route] { return route->Tunnel(kProxyPatience); };
  }
  if (server->tls) {
    address.upstream.tls =
        TRY(http::MakeClientContext({.ca_pem = options.certificate_authority,
                                     .insecure = options.insecure_skip_tls_verify,
                                     .server_name = options.tls_server_name,
                                     .certificate_pem = given.certificate_pem,
                                     .key_pem = given.key_pem}));
  }
  std::string token = given.token;
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
