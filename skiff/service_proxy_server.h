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

class ServiceProxyServer {
 public:
  // All outlive it.
  struct Parts {
    const ServiceProxy& proxy;
    const Clock& clock;
    MetricRegistry& metrics;
    proxy::ProxyMetrics& figures;
    http::Loops& loops;
  };
  explicit ServiceProxyServer(const Parts& parts) : health_(parts), metrics_(parts) {}
  ~ServiceProxyServer() { Stop(); }

  // "HOST:PORT" or "HOST", which has kube-proxy's port then; "" is no address, and nothing is
  // served.
  Result<> ServeHealth(const std::string& address);
  Result<> ServeMetrics(const std::string& address);
  // Those that are free of kube-proxy's own addresses; what is not is said to the log.
  void ServeWhereFree();
  void Stop();

  // What the two addresses answer.
  class HealthPages final : public http::Handler {
   public:
    explicit HealthPages(const Parts& parts) : parts_(parts) {}
    http::Response Handle(const http::Request& request) override;

   private:
    const Parts parts_;
  };
  class MetricsPages final : public http::Handler {
   public:
    explicit MetricsPages(const Parts& parts) : parts_(parts) {}
    http::Response Handle(const http::Request& request) override;
    http::Loops& loops() const { return parts_.loops; }

   private:
    const Parts parts_;
  };

 private:
  Result<> ServeAt(const std::string& address, int default_port, http::Handler& pages);

  HealthPages health_;
  MetricsPages metrics_;
  std::vector<std::unique_ptr<http::Server>> servers_;
};

}  // namespace skiff
