#include "skiff/simulated_nodes.h"

#include <charconv>
#include <deque>
#include <filesystem>
#include <vector>

#include "client/manager.h"
#include "http/loop.h"
#include "http/server.h"
#include "kubelet/simulation/simulated_node.h"
#include "kubelet/simulation/simulated_server.h"

namespace skiff {
namespace {

// No step waits for the store (decisions 0074 and 0080): more would wait for one another.
constexpr int kSimulationThreads = 4;
// For leases and statuses: thousands of pods that come and go make no node look lost.
constexpr int kVitalThreads = 2;
constexpr char kNamePrefix[] = "node-";

std::string NameOf(int index) {
  return kNamePrefix + std::to_string(index);
}

// Which of `count` nodes has that name; -1: none.
int IndexOf(const std::string& name, int count) {
  if (!name.starts_with(kNamePrefix)) return -1;
  int index = -1;
  const char* begin = name.data() + sizeof kNamePrefix - 1;
  std::from_chars(begin, name.data() + name.size(), index);
  return index >= 0 && index < count && NameOf(index) == name ? index : -1;
}

std::string SocketPath(const ClusterOptions& options) {
  return options.data_dir + "/simulated.sock";
}

kubelet::SimulatedNode::Options OptionsOf(int index) {
  return {.name = NameOf(index),
          .address = "10.127." + std::to_string(index / 250) + "." +
                     std::to_string(index % 250 + 1),
          .pod_cidr = ""};
}

}  // namespace

std::string SimulatedSocketOf(const ClusterOptions& options, const std::string& node) {
  return IndexOf(node, options.simulated_nodes) < 0 ? "" : SocketPath(options);
}

std::vector<std::string> SimulatedNodeNames(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(NameOf(i));
  return names;
}

Result<> RemoveSurplusNodes(Client& client, int count) {
  const auto nodes = TRY(client.List<core_v1::Node>());
  for (const auto& node : nodes) {
    const auto& runtime = node->status.node_info.container_runtime_version;
    const bool is_ours = runtime.starts_with("fake://");
    if (!is_ours || IndexOf(node->metadata.name, kSimulatedNodesMax) < count) continue;
    const auto gone = client.Delete(*node);
    if (!gone && gone.error().reason != Reason::kNotFound) return Fail(gone.error());
  }
  return {};
}

struct SimulatedNodes::Parts {
  // Events of all nodes are written by the first one: any node may write them.
  Parts(const ClusterOptions& options, const TransportFor& transport_for,
        InformerFactory& informers, const Clock& clock, Random& random)
      : socket_path(SocketPath(options)),
        transport(transport_for(NameOf(0))),
        manager({*transport, clock, random, informers, "kubelet"}),
        pods_by_node(informers.For<core_v1::Pod>()),
        executor("simulation", kSimulationThreads),
        vital("heartbeats", kVitalThreads),
        server({informers.For<core_v1::Pod>(), clock,
                [this](const std::string& node) { return Find(node); }}) {}

  kubelet::Kubelet* Find(const std::string& node) {
    const int index = IndexOf(node, static_cast<int>(nodes.size()));
    return index < 0 ? nullptr : &nodes[static_cast<size_t>(index)]->kubelet();
  }

  const std::string socket_path;
  const std::unique_ptr<Transport> transport;
  std::vector<std::unique_ptr<Transport>> transports;
  std::deque<NodeClock> clocks;
  Manager manager;
  kubelet::PodsByNode pods_by_node;
  ThreadExecutor executor;
  ThreadExecutor vital;
  // Whole before anything is served, or the informers start.
  std::vector<std::unique_ptr<kubelet::SimulatedNode>> nodes;
  http::Loops loops{1};
  kubelet::SimulatedServer server;
  std::unique_ptr<http::Server> front;
};

SimulatedNodes::SimulatedNodes(const ClusterOptions& options, const TransportFor& transport_for,
                               InformerFactory& informers, const Clock& clock, Random& random,
                               const ClockFaults* clock_faults)
    : parts_(std::make_unique<Parts>(options, transport_for, informers, clock, random)) {
  Parts& parts = *parts_;
  const auto nodes = informers.For<core_v1::Node>();
  const auto config_maps = informers.For<core_v1::ConfigMap>();
  for (int i = 0; i < options.simulated_nodes; ++i) {
    parts.transports.push_back(transport_for(NameOf(i)));
    const NodeClock& agent_clock = parts.clocks.emplace_back(clock, NameOf(i), clock_faults);
    parts.nodes.push_back(std::make_unique<kubelet::SimulatedNode>(
        OptionsOf(i),
        kubelet::SimulatedNode::Dependencies{
            *parts.transports.back(), clock, agent_clock, random, informers.For<core_v1::Pod>(),
            informers.For<core_v1::Service>(), nodes,
            parts.manager.Recorder("kubelet", NameOf(i), &agent_clock),
            parts.executor, &parts.pods_by_node, &parts.vital, config_maps}));
  }
  // The informers stop before the nodes go.
  nodes.OnChange([&parts](const Ptr<core_v1::Node>& before, const Ptr<core_v1::Node>& now) {
    if (!now || (before && before->metadata.annotations == now->metadata.annotations &&
                 before->spec.pod_cidr == now->spec.pod_cidr)) {
      return;
    }
    const int index = IndexOf(now->metadata.name, static_cast<int>(parts.nodes.size()));
    if (index >= 0) parts.nodes[static_cast<size_t>(index)]->NodeChanged();
  });
  for (const auto& node : parts.nodes) node->Start();
  parts.manager.Start(parts.executor);
}

Result<> SimulatedNodes::Serve() {
  std::error_code ignored;  // Of a process that was killed.
  std::filesystem::remove(parts_->socket_path, ignored);
  parts_->front =
      TRY(http::Server::Start({.unix_path = parts_->socket_path}, parts_->loops, parts_->server));
  return {};
}

SimulatedNodes::~SimulatedNodes() {
  if (parts_->front) parts_->front->Stop(0s);
  for (const auto& node : parts_->nodes) node->kubelet().Stop();
  parts_->nodes.clear();
  parts_->manager.Stop();
}

}  // namespace skiff
