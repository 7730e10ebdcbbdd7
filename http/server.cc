#include "http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <future>
#include <unordered_map>

#include "base/log.h"
#include "http/arrivals.h"
#include "http/event_loop.h"
#include "http/handshakes.h"
#include "http/intake.h"
#include "http/put_off.h"
#include "http/server_connection.h"
#include "http/socket.h"
#include "http/worker_pool.h"

namespace skiff::http {
namespace {

const Log kLog("http");

// Of requests for urgent paths.
constexpr int kUrgentWorkersMax = 2;
constexpr size_t kUrgentWaitingMax = 100;
constexpr Duration kRefusalLogPeriod = 10s;
// Of a request that is tried on a loop.
constexpr size_t kPromptHeadersMax = 64;
constexpr size_t kPromptHeadBytesMax = 8 << 10;
constexpr size_t kPromptBodyBytesMax = 64 << 10;

Intake::Limits IntakeLimits(const Limits& limits) {
  return {.connections_per_address_max = limits.connections_per_address_max,
          .bytes_max = limits.intake_bytes_max,
          .bytes_per_address_max = limits.intake_bytes_per_address_max,
          .known_bytes_max = limits.known_intake_bytes_max};
}

// Runs `task` on the loop and waits until it is done.
void RunOn(Loop& loop, const std::function<void()>& task) {
  std::promise<void> done;
  loop.Post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

template <typename Handle>
auto Guarded(const Handle& handle, const Request& request) -> decltype(handle()) {
  try {
    return handle();
  } catch (const std::exception& failure) {
    // We throw nothing; a library that does must not take the other requests with it.
    kLog.Error("handler threw", {{"path", request.path}, {"error", failure.what()}});
    Response response;
    response.status = 500;
    return {std::move(response)};
  }
}

bool IsSmall(const Request& request) {
  if (request.body.size() > kPromptBodyBytesMax || request.body_too_large) return false;
  if (request.headers.size() > kPromptHeadersMax) return false;
  size_t bytes = request.target.size();
  for (const auto& [name, value] : request.headers) bytes += name.size() + value.size();
  return bytes <= kPromptHeadBytesMax;
}

// What came with a request counts as held until it is answered: whoever is to answer has it still.
class HoldingResponse final : public PendingResponse {
 public:
  HoldingResponse(std::unique_ptr<PendingResponse> inner, Intake::Share held)
      : held_(std::move(held)), inner_(std::move(inner)) {}
  void Start(Reply reply) override { inner_->Start(std::move(reply)); }

 private:
  const Intake::Share held_;
  const std::unique_ptr<PendingResponse> inner_;
};

PreparedAnswer PrepareHolding(Response response, const RequestTraits& traits, Intake::Share& held) {
  if (response.pending) {
    response.pending =
        std::make_unique<HoldingResponse>(std::move(response.pending), std::move(held));
  }
  return Prepare(std::move(response), traits);
}

}  // namespace

struct Server::Impl {
  class Front;
  class Listener;
  class Work;

  Impl(Options options, Handler& handler)
      : options(std::move(options)),
        handler(handler),
        intake(IntakeLimits(this->options.limits)),
        workers(this->options.limits.workers_max, this->options.limits.waiting_requests_max) {}

  void Changed() {
    if (!stopping) return;
    MutexLock lock(mutex);
    changed.notify_all();
  }
  // The last that who ended it does with the server, which may be waiting for nothing else.
  void EndOfWork() {
    if (!stopping) {
      --handled;
      return;
    }
    MutexLock lock(mutex);
    --handled;
    changed.notify_all();
  }
  // Until `done`, which is asked under the mutex, or the deadline.
  void AwaitUntil(Duration deadline, const std::function<bool()>& done);

