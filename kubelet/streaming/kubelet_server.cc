#include "kubelet/streaming/kubelet_server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/whole_file.h"
#include "http/tunnel.h"
#include "kubelet/node_stats.h"
#include "kubelet/pod_lookup.h"
#include "kubelet/resource_metrics.h"
#include "kubelet/stats/cadvisor_text.h"
#include "kubelet/stats/host_stats.h"
#include "kubelet/stats/summary.h"
#include "kubelet/streaming/kubelet_paths.h"
#include "kubelet/streaming/kubelet_request.h"
#include "kubelet/streaming/log_stream.h"

namespace skiff::kubelet {
namespace {

std::string FileText(const char* path) {
  return ReadWholeFile(path).value_or("");
}

NodeUse NodeUseNow(TimePoint now) {
  NodeUse use{.at = now};
  use.cpu_seconds = CpuSecondsFrom(FileText("/proc/stat"), sysconf(_SC_CLK_TCK));
  const std::string meminfo = FileText("/proc/meminfo");
  if (const auto memory = MemoryFrom(meminfo)) {
    use.memory_bytes = memory->capacity - memory->available;
  }
  const auto swap = MemoryNamed(meminfo, "SwapTotal"), free = MemoryNamed(meminfo, "SwapFree");
  if (swap && free) use.swap_bytes = *swap - std::min(*swap, *free);
  return use;
}

}  // namespace

KubeletServer::KubeletServer(Dependencies dependencies)
    : kubelet_(dependencies.kubelet),
      loops_(dependencies.loops),
      clock_(dependencies.clock),
      metrics_(dependencies.metrics),
      configuration_(std::move(dependencies.configuration)),
      served_(dependencies.served),
      system_logs_(std::move(dependencies.system_logs)),
      access_(kubelet_.options().node_name, dependencies.reviews, clock_,
              dependencies.takes_tokens),
      measurer_(
          {.node_name = kubelet_.options().node_name,
           .root = kubelet_.options().root,
           .log_root = kubelet_.options().log_root,
           .cgroup_root = kubelet_.options().cgroup_root,
           .cgroup_driver = kubelet_.options().cgroup_driver,
           .facts = kubelet_.options().facts},
          {.runtime = kubelet_.runtime(),
           .clock = clock_,
           .pods = [this] { return kubelet_.Pods(); },
           .volumes =
               [this](const core_v1::Pod& pod) { return kubelet_.volumes().MeasuredPlaces(pod); },
           .of_driver = [this](const auto& place,
                               TimePoint now) { return kubelet_.UseOf(place, now); }}),
      claim_uses_(clock_, [this] { return ClaimsUsed(); }) {
  AddMeasured();
}

http::Response KubeletServer::Handle(const http::Request& request) {
  const Duration begun = clock_.Monotonic();
  http::Response response = Answer(request);
  const RequestClass labels = ClassOf(request);
  const char* long_running = labels.is_long_running ? "true" : "false";
  metrics_.http_requests.Add({long_running, labels.method, labels.path, "readwrite"});
  metrics_.http_seconds.Observe({long_running, labels.method, labels.path, "readwrite"},
                                InSeconds(clock_.Monotonic() - begun));
  return response;
}

http::Response KubeletServer::Answer(const http::Request& request) {
  if (auto elsewhere = RefuseUnserved(request, served_)) return std::move(*elsewhere);
  if (auto refused = access_.Refuse(request)) return std::move(*refused);
  if (auto wrong = RefuseMethod(request, served_)) return std::move(*wrong);
  return Route(request, PathParts(request.path));
}

http::Response KubeletServer::Route(const http::Request& request, const Parts& parts) {
  const std::string& word = parts[0];
  if (word == "containerLogs") return Logs(request, parts);
  if (word == "exec") return Exec(request, parts);
  if (word == "attach") return Attach(request, parts);
  if (word == "portForward") return PortForward(request, parts);
  if (word == "run") return Run(request, parts);
  if (word == "checkpoint") return Checkpoint(parts);
  if (word == "pods") return PodListAnswer(kubelet_.Pods());
  if (word == "runningpods") return RunningPods();
  if (word == "configz") return JsonAnswer(configuration_);
  if (word == "metrics") return Metrics(request);
  if (word == "stats") return Summary(request);
  if (word == "logs") return system_logs_.Answer(request);
  if (word == "debug") return SetVerbosity(request);
  return PlainAnswer(200, "ok");  // Of /healthz and what is below it.
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
  if (!pod) return PlainAnswer(404, fmt::format("pod \"{}\" does not exist", parts[2]));
  if (!HasContainer(*pod, name)) {
    return PlainAnswer(404,
                       fmt::format("container \"{}\" not found in pod \"{}\"", name, parts[2]));
  }
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
  if (auto none = NoStreams(request)) return std::move(*none);
  const std::vector<std::string> command = CommandOf(request);
  if (command.empty() && kubelet_.FindPod(parts[1], parts[2])) return NoCommand();
  const auto id = ContainerId(parts, /*must_run=*/true);
  if (!id) return PassOn(request, id);
  return PassOn(request, kubelet_.runtime().Exec(*id, command, StreamsOf(request)));
}

http::Response KubeletServer::Attach(const http::Request& request, const Parts& parts) {
  if (auto none = NoStreams(request)) return std::move(*none);
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

http::Response KubeletServer::ResourceMetrics() const {
  const auto running = kubelet_.runtime().ListContainers({.state = cri::ContainerState::kRunning});
  if (!running) return PlainAnswer(500, running.error().message);
  const auto stats = kubelet_.runtime().ListContainerStats({});
  if (!stats) return PlainAnswer(500, stats.error().message);
  return MetricsAnswer(ResourceMetricsText(NodeUseNow(clock_.Now()), *running, *stats));
}

http::Response KubeletServer::CadvisorMetrics() {
  const auto node = measurer_.Measure(NodeMeasurer::Extent::kFileSystems);
  if (!node) return PlainAnswer(500, node.error().message);
  return MetricsAnswer(CadvisorText(*node));
}

http::Response KubeletServer::Summary(const http::Request& request) {
  const SummaryOptions options{.only_cpu_and_memory = IsTrue(request, "only_cpu_and_memory")};
  const auto node =
      measurer_.Measure(options.only_cpu_and_memory ? NodeMeasurer::Extent::kProcessorsAndMemory
                                                    : NodeMeasurer::Extent::kDirectories);
  if (!node) return PlainAnswer(500, node.error().message);
  return JsonAnswer(SummaryOf(*node, options));
}

}  // namespace skiff::kubelet
