// pods/proxy, services/proxy and nodes/proxy: the request put to the thing itself.
//
//   /api/v1/namespaces/ns/pods/[scheme:]name[:port]/proxy/path
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/rules/ip.h"
#include "apiserver/node_connections.h"
#include "apiserver/respond.h"
#include "apiserver/storage/keys.h"
#include "apiserver/subresources/subresources.h"
#include "http/tunnel.h"

namespace skiff {
namespace {

struct Target {
  std::string scheme, name, port;
};

// "name", "name:port", "scheme:name:port".
std::optional<Target> ParseId(const std::string& id) {
  const auto first = id.find(':');
  if (first == std::string::npos) return Target{"", id, ""};
  const auto second = id.find(':', first + 1);
  if (second == std::string::npos) return Target{"", id.substr(0, first), id.substr(first + 1)};
  Target target{id.substr(0, first), id.substr(first + 1, second - first - 1),
                id.substr(second + 1)};
  if (target.scheme != "http" && target.scheme != "https" && !target.scheme.empty()) {
    return std::nullopt;
  }
  return target;
}

int Number(const std::string& text) {
  int value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() ? value : 0;
}

// A client must not reach through the server what only the server may reach.
Result<> CheckProxyable(const std::string& host) {
  const auto address = ParseIp(host);
  if (!host.empty() && (!address || IsGlobalUnicast(*address))) return {};
  return Fail(Reason::kBadRequest, "address not allowed");
}

Result<http::Upstream> PodUpstream(Core& core, const ApiRequest& request, const Target& target) {
  const auto pod =
      TRY(ReadTyped<core_v1::Pod>(core.store, request.info.namespace_name, target.name));
  http::Upstream upstream;
  upstream.host = pod->status.pod_ip;
  upstream.port = Number(target.port);
  for (const auto& container : pod->spec.containers) {
    for (const auto& port : container.ports) {
      const bool wanted = target.port.empty() ? upstream.port == 0 : port.name == target.port;
      if (wanted) upstream.port = port.container_port;
    }
  }
  if (upstream.port == 0) upstream.port = target.scheme == "https" ? 443 : 80;
  core.nodes->Divert(pod->spec.node_name, upstream);
  return upstream;
}

// The name by which a service's endpoints know the port that the client gave by name or number.
Result<std::string> EndpointPortName(const core_v1::Service& service, const Target& target) {
  if (target.port.empty()) {
    if (service.spec.ports.size() == 1) return service.spec.ports[0].name;
    return std::string();
  }
  const int number = Number(target.port);
  for (const auto& port : service.spec.ports) {
    if (port.name == target.port || (number != 0 && port.port == number)) return port.name;
  }
  if (number == 0) return target.port;
  return Fail(Reason::kServiceUnavailable,
              fmt::format("no service port {} found for service \"{}\"", number, target.name));
}

Result<http::Upstream> ServiceUpstream(Core& core, const ApiRequest& request,
                                       const Target& target) {
  const std::string& namespace_name = request.info.namespace_name;
  const auto service = TRY(ReadTyped<core_v1::Service>(core.store, namespace_name, target.name));
  const std::string port_name = TRY(EndpointPortName(*service, target));
  std::vector<http::Upstream> candidates;
  const auto endpoints = ReadTyped<core_v1::Endpoints>(core.store, namespace_name, target.name);
  if (endpoints) {
    for (const auto& subset : (*endpoints)->subsets) {
      for (const auto& port : subset.ports) {
        if (port.name != port_name) continue;
        for (const auto& address : subset.addresses) {
          http::Upstream upstream;
          upstream.host = address.ip;
          upstream.port = port.port;
          if (address.node_name) core.nodes->Divert(*address.node_name, upstream);
          candidates.push_back(std::move(upstream));
        }
      }
    }
  }
  if (candidates.empty()) {
    return Fail(Reason::kServiceUnavailable,
                fmt::format("no endpoints available for service \"{}\"", request.info.name));
  }
  return candidates[core.random.Below(candidates.size())];
}

// What follows "/proxy" in the URL, still encoded, with the query.
std::string PathBehindProxy(const http::Request& request) {
  const std::string marker = "/proxy";
  const auto query = request.target.find('?');
  const std::string path = request.target.substr(0, query);
  const auto found = path.find(marker + "/");
  std::string behind = found == std::string::npos ? "/" : path.substr(found + marker.size());
  if (query != std::string::npos) behind += request.target.substr(query);
  return behind;
}

bool LacksSlash(const http::Request& request) {
  const std::string path = request.target.substr(0, request.target.find('?'));
  return path.ends_with("/proxy") && (request.method == "GET" || request.method == "HEAD");
}

http::Response MovedBehindSlash(const http::Request& request) {
  http::Response moved;
  moved.status = 301;
  std::string location = request.target;
  location.insert(std::min(location.find('?'), location.size()), "/");
  moved.SetHeader("Location", location);
  return moved;
}

void RemoveCorsHeaders(http::Response& response) {
  for (const char* name : {"Access-Control-Allow-Credentials", "Access-Control-Allow-Headers",
                           "Access-Control-Allow-Methods", "Access-Control-Allow-Origin"}) {
    response.headers.erase(name);
  }
}

}  // namespace

Result<http::Response> HandleProxy(Core& core, ApiRequest& request) {
  if (core.nodes == nullptr) {
    return Fail(Reason::kServiceUnavailable, "this server has no way to reach nodes and pods");
  }
  const std::string& resource = request.info.resource;
  const auto target = ParseId(request.info.name);
  if (!target || target->name.empty()) {
    return Fail(Reason::kBadRequest, fmt::format("invalid {} request \"{}\"",
                                                 request.kind->singular, request.info.name));
  }
  http::Forwarding forwarding;
  if (resource == "pods") {
    forwarding.upstream = TRY(PodUpstream(core, request, *target));
  } else if (resource == "services") {
    forwarding.upstream = TRY(ServiceUpstream(core, request, *target));
  } else {
    forwarding.upstream = TRY(KubeletOf(core.store, *core.nodes, target->name));
  }
  if (resource != "services") TRY(CheckProxyable(forwarding.upstream.host));
  if (LacksSlash(request.http)) return MovedBehindSlash(request.http);
  if (resource != "nodes" && target->scheme == "https" && forwarding.upstream.unix_path.empty()) {
    forwarding.upstream.tls = TRY(http::MakeClientContext({.insecure = true}));
  }
  forwarding.request = http::ForwardedRequest(request.http);
  forwarding.request.target = PathBehindProxy(request.http);
  forwarding.request.headers.erase("Authorization");
  forwarding.request.headers.erase("Host");
  if (!forwarding.upstream.unix_path.empty()) {
    forwarding.request.headers.emplace("Host", forwarding.upstream.host);
  }
  forwarding.request.headers.emplace("X-Forwarded-Uri", request.http.path);
  forwarding.request.headers.emplace("X-Forwarded-Host", std::string(request.http.Header("Host")));
  forwarding.on_error = [](const Error& error) {
    http::Response response;
    response.status = 503;
    response.content_type = "application/json";
    response.body = StatusText(
        Error{Reason::kServiceUnavailable, "error trying to reach service: " + error.message});
    return response;
  };
  forwarding.on_answer = RemoveCorsHeaders;
  return http::Forward(core.nodes->loops, std::move(forwarding));
}

}  // namespace skiff