  const Options options;
  Handler& handler;
  Intake intake;  // Its shares are held by connections and by requests that wait.
  SystemClock clock;
  int port = 0;
  std::atomic<bool> stopping = false;
  std::atomic<size_t> connections = 0;
  std::atomic<size_t> accepted = 0;
  std::atomic<size_t> requests = 0;
  std::atomic<int> busy = 0;
  std::atomic<int> handled = 0;  // Requests that somebody handles, or waits to handle.
  mutable Mutex mutex;
  CondVar changed;
  TlsContext tls GUARDED_BY(mutex);
  bool stopped GUARDED_BY(mutex) = false;
  std::vector<std::unique_ptr<Front>> fronts;  // One a loop.
  std::unique_ptr<Listener> listener;
  WorkerPool workers;
  WorkerPool urgent_workers{kUrgentWorkersMax, kUrgentWaitingMax};

  bool IsUrgent(std::string_view path) const {
    return std::ranges::any_of(options.urgent_paths, [&](const std::string& urgent) {
      return path.starts_with(urgent) &&
             (path.size() == urgent.size() || path[urgent.size()] == '/');
    });
  }
};

// A request that has left its loop, until it is answered.
class Server::Impl::Work final : public LateReply,
                                 public WorkerPool::Job,
                                 public std::enable_shared_from_this<Work> {
 public:
  struct Parts {
    std::weak_ptr<ServerConnection> connection;
    std::shared_ptr<Request> request;
    RequestTraits traits;
    Intake::Share held;
    // Of the prompt handler, for which the request has been decoded.
    PromptHandler::Outcome tried;
    bool is_decoded;
  };
  Work(Impl& server, Loop& loop, Parts parts)
      : server_(server), loop_(loop), parts_(std::move(parts)) {
    ++server_.handled;
  }
  ~Work() override {
    if (is_out_ && !answered_) {
      Response response;
      response.status = 502;
      Send(std::move(response));
    }
    parts_ = {};
    server_.EndOfWork();
  }

  const std::string& path() const { return parts_.request->path; }
  bool MayTakeTurn() const { return parts_.tried.in_turn != nullptr; }
  const std::string& owner() const { return parts_.tried.owner; }
  bool IsGone() const override {
    const auto& asker = parts_.traits.asker;
    return (asker && asker->is_gone) || parts_.connection.expired();
  }
  bool MayBeGone() const override {
    return IsGone() || (parts_.traits.asker && parts_.traits.asker->may_be_gone);
  }
  // On its loop, in its turn. False: a worker is to do it.
  bool RunHere() {
    if (IsGone()) return true;
    const auto in_turn = std::exchange(parts_.tried.in_turn, nullptr);
    parts_.tried = Guarded([&] { return in_turn(*parts_.request); }, *parts_.request);
    if (!parts_.tried.response) return false;
    AnswerHere(std::move(*parts_.tried.response));
    return true;
  }
  // On its loop, as long as nobody has begun to handle it.
  void Refuse() { AnswerHere(TooBusy()); }
  // On a worker.
  void Run() override {
    if (IsGone()) return;
    if (!parts_.is_decoded) DecodeTarget(*parts_.request);
    is_out_ = true;
    auto response = Guarded([&] { return Handle(); }, *parts_.request);
    if (response) Send(*std::move(response));
  }
  // He made room for others, and may await an answer all the same.
  void Drop() override {
    if (!IsGone()) Send(TooBusy());
  }
  void OnLoop(Make make) override {
    if (answered_.exchange(true)) return;
    loop_.Post([self = shared_from_this(), make = std::move(make)] {
      self->AnswerHere(Guarded(make, *self->parts_.request));
    });
  }
  void OnWorker(Make make) override {
    const bool taken = server_.workers.Submit(
        [self = shared_from_this(), make] { self->Send(Guarded(make, *self->parts_.request)); });
    if (!taken) Send(TooBusy());
  }

  static void DecodeTarget(Request& request) {
    request.path = UrlDecode(request.path, false);
    request.query = ParseQuery(request.query.front().first);
  }

 private:
  std::optional<Response> Handle() {
    const Request& request = *parts_.request;
    if (parts_.tried.rest) return parts_.tried.rest(request, shared_from_this());
    LateHandler* const late = server_.options.late;
    if (late != nullptr) return late->HandleLater(request, shared_from_this());
    return server_.handler.Handle(request);
  }
  void Send(Response response) {
    if (answered_.exchange(true)) return;
    ServerConnection::Answer(loop_, parts_.connection, parts_.traits.stream,
                             PrepareHolding(std::move(response), parts_.traits, parts_.held));
  }

  void AnswerHere(Response response) {
    const auto connection = parts_.connection.lock();
    if (!connection) return;
    connection->AnswerHere(parts_.traits.stream,
                           PrepareHolding(std::move(response), parts_.traits, parts_.held));
  }

  Impl& server_;
  Loop& loop_;
  Parts parts_;
  bool is_out_ = false;  // Somebody has begun to handle it.
  std::atomic<bool> answered_ = false;
};

// The server's connections in one loop; on that loop's thread.
class Server::Impl::Front final : public ConnectionHost {
 public:
  // `shares`: among how many fronts the server's limits are divided.
  Front(Impl& server, Loop& loop, size_t shares)
      : server_(server),
        loop_(loop),
        arrivals_({.total = ShareOf(server.options.limits.arriving_max, shares),
                   .per_address = ShareOf(server.options.limits.arriving_per_address_max, shares)}),
        handshakes_({.total = HandshakesIn(server.options.limits.handshake_bytes_max, shares),
                     .per_address = HandshakesIn(
                         server.options.limits.handshake_bytes_per_address_max, shares)}) {}

