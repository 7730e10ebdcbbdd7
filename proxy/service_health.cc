#include "proxy/service_health.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

namespace skiff::proxy {

namespace {

// Connections to the first of these servers, to those of many of them together, and to any of them.
constexpr size_t kConnectionsOfFirst = 64;
constexpr size_t kConnectionsShared = 4096;
constexpr size_t kConnectionsMin = 8;

}  // namespace

http::Limits HealthLimits(size_t servers) {
  http::Limits limits;
  limits.workers_max = 1;
  limits.connections_max =
      std::clamp(kConnectionsShared / (servers + 1), kConnectionsMin, kConnectionsOfFirst);
  // One that asks too often keeps no load balancer out.
  limits.connections_per_address_max = limits.connections_max / 2;
  limits.arriving_max = limits.arriving_per_address_max = limits.connections_max / 2;
  limits.head_bytes_max = 4 << 10;
  limits.body_bytes_max = 0;
  limits.head_timeout = limits.body_timeout = limits.write_timeout = 5s;
  limits.idle_timeout = 10s;
  return limits;
}

// The server of one service.
class ServiceHealthServer final : public http::Handler, public http::PromptHandler {
 public:
  explicit ServiceHealthServer(const std::string& service)
      : namespace_(service.substr(0, service.find('/'))),
        name_(service.substr(service.find('/') + 1)) {}

  Result<> Listen(int port, const http::Limits& limits, http::Loops& loops) {
    server_ = TRY(http::Server::Start(
        {.bind_address = "0.0.0.0", .port = port, .limits = limits, .prompt = this}, loops, *this));
    port_ = port;
    return {};
  }
  int port() const { return port_; }
  void Set(size_t endpoints, bool healthy) {
    endpoints_ = endpoints;
    healthy_ = healthy;
  }

  Outcome TryHandle(const http::Request& request) override { return {.response = Handle(request)}; }
  http::Response Handle(const http::Request&) override {
    const size_t endpoints = endpoints_;
    const bool healthy = healthy_;
    http::Response response;
    response.status = endpoints > 0 && healthy ? 200 : 503;
    response.content_type = "application/json";
    response.SetHeader("X-Content-Type-Options", "nosniff");
    response.SetHeader("X-Load-Balancing-Endpoint-Weight", std::to_string(endpoints));
    response.body = fmt::format(
        "{{\n\t\"service\": {{\n\t\t\"namespace\": \"{}\",\n\t\t\"name\": \"{}\"\n\t}},\n"
        "\t\"localEndpoints\": {},\n\t\"serviceProxyHealthy\": {}\n}}\n",
        namespace_, name_, endpoints, healthy);
    return response;
  }

 private:
  const std::string namespace_;
  const std::string name_;
  int port_ = 0;
  std::atomic<size_t> endpoints_ = 0;
  std::atomic<bool> healthy_ = true;
  std::unique_ptr<http::Server> server_;  // Last, so that it stops first.
};

std::map<std::string, ServiceHealth> HealthOf(const ServiceMap& services) {
  std::map<std::string, ServiceHealth> health;
  for (const auto& [key, service] : services) {
    if (service.health_check_node_port == 0) continue;
    ServiceHealth& of_service = health[service.name.substr(0, service.name.find(':'))];
    of_service.port = service.health_check_node_port;
    for (const ServiceEndpoint& endpoint : service.local_endpoints) {
      if (endpoint.ready) of_service.local_endpoints.insert(endpoint.ip);
    }
  }
  return health;
}

ServiceHealthServers::ServiceHealthServers(http::Loops& loops) : loops_(loops) {}
ServiceHealthServers::~ServiceHealthServers() = default;

void ServiceHealthServers::Update(IpFamily family, std::map<std::string, ServiceHealth> services) {
  const MutexLock lock(mutex_);
  known_[family] = std::move(services);
  Apply();
}

void ServiceHealthServers::SetProxyHealthy(IpFamily family, bool healthy) {
  const MutexLock lock(mutex_);
  const bool is_other = healthy ? unhealthy_.erase(family) > 0 : unhealthy_.insert(family).second;
  if (is_other) Apply();
}

void ServiceHealthServers::Apply() {
  std::map<std::string, ServiceHealth> wanted;
  for (const auto& [family, services] : known_) {
    for (const auto& [service, health] : services) {
      ServiceHealth& all = wanted[service];
      all.port = health.port;
      if (health.local_endpoints.size() > all.local_endpoints.size()) {
        all.local_endpoints = health.local_endpoints;
      }
    }
  }
  std::erase_if(servers_, [&](const auto& entry) {
    const auto still = wanted.find(entry.first);
    return still == wanted.end() || still->second.port != entry.second->port();
  });
  for (const auto& [service, health] : wanted) {
    auto& server = servers_[service];
    if (!server) {
      auto made = std::make_unique<ServiceHealthServer>(service);
      if (const auto listening = made->Listen(health.port, HealthLimits(servers_.size()), loops_);
          !listening) {
        log_.Error(
            "health check node port not served",
            {{"service", service}, {"port", health.port}, {"error", listening.error().message}});
        servers_.erase(service);
        continue;
      }
      server = std::move(made);
    }
    server->Set(health.local_endpoints.size(), unhealthy_.empty());
  }
}

}  // namespace skiff::proxy
