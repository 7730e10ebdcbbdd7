#include "dns/server.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "dns/udp_socket.h"

namespace skiff::dns {
namespace {

const Log kLog("dns");
constexpr int kThreadsMax = 64;

// Orders addresses; nobody is harmed who guesses it.
class Shuffler {
 public:
  explicit Shuffler(uint64_t seed) : state_(seed | 1) {}
  uint64_t Next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

 private:
  uint64_t state_;
};

struct Sockets {
  int udp = -1;
  int tcp = -1;
};

// The same port for both; with port 0 whichever is free for both.
Result<Sockets> OpenSockets(const SocketAddress& address) {
  constexpr int kTries = 16;
  for (int i = 1;; ++i) {
    const int udp = TRY(BindUdp(address));
    auto tcp = ListenTcp(LocalAddress(udp));
    if (tcp) return Sockets{udp, *tcp};
    close(udp);
    if (address.port() != 0 || i == kTries) return Fail(std::move(tcp).error());
  }
}

// SO_REUSEPORT would let two servers of one user share a port, and each get half of the queries.
Result<> CheckFree(const SocketAddress& address) {
  for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
    const int fd = socket(address.family(), type | SOCK_CLOEXEC, 0);
    const int one = 1;
    if (type == SOCK_STREAM) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    const bool taken = bind(fd, address.get(), address.length) != 0 && errno == EADDRINUSE;
    close(fd);
    if (!taken) continue;
    return Fail(Reason::kServiceUnavailable, std::string("listen ") +
                                                 (type == SOCK_DGRAM ? "udp " : "tcp ") +
                                                 address.Text() + ": bind: address already in use");
  }
  return {};
}

}  // namespace

class Server::Worker {
 public:
  Worker(Server& server, Sockets sockets, const ViewSource& views, Random& random)
      : server_(server),
        options_(server.options_.zone),
        views_(views),
        shuffler_(random.Next()),
        space_(kMessageBytesMax),
        forwarder_({poller_, *server.upstreams_, server.cache_, random}, server.options_.forward,
                   [this](const Waiter& waiter, const CachedMessage* message) {
                     Deliver(waiter, message);
                   }),
        udp_(poller_, sockets.udp, options_.udp_bytes_max,
             [this](Bytes query, const UdpPeer& peer, std::span<uint8_t> space) {
               return HandleUdp(query, peer, space);
             }),
        tcp_(poller_, sockets.tcp, server.options_.tcp,
             [this](Bytes query, const std::shared_ptr<TcpConnection>& from,
                    std::span<uint8_t> space,
                    bool* later) { return HandleTcp(query, from, space, later); }) {}
  ~Worker() {
    poller_.Stop();
    if (thread_.joinable()) thread_.join();
  }
  void Start(bool probes) {
    thread_ = std::jthread([this, probes] {
      prctl(PR_SET_NAME, "dns");
      if (probes) forwarder_.ProbeForLoops();
      poller_.Run();
    });
  }

  // Written by the worker alone.
  std::atomic<uint64_t> queries = 0, cache_hits = 0, forwarded = 0;