  Loop& loop() { return loop_; }

  void Adopt(int fd, std::string remote_address) {
    if (ServerConnection* oldest = arrivals_.ToMakeRoom(loop_.Now())) {
      oldest->Close();
    }
    auto connection = std::make_shared<ServerConnection>(loop_, *this, server_.intake, fd,
                                                         std::move(remote_address));
    connections_.emplace(connection.get(), connection);
    arrivals_.Add(*connection, connection->remote_address(), loop_.Now());
    connection->Start();
  }
  void CloseIdle() {
    ForEach([](ServerConnection& connection) { connection.CloseWhenIdle(); });
  }
  void EndStreams() {
    ForEach([](ServerConnection& connection) { connection.EndStreams(); });
  }
  void CloseAll() {
    ForEach([](ServerConnection& connection) { connection.CutOff(); });
  }

  const Limits& limits() const override { return server_.options.limits; }
  TlsContext tls() const override {
    MutexLock lock(server_.mutex);
    return server_.tls;
  }
  bool stopping() const override { return server_.stopping; }
  void CountBusy(int change) override {
    server_.busy += change;
    server_.Changed();
  }
  void AskerLeft(size_t requests) override {
    server_.workers.NoteGone(requests);
    server_.urgent_workers.NoteGone(requests);
  }
  void Arrived(ServerConnection& connection) override { arrivals_.Remove(connection); }
  bool BeginHandshake(ServerConnection& connection) override {
    return handshakes_.Begin(connection, connection.remote_address());
  }
  void EndHandshake(ServerConnection& connection) override {
    if (ServerConnection* next = handshakes_.End(connection)) next->GoOn();
  }
  void HandshakeFailed() override {
    if (const auto& failed = server_.options.failed_handshakes) {
      failed->fetch_add(1, std::memory_order_relaxed);
    }
  }
  bool IsHandshakeInTheWay(ServerConnection& connection) override {
    return handshakes_.IsInTheWay(connection);
  }
  void Remove(ServerConnection& connection) override {
    server_.intake.Disconnect(connection.remote_address());
    connections_.erase(&connection);
    --server_.connections;
    server_.Changed();
  }
  std::optional<PreparedAnswer> Dispatch(std::weak_ptr<ServerConnection> connection,
                                         std::shared_ptr<Request> request, RequestTraits traits,
                                         Intake::Share held) override {
    ++server_.requests;
    PromptHandler::Outcome tried;
    const bool is_tried = MayTry(*request);
    if (is_tried) tried = Try(*request);
    if (tried.response) return PrepareHolding(std::move(*tried.response), traits, held);
    const auto work =
        std::make_shared<Work>(server_, loop_,
                               Work::Parts{std::move(connection), std::move(request), traits,
                                           std::move(held), std::move(tried), is_tried});
    // Nothing is put off that would outlive the server: those put off before are waited for.
    if (work->MayTakeTurn() && !server_.stopping && put_off_.Add(work)) return std::nullopt;
    if (!Submit(work)) return Prepare(TooBusy(), traits);
    return std::nullopt;
  }

