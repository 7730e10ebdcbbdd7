#include "kubelet/lifecycle_hooks.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>

#include "api/text/go_text.h"
#include "api/text/utf8.h"
#include "base/seconds.h"
#include "http/client.h"
#include "http/tls.h"
#include "kubelet/kubelet_metrics.h"
#include "kubelet/pod_lookup.h"
#include "kubelet/probes/http_probe.h"

namespace skiff::kubelet {
namespace {

constexpr Duration kHttpTimeout = 30s;
// Of what a command says no more goes into a status; as much as a probe's is told of.
constexpr size_t kOutputBytesMax = 10 << 10;
// What is said before that, or once more, must leave room for it.
constexpr size_t kErrorBytesMax = 2 << 10;
constexpr size_t kCommandBytesMax = 1 << 10;
// The end of what is said of a server that was asked over TLS and has none.
constexpr std::string_view kNoTls = "server gave HTTP response to HTTPS client";

std::string Beginning(std::string text, size_t bytes_max) {
  CutUtf8(text, bytes_max);
  return text;
}

// As Go prints the handler.
std::string HandlerText(const core_v1::LifecycleHandler& handler) {
  std::string tcp = "nil";
  if (handler.tcp_socket) {
    const IntOrString& port = handler.tcp_socket->port;
    tcp = fmt::format("&TCPSocketAction{{Port:{{{} {} {}}},Host:{},}}", port.is_string() ? 1 : 0,
                      port.is_string() ? 0 : port.value(), port.is_string() ? port.text() : "",
                      handler.tcp_socket->host);
  }
  return fmt::format("&LifecycleHandler{{Exec:nil,HTTPGet:nil,TCPSocket:{},Sleep:nil,}}", tcp);
}

std::string Where(const core_v1::Pod& pod, const core_v1::Container& container) {
  return fmt::format("Container \"{}\" in Pod \"{}\"", container.name, PodText(pod));
}

}  // namespace

Result<> LifecycleHooks::RunCommand(const std::vector<std::string>& command,
                                    const std::string& container_id, const std::string& where,
                                    Duration timeout) {
  const auto result = runtime_.ExecSync(container_id, command, timeout);
  if (result && result->exit_code == 0) return {};
  const std::string words = Beginning(fmt::format("{}", fmt::join(command, " ")), kCommandBytesMax);
  const std::string error =
      result ? fmt::format("command '{}' exited with {}: {}", words, result->exit_code,
                           Beginning(result->stderr_text, kErrorBytesMax))
             : Beginning(cri::RpcErrorText(result.error()), kOutputBytesMax);
  const std::string output = Beginning(
      result ? result->stdout_text + result->stderr_text : std::string(), kOutputBytesMax);
  return Fail(Reason::kUnknown,
              fmt::format("Exec lifecycle hook ([{}]) for {} failed - error: {}, message: {}",
                          words, where, error, GoQuote(output)));
}

Result<> LifecycleHooks::Ask(const http::Upstream& upstream, const http::ClientRequest& request) {
  auto answered = std::make_shared<std::promise<Result<>>>();
  auto future = answered->get_future();
  const auto exchange =
      http::Open(*loops_, upstream, request, [answered](const Result<http::Opened>& opened) {
        if (opened) {
          answered->set_value({});
        } else {
          answered->set_value(tl::unexpected(opened.error()));
        }
      });
  // One bound for connection and head together. Whichever of them is late alone says so itself.
  constexpr Duration kGrace = 100ms;
  if (future.wait_for(upstream.head_timeout + kGrace) != std::future_status::ready) {
    return Fail(Reason::kTimeout, "timeout awaiting response headers");
  }
  return future.get();
}

Result<> LifecycleHooks::RunHttp(const core_v1::HTTPGetAction& get, const core_v1::Pod& pod,
                                 const core_v1::Container& container, const std::string& pod_ip,
                                 Duration timeout) {
  const auto fail = [&](const Error& why) {
    return Fail(Reason::kUnknown, fmt::format("HTTP lifecycle hook ({}) for {} failed - error: {}",
                                              get.path, Where(pod, container), why.message));
  };
  const auto port = ResolvePort(get.port, container);
  if (!port) return fail(port.error());
  http::Upstream upstream;
  const std::string host = get.host.empty() ? pod_ip : get.host;
  upstream.host = host;
  upstream.port = *port;
  upstream.connect_timeout = upstream.head_timeout = timeout;
  if (get.scheme == "HTTPS") upstream.tls = TRY(http::MakeClientContext({.insecure = true}));
  http::ClientRequest request;
  const std::string target = TargetOf(get.path);
  request.target = target;
  for (const auto& header : get.http_headers) request.headers.emplace(header.name, header.value);
  request.headers.emplace("User-Agent", "kube-lifecycle/1.35");
  const SystemClock clock;
  const Duration deadline = clock.Monotonic() + timeout;
  const Result<> outcome = Ask(upstream, request);
  if (outcome) return {};
  const ProbeUrl url{get.scheme == "HTTPS", host, *port, target};
  if (outcome.error().message.ends_with(kNoTls)) {
    upstream.tls = nullptr;
    request.headers.erase("Authorization");
    upstream.connect_timeout = upstream.head_timeout =
        std::max(deadline - clock.Monotonic(), Duration(0));
    if (Ask(upstream, request)) {
      if (metrics_ != nullptr) metrics_->hook_fallbacks.Add({});
      events_.Warning(
          pod, "LifecycleHTTPFallback",
          fmt::format("request to HTTPS lifecycle hook {} got HTTP response, retry with "
                      "HTTP succeeded",
                      url.Authority()));
      return {};
    }
  }
  // As Go's client tells of it.
  return fail({outcome.error().reason,
               fmt::format("Get \"{}\": {}", url.Text(), outcome.error().message)});
}

Result<> LifecycleHooks::Run(const core_v1::LifecycleHandler& handler, const core_v1::Pod& pod,
                             const core_v1::Container& container, const std::string& container_id,
                             const std::string& pod_ip, Duration timeout) {
  if (handler.exec) {
    return RunCommand(handler.exec->command, container_id, Where(pod, container), timeout);
  }
  if (handler.http_get) {
    if (loops_ == nullptr) return {};
    const Duration bound = timeout == 0ns ? kHttpTimeout : std::min(timeout, kHttpTimeout);
    return RunHttp(*handler.http_get, pod, container, pod_ip, bound);
  }
  if (handler.sleep) {
    const Duration pause = Seconds(handler.sleep->seconds);
    const bool is_cut_short = timeout != 0ns && timeout < pause;
    pause_(is_cut_short ? timeout : pause);
    if (is_cut_short && metrics_ != nullptr) metrics_->shortened_sleeps.Add({});
    return {};
  }
  // The API takes tcpSocket for the sake of old objects; no kubelet ever ran one.
  return Fail(Reason::kInvalid, "Cannot run handler: invalid handler: " + HandlerText(handler));
}

}  // namespace skiff::kubelet
