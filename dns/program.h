// `skiff dns`: flags -> informers, a view, a server.
//
//   auto dns = TRY(ClusterDns::Start(flags, {informers, clock, random, executor}));
//   informers.Start(executor);
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/control_loop.h"
#include "base/error.h"
#include "base/program.h"
#include "client/informer.h"
#include "dns/resolv_conf_loop.h"
#include "dns/server.h"
#include "dns/view_loop.h"

namespace skiff::dns {

struct DnsFlags {
  std::string kubeconfig;
  std::string bind_address = "0.0.0.0";
  int port = 53;
  std::string cluster_domain = "cluster.local";
  std::vector<std::string> upstreams;  // Empty: the name servers of `resolv_conf`.
  std::string resolv_conf = "/etc/resolv.conf";
  std::vector<std::string> allow_query;  // Empty: anyone.
  int cache_size = 10'000;
  int ttl_s = 5;
  int udp_bytes_max = 1232;
  int threads = 0;
  Duration upstream_timeout = 2s;
  LogFlags log;
};

// Invalid says which flag; nullopt after --help was printed.
Result<std::optional<DnsFlags>> ParseDnsFlags(const std::vector<std::string>& args);
// Reads the resolv.conf, which is followed afterwards, when no upstream is named.
Result<ServerOptions> ServerOptionsOf(const DnsFlags& flags);

// The loop that follows the API, and the server that answers. The part that `skiff dns` and a
// cluster in one process have in common.
class ClusterDns {
 public:
  struct Dependencies {
    InformerFactory& informers;
    const Clock& clock;
    Random& random;
    Executor& executor;
  };
  // Answers SERVFAIL for the cluster's names until the informers, which the caller starts
  // afterwards, have synced.
  static Result<std::unique_ptr<ClusterDns>> Start(const DnsFlags& flags,
                                                   Dependencies dependencies);
  ~ClusterDns();
  int port() const { return server_->port(); }
  Server& server() { return *server_; }

 private:
  explicit ClusterDns(Dependencies dependencies);

  Executor& executor_;
  ViewSource views_;
  ViewLoop loop_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<ResolvConfLoop> resolv_conf_;  // Unless upstream servers were named.
};

int DnsMain(const std::vector<std::string>& args);

}  // namespace skiff::dns