 private:
  // What came in one round of the loop is not to hold up what comes in the next.
  bool MayTry(const Request& request) const {
    return server_.options.prompt != nullptr && IsSmall(request) &&
           loop_.RoundTime() < server_.options.limits.prompt_time;
  }
  PromptHandler::Outcome Try(Request& request) {
    Work::DecodeTarget(request);
    return Guarded([&] { return server_.options.prompt->TryHandle(request); }, request);
  }

  bool Submit(const std::shared_ptr<Work>& work) {
    auto& workers = server_.IsUrgent(work->path()) ? server_.urgent_workers : server_.workers;
    return workers.Submit(work);
  }
  // What was put off. The server waits for it before it goes (Impl::handled).
  void RunHere(const std::shared_ptr<Work>& work) {
    if (!work->RunHere() && !Submit(work)) work->Refuse();
  }

  template <typename Action>
  void ForEach(Action action) {
    // A copy: closing changes the map.
    std::vector<std::shared_ptr<ServerConnection>> all;
    for (const auto& [key, connection] : connections_) all.push_back(connection);
    for (const auto& connection : all) action(*connection);
  }

  static size_t ShareOf(size_t limit, size_t shares) { return std::max<size_t>(1, limit / shares); }
  static size_t HandshakesIn(size_t bytes, size_t shares) {
    return ShareOf(bytes / kHandshakeBytes, shares);
  }

  Impl& server_;
  Loop& loop_;
  Arrivals<ServerConnection> arrivals_;
  Handshakes<ServerConnection> handshakes_;
  PutOff<Work> put_off_{loop_, [this](const auto& work) { RunHere(work); }};
  std::unordered_map<ServerConnection*, std::shared_ptr<ServerConnection>> connections_;
};

// Accepts, and deals connections out to the loops.
class Server::Impl::Listener final : public LoopListener {
 public:
  Listener(Impl& server, Loop& loop, int fd)
      : server_(server), loop_(loop), fd_(fd), retry_(loop, *this) {
    loop_.Watch(fd_, EPOLLIN, *this);
  }
  ~Listener() {
    loop_.Forget(fd_, *this);
    close(fd_);
  }
  Loop& loop() { return loop_; }

 private:
  static constexpr int kAcceptsPerRound = 64;

  void OnReady(uint32_t) override {
    for (int i = 0; i < kAcceptsPerRound; ++i) {
      sockaddr_storage address{};
      socklen_t length = sizeof address;
      const int fd = accept4(fd_, reinterpret_cast<sockaddr*>(&address), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        Deal(fd, AddressText(address));
      } else if (errno == EAGAIN) {
        return;
      } else if (errno != ECONNABORTED && errno != EINTR) {
        // Out of descriptors or memory: what waits stays in the kernel's queue.
        kLog.Error("accept failed", {{"error", std::strerror(errno)}});
        loop_.Change(fd_, 0, *this);
        retry_.ArmIn(100ms);
        return;
      }
    }
  }

  void OnTimer() override { loop_.Change(fd_, EPOLLIN, *this); }

  void Deal(int fd, std::string remote_address) {
    if (server_.connections >= server_.options.limits.connections_max ||
        !server_.intake.Connect(remote_address)) {
      close(fd);
      ++refused_;
      if (loop_.Now() < log_refusals_at_) return;
      kLog.Info("connections refused: too many",
                {{"client", remote_address}, {"refused", refused_}});
      log_refusals_at_ = loop_.Now() + kRefusalLogPeriod;
      return;
    }
    ++server_.connections;
    ++server_.accepted;
    if (server_.options.unix_path.empty()) TuneTcp(fd);
    Front& front = *server_.fronts[next_++ % server_.fronts.size()];
    if (front.loop().IsHere()) {
      front.Adopt(fd, std::move(remote_address));
    } else {
      front.loop().Post([&front, fd, remote_address] { front.Adopt(fd, remote_address); });
    }
  }

