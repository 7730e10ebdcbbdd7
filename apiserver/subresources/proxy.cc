// pods/proxy, services/proxy and nodes/proxy: the request put to the thing itself.
//
//   /api/v1/namespaces/ns/pods/[scheme:]name[:port]/proxy/path
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/gen/core_v1.h"
#include "api/gen/discovery_v1.h"
#include "api/rules/core/ip.h"
#include "apiserver/auth/authentication.h"
#include "apiserver/auth/front_proxy.h"
#include "apiserver/identity/node_connections.h"
#include "apiserver/request/foreign_content.h"
#include "apiserver/request/proxied_request.h"
#include "apiserver/request/respond.h"
#include "apiserver/services/service_pods.h"
#include "apiserver/storage/keys.h"
#include "apiserver/subresources/connect_options.h"
#include "apiserver/subresources/proxied_links.h"
#include "apiserver/subresources/subresources.h"
#include "http/tunnel.h"

namespace skiff {
namespace {

struct Proxied {
  std::string scheme, name, port;
};

// "name", "name:port", "scheme:name:port".
std::optional<Proxied> ParseId(const std::string& id) {
  const auto first = id.find(':');
  if (first == std::string::npos) return Proxied{"", id, ""};
  const auto second = id.find(':', first + 1);
  if (second == std::string::npos) return Proxied{"", id.substr(0, first), id.substr(first + 1)};
  Proxied target{id.substr(0, first), id.substr(first + 1, second - first - 1),
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

// A client must not reach through the server what only the server may reach: itself above all,
// which knows it by a certificate that may everything.
bool IsProxyable(const std::string& address) {
  const auto parsed = ParseIp(address);
  return parsed && IsGlobalUnicast(*parsed);
}

Result<http::Upstream> PodUpstream(Core& core, const ApiRequest& request, const Proxied& target) {
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
Result<std::string> EndpointPortName(const core_v1::Service& service, const Proxied& target) {
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
                                       const Proxied& target) {
  const std::string& namespace_name = request.info.namespace_name;
  const auto service = TRY(ReadTyped<core_v1::Service>(core.store, namespace_name, target.name));
  const std::string port_name = TRY(EndpointPortName(*service, target));
  const auto endpoints = ReadTyped<core_v1::Endpoints>(core.store, namespace_name, target.name);
  if (endpoints) {
    auto upstream = PodBehind({core.store, core.random, core.nodes}, **endpoints, port_name);
    if (upstream) return std::move(*upstream);
  }
  return Fail(Reason::kServiceUnavailable,
              fmt::format("no endpoints available for service \"{}\"", request.info.name));
}

std::string QueryOf(const http::Request& request) {
  const size_t mark = request.target.find('?');
  return mark == std::string::npos ? "" : request.target.substr(mark);
}

// The links of a page would be relative to what is above it.
http::Response MovedBehindSlash(const http::Request& request) {
  http::Response moved;
  moved.status = 301;
  moved.SetHeader("Location", EscapePath(request.path) + "/" + QueryOf(request));
  return moved;
}

http::Response Unreachable(const Error& error) {
  const bool refused = error.reason == Reason::kBadRequest;
  http::Response response;
  response.status = refused ? 400 : 503;
  response.content_type = "application/json";
  response.body =
      StatusText(refused ? error
                         : Error{Reason::kServiceUnavailable,
                                 "error trying to reach service: " + error.message});
  return response;
}

Result<http::Upstream> UpstreamOf(Core& core, const ApiRequest& request, const Proxied& target) {
  if (request.kind->resource == "pods") return PodUpstream(core, request, target);
  if (request.kind->resource == "services") return ServiceUpstream(core, request, target);
  http::Upstream kubelet = TRY(KubeletOf(core.store, *core.nodes, target.name));
  // The socket of a simulated node answers for nothing but its kubelet.
  if (!kubelet.unix_path.empty()) return kubelet;
  return BesideKubelet(std::move(kubelet), target.port);
}

// `path` is what was asked of the upstream: all before it is the proxy's own.
ProxiedPlace PlaceOf(const ApiRequest& request, const http::Upstream& upstream,
                     std::string_view path) {
  std::string_view own = request.http.path;
  if (own.ends_with(path)) own.remove_suffix(path.size());
  return {.prefix = EscapePath(own),
          .upstream_host = upstream.host.find(':') == std::string::npos
                               ? fmt::format("{}:{}", upstream.host, upstream.port)
                               : fmt::format("[{}]:{}", upstream.host, upstream.port),
          .client_host = std::string(request.http.Header("Host"))};
}

// What the client says to this server about itself is not for what stands behind.
http::ClientRequest RequestFor(const Authentication& authentication, const http::Request& request,
                               std::string_view path) {
  http::ClientRequest forwarded = http::ForwardedRequest(request);
  forwarded.target = (path.empty() ? "/" : EscapePath(path)) + QueryOf(request);
  authentication.RemoveIdentity(forwarded.headers);
  RemoveForwardedLookalikes(forwarded.headers);
  forwarded.headers.erase("X-Forwarded-Uri");
  forwarded.headers.emplace("X-Forwarded-Uri", EscapePath(request.path));
  // The client's Host header stays, as in kube-apiserver.
  return forwarded;
}

}  // namespace

// A name is looked at when it has been resolved; what is no address here may be one to whoever
// resolves it. And what is connected to is what was looked at: "0177.0.0.1" is 177.0.0.1, as in old
// versions of Go, and 127.0.0.1 to the system.
Result<> CheckProxyable(http::Upstream& upstream) {
  const auto address = ParseIp(upstream.host);
  if (upstream.host.empty() || (address && !IsGlobalUnicast(*address))) {
    return Fail(Reason::kBadRequest, "address not allowed");
  }
  if (address) upstream.host = address->Text();
  upstream.allows = IsProxyable;
  return {};
}

Result<http::Response> HandleProxy(Core& core, ApiRequest& request) {
  if (core.nodes == nullptr) {
    return Fail(Reason::kServiceUnavailable, "this server has no way to reach nodes and pods");
  }
  const auto target = ParseId(request.info.name);
  if (!target || target->name.empty()) {
    return Fail(Reason::kBadRequest, fmt::format("invalid {} request \"{}\"",
                                                 request.kind->singular, request.info.name));
  }
  const std::string path = PathBehindProxy(request.info);
  // What the kubelet does then is the same as for pods/exec, where GET asks for the right to
  // create.
  if (request.kind->resource == "nodes" && (http::IsUpgrade(request.http) || RunsOnNode(path))) {
    TRY(CheckMayCreate(core, request));
  }
  http::Forwarding forwarding;
  forwarding.upstream = TRY(UpstreamOf(core, request, *target));
  TRY(CheckProxyable(forwarding.upstream));
  const std::string& method = request.http.method;
  if (path.empty() && (method == "GET" || method == "HEAD") && !http::IsUpgrade(request.http)) {
    return MovedBehindSlash(request.http);
  }
  const bool is_secure = forwarding.upstream.tls != nullptr;
  if (!is_secure && target->scheme == "https" && forwarding.upstream.unix_path.empty()) {
    forwarding.upstream.tls = TRY(http::MakeClientContext({.insecure = true}));
  }
  forwarding.request = RequestFor(core.authentication, request.http, path);
  if (!forwarding.upstream.unix_path.empty()) {  // One socket answers for all of them.
    forwarding.request.headers.erase("Host");
    forwarding.request.headers.emplace("Host", forwarding.upstream.host);
  }
  if (request.in_process) forwarding.upstream.head_timeout = core.nodes->own_head_timeout;
  forwarding.on_error = Unreachable;
  forwarding.on_answer = [place = PlaceOf(request, forwarding.upstream, path),
                          body = method != "HEAD",
                          shown = IsFromBrowser(request.http)](http::Response& response) {
    RemoveCorsHeaders(response);
    if (shown) KeepApart(response);
    if (body || !response.Header("Location").empty()) RewriteLinks(place, response);
  };
  return http::Forward(core.nodes->loops, std::move(forwarding));
}

}  // namespace skiff
