#include "kubelet/probes/probe_attempt.h"

#include <fmt/format.h>

#include "http/client.h"
#include "kubelet/cri_grpc_health.h"
#include "kubelet/probes/http_probe.h"

namespace skiff::kubelet {
namespace {

class TcpAttempt final : public ProbeAttempt {
 public:
  explicit TcpAttempt(std::unique_ptr<http::Exchange> exchange) : exchange_(std::move(exchange)) {}

 private:
  std::unique_ptr<http::Exchange> exchange_;
};

class FinishedAttempt final : public ProbeAttempt {};

Duration TimeoutOf(const core_v1::Probe& probe) {
  return std::chrono::seconds(std::max(1, probe.timeout_seconds));
}

std::string Joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

ProbeOutcome RunCommand(const core_v1::Probe& probe, const std::string& container_id,
                        ContainerRuntime& runtime) {
  constexpr size_t kOutputMax = 10 * 1024;
  const auto& command = probe.exec->command;
  const auto result = runtime.ExecSync(container_id, command, TimeoutOf(probe));
  if (!result && result.error().reason == Reason::kTimeout) {
    return {false,
            fmt::format("command timed out: \"{}\" timed out after {}s", Joined(command),
                        std::max(1, probe.timeout_seconds)),
            ""};
  }
  // A runtime that is being restarted must not count as a container that is ill.
  if (!result) return {false, cri::RpcErrorText(result.error()), "", /*is_unknown=*/true};
  return {result->exit_code == 0, (result->stdout_text + result->stderr_text).substr(0, kOutputMax),
          ""};
}

ProbeOutcome AskGrpc(const core_v1::Probe& probe, const std::string& pod_ip) {
  auto answer =
      cri::CheckGrpcHealth({pod_ip, probe.grpc->port, probe.grpc->service.value_or(""),
                            TimeoutOf(probe), "kube-probe/1.35"});
  return {answer.serving, std::move(answer.text), ""};
}

std::unique_ptr<ProbeAttempt> StartTcp(const core_v1::Probe& probe, const ProbeSubject& subject,
                                       http::Loops& loops, std::function<void(ProbeOutcome)> done) {
  http::Upstream upstream;
  upstream.host = probe.tcp_socket->host.empty() ? subject.pod_ip : probe.tcp_socket->host;
  upstream.port = ResolvePort(probe.tcp_socket->port, subject.container);
  upstream.connect_timeout = TimeoutOf(probe);
  return std::make_unique<TcpAttempt>(
      http::Connect(loops, std::move(upstream), [done = std::move(done)](auto connected) {
        done(connected ? ProbeOutcome{true, "", ""}
                       : ProbeOutcome{false, connected.error().message, ""});
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
                                         const ProbeTools& tools,
                                         std::function<void(ProbeOutcome)> done) {
  if (probe.http_get && tools.http) return tools.http(probe, subject, std::move(done));
  if (probe.http_get) return StartHttpProbe(probe, subject, tools.loops, std::move(done));
  if (probe.tcp_socket) return StartTcp(probe, subject, tools.loops, std::move(done));
  if (probe.exec) {
    tools.tasks.Run([probe, id = subject.container_id, &runtime = tools.runtime,
                     done = std::move(done)] { done(RunCommand(probe, id, runtime)); });
  } else if (probe.grpc) {
    tools.tasks.Run([probe, ip = subject.pod_ip, done = std::move(done)] {
      done(AskGrpc(probe, ip));
    });
  } else {
    done({false, "missing probe handler", ""});
  }
  return std::make_unique<FinishedAttempt>();
}

}  // namespace skiff::kubelet
