#include "dns/server.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "base/processors.h"

namespace skiff::dns {
namespace {

const Log kServerLog("dns");
constexpr int kThreadsMax = 64;

// The same port for both; with port 0 whichever is free for both.
Result<Worker::Sockets> OpenSockets(const SocketAddress& address) {
  constexpr int kTries = 16;
  for (int i = 1;; ++i) {
    const int udp = TRY(BindUdp(address));
    auto tcp = ListenTcp(LocalAddress(udp));
    if (tcp) return Worker::Sockets{udp, *tcp};
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
  const int cores = UsableProcessors();
  const int threads = std::clamp(options_.threads == 0 ? cores : options_.threads, 1, kThreadsMax);
  std::vector<Worker::Sockets> sockets;
  const auto close_all = [&] {
    for (const Worker::Sockets& each : sockets) {
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
  bound_ = bound;
  port_ = bound.port();
  upstreams_ = std::make_unique<Upstreams>(random);
  SetUpstreams(options_.upstreams);
  for (const Worker::Sockets& each : sockets) {
    workers_.push_back(std::make_unique<Worker>(
        Worker::Dependencies{cache_, *upstreams_, views, random},
        WorkerOptions{options_.zone, options_.forward, options_.tcp, options_.allowed}, each));
  }
  for (size_t i = 0; i < workers_.size(); ++i) workers_[i]->Start(i == 0);
  return {};
}

void Server::SetUpstreams(const std::vector<SocketAddress>& upstreams) {
  std::vector<SocketAddress> others;
  for (const SocketAddress& upstream : upstreams) {
    if (!(upstream == bound_)) {
      others.push_back(upstream);
    } else {
      kServerLog.Info("upstream is this server", {{"upstream", upstream.Text()}});
    }
  }
  upstreams_->Set(others);
}

ServerStats Server::stats() const {
  ServerStats stats;
  for (const auto& worker : workers_) {
    stats.queries += worker->queries();
    stats.forwarded += worker->forwarded();
  }
  return stats;
}

}  // namespace skiff::dns
