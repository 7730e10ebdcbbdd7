#include "kubelet/probes/probe_attempt.h"

#include <fmt/format.h>

#include "http/client.h"
#include "http/tls.h"

namespace skiff::kubelet {
namespace {

class HttpAttempt final : public ProbeAttempt {
 public:
  explicit HttpAttempt(std::unique_ptr<http::Exchange> exchange) : exchange_(std::move(exchange)) {}

 private:
  std::unique_ptr<http::Exchange> exchange_;
};

class FinishedAttempt final : public ProbeAttempt {};

Duration TimeoutOf(const core_v1::Probe& probe) {
  return std::chrono::seconds(std::max(1, probe.timeout_seconds));
}

std::string HostPort(const std::string& host, int port) {
  return fmt::format("{}:{}", host.find(':') == std::string::npos ? host : "[" + host + "]", port);
}

std::string Joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

ProbeOutcome RunCommand(const core_v1::Probe& probe, const ProbeSubject& subject,
                        ContainerRuntime& runtime) {
  constexpr size_t kOutputMax = 10 * 1024;
  const auto& command = probe.exec->command;
  const auto result = runtime.ExecSync(subject.container_id, command, TimeoutOf(probe));
  if (!result && result.error().reason == Reason::kTimeout) {
    return {false, fmt::format("command timed out: \"{}\" timed out after {}s", Joined(command),
                               std::max(1, probe.timeout_seconds))};
  }
  if (!result) return {false, cri::RpcErrorText(result.error())};
  return {result->exit_code == 0,
          (result->stdout_text + result->stderr_text).substr(0, kOutputMax)};
}

std::unique_ptr<ProbeAttempt> StartHttp(const core_v1::Probe& probe, const ProbeSubject& subject,
                                        http::Loops& loops,
                                        std::function<void(ProbeOutcome)> done) {
  const core_v1::HTTPGetAction& get = *probe.http_get;
  const bool is_https = get.scheme == "HTTPS";
  http::Upstream upstream;
  upstream.host = get.host.empty() ? subject.pod_ip : get.host;
  upstream.port = ResolvePort(get.port, subject.container);
  upstream.connect_timeout = upstream.head_timeout = TimeoutOf(probe);
  if (is_https) {
    auto context = http::MakeClientContext({.insecure = true});
    if (context) upstream.tls = *context;
  }
  http::ClientRequest request;
  request.target = get.path.starts_with('/') ? get.path : "/" + get.path;
  for (const auto& header : get.http_headers) request.headers.emplace(header.name, header.value);
  if (!request.headers.contains("User-Agent")) {
    request.headers.emplace("User-Agent", "kube-probe/1.35");
  }
  if (!request.headers.contains("Accept")) request.headers.emplace("Accept", "*/*");
  const std::string url = fmt::format("{}://{}{}", is_https ? "https" : "http",
                                      HostPort(upstream.host, upstream.port), request.target);
  return std::make_unique<HttpAttempt>(http::Open(
      loops, std::move(upstream), std::move(request),
      [url, done = std::move(done)](Result<http::Opened> opened) {
        if (!opened) {
          done({false, fmt::format("Get \"{}\": {}", url, opened.error().message)});
        } else if (opened->status >= 200 && opened->status < 400) {
          done({true, ""});
        } else {
          done({false, fmt::format("HTTP probe failed with statuscode: {}", opened->status)});
        }
      }));
}

std::unique_ptr<ProbeAttempt> StartTcp(const core_v1::Probe& probe, const ProbeSubject& subject,
                                       http::Loops& loops, std::function<void(ProbeOutcome)> done) {
  http::Upstream upstream;
  upstream.host = probe.tcp_socket->host.empty() ? subject.pod_ip : probe.tcp_socket->host;
  upstream.port = ResolvePort(probe.tcp_socket->port, subject.container);
  upstream.connect_timeout = TimeoutOf(probe);
  return std::make_unique<HttpAttempt>(
      http::Connect(loops, std::move(upstream), [done = std::move(done)](auto connected) {
        done(connected ? ProbeOutcome{true, ""} : ProbeOutcome{false, connected.error().message});
      }));
}

}  // namespace

int ResolvePort(const IntOrString& port, const core_v1::Container& container) {
  if (!port.is_string()) return port.value();
  for (const auto& each : container.ports) {
    if (each.name == port.text()) return each.container_port;
  }
  return 0;
}

std::unique_ptr<ProbeAttempt> StartProbe(const core_v1::Probe& probe, const ProbeSubject& subject,
                                         ContainerRuntime& runtime, http::Loops& loops,
                                         std::function<void(ProbeOutcome)> done) {
  if (probe.http_get) return StartHttp(probe, subject, loops, std::move(done));
  if (probe.tcp_socket) return StartTcp(probe, subject, loops, std::move(done));
  if (probe.exec) {
    done(RunCommand(probe, subject, runtime));
  } else {
    done({false, "missing probe handler"});
  }
  return std::make_unique<FinishedAttempt>();
}

}  // namespace skiff::kubelet
