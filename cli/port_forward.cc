// `port-forward`: local ports whose connections end in a pod, as SPDY streams of one session.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <deque>

#include "base/mutex.h"
#include "cli/forwarded_ports.h"
#include "cli/json_text.h"
#include "cli/remote_link.h"
#include "cli/rollout.h"
#include "cli/session.h"
#include "cli/streams.h"
#include "cli/verbs.h"
#include "http/spdy.h"
#include "http/websocket.h"

namespace skiff::cli {
namespace {

constexpr char kTunnelProtocol[] = "SPDY/3.1+portforward.k8s.io";
constexpr size_t kReadBytes = 32 << 10;
// Of one connection towards its local side; past it the session is not read.
constexpr size_t kBacklogBytesMax = 256 << 10;

struct LocalPort {
  int socket;
  int local;
  int remote;
};

// One local connection and its two streams.
struct Forwarded {
  int socket = -1;
  int local = 0;
  int remote = 0;
  http::SpdyStreamId data = 0;
  http::SpdyStreamId error = 0;
  std::string to_local;  // Received from the pod.
  std::string to_pod;    // Read here, and refused by the session so far.
  std::string error_text;
  bool ready = false;     // The data stream was replied to.
  bool pod_done = false;  // The pod sends nothing more.
  bool error_done =
      false;  // Nor does it say what failed: runtimes do that after they end the data.
  bool local_done = false;
  bool finished = false;  // Our end of the stream is closed.
};

// Shared between the loop's thread and ours; the eventfd tells us of changes.
struct Shared {
  Mutex mutex;
  std::shared_ptr<http::SpdySender> sender GUARDED_BY(mutex);
  std::map<int, Forwarded> connections GUARDED_BY(mutex);  // By socket.
  std::optional<Error> refused GUARDED_BY(mutex);
  std::optional<http::Opened> answer GUARDED_BY(mutex);  // Of a server that did not upgrade.
  bool closed GUARDED_BY(mutex) = false;
  const int changed = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  ~Shared() {
    for (auto& [socket, connection] : connections) close(socket);
    close(changed);
  }
  void Signal() const {
    const uint64_t one = 1;
    (void)!write(changed, &one, sizeof(one));  // Full means that it is readable already.
  }
  Forwarded* Find(http::SpdyStreamId stream) REQUIRES(mutex) {
    for (auto& [socket, connection] : connections) {
      if (connection.data == stream || connection.error == stream) return &connection;
    }
    return nullptr;
  }
};

class ForwardSession final : public http::SpdyHandler {
 public:
  explicit ForwardSession(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  void OnOpen(std::shared_ptr<http::SpdySender> sender) override {
    const MutexLock lock(shared_->mutex);
    shared_->sender = std::move(sender);
    shared_->Signal();
  }
  bool OnStream(http::SpdyStreamId /*stream*/, const http::Headers& /*headers*/) override {
    return false;
  }
  void OnReply(http::SpdyStreamId stream) override {
    const MutexLock lock(shared_->mutex);
    Forwarded* connection = shared_->Find(stream);
    if (connection && connection->data == stream) connection->ready = true;
    shared_->Signal();
  }
  size_t OnData(http::SpdyStreamId stream, std::string_view bytes) override {
    const MutexLock lock(shared_->mutex);
    Forwarded* connection = shared_->Find(stream);
    if (!connection) return bytes.size();
    shared_->Signal();
    if (connection->error == stream) {
      connection->error_text += bytes.substr(0, kReadBytes);
      return bytes.size();
    }
    if (connection->to_local.size() >= kBacklogBytesMax) return 0;
    connection->to_local += bytes;
    return bytes.size();
  }
  void OnFin(http::SpdyStreamId stream) override { End(stream); }
  void OnReset(http::SpdyStreamId stream) override { End(stream); }
  void OnRoom(size_t /*bytes*/) override { shared_->Signal(); }
  void OnClose() override {
    const MutexLock lock(shared_->mutex);
    shared_->closed = true;
    shared_->Signal();
  }

 private:
  void End(http::SpdyStreamId stream) {
    const MutexLock lock(shared_->mutex);
    Forwarded* connection = shared_->Find(stream);
    if (connection && connection->data == stream) connection->pod_done = true;
    if (connection && connection->error == stream) connection->error_done = true;
    shared_->Signal();
  }
  const std::shared_ptr<Shared> shared_;
};

// Our thread's side: accepts, reads and writes the local sockets.
class Forwarder {
 public:
  Forwarder(Command& command, Shared& shared, std::vector<LocalPort> ports)
      : command_(command), shared_(shared), ports_(std::move(ports)) {}
  ~Forwarder() {
    for (const LocalPort& port : ports_) close(port.socket);
  }

