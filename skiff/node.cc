#include "skiff/node.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "client/transport.h"
#include "kubelet/containerd.h"
#include "kubelet/cri_fake.h"
#include "kubelet/cri_grpc.h"
#include "kubelet/cri_grpc_import.h"
#include "kubelet/kubelet.h"
#include "kubelet/network/cni_config.h"
#include "kubelet/network/links.h"
#include "kubelet/streaming/kubelet_server.h"
#include "skiff/cluster_dns.h"
#include "skiff/service_proxy.h"

namespace skiff {
namespace {

constexpr int kKubeletThreads = 32;
constexpr int kSimulationThreads = 8;

// Writes the network's configuration as soon as the node has its pod CIDR.
class PodNetworkLoop final : public ControlLoop {
 public:
  PodNetworkLoop(Informer<core_v1::Node> nodes, std::string node, std::string directory,
                 CniNetwork network)
      : nodes_(nodes),
        node_(std::move(node)),
        directory_(std::move(directory)),
        network_(std::move(network)) {
    nodes_.OnChange([this](const auto&, const auto&) { Wake(); });
  }
  Duration Step() override {
    const auto node = nodes_.Get({"", node_});
    if (!node || node->spec.pod_cidrs.empty()) return kNever;
    if (node->spec.pod_cidrs == network_.pod_cidrs) return kNever;
    network_.pod_cidrs = node->spec.pod_cidrs;
    if (const auto written = WriteCniConfig(directory_, network_); !written) {
      log_.Error("network not configured", {{"error", written.error().message}});
      network_.pod_cidrs.clear();
      return 10s;
    }
    return kNever;
  }

 private:
  const Informer<core_v1::Node> nodes_;
  const std::string node_;
  const std::string directory_;
  CniNetwork network_;
  const Log log_{"network"};
};

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return std::string((std::istreambuf_iterator<char>(file)), {});
}

Result<> LoadImages(const std::vector<std::string>& archives, const std::string& endpoint,
                    cri::ContainerRuntime& runtime, const Progress& progress) {
  for (const std::string& path : archives) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return Fail(Reason::kNotFound, "cannot open image archive " + path);
    const auto imported = cri::ImportImages(endpoint, runtime, file);
    close(file);
    for (const auto& image : TRY(imported)) progress("loaded image " + image.name);
  }
  return {};
}

}  // namespace

std::string NodeName(const ClusterOptions& options) {
  if (!options.node_name.empty()) return options.node_name;
  char name[256] = "localhost";
  gethostname(name, sizeof name - 1);
  std::string lower = name;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

std::string NodeAddress() {
  const auto uplink = FindUplink();
  std::string found = "127.0.0.1";
  ifaddrs* list = nullptr;
  if (!uplink || !*uplink || getifaddrs(&list) != 0) return found;
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET) continue;
    if ((*uplink)->name != each->ifa_name) continue;
    char text[INET_ADDRSTRLEN] = {};
    const auto* address = reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
    inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
    found = text;
    break;
  }
  freeifaddrs(list);
  return found;
}

struct LocalNode::Parts {
  std::string name;
  std::unique_ptr<cri::ContainerRuntime> runtime;
  std::unique_ptr<Manager> manager;
  std::unique_ptr<http::Loops> loops;
  std::unique_ptr<ThreadExecutor> executor;
  std::unique_ptr<PodNetworkLoop> network;
  std::unique_ptr<kubelet::Kubelet> kubelet;
  std::unique_ptr<kubelet::KubeletServer> handler;
  std::unique_ptr<http::Server> server;
  std::unique_ptr<ServiceProxy> service_proxy;

  Result<> StartRuntime(const ClusterOptions& options, const Dependencies& dependencies,
                        const Progress& progress);
  Result<> StartKubelet(const ClusterOptions& options, const Dependencies& dependencies);
  Result<> StartProxy(const ClusterOptions& options, const Dependencies& dependencies);
};

