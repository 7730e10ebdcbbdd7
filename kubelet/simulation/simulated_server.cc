#include "kubelet/simulation/simulated_server.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "api/pods/pod_phase.h"
#include "kubelet/pod_lookup.h"
#include "kubelet/simulation/simulated_forward.h"
#include "kubelet/simulation/simulated_log.h"
#include "kubelet/simulation/simulated_streams.h"
#include "kubelet/stats/cadvisor_text.h"
#include "kubelet/stats/summary.h"
#include "kubelet/streaming/kubelet_request.h"

namespace skiff::kubelet {
namespace {

// The name or address alone.
std::string HostOf(const http::Request& request) {
  const std::string host(request.Header("Host"));
  return host.substr(0, host.rfind(':'));
}

std::string Sentence(const core_v1::Pod& pod, const std::string& rest) {
  return fmt::format("pod {}/{} on {} is simulated; {}\n", pod.metadata.namespace_,
                     pod.metadata.name, pod.spec.node_name, rest);
}

// What a forwarded port says: an answer to HTTP, else the bytes that came.
std::string PortAnswerOf(const core_v1::Pod& pod, const std::string& port,
                         std::string_view bytes) {
  const size_t line = bytes.find("\r\n");
  if (line == bytes.npos || bytes.substr(0, line).find(" HTTP/1.") == bytes.npos) {
    return std::string(bytes);
  }
  const std::string body = Sentence(
      pod,
      fmt::format("port {} was asked: {}", port, bytes.substr(0, bytes.find(" HTTP/1."))));
  return fmt::format(
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n"
      "Connection: close\r\n\r\n{}",
      body.size(), body);
}

}  // namespace

http::Response SimulatedServer::Handle(const http::Request& request) {
  const Parts parts = PathParts(request.path);
  const std::string word = parts.empty() ? "" : parts[0];
  const std::string host = HostOf(request);
  Kubelet* const node = dependencies_.find_kubelet(host);
  // What is proxied to a pod may have any path; the proxy alone says under which it was asked.
  if (node == nullptr && !request.Header("X-Forwarded-Uri").empty()) return OfPod(request, host);
  if (word == "containerLogs" && parts.size() == 4) return Logs(request, parts);
  if ((word == "exec" || word == "attach") && parts.size() >= 4) return Command(request, parts);
  if (word == "portForward" && parts.size() >= 3) return Forward(request, parts);
  if (node == nullptr) return PlainAnswer(404, fmt::format("no node {} is simulated\n", host));
  return OfNode(*node, request);
}

Result<SimulatedServer::Target> SimulatedServer::TargetOf(const Parts& parts) const {
  const auto pod = dependencies_.pods.Get({parts[1], parts[2]});
  Kubelet* const kubelet = pod ? dependencies_.find_kubelet(pod->spec.node_name) : nullptr;
  if (kubelet == nullptr) {
    return Fail(Reason::kNotFound, fmt::format("pod \"{}\" does not exist\n", parts[2]));
  }
  return Target{pod, kubelet};
}

http::Response SimulatedServer::Logs(const http::Request& request, const Parts& parts) const {
  const auto target = TargetOf(parts);
  if (!target) return PlainAnswer(404, target.error().message);
  const auto options = LogOptionsOf(request, dependencies_.clock.Now());
  if (!options) return PlainAnswer(400, options.error().message);
  ContainerRuntime& runtime = target->kubelet->runtime();
  const auto observed = ObservePod(runtime, target->pod->metadata.uid);
  if (!observed) return PlainAnswer(500, observed.error().message);
  const std::string& name = parts[3];
  const bool previous = IsTrue(request, "previous");
  const ObservedContainer* container =
      previous ? observed->Previous(name, target->pod->status) : observed->Newest(name);
  if (container == nullptr) return NoLog(*target->pod, name, previous);
  const std::string id = container->status.id;
  auto followed = options->follow ? target->kubelet->followers().Follow(id) : nullptr;
  // Everything of it is in memory. What was removed meanwhile says what it said last.
  auto read = [&runtime, id, pod = target->pod, last = container->status] {
    const auto now = runtime.ContainerStatus(id);
    return SimulatedLog(*pod, now ? *now : last);
  };
  http::Response response;
  response.content_type = "text/plain";
  response.stream =
      std::make_unique<SimulatedLogStream>(std::move(read), *options, std::move(followed));
  return response;
}

http::Response SimulatedServer::Command(const http::Request& request, const Parts& parts) const {
  const auto target = TargetOf(parts);
  if (!target) return PlainAnswer(404, "pod does not exist");
  const auto observed = ObservePod(target->kubelet->runtime(), target->pod->metadata.uid);
  if (!observed) return PlainAnswer(500, observed.error().message);
  const std::string& name = parts.back();
  const ObservedContainer* container = observed->Newest(name);
  if (container == nullptr || !container->IsRunning()) {
    return PlainAnswer(404, fmt::format("container not found (\"{}\")", name));
  }
  const cri::StreamOptions streams = StreamsOf(request);
  const std::string line_end = streams.tty ? "\r\n" : "\n";
  if (parts[0] == "exec") {
    const std::vector<std::string> command = CommandOf(request);
    if (command.empty()) return NoCommand();
    return AnswerSimulatedCommand(request, streams,
                                  fmt::format("{}{}", fmt::join(command, " "), line_end));
  }
  return AnswerSimulatedCommand(
      request, streams,
      ShownLog(SimulatedLog(*target->pod, container->status), {}),
      target->kubelet->followers().Follow(container->status.id));
}

http::Response SimulatedServer::Forward(const http::Request& request, const Parts& parts) const {
  const auto target = TargetOf(parts);
  if (!target) return PlainAnswer(404, "pod does not exist");
  return AnswerSimulatedForward(
      request, [pod = target->pod](const std::string& port, std::string_view bytes) {
        return PortAnswerOf(*pod, port, bytes);
      });
}

std::vector<SimulatedContainer> SimulatedServer::RunningOn(Kubelet& kubelet) const {
  std::vector<SimulatedContainer> running;
  const auto containers =
      kubelet.runtime().ListContainers({.state = cri::ContainerState::kRunning});
  if (!containers) return running;
  for (const cri::Container& container : *containers) {
    const auto label = [&](const char* key) {
      const auto found = container.labels.find(key);
      return found == container.labels.end() ? std::string() : found->second;
    };
    auto pod = dependencies_.pods.Get({label(kPodNamespaceLabel), label(kPodNameLabel)});
    const auto status = kubelet.runtime().ContainerStatus(container.id);
    if (!pod || !status) continue;
    running.push_back({std::move(pod), container.metadata.name, status->started_at});
  }
  return running;
}

double SimulatedServer::CoreSecondsOf(const Kubelet& kubelet,
                                      const std::vector<SimulatedContainer>& running,
                                      TimePoint now) const {
  const MutexLock lock(mutex_);
  return used_[kubelet.options().node_name].CoreSeconds(running, now);
}

http::Response SimulatedServer::OfNode(Kubelet& kubelet, const http::Request& request) const {
  const std::string& path = request.path;
  const TimePoint now = dependencies_.clock.Now();
  const KubeletOptions& options = kubelet.options();
  if (path == "/healthz") return PlainAnswer(200, "ok");
  const auto metrics = [](std::string text) {
    http::Response response = PlainAnswer(200, std::move(text));
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
  };
  if (path == "/metrics/resource" || path == "/metrics") {
    const auto running = RunningOn(kubelet);
    return metrics(ResourceMetrics(running, now, CoreSecondsOf(kubelet, running, now)));
  }
  const auto measure = [&] {
    const auto running = RunningOn(kubelet);
    return MeasureSimulated(options, running, now, CoreSecondsOf(kubelet, running, now));
  };
  if (path == "/metrics/cadvisor") return metrics(CadvisorText(measure()));
  if (path == "/stats/summary") {
    return JsonAnswer(SummaryOf(measure(),
                                {.only_cpu_and_memory = IsTrue(request, "only_cpu_and_memory")}));
  }
  if (path == "/pods" || path == "/pods/") return PodListAnswer(kubelet.Pods());
  return PlainAnswer(404, "404 page not found\n");
}

// Whether it runs at that address, although the watch may not have told yet.
bool SimulatedServer::RunsAt(const core_v1::Pod& pod, const std::string& address) const {
  if (HasEnded(pod.status.phase)) return false;
  if (pod.status.phase == "Running") return pod.status.pod_ip == address;
  Kubelet* const kubelet = dependencies_.find_kubelet(pod.spec.node_name);
  if (kubelet == nullptr) return false;
  const auto observed = ObservePod(kubelet->runtime(), pod.metadata.uid);
  if (!observed || observed->sandboxes.empty()) return false;
  const auto& ips = observed->sandboxes.front().ips;
  return std::find(ips.begin(), ips.end(), address) != ips.end() &&
         std::any_of(pod.spec.containers.begin(), pod.spec.containers.end(), [&](const auto& each) {
           const ObservedContainer* newest = observed->Newest(each.name);
           return newest != nullptr && newest->IsRunning();
         });
}

http::Response SimulatedServer::OfPod(const http::Request& request,
                                      const std::string& address) const {
  for (const auto& pod : dependencies_.pods.List()) {
    if (!RunsAt(*pod, address)) continue;
    return PlainAnswer(
        200, Sentence(*pod, fmt::format("it was asked: {} {}", request.method, request.target)));
  }
  return PlainAnswer(503, fmt::format("no pod has the address {}\n", address));
}

}  // namespace skiff::kubelet