  // Until the pod does not answer any more.
  Result<> Run() {
    while (true) {
      std::vector<pollfd> polled = {{shared_.changed, POLLIN, 0}};
      for (const LocalPort& port : ports_) polled.push_back({port.socket, POLLIN, 0});
      {
        const MutexLock lock(shared_.mutex);
        if (shared_.refused) return Fail(*shared_.refused);
        if (shared_.closed || failed_) return CliError("lost connection to pod");
        for (const auto& [socket, connection] : shared_.connections) {
          int events = connection.to_local.empty() ? 0 : POLLOUT;
          const bool reads =
              connection.ready && !connection.local_done && connection.to_pod.empty();
          if (reads) events |= POLLIN;
          polled.push_back({events ? socket : -1, static_cast<short>(events), 0});
        }
      }
      if (poll(polled.data(), polled.size(), -1) < 0) continue;
      uint64_t count = 0;
      if (polled[0].revents) (void)!read(shared_.changed, &count, sizeof(count));
      for (size_t i = 0; i < ports_.size(); ++i) {
        if (polled[i + 1].revents) Accept(ports_[i]);
      }
      Serve(polled);
    }
  }

 private:
  void Accept(const LocalPort& port) {
    const int socket = accept4(port.socket, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) return;
    command_.Print("Handling connection for {}\n", port.local);
    const MutexLock lock(shared_.mutex);
    if (!shared_.sender) {
      close(socket);
      return;
    }
    Forwarded& connection = shared_.connections[socket];
    connection.socket = socket;
    connection.local = port.local;
    connection.remote = port.remote;
    http::Headers headers = {{"streamType", "error"},
                             {"port", std::to_string(port.remote)},
                             {"requestID", std::to_string(next_request_++)}};
    connection.error = shared_.sender->Open(headers);
    shared_.sender->Finish(connection.error);
    headers.erase("streamType");
    headers.emplace("streamType", "data");
    connection.data = shared_.sender->Open(headers);
  }

  void Serve(const std::vector<pollfd>& polled) {
    const MutexLock lock(shared_.mutex);
    for (auto at = shared_.connections.begin(); at != shared_.connections.end();) {
      Forwarded& connection = at->second;
      int events = 0;
      for (const pollfd& each : polled) {
        if (each.fd == at->first) events = each.revents;
      }
      if (events & (POLLIN | POLLHUP | POLLERR)) Read(connection);
      Write(connection);
      const bool over =
          connection.error_done &&
          (!connection.error_text.empty() || (connection.pod_done && connection.to_local.empty()));
      if (!over) {
        ++at;
        continue;
      }
      if (!connection.error_text.empty()) {
        command_.Warn("an error occurred forwarding {} -> {}: {}\n", connection.local,
                      connection.remote, connection.error_text);
        failed_ = true;
      }
      if (shared_.sender) shared_.sender->Reset(connection.data);
      close(at->first);
      at = shared_.connections.erase(at);
    }
  }

  void Read(Forwarded& connection) REQUIRES(shared_.mutex) {
    if (!connection.ready || connection.local_done || !connection.to_pod.empty()) return;
    char buffer[kReadBytes];
    const ssize_t count = read(connection.socket, buffer, sizeof(buffer));
    if (count > 0) {
      connection.to_pod.assign(buffer, static_cast<size_t>(count));
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      connection.local_done = true;
    }
  }

  // Both ways, as far as there is room.
  void Write(Forwarded& connection) REQUIRES(shared_.mutex) {
    if (!connection.to_pod.empty() && shared_.sender &&
        shared_.sender->Send(connection.data, connection.to_pod)) {
      connection.to_pod.clear();
    }
    if (connection.local_done && connection.to_pod.empty() && !connection.finished) {
      connection.finished = true;
      if (shared_.sender) shared_.sender->Finish(connection.data);
    }
    if (connection.to_local.empty()) return;
    const ssize_t count = send(connection.socket, connection.to_local.data(),
                               connection.to_local.size(), MSG_NOSIGNAL);
    if (count > 0) {
      connection.to_local.erase(0, static_cast<size_t>(count));
      if (shared_.sender) shared_.sender->Wake();
    } else if (count < 0 && errno != EAGAIN && errno != EINTR) {
      connection.to_local.clear();
      connection.pod_done = connection.error_done = true;  // Nobody hears them any more.
    }
  }

  Command& command_;
  Shared& shared_;
  const std::vector<LocalPort> ports_;
  int next_request_ = 0;
  bool failed_ = false;  // The pod refused a connection: kubectl then gives all of them up.
};

// An interrupt is the good end of forwarding, wherever it is at that moment.
class EndsWellWhenInterrupted {
 public:
  EndsWellWhenInterrupted() : before_(std::signal(SIGINT, [](int) { _exit(0); })) {}
  ~EndsWellWhenInterrupted() { std::signal(SIGINT, before_); }
  EndsWellWhenInterrupted(const EndsWellWhenInterrupted&) = delete;
  EndsWellWhenInterrupted& operator=(const EndsWellWhenInterrupted&) = delete;

