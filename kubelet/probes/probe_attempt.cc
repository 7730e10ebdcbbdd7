#include "kubelet/probes/probe_attempt.h"

#include <fmt/format.h>

#include "api/text/go_text.h"
#include "http/client.h"
#include "kubelet/cri_grpc_health.h"
#include "kubelet/environment.h"
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

// References to variables are replaced as far as the spec itself has their values.
Result<std::vector<std::string>> HandlerCommand(const core_v1::Probe& probe,
                                                const core_v1::Container& container) {
  std::map<std::string, std::string> variables;
  for (const auto& each : container.env) variables[each.name] = each.value;
  return ExpandAll(probe.exec->command, variables);
}

ProbeOutcome RunCommand(const core_v1::Probe& probe, const std::vector<std::string>& command,
                        const std::string& container_id, ContainerRuntime& runtime) {
  constexpr size_t kOutputMax = 10 * 1024;
  const auto result = runtime.ExecSync(container_id, command, TimeoutOf(probe));
  if (!result && result.error().reason == Reason::kTimeout) {
    return {false,
            fmt::format("command timed out: \"{}\" timed out after {}s", Joined(command),
                        std::max(1, probe.timeout_seconds)),
            ""};
  }
  // A runtime that is being restarted must not count as a container that is ill.
  if (!result) return {false, cri::RpcErrorText(result.error()), "", /*is_unknown=*/true};
  // Each may be megabytes: no more of them is copied than is told.
  std::string said = result->stdout_text.substr(0, kOutputMax);
  said += result->stderr_text.substr(0, kOutputMax - said.size());
  return {result->exit_code == 0, std::move(said), ""};
}

// 0: the handler asks at none that could have a name.
Result<int> HandlerPort(const core_v1::Probe& probe, const core_v1::Container& container) {
  if (probe.http_get) return ResolvePort(probe.http_get->port, container);
  if (probe.tcp_socket) return ResolvePort(probe.tcp_socket->port, container);
  return 0;
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
  upstream.port = ResolvePort(probe.tcp_socket->port, subject.container).value_or(0);
  upstream.connect_timeout = TimeoutOf(probe);
  return std::make_unique<TcpAttempt>(
      http::Connect(loops, std::move(upstream), [done = std::move(done)](auto connected) {
        done(connected ? ProbeOutcome{true, "", ""}
                       : ProbeOutcome{false, connected.error().message, ""});
      }));
}

}  // namespace

Result<int> ResolvePort(const IntOrString& port, const core_v1::Container& container) {
  if (!port.is_string()) return port.value();
  for (const auto& each : container.ports) {
    if (each.name == port.text()) return each.container_port;
  }
  return Fail(Reason::kInvalid,
              fmt::format("strconv.Atoi: parsing {}: invalid syntax", GoQuote(port.text())));
}

std::unique_ptr<ProbeAttempt> StartProbe(const core_v1::Probe& probe, const ProbeSubject& subject,
                                         const ProbeTools& tools,
                                         std::function<void(ProbeOutcome)> done) {
  if (probe.http_get && tools.http) return tools.http(probe, subject, std::move(done));
  if (const auto port = HandlerPort(probe, subject.container); !port) {
    done({false, port.error().message, "", /*is_unknown=*/true});
    return std::make_unique<FinishedAttempt>();
  }
  if (probe.http_get) return StartHttpProbe(probe, subject, tools.loops, std::move(done));
  if (probe.tcp_socket) return StartTcp(probe, subject, tools.loops, std::move(done));
  if (probe.exec) {
    auto command = HandlerCommand(probe, subject.container);
    if (!command) {
      done({false, command.error().message, "", /*is_unknown=*/true});
      return std::make_unique<FinishedAttempt>();
    }
    tools.tasks.Run([probe, command = std::move(*command), id = subject.container_id,
                     &runtime = tools.runtime, done = std::move(done),
                     place = tools.place] { done(RunCommand(probe, command, id, runtime)); });
  } else if (probe.grpc) {
    tools.tasks.Run([probe, ip = subject.pod_ip, done = std::move(done), place = tools.place] {
      done(AskGrpc(probe, ip));
    });
  } else {
    done({false, "missing probe handler", ""});
  }
  return std::make_unique<FinishedAttempt>();
}

}  // namespace skiff::kubelet
