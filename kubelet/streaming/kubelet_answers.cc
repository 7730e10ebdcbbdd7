// What the kubelet's server says of itself and of what runs.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "api/text/go_text.h"
#include "base/verbosity.h"
#include "kubelet/pod_lookup.h"
#include "kubelet/pod_observed.h"
#include "kubelet/streaming/kubelet_request.h"
#include "kubelet/streaming/kubelet_server.h"

namespace skiff::kubelet {
namespace {

std::string OfLabels(const cri::StringMap& labels, const char* key) {
  const auto found = labels.find(key);
  return found == labels.end() ? std::string() : found->second;
}

const char* StateName(cri::ContainerState state) {
  switch (state) {
    case cri::ContainerState::kCreated:
      return "created";
    case cri::ContainerState::kRunning:
      return "running";
    case cri::ContainerState::kExited:
      return "exited";
    case cri::ContainerState::kUnknown:
      break;
  }
  return "unknown";
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    words.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

}  // namespace

http::Response KubeletServer::Metrics(const http::Request& request) {
  if (request.path == "/metrics/cadvisor") return CadvisorMetrics();
  if (request.path == "/metrics/resource") return ResourceMetrics();
  if (request.path == "/metrics/probes") return MetricsAnswer(metrics_.probe_registry.Text());
  if (request.path == "/metrics/slis") return MetricsAnswer(metrics_.level_registry.Text());
  return MetricsAnswer(metrics_.registry.Text());
}

// Of the runtime alone, whatever the API says: names, and what runs in each.
http::Response KubeletServer::RunningPods() const {
  const auto sandboxes = kubelet_.runtime().ListPodSandboxes({.state = cri::SandboxState::kReady});
  if (!sandboxes) return PlainAnswer(500, sandboxes.error().message);
  const auto running = kubelet_.runtime().ListContainers({.state = cri::ContainerState::kRunning});
  if (!running) return PlainAnswer(500, running.error().message);
  std::map<std::string, Json> pods;  // By uid.
  for (const auto& sandbox : *sandboxes) {
    pods[sandbox.metadata.uid] = {{"metadata",
                                   {{"name", sandbox.metadata.name},
                                    {"namespace", sandbox.metadata.name_space},
                                    {"uid", sandbox.metadata.uid}}},
                                  {"spec", {{"containers", Json::array()}}},
                                  {"status", Json::object()}};
  }
  for (const auto& container : *running) {
    const auto pod = pods.find(OfLabels(container.labels, kPodUidLabel));
    if (pod == pods.end()) continue;
    pod->second["spec"]["containers"].push_back({{"name", container.metadata.name},
                                                 {"image", container.image_ref},
                                                 {"resources", Json::object()}});
  }
  Json list = {{"kind", "PodList"}, {"apiVersion", "v1"}, {"metadata", Json::object()}};
  list["items"] = Json::array();
  for (auto& [uid, pod] : pods) list["items"].push_back(std::move(pod));
  return JsonAnswer(list);
}

http::Response KubeletServer::Run(const http::Request& request, const Parts& parts) {
  if (!kubelet_.FindPod(parts[1], parts[2])) return PlainAnswer(404, "pod does not exist");
  const auto id = ContainerId(parts, /*must_run=*/true);
  if (!id) return PlainAnswer(500, id.error().message);
  const auto command = Words(request.Query("cmd").value_or(""));
  const auto result = kubelet_.runtime().ExecSync(*id, command, 0ns);
  if (!result) return PlainAnswer(500, cri::RpcErrorText(result.error()));
  const std::string said = result->stdout_text + result->stderr_text;
  if (result->exit_code != 0) {
    return PlainAnswer(500, fmt::format("command '{}' exited with {}: {}",
                                        fmt::join(command, " "), result->exit_code,
                                        result->stderr_text));
  }
  http::Response response = PlainAnswer(200, said);
  response.content_type = "application/json";  // As the kubelet says, whatever it is.
  return response;
}

// No runtime is asked: containerd has no checkpoints in the versions that run here.
http::Response KubeletServer::Checkpoint(const Parts& parts) const {
  const auto pod = kubelet_.FindPod(parts[1], parts[2]);
  if (!pod) return PlainAnswer(404, "pod does not exist");
  if (!HasContainer(*pod, parts[3])) {
    return PlainAnswer(404, fmt::format("container {} does not exist", parts[3]));
  }
  return PlainAnswer(
      500, fmt::format("checkpointing of {}/{}/{} failed (rpc error: code = Unimplemented desc = "
                       "method CheckpointContainer not implemented)",
                       parts[1], parts[2], parts[3]));
}

// As klog's flag --v is set while it runs.
http::Response KubeletServer::SetVerbosity(const http::Request& request) {
  http::Response response = PlainAnswer(406, "unsupported http method\n");
  response.content_type = "text/plain";
  response.SetHeader("X-Content-Type-Options", "nosniff");
  if (request.method != "PUT") return response;
  const std::string& text = request.Body();
  uint32_t verbosity = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, verbosity);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    const bool is_great = parsed.ec == std::errc::result_out_of_range;
    response.status = 400;
    response.body = fmt::format("strconv.ParseUint: parsing {}: {}\n", GoQuote(text),
                                is_great ? "value out of range" : "invalid syntax");
    return response;
  }
  skiff::SetVerbosity(static_cast<int>(std::min<uint32_t>(verbosity, 100)));
  response.status = 200;
  response.body = "successfully set klog.logging.verbosity to " + text + "\n";
  return response;
}

