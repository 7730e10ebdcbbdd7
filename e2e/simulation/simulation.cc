#include "e2e/simulation/simulation.h"

#include <fmt/format.h>

#include <algorithm>

#include "controllers/scheduler/scheduler.h"

namespace skiff {
namespace {

constexpr Duration kStep = 500ms;
constexpr double kLossRate = 0.02;

}  // namespace

Simulation::Simulation(SimulationOptions options) : random_(options.seed * 7919 + 1) {
  Cluster::Options cluster_options;
  cluster_options.seed = options.seed;
  cluster_options.add_parts = [](Manager& manager) { scheduler::AddScheduler(manager); };
  cluster_ = std::make_unique<Cluster>(std::move(cluster_options));
  network_ = std::make_unique<FaultyTransport>(cluster_->transport(), random_);
  informer_client_ = std::make_unique<Client>(*network_, "kubelet");
  informers_ = std::make_unique<InformerFactory>(
      Reflector::Dependencies{*informer_client_, cluster_->clock(), random_});
  node_manager_ = std::make_unique<Manager>(
      Manager::Dependencies{*network_, cluster_->clock(), random_, *informers_, "kubelet"});
  for (int i = 0; i < options.nodes; ++i) {
    Node node;
    node.name = fmt::format("node-{}", i);
    node.runtime = std::make_unique<cri::FakeRuntime>(cluster_->clock(), random_,
                                                      fmt::format("10.128.{}.0/24", i));
    nodes_.push_back(std::move(node));
  }
  for (Node& node : nodes_) StartKubelet(node);
  node_manager_->Start(cluster_->executor());
  cluster_->RunFor(5s);
}

Simulation::~Simulation() {
  for (Node& node : nodes_) {
    if (node.kubelet) node.kubelet->Stop();
  }
  node_manager_->Stop();
  informers_->Stop();
}

void Simulation::StartKubelet(Node& node) {
  kubelet::KubeletOptions options;
  options.node_name = node.name;
  options.root = "/nonexistent";
  options.node_ips = {"192.0.2.1"};
  options.facts.milli_cpu = 8000;
  options.facts.memory_bytes = int64_t{32} << 30;
  options.facts.ephemeral_storage_bytes = int64_t{100} << 30;
  options.facts.hostname = node.name;
  options.facts.ips = options.node_ips;
  options.writes_files = false;
  node.kubelet = std::make_unique<kubelet::Kubelet>(
      options, kubelet::KubeletDependencies{
                   node_manager_->client(), cluster_->clock(), random_, *node.runtime,
                   informers_->For<core_v1::Pod>(), informers_->For<core_v1::Service>(),
                   node_manager_->Recorder("kubelet", node.name), cluster_->executor(), nullptr});
  node.kubelet->Start();
}

void Simulation::Strike() {
  Node& node = nodes_[random_.Below(nodes_.size())];
  const Duration now = cluster_->clock().Monotonic();
  switch (random_.Below(40)) {
    case 0:  // The kubelet crashes and comes back: its containers go on meanwhile.
      if (!node.kubelet) return;
      node.kubelet->Stop();
      node.kubelet = nullptr;
      node.back_at = now + std::chrono::seconds(1 + random_.Below(20));
      ++faults_["kubelet crash"];
      return;
    case 1:  // The node is lost long enough for its pods to be replaced.
      if (!node.kubelet) return;
      node.kubelet->Stop();
      node.kubelet = nullptr;
      node.back_at = now + std::chrono::minutes(1 + random_.Below(9));
      ++faults_["node loss"];
      return;
    case 2:
    case 3: {  // A process ends by itself.
      const auto running = node.runtime->RunningNamed("app");
      if (running.empty()) return;
      node.runtime->Exit(running[random_.Below(running.size())],
                         static_cast<int>(random_.Below(2)));
      ++faults_["container exit"];
      return;
    }
    case 4:
      node.runtime->FailNext(cri::FakeCall::kRunPodSandbox, {Reason::kUnknown, "no space left"});
      ++faults_["sandbox failure"];
      return;
    case 5:
      node.runtime->FailNext(cri::FakeCall::kStartContainer,
                             {Reason::kUnknown, "exec format error"});
      ++faults_["start failure"];
      return;
    default:
      return;
  }
}

void Simulation::BringBack(bool all) {
  const Duration now = cluster_->clock().Monotonic();
  for (Node& node : nodes_) {
    if (!node.kubelet && (all || now >= node.back_at)) StartKubelet(node);
  }
}

void Simulation::RunWithFaults(Duration length) {
  network_->SetLossRate(kLossRate);
  const Duration end = cluster_->clock().Monotonic() + length;
  while (cluster_->clock().Monotonic() < end) {
    Strike();
    BringBack(false);
    cluster_->RunFor(kStep);
    CheckInvariants();
  }
  network_->SetLossRate(0);
}

void Simulation::Calm(Duration length) {
  network_->SetLossRate(0);
  BringBack(true);
  cluster_->RunFor(length);
  CheckInvariants();
}

void Simulation::CheckInvariants() {
  CheckBindings();
  CheckSurge();
}

void Simulation::CheckBindings() {
  for (const auto& pod : cluster_->List<core_v1::Pod>()) {
    if (pod.spec.node_name.empty()) continue;
    const auto [known, is_new] = bound_.emplace(pod.metadata.uid, pod.spec.node_name);
    if (!is_new && known->second != pod.spec.node_name) {
      complaints_.push_back(fmt::format("pod {} was bound to {} and then to {}", pod.metadata.name,
                                        known->second, pod.spec.node_name));
    }
  }
}

void Simulation::CheckSurge() {
  const auto pods = cluster_->List<core_v1::Pod>();
  for (const auto& deployment : cluster_->List<apps_v1::Deployment>()) {
    const int replicas = deployment.spec.replicas.value_or(1);
    int surge = 0;
    if (deployment.spec.strategy.rolling_update &&
        deployment.spec.strategy.rolling_update->max_surge) {
      const auto scaled =
          deployment.spec.strategy.rolling_update->max_surge->ScaledTo(replicas, true);
      if (scaled) surge = *scaled;
    }
    const auto& labels = deployment.spec.template_.metadata.labels;
    const auto count = std::count_if(pods.begin(), pods.end(), [&](const auto& pod) {
      const bool finished = pod.status.phase == "Failed" || pod.status.phase == "Succeeded";
      if (pod.metadata.deletion_timestamp || finished) return false;
      return std::all_of(labels.begin(), labels.end(), [&](const auto& pair) {
        const auto found = pod.metadata.labels.find(pair.first);
        return found != pod.metadata.labels.end() && found->second == pair.second;
      });
    });
    if (count > replicas + surge) {
      complaints_.push_back(fmt::format("deployment {} has {} pods, more than {} + {}",
                                        deployment.metadata.name, count, replicas, surge));
    }
  }
}

std::string Simulation::FaultsText() const {
  std::string text = fmt::format("lost messages {}", network_->lost());
  for (const auto& [name, count] : faults_) text += fmt::format(", {} {}", name, count);
  return text;
}

}  // namespace skiff
