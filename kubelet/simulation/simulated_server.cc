#include "kubelet/simulation/simulated_server.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "api/typed.h"
#include "base/seconds.h"
#include "kubelet/pod_lookup.h"
#include "kubelet/simulation/simulated_log.h"
#include "kubelet/simulation/simulated_streams.h"

namespace skiff::kubelet {
namespace {

http::Response Text(int status, std::string text) {
  http::Response response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(text);
  return response;
}

http::Response JsonAnswer(const Json& document) {
  http::Response response;
  response.content_type = "application/json";
  response.body = document.dump();
  return response;
}

std::vector<std::string> Split(const std::string& path) {
  std::vector<std::string> parts;
  for (size_t begin = 1; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool IsTrue(const http::Request& request, std::string_view name) {
  const auto value = request.Query(name);
  return value && (*value == "true" || *value == "1");
}

std::optional<int64_t> Number(const http::Request& request, std::string_view name) {
  const auto text = request.Query(name);
  if (!text) return std::nullopt;
  int64_t value = 0;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), value);
  return parsed.ec == std::errc() ? std::optional(value) : std::nullopt;
}

LogOptions LogOptionsOf(const http::Request& request, const Clock& clock) {
  LogOptions options;
  options.follow = IsTrue(request, "follow");
  options.timestamps = IsTrue(request, "timestamps");
  options.tail_lines = Number(request, "tailLines");
  options.limit_bytes = Number(request, "limitBytes");
  if (const auto seconds = Number(request, "sinceSeconds")) {
    options.since = clock.Now() - Seconds(*seconds);
  }
  if (const auto text = request.Query("sinceTime")) {
    if (const auto time = Time::Parse(*text)) options.since = time->point();
  }
  return options;
}

cri::StreamOptions StreamsOf(const http::Request& request) {
  return {IsTrue(request, "tty"), IsTrue(request, "input"), IsTrue(request, "output"),
          IsTrue(request, "error")};
}

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
  const Parts parts = Split(request.path);
  const std::string word = parts.empty() ? "" : parts[0];
  const std::string host = HostOf(request);
  Kubelet* const node = dependencies_.find_kubelet(host);
  // What is proxied to a pod may have any path; the proxy alone says under which it was asked.
  if (node == nullptr && !request.Header("X-Forwarded-Uri").empty()) return OfPod(request, host);
  if (word == "containerLogs" && parts.size() == 4) return Logs(request, parts);
  if ((word == "exec" || word == "attach") && parts.size() >= 4) return Command(request, parts);
  if (word == "portForward" && parts.size() >= 3) return Forward(request, parts);
  if (node == nullptr) return Text(404, fmt::format("no node {} is simulated\n", host));
  return OfNode(*node, request.path);
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
  if (!target) return Text(404, target.error().message);
  const LogOptions options = LogOptionsOf(request, dependencies_.clock);
  ContainerRuntime& runtime = target->kubelet->runtime();
  const auto observed = ObservePod(runtime, target->pod->metadata.uid);
  if (!observed) return Text(500, observed.error().message);
  const std::string& name = parts[3];
  const bool previous = IsTrue(request, "previous");
  const ObservedContainer* container =
      previous ? observed->Previous(name, target->pod->status) : observed->Newest(name);
  if (container == nullptr) {
    return Text(400, previous ? fmt::format("previous terminated container \"{}\" in pod \"{}\" "
                                            "not found",
                                            name, parts[2])
                              : fmt::format("container \"{}\" in pod \"{}\" is waiting to start: "
                                            "ContainerCreating",
                                            name, parts[2]));
  }
  const std::string id = container->status.id;
  auto followed = options.follow ? target->kubelet->followers().Follow(id) : nullptr;
  // Everything of it is in memory. What was removed meanwhile says what it said last.
  auto read = [&runtime, id, pod = target->pod, last = container->status] {
    const auto now = runtime.ContainerStatus(id);
    return SimulatedLog(*pod, now ? *now : last);
  };
  http::Response response;
  response.content_type = "text/plain";
  response.stream =
      std::make_unique<SimulatedLogStream>(std::move(read), options, std::move(followed));
  return response;
}

http::Response SimulatedServer::Command(const http::Request& request, const Parts& parts) const {
  const auto target = TargetOf(parts);
  if (!target) return Text(404, "pod does not exist");
  const auto observed = ObservePod(target->kubelet->runtime(), target->pod->metadata.uid);
  if (!observed) return Text(500, observed.error().message);
  const std::string& name = parts.back();
  const ObservedContainer* container = observed->Newest(name);
  if (container == nullptr || !container->IsRunning()) {
    return Text(404, fmt::format("container not found (\"{}\")", name));
  }
  const cri::StreamOptions streams = StreamsOf(request);
  const std::string line_end = streams.tty ? "\r\n" : "\n";
  if (parts[0] == "exec") {
    std::vector<std::string> command;
    for (const auto& [key, value] : request.query) {
      if (key == "command") command.push_back(value);
    }
    if (command.empty()) return Text(400, "you must specify at least 1 command for the container");
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
  if (!target) return Text(404, "pod does not exist");
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

http::Response SimulatedServer::OfNode(Kubelet& kubelet, const std::string& path) const {
  const TimePoint now = dependencies_.clock.Now();
  const KubeletOptions& options = kubelet.options();
  if (path == "/healthz") return Text(200, "ok");
  if (path == "/metrics/resource" || path == "/metrics" || path == "/metrics/cadvisor") {
    http::Response response = Text(200, ResourceMetrics(RunningOn(kubelet), now));
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
  }
  if (path == "/stats/summary") {
    return JsonAnswer(StatsSummary(options.node_name, options.facts.memory_bytes,
                                   RunningOn(kubelet), now));
  }
  if (path == "/pods" || path == "/pods/") {
    Json list = {{"kind", "PodList"}, {"apiVersion", "v1"}, {"metadata", Json::object()}};
    list["items"] = Json::array();
    for (const auto& pod : kubelet.Pods()) list["items"].push_back(ToJson(*pod));
    return JsonAnswer(list);
  }
  return Text(404, "404 page not found\n");
}

http::Response SimulatedServer::OfPod(const http::Request& request,
                                      const std::string& address) const {
  for (const auto& pod : dependencies_.pods.List()) {
    if (pod->status.pod_ip != address || pod->status.phase != "Running") continue;
    return Text(200, Sentence(*pod, fmt::format("it was asked: {} {}", request.method,
                                                request.target)));
  }
  return Text(503, fmt::format("no pod has the address {}\n", address));
}

}  // namespace skiff::kubelet