 private:
  static void Count(std::atomic<uint64_t>& counter) {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  Bytes HandleUdp(Bytes query, const UdpPeer& peer, std::span<uint8_t> space) {
    bool later = false;
    return Handle(query, peer.address, false, space, &later,
                  [&] { return QuerySource{.udp = peer}; });
  }
  Bytes HandleTcp(Bytes query, const std::shared_ptr<TcpConnection>& from, std::span<uint8_t> space,
                  bool* later) {
    return Handle(query, from->peer(), true, space, later,
                  [&] { return QuerySource{.tcp = from, .is_tcp = true}; });
  }

  template <typename MakeSource>
  Bytes Handle(Bytes message, const SocketAddress& from, bool tcp, std::span<uint8_t> space,
               bool* later, const MakeSource& source) {
    Count(queries);
    Query query;
    const uint64_t random = shuffler_.Next();
    const View* const view = views_.Get();
    if (!MayAsk(from, view)) {
      if (ParseQuery(message, &query) == QueryFault::kNotAQuery) return {};
      return ReplyWithCode(query, Rcode::kRefused, options_, space);
    }
    Outcome outcome = Answer(message, view, options_, tcp, random, space, &query);
    if (outcome.kind != Outcome::Kind::kForward) return outcome.message;
    if (query.type == type::kHinfo && server_.upstreams_->SawLoopProbe(query.lower)) {
      kLog.Error("an upstream server asks this one; it is left out");
      return ReplyWithCode(query, Rcode::kRefused, options_, space);
    }
    const Name& target = outcome.targets.empty() ? query.name : outcome.targets.back();
    Name lower = target;
    lower.Lower();
    const CacheKey key(lower, query.type, query.dnssec_ok, query.checking_disabled());
    if (const auto cached = server_.cache_.Find(key, poller_.now())) {
      Count(cache_hits);
      return Render(*cached, query, outcome.targets, tcp, random, space);
    }
    Count(forwarded);
    *later = true;
    const Name asked = target;
    forwarder_.Ask(key, asked, {source(), query, std::move(outcome.targets)});
    return {};
  }

  // Whoever serves the whole world is used to flood others with its answers.
  bool MayAsk(const SocketAddress& from, const View* view) const {
    const std::vector<Cidr>& allowed = server_.options_.allowed;
    if (allowed.empty()) return true;
    const IpAddress address = from.ip();
    for (const Cidr& each : allowed) {
      if (each.Contains(address)) return true;
    }
    return view != nullptr && view->IsNode(address);
  }

  Bytes Render(const CachedMessage& message, const Query& query, const std::vector<Name>& aliases,
               bool tcp, uint64_t random, std::span<uint8_t> space) {
    if (!aliases.empty()) {
      return message.ReplyBehind(aliases, query, options_, tcp, poller_.now(), space);
    }
    return message.Reply(query, options_, tcp, poller_.now(), random, space);
  }

  void Deliver(const Waiter& waiter, const CachedMessage* message) {
    const QuerySource& source = waiter.source;
    const Bytes reply = message != nullptr
                            ? Render(*message, waiter.query, waiter.aliases, source.is_tcp,
                                     shuffler_.Next(), space_)
                            : ReplyWithCode(waiter.query, Rcode::kServFail, options_, space_);
    if (!source.is_tcp) return udp_.Send(reply, source.udp);
    if (const auto connection = source.tcp.lock()) connection->Send(reply);
  }

  Server& server_;
  const ZoneOptions& options_;
  Poller poller_;
  ViewReader views_;
  Shuffler shuffler_;
  std::vector<uint8_t> space_;
  Forwarder forwarder_;
  UdpSocket udp_;
  TcpListener tcp_;
  std::jthread thread_;
};

Server::Server(ServerOptions options)
    : options_(std::move(options)), cache_(options_.cache_entries_max) {}

Server::~Server() = default;

Result<std::unique_ptr<Server>> Server::Start(ServerOptions options, const ViewSource& views,
                                              Random& random) {
  if (options.zone.zone.size() > kZoneBytesMax) {
    return Fail(Reason::kInvalid, "the cluster domain is too long: names below it do not fit");
  }
  const SocketAddress address = TRY(MakeSocketAddress(options.bind_address, options.port));
  if (options.port != 0) TRY(CheckFree(address));
  std::unique_ptr<Server> server(new Server(std::move(options)));
  TRY(server->Open(address, views, random));
  return server;
}

Result<> Server::Open(const SocketAddress& address, const ViewSource& views, Random& random) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const int threads = std::clamp(options_.threads == 0 ? cores : options_.threads, 1, kThreadsMax);
  std::vector<Sockets> sockets;
  const auto close_all = [&] {
    for (const Sockets& each : sockets) {
      close(each.udp);
      close(each.tcp);
    }
  };
  SocketAddress bound = address;
  for (int i = 0; i < threads; ++i) {
    auto opened = OpenSockets(bound);
    if (!opened) {
      close_all();
      return Fail(std::move(opened).error());
    }
    bound = LocalAddress(opened->udp);
    sockets.push_back(*opened);
  }
  port_ = bound.port();
  std::vector<SocketAddress> upstreams;
  for (const SocketAddress& upstream : options_.upstreams) {
    const bool itself = upstream == bound;
    if (itself) kLog.Info("upstream is this server", {{"upstream", upstream.Text()}});
    if (!itself && upstreams.size() < Upstreams::kUpstreamsMax) upstreams.push_back(upstream);
  }
  options_.zone.forwards = !upstreams.empty();
  upstreams_ = std::make_unique<Upstreams>(std::move(upstreams), random);
  for (const Sockets& each : sockets) {
    workers_.push_back(std::make_unique<Worker>(*this, each, views, random));
  }
  for (size_t i = 0; i < workers_.size(); ++i) workers_[i]->Start(i == 0);
  return {};
}

ServerStats Server::stats() const {
  ServerStats stats;
  for (const auto& worker : workers_) {
    stats.queries += worker->queries;
    stats.cache_hits += worker->cache_hits;
    stats.forwarded += worker->forwarded;
  }
  return stats;
}

}  // namespace skiff::dns