 private:
  void (*const before_)(int);
};

// A listening socket on a numeric address; the error is Go's.
Result<LocalPort> Listen(const std::string& address, const PortPair& pair) {
  const bool ipv6 = address.find(':') != std::string::npos;
  sockaddr_storage storage = {};
  socklen_t size = 0;
  if (ipv6) {
    auto* to = reinterpret_cast<sockaddr_in6*>(&storage);
    to->sin6_family = AF_INET6;
    to->sin6_port = htons(static_cast<uint16_t>(pair.local));
    size = sizeof(*to);
    if (inet_pton(AF_INET6, address.c_str(), &to->sin6_addr) != 1) size = 0;
  } else {
    auto* to = reinterpret_cast<sockaddr_in*>(&storage);
    to->sin_family = AF_INET;
    to->sin_port = htons(static_cast<uint16_t>(pair.local));
    size = sizeof(*to);
    if (inet_pton(AF_INET, address.c_str(), &to->sin_addr) != 1) size = 0;
  }
  if (size == 0) return CliError(fmt::format("{} is not a valid IP", address));
  const int socket = ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (ipv6) setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  auto* name = reinterpret_cast<sockaddr*>(&storage);
  if (socket < 0 || bind(socket, name, size) != 0 || listen(socket, SOMAXCONN) != 0) {
    const std::string why = Lower(std::strerror(errno));
    if (socket >= 0) close(socket);
    return CliError(fmt::format("unable to create listener: Error listen {} {}:{}: bind: {}",
                                ipv6 ? "tcp6" : "tcp4", ipv6 ? "[" + address + "]" : address,
                                pair.local, why));
  }
  getsockname(socket, name, &size);
  const uint16_t port = ipv6 ? reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port
                             : reinterpret_cast<sockaddr_in*>(&storage)->sin_port;
  return LocalPort{socket, ntohs(port), pair.remote};
}

Result<std::vector<LocalPort>> ListenAll(Command& command,
                                         const std::vector<ListenAddress>& addresses,
                                         const std::vector<PortPair>& pairs) {
  std::vector<LocalPort> ports;
  bool any = false;
  for (PortPair pair : pairs) {
    std::vector<std::string> errors;
    bool is_needed_missing = false, is_on_localhost = false, is_localhost_wanted = false;
    for (const auto& [address, is_of_localhost] : addresses) {
      is_localhost_wanted |= is_of_localhost;
      const auto port = Listen(address, pair);
      if (!port) {
        errors.push_back(port.error().message);
        is_needed_missing |= !is_of_localhost;
        continue;
      }
      is_on_localhost |= is_of_localhost;
      pair.local = port->local;  // The same number on all addresses.
      ports.push_back(*port);
      const bool ipv6 = address.find(':') != std::string::npos;
      command.Print("Forwarding from {}:{} -> {}\n", ipv6 ? "[" + address + "]" : address,
                    port->local, pair.remote);
    }
    if (!is_needed_missing && is_on_localhost == is_localhost_wanted) {
      any = true;
      continue;
    }
    command.Warn(
        "Unable to listen on port {}: Listeners failed to create with the following "
        "errors: [{}]\n",
        pair.local, Join(errors, " "));
  }
  if (any) return ports;
  for (const LocalPort& port : ports) close(port.socket);
  std::vector<std::string> wanted;
  for (const PortPair& pair : pairs)
    wanted.push_back(fmt::format("{{{} {}}}", pair.local, pair.remote));
  return CliError(
      fmt::format("unable to listen on any of the requested ports: [{}]", Join(wanted, " ")));
}

// The service that the word names, if it does.
Result<Json> ServiceOf(Command& command, const std::string& word) {
  if (word.find('/') == std::string::npos) return Json();
  const Selections selections = TRY(ParseSelections(command, {word}));
  const Selection& selection = selections.items[0];
  if (GroupKind(selection.kind.resource) != "Service") return Json();
  Session& session = *TRY(command.session());
  return session.api().Get(selection.kind.resource, {session.namespace_(), selection.names[0]});
}

// A connection to the pod; dropping the exchange closes it.
struct Opening {
  std::shared_ptr<Shared> shared;
  std::unique_ptr<http::Exchange> exchange;
};

Opening OpenWebSocket(http::Loops& loops, const ServerAddress& address,
                      http::ClientRequest request) {
  const auto shared = std::make_shared<Shared>();
  auto exchange = http::OpenWebSocket(
      loops, address.upstream, std::move(request), {kTunnelProtocol},
      [shared](Result<std::string> protocol) -> std::unique_ptr<http::MessageHandler> {
        if (protocol) {
          return http::BytesInMessages(http::MakeSpdy(http::SpdyRole::kClient,
                                                      std::make_unique<ForwardSession>(shared),
                                                      {.ping_every = 10s}));
        }
        const MutexLock lock(shared->mutex);
        shared->refused = protocol.error();
        shared->Signal();
        return nullptr;
      });
  return {shared, std::move(exchange)};
}

Opening OpenSpdy(http::Loops& loops, const ServerAddress& address, http::ClientRequest request) {
  const auto shared = std::make_shared<Shared>();
  request.method = "POST";
  http::AskForSpdy(request.headers, {"portforward.k8s.io"});
  auto exchange = http::Open(
      loops, address.upstream, std::move(request), [shared](Result<http::Opened> opened) {
        if (opened && opened->raw) {
          opened->raw->Carry(http::MakeSpdy(http::SpdyRole::kClient,
                                            std::make_unique<ForwardSession>(shared),
                                            {.ping_every = 10s}));
          return;
        }
        const MutexLock lock(shared->mutex);
        if (opened) {
          shared->answer = std::move(*opened);
        } else {
          shared->refused = opened.error();
        }
        shared->Signal();
      });
  return {shared, std::move(exchange)};
}

// Until the session is there; fails with what the server said instead.
Result<> AwaitSession(Shared& shared) {
  while (true) {
    std::optional<http::Opened> answer;
    {
      const MutexLock lock(shared.mutex);
      if (shared.sender) return {};
      if (shared.refused) return Fail(*shared.refused);
      answer = std::exchange(shared.answer, std::nullopt);
    }
    if (answer) return Fail(ReadRefusal(std::move(*answer)));
    pollfd polled = {shared.changed, POLLIN, 0};
    uint64_t count = 0;
    if (poll(&polled, 1, -1) > 0) (void)!read(shared.changed, &count, sizeof(count));
  }
}

// A tunnel in a WebSocket, or SPDY for who refuses that.
Result<Opening> Connect(Command& command, http::Loops& loops, const ServerAddress& address,
                        const http::ClientRequest& request) {
  if (command.environment().variable("KUBECTL_PORT_FORWARD_WEBSOCKETS") != "false") {
    Opening opening = OpenWebSocket(loops, address, request);
    const auto ready = AwaitSession(*opening.shared);
    if (ready) return opening;
    // Who does not answer at all will not answer otherwise either.
    if (ready.error().http_code == 0) return Fail(ready.error());
  }
  Opening opening = OpenSpdy(loops, address, request);
  const auto ready = AwaitSession(*opening.shared);
  if (ready) return opening;
  return CliError("error upgrading connection: " + ready.error().message);
}

}  // namespace

Result<> RunPortForward(Command& command, const Args& args) {
  std::vector<std::string> addresses = {"localhost"};
  Duration pod_running_timeout = 1min;
  command.Flag("address", addresses, "Addresses to listen on.");
  command.Flag("pod-running-timeout", pod_running_timeout, "How long to wait for a pod.");
  TRY(command.Parse(args));
  if (command.words().size() < 2) {
    return command.UsageError("TYPE/NAME and list of ports are required for port-forward");
  }
  TRY(CheckPodRunningTimeout(command, pod_running_timeout));
  const std::string& word = command.words()[0];
  const Json service = TRY(ServiceOf(command, word));
  const Json pod = TRY(FindPod(command, word, PodUse::kCommands, pod_running_timeout));
  const Args ports_in_numbers = TRY(InNumbers(command.words(), pod, service));
  if (TextAt(pod, "status", "phase") != "Running") {
    return CliError(
        fmt::format("unable to forward port because pod is not running. Current status={}",
                    TextAt(pod, "status", "phase")));
  }
  const auto listened = TRY(ParseListenAddresses(addresses));
  const auto pairs = TRY(ParsePorts(ports_in_numbers));
  Session& session = *TRY(command.session());
  const ServerAddress address = TRY(AddressOf(session));
  http::Loops loops;
  http::ClientRequest request;
  request.target = fmt::format("{}/api/v1/namespaces/{}/pods/{}/portforward", address.path_prefix,
                               NamespaceOf(pod), NameOf(pod));
  request.headers = address.headers;
  const Opening opening = TRY(Connect(command, loops, address, request));
  auto ports = TRY(ListenAll(command, listened, pairs));
  const EndsWellWhenInterrupted ends_well;
  return Forwarder(command, *opening.shared, std::move(ports)).Run();
}

}  // namespace skiff::cli
