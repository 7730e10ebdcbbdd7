// What load balancers ask a node about services with externalTrafficPolicy Local: whether it has
// endpoints of its own. One HTTP server a healthCheckNodePort, on all addresses of the node.
//
//   GET :31000/  ->  200, or 503 when there is none, and
//   {"service": {"namespace": "default", "name": "web"}, "localEndpoints": 1,
//    "serviceProxyHealthy": true}
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/log.h"
#include "base/mutex.h"
#include "http/loop.h"
#include "http/server.h"
#include "proxy/service_map.h"

namespace skiff::proxy {

struct ServiceHealth {
  int port = 0;
  // Addresses of ready endpoints on this node, over all ports of the service.
  std::set<std::string> local_endpoints;
  bool operator==(const ServiceHealth&) const = default;
};

// By "namespace/name". Pure.
std::map<std::string, ServiceHealth> HealthOf(const ServiceMap& services);

// Of the server for one more service, where so many have one: whoever reaches a node may connect to
// all of them, and there may be thousands. Pure.
http::Limits HealthLimits(size_t servers);

class ServiceHealthServer;

// Any thread.
class ServiceHealthServers {
 public:
  // `loops` outlives this. Requests are answered on them; on a thread a port where they are busy.
  explicit ServiceHealthServers(http::Loops& loops);
  ~ServiceHealthServers();

  // What the proxier of one family knows; a pod with addresses of both counts once, so that the
  // family with more endpoints is told of. Starts and stops servers. A port that is taken is
  // logged, and tried again at the next call.
  void Update(IpFamily family, std::map<std::string, ServiceHealth> services);
  // Whether rules of that family are written in time; until told otherwise they are.
  void SetProxyHealthy(IpFamily family, bool healthy);

 private:
  void Apply() REQUIRES(mutex_);

  http::Loops& loops_;
  const Log log_{"proxy"};
  Mutex mutex_;
  std::set<IpFamily> unhealthy_ GUARDED_BY(mutex_);
  std::map<IpFamily, std::map<std::string, ServiceHealth>> known_ GUARDED_BY(mutex_);
  std::map<std::string, std::unique_ptr<ServiceHealthServer>> servers_ GUARDED_BY(mutex_);
};

}  // namespace skiff::proxy
