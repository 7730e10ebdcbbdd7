#include "kubelet/streaming/kubelet_server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "http/tunnel.h"
#include "kubelet/node_stats.h"
#include "kubelet/pod_lookup.h"
#include "kubelet/resource_metrics.h"
#include "kubelet/stats/cadvisor_text.h"
#include "kubelet/stats/summary.h"
#include "kubelet/streaming/kubelet_request.h"
#include "kubelet/streaming/log_stream.h"

namespace skiff::kubelet {
namespace {

bool IsApiServer(const http::Request& request) {
  if (!request.peer_certificate) return false;
  const auto& groups = request.peer_certificate->organizations;
  return std::find(groups.begin(), groups.end(), "system:masters") != groups.end() ||
         request.peer_certificate->common_name == "kube-apiserver-kubelet-client";
}

std::string FileText(const char* path) {
  std::ifstream file(path);
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

NodeUse NodeUseNow(TimePoint now) {
  NodeUse use{.at = now};
  use.cpu_seconds = CpuSecondsFrom(FileText("/proc/stat"), sysconf(_SC_CLK_TCK));
  if (const auto memory = MemoryFrom(FileText("/proc/meminfo"))) {
    use.memory_bytes = memory->capacity - memory->available;
  }
  return use;
}

}  // namespace

KubeletServer::KubeletServer(Kubelet& kubelet, http::Loops& loops, const Clock& clock)
    : kubelet_(kubelet),
      loops_(loops),
      clock_(clock),
      measurer_({.node_name = kubelet.options().node_name,
                 .root = kubelet.options().root,
                 .log_root = kubelet.options().log_root,
                 .cgroup_root = kubelet.options().cgroup_root,
                 .cgroup_driver = kubelet.options().cgroup_driver,
                 .facts = kubelet.options().facts},
                {.runtime = kubelet.runtime(),
                 .clock = clock,
                 .pods = [&kubelet] { return kubelet.Pods(); },
                 .volumes = [&kubelet](const core_v1::Pod& pod) {
                   return kubelet.volumes().MeasuredPlaces(pod);
                 }}) {}

http::Response KubeletServer::Handle(const http::Request& request) {
  if (request.path == "/healthz") return PlainAnswer(200, "ok");
  if (!request.peer_certificate) return PlainAnswer(401, "Unauthorized");
  if (!IsApiServer(request)) {
    return PlainAnswer(
        403, fmt::format("Forbidden (user={}, verb={}, resource=nodes, subresource=proxy)",
                         request.peer_certificate->common_name, request.method));
  }
  return Route(request, PathParts(request.path));
}

http::Response KubeletServer::Route(const http::Request& request, const Parts& parts) {
  const std::string& word = parts.empty() ? request.path : parts[0];
  if (word == "containerLogs" && parts.size() == 4) return Logs(request, parts);
  if (word == "exec" && parts.size() >= 4) return Exec(request, parts);
  if (word == "attach" && parts.size() >= 4) return Attach(request, parts);
  if (word == "portForward" && parts.size() >= 3) return PortForward(request, parts);
  if (word == "pods") return PodListAnswer(kubelet_.Pods());
  if (word == "healthz" && parts.size() == 2 &&
      (parts[1] == "ping" || parts[1] == "log" || parts[1] == "syncloop")) {
    return PlainAnswer(200, "ok");
  }
  if (word == "metrics" && parts.size() == 2 && parts[1] == "cadvisor") return CadvisorMetrics();
  if (word == "metrics" && (parts.size() == 1 || parts[1] == "resource")) return Metrics();
  if (word == "stats" && parts.size() == 2 && parts[1] == "summary") return Summary(request);
  return PlainAnswer(404, "404 page not found\n");
}

Result<std::string> KubeletServer::ContainerId(const Parts& parts, bool must_run) {
  const auto pod = kubelet_.FindPod(parts[1], parts[2]);
  const std::string& container = parts.back();
  if (!pod) return Fail(Reason::kNotFound, "pod does not exist");
  const auto observed = TRY(ObservePod(kubelet_.runtime(), pod->metadata.uid));
  const ObservedContainer* newest = observed.Newest(container);
  if (newest == nullptr || (must_run && !newest->IsRunning())) {
    return Fail(Reason::kNotFound, fmt::format("container not found (\"{}\")", container));
  }
  return newest->status.id;
}

http::Response KubeletServer::Logs(const http::Request& request, const Parts& parts) {
  const auto pod = kubelet_.FindPod(parts[1], parts[2]);
  const std::string& name = parts[3];
  if (!pod) return PlainAnswer(404, fmt::format("pod \"{}\" does not exist\n", parts[2]));
  const auto options = LogOptionsOf(request, clock_.Now());
  if (!options) return PlainAnswer(400, options.error().message);
  const auto observed = ObservePod(kubelet_.runtime(), pod->metadata.uid);
  if (!observed) return PlainAnswer(500, observed.error().message);
  const bool previous = IsTrue(request, "previous");
  const ObservedContainer* container =
      previous ? observed->Previous(name, pod->status) : observed->Newest(name);
  if (container == nullptr) return NoLog(*pod, name, previous);
  auto followed = options->follow ? kubelet_.followers().Follow(container->status.id) : nullptr;
  auto stream = LogStream::Open(container->status.log_path, *options, loops_, std::move(followed));
  if (!stream) return PlainAnswer(404, stream.error().message);
  http::Response response;
  response.content_type = "text/plain";
  response.stream = std::move(*stream);
  return response;
}

http::Response KubeletServer::PassOn(const http::Request& request, const Result<std::string>& url) {
  if (!url) {
    return PlainAnswer(url.error().reason == Reason::kNotFound ? 404 : 500, url.error().message);
  }
  // http://127.0.0.1:PORT/exec/TOKEN
  const size_t host = url->find("://") + 3;
  const size_t path = url->find('/', host);
  const size_t colon = url->rfind(':', path);
  http::Forwarding forwarding;
  forwarding.upstream.host = url->substr(host, colon - host);
  forwarding.upstream.port = std::atoi(url->c_str() + colon + 1);
  forwarding.request = http::ForwardedRequest(request);
  forwarding.request.target = url->substr(path);
  forwarding.on_error = [](const Error& error) { return PlainAnswer(500, error.message); };
  return http::Forward(loops_, std::move(forwarding));
}

http::Response KubeletServer::Exec(const http::Request& request, const Parts& parts) {
  const std::vector<std::string> command = CommandOf(request);
  if (command.empty()) return NoCommand();
  const auto id = ContainerId(parts, /*must_run=*/true);
  if (!id) return PassOn(request, id);
  return PassOn(request, kubelet_.runtime().Exec(*id, command, StreamsOf(request)));
}

http::Response KubeletServer::Attach(const http::Request& request, const Parts& parts) {
  const auto id = ContainerId(parts, /*must_run=*/true);
  if (!id) return PassOn(request, id);
  return PassOn(request, kubelet_.runtime().Attach(*id, StreamsOf(request)));
}

http::Response KubeletServer::PortForward(const http::Request& request, const Parts& parts) {
  const auto pod = kubelet_.FindPod(parts[1], parts[2]);
  if (!pod) return PlainAnswer(404, "pod does not exist");
  const auto observed = ObservePod(kubelet_.runtime(), pod->metadata.uid);
  if (!observed) return PlainAnswer(500, observed.error().message);
  if (observed->sandboxes.empty() ||
      observed->sandboxes.front().state != cri::SandboxState::kReady) {
    return PlainAnswer(404, fmt::format("pod not found (\"{}_{}\")", parts[2], parts[1]));
  }
  const auto ports = ForwardedPortsOf(request);
  if (!ports) return PlainAnswer(400, ports.error().message);
  return PassOn(request, kubelet_.runtime().PortForward(observed->sandboxes.front().id, *ports));
}

http::Response KubeletServer::Metrics() const {
  const auto running = kubelet_.runtime().ListContainers({.state = cri::ContainerState::kRunning});
  if (!running) return PlainAnswer(500, running.error().message);
  const auto stats = kubelet_.runtime().ListContainerStats({});
  if (!stats) return PlainAnswer(500, stats.error().message);
  http::Response response =
      PlainAnswer(200, ResourceMetricsText(NodeUseNow(clock_.Now()), *running, *stats));
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  return response;
}

http::Response KubeletServer::CadvisorMetrics() {
  const auto node = measurer_.Measure(NodeMeasurer::Extent::kFileSystems);
  if (!node) return PlainAnswer(500, node.error().message);
  http::Response response = PlainAnswer(200, CadvisorText(*node));
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  return response;
}

http::Response KubeletServer::Summary(const http::Request& request) {
  const SummaryOptions options{.only_cpu_and_memory = IsTrue(request, "only_cpu_and_memory")};
  const auto node = measurer_.Measure(options.only_cpu_and_memory
                                          ? NodeMeasurer::Extent::kProcessorsAndMemory
                                          : NodeMeasurer::Extent::kDirectories);
  if (!node) return PlainAnswer(500, node.error().message);
  return JsonAnswer(SummaryOf(*node, options));
}

}  // namespace skiff::kubelet
