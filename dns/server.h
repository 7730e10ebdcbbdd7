// The DNS server: a thread a core, each with its own sockets on the same port, so that they share
// nothing but the newest view, the cache and the health of the upstream servers.
//
//   ViewSource views;
//   auto server = TRY(Server::Start(options, views, random));
//   views.Publish(view);
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/id.h"
#include "dns/worker.h"

namespace skiff::dns {

struct ServerOptions {
  std::string bind_address = "0.0.0.0";
  int port = 53;    // 0: any free one.
  int threads = 0;  // 0: one a core.
  ZoneOptions zone;
  size_t cache_entries_max = 10'000;
  std::vector<SocketAddress> upstreams;  // Those that are this server itself are left out.
  ForwardOptions forward;
  TcpLimits tcp;
  // Who may ask, besides the cluster's nodes; others are refused. Empty: anyone.
  std::vector<Cidr> allowed;
};

struct ServerStats {
  uint64_t queries = 0;
  uint64_t forwarded = 0;  // Neither the cluster's names nor cached.
};

class Server {
 public:
  // The longest zone below which all names of services fit.
  static constexpr size_t kZoneBytesMax = 59;

  // Serves when it returns. `views` and `random` outlive it.
  static Result<std::unique_ptr<Server>> Start(ServerOptions options, const ViewSource& views,
                                               Random& random);
  ~Server();
  int port() const { return port_; }
  ServerStats stats() const;
  // Asks these for the names of others from now on; this server itself is left out. Any thread.
  void SetUpstreams(const std::vector<SocketAddress>& upstreams);

 private:
  explicit Server(ServerOptions options);
  Result<> Open(const SocketAddress& address, const ViewSource& views, Random& random);

  ServerOptions options_;
  Cache cache_;
  std::unique_ptr<Upstreams> upstreams_;
  SocketAddress bound_;
  int port_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace skiff::dns