Result<> LocalNode::Parts::StartRuntime(const ClusterOptions& options,
                                        const Dependencies& dependencies,
                                        const Progress& progress) {
  progress("starting containerd");
  const Containerd containerd =
      TRY(EnsureContainerd({.endpoint = options.container_runtime_endpoint,
                            .directory = options.data_dir,
                            .use_system = false}));
  for (const std::string& note : containerd.notes) progress("note: " + note);
  runtime = cri::MakeGrpcRuntime({.endpoint = containerd.endpoint});
  TRY(LoadImages(options.image_archives, containerd.endpoint, *runtime, progress));
  CniNetwork network_options;
  const auto uplink = FindUplink();
  if (uplink && *uplink) network_options.mtu = (*uplink)->mtu;
  network_options.ipam_directory = options.data_dir + "/cni/ipam";
  TRY(EnableForwarding(options.data_dir + "/forwarding.undo", false));
  TRY(AddUnreachableRoute(options.service_cidr));
  TRY(AddServiceRoute(options.service_cidr, NodeAddress()));
  network = std::make_unique<PodNetworkLoop>(dependencies.informers.For<core_v1::Node>(), name,
                                             containerd.cni_conf_directory, network_options);
  executor->Add(*network);
  return {};
}

Result<> LocalNode::Parts::StartKubelet(const ClusterOptions& options,
                                        const Dependencies& dependencies) {
  const std::string address = NodeAddress();
  kubelet::KubeletOptions kubelet_options;
  kubelet_options.node_name = name;
  kubelet_options.root = options.data_dir + "/kubelet";
  kubelet_options.log_root = options.data_dir + "/logs/pods";
  kubelet_options.node_ips = {address};
  std::error_code ignored;
  std::filesystem::create_directories(kubelet_options.root, ignored);
  if (options.cluster_dns != "off") {
    kubelet_options.dns.cluster_servers = {ClusterDnsAddress(options.service_cidr)};
  }
  kubelet_options.dns.node = kubelet::ParseResolvConf(ReadFile("/etc/resolv.conf"));
  kubelet_options.facts = kubelet::ReadNodeFacts(name, kubelet_options.root);
  kubelet_options.facts.ips = {address};
  kubelet_options.facts.port = options.kubelet_port;
  InformerFactory& informers = dependencies.informers;
  kubelet = std::make_unique<kubelet::Kubelet>(
      kubelet_options,
      kubelet::KubeletDependencies{manager->client(), dependencies.clock, dependencies.random,
                                   *runtime, dependencies.pods, informers.For<core_v1::Service>(),
                                   manager->Recorder("kubelet", name), *executor, loops.get()});
  handler = std::make_unique<kubelet::KubeletServer>(*kubelet, *loops, dependencies.clock);
  server = TRY(http::Server::Start(
      {.bind_address = "0.0.0.0", .port = options.kubelet_port, .tls = dependencies.tls}, *loops,
      *handler));
  kubelet->Start();
  return {};
}

Result<> LocalNode::Parts::StartProxy(const ClusterOptions& options,
                                      const Dependencies& dependencies) {
  proxy::IptablesOptions rules;
  rules.pod_cidr = options.cluster_cidr;
  rules.service_cidr = options.service_cidr;
  rules.node_ips = {NodeAddress()};
  service_proxy =
      TRY(ServiceProxy::Start(name, rules, dependencies.informers, dependencies.clock, *executor));
  return {};
}

Result<std::unique_ptr<LocalNode>> LocalNode::Start(const ClusterOptions& options,
                                                    Dependencies dependencies,
                                                    const Progress& progress) {
  auto parts = std::make_unique<Parts>();
  parts->name = NodeName(options);
  parts->loops = std::make_unique<http::Loops>(1);
  parts->executor = std::make_unique<ThreadExecutor>("kubelet", kKubeletThreads);
  parts->manager = std::make_unique<Manager>(
      Manager::Dependencies{dependencies.transport, dependencies.clock, dependencies.random,
                            dependencies.informers, "kubelet"});
  std::unique_ptr<LocalNode> node(new LocalNode(std::move(parts)));
  TRY(node->parts_->StartRuntime(options, dependencies, progress));
  TRY(node->parts_->StartKubelet(options, dependencies));
  TRY(node->parts_->StartProxy(options, dependencies));
  node->parts_->manager->Start(*node->parts_->executor);
  return node;
}

