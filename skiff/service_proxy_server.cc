#include "skiff/service_proxy_server.h"

#include <fmt/format.h>

#include "base/log.h"
#include "skiff/component_config.h"

namespace skiff {
namespace {

constexpr int kHealthPort = 10256;
constexpr int kMetricsPort = 10249;
constexpr Duration kStuckAfter = 2min;
// Anybody may ask, and the pages are short.
const http::Limits kLimits{.connections_max = 256, .waiting_requests_max = 64, .workers_max = 2};
constexpr char kPlain[] = "text/plain; charset=utf-8";

http::Response Answer(int status, std::string text, const char* type) {
  http::Response response;
  response.status = status;
  response.content_type = type;
  response.body = std::move(text);
  return response;
}

// As kube-proxy: unhealthy before the first rules, and when a change has waited too long.
http::Response HealthOf(const ServiceProxy& proxy, const Clock& clock) {
  const Duration since = proxy.waiting_since();
  const bool stuck = since != kNever && clock.Monotonic() - since > kStuckAfter;
  const std::string now = Time(clock.Now()).Rfc3339Micro();
  const std::string last =
      proxy.synced() ? Time(proxy.last_updated()).Rfc3339Micro() : std::string();
  return Answer(proxy.synced() && !stuck ? 200 : 503,
                fmt::format(R"({{"lastUpdated": "{}","currentTime": "{}", "nodeEligible": true}})",
                            last, now),
                "application/json");
}

http::Response NoPage() {
  return Answer(404, "404 page not found\n", kPlain);
}

}  // namespace

Result<> ServiceProxyServer::ServeHealth(const std::string& address) {
  return ServeAt(address, kHealthPort, health_);
}

Result<> ServiceProxyServer::ServeMetrics(const std::string& address) {
  return ServeAt(address, kMetricsPort, metrics_);
}

// Another cluster of this machine may have them.
void ServiceProxyServer::ServeWhereFree() {
  const ProxyConfig defaults;
  const auto note = [](const Result<>& served, const std::string& address) {
    if (served) return;
    Log("proxy").Info("an address of the proxy is not served",
                      {{"address", address}, {"error", served.error().message}});
  };
  note(ServeHealth(defaults.healthz_bind_address), defaults.healthz_bind_address);
  note(ServeMetrics(defaults.metrics_bind_address), defaults.metrics_bind_address);
}

Result<> ServiceProxyServer::ServeAt(const std::string& address, int default_port,
                                     http::Handler& pages) {
  if (address.empty()) return {};
  const HostPort at = TRY(ParseHostPort(address, default_port));
  servers_.push_back(TRY(http::Server::Start(
      {.bind_address = at.host, .port = at.port, .limits = kLimits}, metrics_.loops(), pages)));
  return {};
}

void ServiceProxyServer::Stop() {
  for (const auto& each : servers_) each->Stop(1s);
  servers_.clear();
}

http::Response ServiceProxyServer::HealthPages::Handle(const http::Request& request) {
  if (request.path != "/healthz" && request.path != "/livez") return NoPage();
  http::Response health = HealthOf(parts_.proxy, parts_.clock);
  parts_.figures.Answered(request.path, health.status);
  return health;
}

http::Response ServiceProxyServer::MetricsPages::Handle(const http::Request& request) {
  if (request.path == "/metrics") {
    return Answer(200, parts_.metrics.Text(), MetricRegistry::kContentType);
  }
  if (request.path == "/proxyMode") return Answer(200, "iptables", kPlain);
  // That the program answers, as there.
  if (request.path == "/healthz") return Answer(200, "ok", kPlain);
  return NoPage();
}

}  // namespace skiff