  Impl& server_;
  Loop& loop_;
  const int fd_;
  Timer retry_;
  size_t next_ = 0;
  size_t refused_ = 0;
  Duration log_refusals_at_ = Duration::zero();
};

void Server::Impl::AwaitUntil(Duration deadline, const std::function<bool()>& done) {
  MutexLock lock(mutex);
  while (!done() && clock.Monotonic() < deadline) {
    changed.wait_for(lock, deadline - clock.Monotonic());
  }
}

Result<std::unique_ptr<Server>> Server::Start(Options options, Loops& loops, Handler& handler) {
  auto impl = std::make_unique<Impl>(std::move(options), handler);
  if (impl->options.tls) {
    auto context = TRY(MakeServerContext(*impl->options.tls, impl->options.http2));
    MutexLock lock(impl->mutex);
    impl->tls = std::move(context);
  }
  const int fd = TRY(ListenOn({impl->options.bind_address, impl->options.port,
                               impl->options.unix_path, impl->options.shares_port}));
  impl->port = LocalPort(fd);
  for (int i = 0; i < loops.size(); ++i) {
    impl->fronts.push_back(std::make_unique<Impl::Front>(*impl, loops.Next(), loops.size()));
  }
  Loop& loop = impl->fronts.front()->loop();
  RunOn(loop, [&] { impl->listener = std::make_unique<Impl::Listener>(*impl, loop, fd); });
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() {
  Stop(0s);
}

int Server::port() const {
  return impl_->port;
}

Result<> Server::ReloadTls(const ServerTls& tls) {
  auto context = TRY(MakeServerContext(tls, impl_->options.http2));
  MutexLock lock(impl_->mutex);
  if (!impl_->tls) return Fail(Reason::kBadRequest, "the server does not speak TLS");
  impl_->tls = std::move(context);
  return {};
}

Server::Stats Server::stats() const {
  return {.connections = impl_->connections,
          .accepted = impl_->accepted,
          .requests = impl_->requests,
          .waiting_requests = impl_->workers.waiting(),
          .held_bytes = impl_->intake.bytes(),
          .workers = impl_->workers.threads()};
}

void Server::Stop(Duration grace) {
  Impl& impl = *impl_;
  {
    MutexLock lock(impl.mutex);
    if (std::exchange(impl.stopped, true)) return;
  }
  const Duration deadline = impl.clock.Monotonic() + grace;
  impl.stopping = true;
  RunOn(impl.listener->loop(), [&] { impl.listener.reset(); });
  const auto on_all = [&](void (Impl::Front::*action)()) {
    for (auto& front : impl.fronts) RunOn(front->loop(), [&] { (front.get()->*action)(); });
  };
  on_all(&Impl::Front::CloseIdle);
  impl.AwaitUntil(deadline, [&] { return impl.busy == 0; });
  on_all(&Impl::Front::EndStreams);
  impl.AwaitUntil(deadline, [&] { return impl.connections == 0; });
  impl.workers.Stop();
  impl.urgent_workers.Stop();
  // Answers that come from elsewhere, and use what the server has.
  for (bool ended = false; !ended;) {
    impl.AwaitUntil(impl.clock.Monotonic() + 1s, [&] { return ended = impl.handled == 0; });
  }
  on_all(&Impl::Front::CloseAll);
  // Twice: closed connections leave behind the task in which they were closed, and so does what the
  // last workers posted.
  for (int round = 0; round < 2; ++round) {
    for (auto& front : impl.fronts) RunOn(front->loop(), [] {});
  }
  if (!impl.options.unix_path.empty()) unlink(impl.options.unix_path.c_str());
}

}  // namespace skiff::http
