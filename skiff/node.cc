#include "skiff/node.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "api/pods/local_volumes.h"
#include "base/build_info.h"
#include "client/recorder.h"
#include "client/scoped_informer.h"
#include "client/transport.h"
#include "kubelet/configuration.h"
#include "kubelet/containerd.h"
#include "kubelet/containerd_keeper.h"
#include "kubelet/cri_grpc.h"
#include "kubelet/cri_grpc_import.h"
#include "kubelet/kubelet.h"
#include "kubelet/network/links.h"
#include "kubelet/network/own_address.h"
#include "kubelet/network/pod_network.h"
#include "kubelet/node_agent.h"
#include "kubelet/node_traces.h"
#include "kubelet/volumes/local_volume_reclaimer.h"
#include "skiff/cluster_dns.h"
#include "skiff/cluster_ranges.h"
#include "skiff/kubelet_directory.h"
#include "skiff/listened_ports.h"
#include "skiff/machine_network.h"
#include "skiff/network_policies.h"
#include "skiff/program_arguments.h"
#include "skiff/service_proxy.h"
#include "skiff/service_proxy_server.h"
#include "skiff/shadowed_ports.h"

namespace skiff {
namespace {

// One registry that stalls is not to hold up what comes from others.
constexpr int kPullsAtOnce = 4;

ContainerdOptions ContainerdOf(const ClusterOptions& options) {
  return {.endpoint = options.container_runtime_endpoint,
          .directory = options.data_dir,
          .use_system = false};
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

// The disk of a machine that people work on is often nearly full of other things, and images that
// were loaded by hand cannot be pulled again: neither is a reason to turn pods away yet.
void MindLittle(kubelet::KubeletOptions& options) {
  const std::string little = std::to_string(kDiskPercentMin) + "%";
  options.eviction.hard = kubelet::EvictionTexts::Map{{"memory.available", "100Mi"},
                                                      {"nodefs.available", little},
                                                      {"nodefs.inodesFree", little},
                                                      {"imagefs.available", little},
                                                      {"imagefs.inodesFree", little}};
  options.images.high_threshold_percent = 100;
}

// Unless the thresholds are given.
Result<> SetEviction(const ClusterOptions& cluster, kubelet::KubeletOptions& options) {
  MindLittle(options);
  options.eviction_transition_period = cluster.eviction_pressure_transition_period;
  if (cluster.eviction_hard.empty()) return {};
  options.eviction.hard = TRY(kubelet::ParsePairs("eviction-hard", cluster.eviction_hard, '<'));
  return kubelet::ParseThresholds(options.eviction).map([](const auto&) {});
}

// What the kubelet was made to do, as a file would have said it.
kubelet::KubeletConfiguration ConfigurationOf(const ClusterOptions& cluster,
                                              const kubelet::KubeletOptions& options) {
  kubelet::KubeletConfiguration it;
  it.kube_api_qps = it.event_qps = -1;  // Nothing is held back, here or in one process.
  it.port = options.facts.port;
  it.healthz_port = 0;
  it.client_ca_file = cluster.data_dir + "/pki/ca.crt";
  it.static_pod_path = options.manifest_path;
  it.container_runtime_endpoint = cluster.container_runtime_endpoint;
  if (options.cgroup_driver == kubelet::CgroupDriver::kSystemd) it.cgroup_driver = "systemd";
  it.pod_logs_dir = options.log_root;
  it.cluster_dns = options.dns.cluster_servers;
  it.cluster_domain = options.dns.cluster_domain;
  it.max_pods = options.facts.pods_max;
  it.register_with_taints = options.facts.taints;
  it.eviction_hard = options.eviction.hard;
  it.eviction_pressure_transition_period = options.eviction_transition_period;
  it.serialize_image_pulls = false;
  it.max_parallel_image_pulls = options.pulls_max;
  it.image_gc_high_threshold_percent = options.images.high_threshold_percent;
  it.image_gc_low_threshold_percent = options.images.low_threshold_percent;
  return it;
}

// What a node tells of itself and its volumes beside its kubelet, which has its own.
struct NodeEvents {
  NodeEvents(Client& client, const Clock& clock, const std::string& node)
      : sink(client, clock), recorder(sink, clock, "kubelet", node) {}
  EventSink sink;
  EventRecorder recorder;
};

// The directories of claims that are gone.
struct NodeVolumes {
  NodeVolumes(const Reflector::Dependencies& api, const std::string& node, EventRecorder& events)
      : volumes(api, {.label_selector = std::string(kReclaimedBy) + "=" + node}),
        reclaimer({volumes.informer(), api.client, events}, node) {}
  ScopedInformer<core_v1::PersistentVolume> volumes;
  kubelet::LocalVolumeReclaimer reclaimer;
};

// What is told of the service proxy, to whom and where kube-proxy would.
struct ToldProxy {
  ToldProxy(const std::vector<proxy::IpFamily>& families, const Clock& clock)
      : figures(metrics, families, clock) {}
  MetricRegistry metrics;
  proxy::ProxyMetrics figures;
};

// That of the same family; "" without one.
std::string AddressFor(const std::string& cidr, const std::vector<std::string>& addresses) {
  for (const std::string& address : addresses) {
    if (HasIpv6(address) == HasIpv6(cidr)) return address;
  }
  return "";
}

// One for each of the cluster's families.
std::vector<proxy::IptablesOptions> ProxyRules(const ClusterOptions& options,
                                               const std::vector<std::string>& addresses) {
  std::vector<proxy::IptablesOptions> all;
  for (const std::string& cidr : CidrsOf(options.cluster_cidr)) {
    proxy::IptablesOptions& rules = all.emplace_back();
    rules.family = HasIpv6(cidr) ? proxy::IpFamily::kIpv6 : proxy::IpFamily::kIpv4;
    rules.pod_cidr = cidr;
    for (const std::string& services : CidrsOf(options.service_cidr)) {
      if (HasIpv6(services) == HasIpv6(cidr)) rules.service_cidr = services;
    }
    std::string address = AddressFor(cidr, addresses);
    if (!address.empty()) rules.node_ips = {std::move(address)};
  }
  return all;
}

}  // namespace

std::string NodeName(const ClusterOptions& options) {
  return options.node_name.empty() ? OwnHostname() : options.node_name;
}

std::string NodeAddress() {
  return OwnAddress();
}

std::vector<std::string> NodeAddresses(const ClusterOptions& options) {
  std::vector<std::string> addresses = {NodeAddress()};
  std::string second = HasIpv6(options.cluster_cidr) ? OwnIpv6Address() : "";
  if (!second.empty()) addresses.push_back(std::move(second));
  return addresses;
}

struct LocalNode::Parts {
  std::string name;
  std::vector<std::string> addresses;  // Of the node, asked for once.
  std::unique_ptr<cri::ContainerRuntime> runtime;
  std::unique_ptr<Client> client;    // As this node.
  std::unique_ptr<Client> services;  // As what serves the cluster's network from it.
  std::unique_ptr<NodeEvents> events;
  std::unique_ptr<NodeVolumes> volumes;
  std::unique_ptr<PodNetwork> network;
  std::unique_ptr<ToldProxy> told_proxy;
  // Before the agent, so that it outlives the informers, which tell it of changes until they stop.
  std::unique_ptr<ServiceProxy> service_proxy;
  std::unique_ptr<ShadowedPorts> shadowed_ports;
  std::unique_ptr<NetworkPolicies> policies;
  std::unique_ptr<kubelet::NodeAgent> agent;
  std::unique_ptr<ServiceProxyServer> proxy_server;  // On the agent's loops.
  std::unique_ptr<ContainerdKeeper> keeper;  // Of our own containerd; nullptr: it is another's.
  bool has_own_containerd = false;
  std::string cgroup_driver;  // Of the runtime, as it says; "": it does not.

