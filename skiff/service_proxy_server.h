// What a node's service proxy serves beside its work, on plain ports, as kube-proxy does:
//
//   0.0.0.0:10256     /healthz /livez         whether the rules are up to date
//   127.0.0.1:10249   /metrics /proxyMode     "iptables"
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "http/server.h"
#include "proxy/proxy_metrics.h"
#include "skiff/service_proxy.h"

namespace skiff {

class ServiceProxyServer final : public http::Handler {
 public:
  // All outlive it.
  struct Parts {
    const ServiceProxy& proxy;
    const Clock& clock;
    MetricRegistry& metrics;
    proxy::ProxyMetrics& figures;
    http::Loops& loops;
  };
  explicit ServiceProxyServer(const Parts& parts) : parts_(parts) {}
  ~ServiceProxyServer() override { Stop(); }

  // "HOST:PORT" or "HOST", which has kube-proxy's port then; "" is no address, and nothing is
  // served. Each address answers for all paths.
  Result<> ServeHealth(const std::string& address);
  Result<> ServeMetrics(const std::string& address);
  // Those that are free of kube-proxy's own addresses; what is not is said to the log.
  void ServeWhereFree();
  void Stop();

  http::Response Handle(const http::Request& request) override;

 private:
  Result<> ServeAt(const std::string& address, int default_port);
  http::Response Health() const;

  const Parts parts_;
  std::vector<std::unique_ptr<http::Server>> servers_;
};

}  // namespace skiff