void KubeletServer::AddPodCounts(MetricRegistry& registry) {
  const auto pods = [&](const char* name, const char* help, std::vector<std::string> labels) {
    registry.AddMeasured({name, help, std::move(labels)}, [this, name = std::string_view(name)] {
      std::vector<Sample> samples;
      for (const PodCount& each : kubelet_.CountPods()) {
        if (each.metric == name) {
          samples.push_back({each.labels, static_cast<double>(each.count)});
        }
      }
      return samples;
    });
  };
  pods("kubelet_desired_pods", "[ALPHA] Pods that are to run here.", {"static"});
  pods("kubelet_active_pods", "[ALPHA] Pods that have a place here.", {"static"});
  pods("kubelet_pod_pending_resizes", "[ALPHA] Pods whose resize waits.", {"reason"});
  pods("kubelet_pod_in_progress_resizes", "[ALPHA] Pods that are being resized.", {});
  pods("kubelet_mirror_pods", "[ALPHA] Objects that show static pods.", {});
  pods("kubelet_managed_ephemeral_containers", "[ALPHA] Ephemeral containers of pods here.", {});
  pods("kubelet_working_pods", "[ALPHA] Pods with a worker, by how far they are.",
       {"config", "lifecycle", "static"});
}

void KubeletServer::AddMeasured() {
  MetricRegistry& registry = metrics_.registry;
  registry.AddMeasured({"kubelet_running_pods", "[ALPHA] Pods with a sandbox that is ready."},
                       [this]() -> std::vector<Sample> {
                         const auto ready = kubelet_.runtime().ListPodSandboxes(
                             {.state = cri::SandboxState::kReady});
                         if (!ready) return {};
                         std::set<std::string> uids;
                         for (const auto& each : *ready) uids.insert(each.metadata.uid);
                         return {{{}, static_cast<double>(uids.size())}};
                       });
  registry.AddMeasured({"kubelet_running_containers",
                        "[ALPHA] Containers that the runtime has, by their state.",
                        {"container_state"}},
                       [this] {
                         std::map<std::string, double> counts;
                         const auto all = kubelet_.runtime().ListContainers({});
                         for (const auto& each : all ? *all : std::vector<cri::Container>()) {
                           ++counts[StateName(each.state)];
                         }
                         std::vector<Sample> samples;
                         for (const auto& [state, count] : counts) {
                           samples.push_back({{state}, count});
                         }
                         return samples;
                       });
  AddPodCounts(registry);
  if (const NodeDevices* devices = kubelet_.devices()) {
    registry.AddMeasured(
        {"dra_resource_claims_in_use", "[ALPHA] Claims that are prepared.", {"driver_name"}},
        [devices] { return devices->claims().InUse(); });
  }
  std::error_code ignored;
  const bool is_v2 = std::filesystem::exists("/sys/fs/cgroup/cgroup.controllers", ignored);
  registry.AddMeasured({"kubelet_cgroup_version", "[ALPHA] Of the machine's cgroups."}, [is_v2] {
    return std::vector<Sample>{{{}, is_v2 ? 2.0 : 1.0}};
  });
  const auto volumes = [&](const char* name, const char* help,
                           std::function<std::optional<uint64_t>(const FsUse&)> of) {
    registry.AddMeasured({name, help, {"namespace", "persistentvolumeclaim"}},
                         [this, of = std::move(of)] { return claim_uses_.Samples(of); });
  };
  volumes("kubelet_volume_stats_capacity_bytes", "[ALPHA] What a claim's volume holds.",
          [](const FsUse& use) { return use.capacity_bytes; });
  volumes("kubelet_volume_stats_available_bytes", "[ALPHA] What is free in it.",
          [](const FsUse& use) { return use.available_bytes; });
  volumes("kubelet_volume_stats_used_bytes", "[ALPHA] What is used of it.",
          [](const FsUse& use) { return use.used_bytes; });
  volumes("kubelet_volume_stats_inodes", "[ALPHA] How many inodes it may have.",
          [](const FsUse& use) { return use.inodes; });
  volumes("kubelet_volume_stats_inodes_free", "[ALPHA] How many of them are free.",
          [](const FsUse& use) { return use.inodes_free; });
  volumes("kubelet_volume_stats_inodes_used", "[ALPHA] How many of them are used.",
          [](const FsUse& use) { return use.inodes_used; });
}

std::vector<ClaimUse> KubeletServer::ClaimsUsed() {
  const auto pods = kubelet_.Pods();
  const bool has_claims = std::any_of(pods.begin(), pods.end(), [this](const auto& pod) {
    const auto places = kubelet_.volumes().MeasuredPlaces(*pod);
    return std::any_of(places.begin(), places.end(),
                       [](const auto& each) { return !each.claim.empty(); });
  });
  if (!has_claims) return {};
  const auto node = measurer_.Measure(NodeMeasurer::Extent::kDirectories);
  return node ? ClaimsOf(*node) : std::vector<ClaimUse>();
}

}  // namespace skiff::kubelet