  Result<> StartRuntime(const ClusterOptions& options, const Dependencies& dependencies,
                        const Progress& progress);
  Result<> StartKubelet(const ClusterOptions& options, const Dependencies& dependencies);
  void StartKeeper(const ClusterOptions& options, const Clock& clock);
  void StartLoops(const Clock& clock);
  Result<> MakeProxy(const ClusterOptions& options, const Dependencies& dependencies);
  void MakePolicies(const ClusterOptions& options, const Dependencies& dependencies);
};

Result<> LocalNode::Parts::StartRuntime(const ClusterOptions& options,
                                        const Dependencies& dependencies,
                                        const Progress& progress) {
  progress("starting containerd");
  const Containerd containerd = TRY(EnsureContainerd(ContainerdOf(options)));
  has_own_containerd = containerd.is_ours;
  for (const std::string& note : containerd.notes) progress("note: " + note);
  runtime = cri::MakeGrpcRuntime({.endpoint = containerd.endpoint});
  cgroup_driver = containerd.cgroup_driver;
  if (!has_own_containerd) {
    const std::string said = TRY(runtime->CgroupDriver());
    if (!said.empty()) cgroup_driver = said;
  }
  TRY(LoadImages(options.image_archives, containerd.endpoint, *runtime, progress));
  CniNetwork network_options;
  const auto uplink = FindUplink();
  if (uplink && *uplink) network_options.mtu = (*uplink)->mtu;
  network_options.ipam_directory = IpamDirectory(options.data_dir);
  network_options.kept_ports = OwnPorts(options);
  TRY(MachineNetwork().Join(options.data_dir));
  TRY(EnableForwarding(ForwardingUndoPath(options.data_dir), HasIpv6(options.cluster_cidr)));
  for (const std::string& cidr : CidrsOf(options.service_cidr)) {
    TRY(AddUnreachableRoute(cidr));
    TRY(AddServiceRoute(cidr, AddressFor(cidr, addresses)));
  }
  client = std::make_unique<Client>(dependencies.transport, "kubelet");
  services = std::make_unique<Client>(dependencies.services, "skiff-node-services");
  events = std::make_unique<NodeEvents>(*client, dependencies.clock, name);
  volumes = std::make_unique<NodeVolumes>(
      Reflector::Dependencies{*services, dependencies.clock, dependencies.random}, name,
      events->recorder);
  network = std::make_unique<PodNetwork>(
      NodeRouteLoop::Dependencies{.nodes = dependencies.informers.For<core_v1::Node>(),
                                  .client = *client,
                                  .clock = dependencies.clock,
                                  .events = &events->recorder},
      PodNetwork::Options{.routes = {.node_name = name,
                                     .reserved_cidrs = CidrsOf(options.service_cidr),
                                     .cluster_cidrs = CidrsOf(options.cluster_cidr)},
                          .cni_directory = containerd.cni_conf_directory,
                          .network = network_options});
  return {};
}

Result<> LocalNode::Parts::StartKubelet(const ClusterOptions& options,
                                        const Dependencies& dependencies) {
  kubelet::NodeAgentOptions agent_options;
  agent_options.kubelet = kubelet::OptionsOfThisMachine(
      name, addresses, options.data_dir + "/kubelet", "/etc/resolv.conf");
  agent_options.kubelet.later_node_ips = {[options] { return NodeAddresses(options); }, HasAddress};
  // Drivers mount what is below the path that they know, and no other.
  const bool is_known = LinkKubeletDirectory(agent_options.kubelet.root);
  if (is_known) agent_options.kubelet.known_root = kKubeletDirectory;
  agent_options.kubelet.dns.cluster_servers = ClusterDnsServers(options);
  agent_options.kubelet.log_root = options.data_dir + "/logs/pods";
  if (cgroup_driver == "systemd") {
    agent_options.kubelet.cgroup_driver = kubelet::CgroupDriver::kSystemd;
  }
  agent_options.kubelet.facts.port = options.kubelet_port;
  agent_options.kubelet.facts.annotations[kLetsGoOfVolumes] = "true";
  if (has_own_containerd) agent_options.kubelet.kept_ports = OwnPorts(options);
  agent_options.kubelet.pulls_max = kPullsAtOnce;
  for (const std::string& taint : options.register_with_taints) {
    agent_options.kubelet.facts.taints.push_back(TRY(kubelet::ParseTaint(taint)));
  }
  TRY(SetEviction(options, agent_options.kubelet));
  agent_options.kubelet.manifest_path = options.data_dir + "/manifests";
  std::error_code ignored;  // Without it there are no static pods.
  std::filesystem::create_directories(agent_options.kubelet.manifest_path, ignored);
  agent_options.configuration =
      kubelet::ShownConfiguration(ConfigurationOf(options, agent_options.kubelet));
  agent_options.server = http::Server::Options{
      .bind_address = "0.0.0.0", .port = options.kubelet_port, .tls = dependencies.tls};
  agent = TRY(kubelet::NodeAgent::Start(
      std::move(agent_options),
      {dependencies.transport, dependencies.transport, dependencies.transport,
       dependencies.informers, dependencies.pods, dependencies.informers.For<core_v1::Service>(),
       dependencies.informers.For<core_v1::Node>(), dependencies.clock, dependencies.random,
       *runtime}));
  network->OnWritten([this] { agent->kubelet().RuntimeChanged(); });
  StartLoops(dependencies.clock);
  if (has_own_containerd) StartKeeper(options, dependencies.clock);
  return {};
}

void LocalNode::Parts::StartLoops(const Clock& clock) {
  Executor& executor = agent->executor();
  executor.Add(events->sink);
  executor.Add(volumes->reclaimer);
  volumes->volumes.Start(executor);
  network->Start(executor);
  service_proxy->Start(executor);
  policies->Start(executor);
  AddProgramMetrics(told_proxy->metrics);
  proxy_server = std::make_unique<ServiceProxyServer>(ServiceProxyServer::Parts{
      *service_proxy, clock, told_proxy->metrics, told_proxy->figures, agent->loops()});
  proxy_server->ServeWhereFree();
}

void LocalNode::Parts::StartKeeper(const ClusterOptions& options, const Clock& clock) {
  keeper = std::make_unique<ContainerdKeeper>(ContainerdOf(options), agent->loops(), clock, [this] {
    // What it has of pods is read anew as soon as its events come again.
    agent->kubelet().RuntimeChanged();
  });
  agent->executor().Add(*keeper);
}

Result<> LocalNode::Parts::MakeProxy(const ClusterOptions& options,
                                     const Dependencies& dependencies) {
  const auto all = ProxyRules(options, addresses);
  std::vector<proxy::IpFamily> families;
  for (const auto& rules : all) families.push_back(rules.family);
  told_proxy = std::make_unique<ToldProxy>(families, dependencies.clock);
  std::vector<ServiceProxy::Family> parts;
  for (const auto& rules : all) {
    parts.push_back({rules, &told_proxy->figures.Of(rules.family)});
  }
  const auto flavour = TRY(proxy::ParseIptablesFlavour(options.iptables_flavour));
  service_proxy =
      TRY(ServiceProxy::Make(name, parts, flavour, dependencies.informers, dependencies.clock));
  shadowed_ports = std::make_unique<ShadowedPorts>(
      name, addresses,
      ShadowedPorts::Dependencies{dependencies.informers.For<core_v1::Service>(), events->recorder,
                                  &ListenedPorts});
  return {};
}

void LocalNode::Parts::MakePolicies(const ClusterOptions& options,
                                    const Dependencies& dependencies) {
  std::optional<Informer<core_v1::Pod>> all;
  if (dependencies.pods_are_all) all = dependencies.pods;
  policies = std::make_unique<NetworkPolicies>(
      name, NetworkPolicies::Dependencies{dependencies.informers,
                                          all,
                                          {*services, dependencies.clock, dependencies.random},
                                          &events->recorder,
                                          options.data_dir});
}

Result<std::unique_ptr<LocalNode>> LocalNode::Start(const ClusterOptions& options,
                                                    Dependencies dependencies,
                                                    const Progress& progress) {
  auto parts = std::make_unique<Parts>();
  parts->name = NodeName(options);
  parts->addresses = NodeAddresses(options);
  std::unique_ptr<LocalNode> node(new LocalNode(std::move(parts)));
  TRY(node->parts_->StartRuntime(options, dependencies, progress));
  TRY(node->parts_->MakeProxy(options, dependencies));
  node->parts_->MakePolicies(options, dependencies);
  // Last: the informers that nobody has started yet start with it.
  TRY(node->parts_->StartKubelet(options, dependencies));
  return node;
}

LocalNode::LocalNode(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

LocalNode::~LocalNode() {
  Parts& parts = *parts_;
  if (!parts.agent) return;  // Else nothing of it runs.
  if (parts.keeper) {
    parts.keeper->Stop();
    parts.agent->executor().Remove(*parts.keeper);
  }
  parts.proxy_server->Stop();
  parts.policies->Stop();
  parts.service_proxy->Stop();
  parts.network->Stop();
  parts.volumes->volumes.Stop();
  parts.agent->executor().Remove(parts.volumes->reclaimer);
  parts.agent->executor().Remove(parts.events->sink);
}

std::vector<int> OwnPorts(const ClusterOptions& options) {
  std::vector<int> ports = {options.kubelet_port};
  if (options.is_server) ports.push_back(options.secure_port);
  // What other nodes' pods ask comes with it, when their own nodes do not answer.
  if (!ClusterDnsServers(options).empty()) ports.push_back(options.cluster_dns_port);
  for (const auto& serving : {ControllerManagerServing(options.controller_manager_args),
                              SchedulerServing(options.scheduler_args)}) {
    if (serving) ports.push_back(serving->secure_port);
  }
  std::erase(ports, 0);
  return ports;
}

const std::string& LocalNode::name() const {
  return parts_->name;
}

Result<> LocalNode::ReloadTls(const http::ServerTls& tls) {
  return parts_->agent->ReloadTls(tls);
}

MetricRegistry& LocalNode::kubelet_metrics() {
  return parts_->agent->metrics();
}

}  // namespace skiff