LocalNode::LocalNode(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

LocalNode::~LocalNode() {
  Parts& parts = *parts_;
  if (parts.server) parts.server->Stop(1s);
  if (parts.runtime) parts.runtime->Shutdown();
  if (parts.kubelet) parts.kubelet->Stop();
  parts.manager->Stop();
  // The informers tell it of changes until they have stopped.
  parts.service_proxy.reset();
  if (parts.network) parts.executor->Remove(*parts.network);
}

const std::string& LocalNode::name() const {
  return parts_->name;
}

Result<> LocalNode::ReloadTls(const http::ServerTls& tls) {
  return parts_->server->ReloadTls(tls);
}

namespace {

std::string SimulatedName(int index) {
  return "node-" + std::to_string(index);
}

}  // namespace

struct SimulatedNodes::Parts {
  // Events of all nodes are written by the first one: any node may write them.
  Parts(const TransportFor& transport_for, InformerFactory& informers, const Clock& clock,
        Random& random)
      : transport(transport_for(SimulatedName(0))),
        manager({*transport, clock, random, informers, "kubelet"}),
        executor("simulation", kSimulationThreads) {}
  std::unique_ptr<Transport> transport;
  std::vector<std::unique_ptr<Transport>> transports;
  std::vector<std::unique_ptr<Client>> clients;
  Manager manager;
  ThreadExecutor executor;
  std::vector<std::unique_ptr<cri::FakeRuntime>> runtimes;
  std::vector<std::unique_ptr<kubelet::Kubelet>> kubelets;
};

SimulatedNodes::SimulatedNodes(int count, const TransportFor& transport_for,
                               InformerFactory& informers, const Clock& clock, Random& random)
    : parts_(std::make_unique<Parts>(transport_for, informers, clock, random)) {
  for (int i = 0; i < count; ++i) {
    const std::string name = SimulatedName(i);
    parts_->transports.push_back(transport_for(name));
    parts_->clients.push_back(std::make_unique<Client>(*parts_->transports.back(), "kubelet"));
    const std::string cidr =
        "10." + std::to_string(128 + i / 256) + "." + std::to_string(i % 256) + ".0/24";
    parts_->runtimes.push_back(std::make_unique<cri::FakeRuntime>(clock, random, cidr));
    kubelet::KubeletOptions options;
    options.node_name = name;
    options.root = "/nonexistent";
    options.node_ips = {"10.127." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1)};
    options.facts.milli_cpu = 32'000;
    options.facts.memory_bytes = int64_t{256} << 30;
    options.facts.ephemeral_storage_bytes = int64_t{1} << 40;
    options.facts.hostname = name;
    options.facts.ips = options.node_ips;
    options.facts.architecture = "amd64";
    options.facts.os_image = "simulated";
    options.writes_files = false;
    parts_->kubelets.push_back(std::make_unique<kubelet::Kubelet>(
        options, kubelet::KubeletDependencies{
                     *parts_->clients.back(), clock, random, *parts_->runtimes.back(),
                     informers.For<core_v1::Pod>(), informers.For<core_v1::Service>(),
                     parts_->manager.Recorder("kubelet", name), parts_->executor, nullptr}));
    parts_->kubelets.back()->Start();
  }
  parts_->manager.Start(parts_->executor);
}

SimulatedNodes::~SimulatedNodes() {
  for (auto& kubelet : parts_->kubelets) kubelet->Stop();
  parts_->manager.Stop();
}

}  // namespace skiff
