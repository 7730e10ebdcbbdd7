#include "kubelet/simulation/simulated_node.h"

#include <algorithm>

#include "api/pods/conditions.h"
#include "base/seconds.h"
#include "kubelet/simulation/script.h"
#include "kubelet/simulation/simulated_probes.h"

namespace skiff::kubelet {
namespace {

constexpr int64_t kMilliCpu = 32'000;
constexpr int64_t kMemoryBytes = int64_t{256} << 30;
constexpr int64_t kDiskBytes = int64_t{1} << 40;

KubeletOptions OptionsOf(const SimulatedNode::Options& given) {
  KubeletOptions options;
  options.node_name = given.name;
  options.root = "/nonexistent";
  options.node_ips = {given.address};
  options.facts.milli_cpu = kMilliCpu;
  options.facts.memory_bytes = kMemoryBytes;
  options.facts.ephemeral_storage_bytes = kDiskBytes;
  options.facts.hostname = given.name;
  options.facts.architecture = "amd64";
  options.facts.os_image = "simulated";
  options.writes_files = false;
  return options;
}

// When the pod was given to its node, as far as its object says.
TimePoint ScheduledAt(const core_v1::Pod& pod) {
  const auto* scheduled = FindCondition(pod.status.conditions, "PodScheduled");
  return scheduled != nullptr ? scheduled->last_transition_time.point()
                              : pod.metadata.creation_timestamp.point();
}

}  // namespace

http::Response CutTransport::Send(http::Request request) {
  if (!cut_) return below_.Send(std::move(request));
  http::Response response;
  response.status = 503;
  response.content_type = "application/json";
  response.body =
      R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"ServiceUnavailable",)"
      R"("code":503,"message":"the simulated node's heartbeats have stopped"})";
  return response;
}

void CutTransport::SendLater(http::Request request, Then then) {
  if (!cut_) return below_.SendLater(std::move(request), std::move(then));
  Transport::SendLater(std::move(request), std::move(then));
}

SimulatedNode::SimulatedNode(const Options& options, Dependencies dependencies)
    : name_(options.name),
      dependencies_(dependencies),
      transport_(dependencies.transport),
      client_(transport_, "kubelet"),
      runtime_(dependencies.clock, dependencies.random, options.pod_cidr),
      has_addresses_(!options.pod_cidr.empty()),
      life_({runtime_, dependencies.clock, dependencies.events,
             [pods = dependencies.pods](const ObjectKey& key) { return pods.Get(key); }}),
      kubelet_(std::make_unique<Kubelet>(
          OptionsOf(options),
          KubeletDependencies{.client = client_,
                              .clock = dependencies.agent_clock,
                              .random = dependencies.random,
                              .runtime = runtime_,
                              .pods = dependencies.pods,
                              .services = dependencies.services,
                              .events = dependencies.events,
                              .executor = dependencies.executor,
                              .vital = dependencies.vital,
                              .simulation = this,
                              .pods_by_node = dependencies.pods_by_node,
                              .nodes = dependencies.nodes,
                              .config_maps = dependencies.config_maps})) {}

SimulatedNode::~SimulatedNode() {
  kubelet_->Stop();
  dependencies_.executor.Remove(*this);
  dependencies_.executor.Remove(life_);
}

void SimulatedNode::Start() {
  dependencies_.executor.Add(life_);
  dependencies_.executor.Add(*this);
  kubelet_->Start();
}

Duration SimulatedNode::StartsIn(const core_v1::Pod& pod) {
  if (FailsImagePull(pod)) {
    // The runtime looks at each pod that pulls them: others get theirs.
    for (const auto* list : {&pod.spec.init_containers, &pod.spec.containers}) {
      for (const auto& container : *list) runtime_.LoseImage(container.image);
    }
  }
  const Duration delay = StartDelayOf(pod);
  const bool has_address = has_addresses_ || pod.spec.host_network;
  if (delay == 0ns && has_address) return 0ns;
  const Duration age = dependencies_.clock.Now() - ScheduledAt(pod);
  // Past that its sandbox fails, and says why.
  if (!has_address && age < kAddressPatience) return kAddressRetry;
  return delay - age;
}

std::unique_ptr<Probes> SimulatedNode::MakeProbes(
    std::function<void(const std::string&)> changed) {
  return std::make_unique<SimulatedProbes>(dependencies_.executor, dependencies_.clock,
                                           std::move(changed));
}

Duration SimulatedNode::Step() {
  const auto node = dependencies_.nodes.Get({"", name_});
  if (!node) return kNever;
  // Of each family one, as a kubelet tells its runtime.
  std::string pod_cidr = node->spec.pod_cidr;
  for (size_t i = 1; i < node->spec.pod_cidrs.size(); ++i) {
    pod_cidr += "," + node->spec.pod_cidrs[i];
  }
  if (!pod_cidr.empty() && pod_cidr != pod_cidr_) {
    pod_cidr_ = std::move(pod_cidr);
    (void)runtime_.UpdateRuntimeConfig(pod_cidr_);  // The server takes nothing that is no CIDR.
    has_addresses_ = true;
    kubelet_->RuntimeChanged();
  }
  for (const std::string& problem : ScriptProblems(*node)) {
    dependencies_.events.Warning(*node, "SimulationProblem", problem);
  }
  const NodeScript script = NodeScriptOf(*node);
  const Duration age =
      Between(node->metadata.creation_timestamp.point(), dependencies_.clock.Now());
  transport_.SetCut(age >= script.silent_after);
  const bool is_ready = age < script.not_ready_after;
  if (std::exchange(is_ready_, is_ready) != is_ready) {
    runtime_.SetNetworkReady(is_ready);
    kubelet_->RuntimeChanged();
  }
  Duration next = kNever;
  for (const Duration turn : {script.not_ready_after, script.silent_after}) {
    if (turn != kNever && turn > age) next = std::min(next, turn - age);
  }
  return next;
}

}  // namespace skiff::kubelet
