#include "skiff/cluster.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "api/pods/node_services.h"
#include "apiserver/server/program.h"
#include "base/id.h"
#include "base/log.h"
#include "base/wrong_clock.h"
#include "client/manager.h"
#include "client/transport.h"
#include "controllers/metrics/documents.h"
#include "controllers/metrics/metrics_server.h"
#include "kubelet/containerd.h"
#include "kubelet/network/links.h"
#include "kubelet/node_traces.h"
#include "proxy/netfilter.h"
#include "proxy/policy/nft.h"
#include "skiff/cluster_dns.h"
#include "skiff/cluster_ingress.h"
#include "skiff/cluster_objects.h"
#include "skiff/cluster_pki.h"
#include "skiff/cluster_ranges.h"
#include "skiff/control_plane.h"
#include "skiff/host_facts.h"
#include "skiff/join_file.h"
#include "skiff/kubelet_directory.h"
#include "skiff/machine_network.h"
#include "skiff/move_file.h"
#include "skiff/node.h"
#include "skiff/program_arguments.h"
#include "skiff/program_port.h"
#include "skiff/ready_nodes.h"
#include "skiff/removal.h"
#include "skiff/secrets_encryption.h"
#include "skiff/simulated_nodes.h"

namespace skiff {
namespace {

constexpr int kSharedThreads = 8;
constexpr Duration kReadyPatience = 60s;

ApiServerFlags ServerFlags(const ClusterOptions& options, const Pki& pki) {
  ApiServerFlags flags;
  flags.data_dir = options.data_dir;
  flags.bind_address = options.bind_address;
  flags.advertise_address = NodeAddress();
  flags.secure_port = options.secure_port;
  flags.durability = options.durability;
  flags.history = options.history;
  flags.etcd_compaction_interval = std::min(flags.etcd_compaction_interval, options.history);
  flags.authorization_modes = {"Node", "RBAC"};
  flags.enable_admission_plugins = {"NodeRestriction"};
  flags.enable_bootstrap_token_auth = true;
  flags.warn_unserved_kinds = true;
  flags.network_policies_are_enforced = options.simulated_nodes == 0;
  flags.controllers_are_within = true;
  flags.default_not_ready_toleration_s = options.default_not_ready_toleration_s;
  flags.default_unreachable_toleration_s = options.default_unreachable_toleration_s;
  flags.etcd_servers = options.etcd_servers;
  flags.etcd_ca_file = options.etcd_ca_file;
  flags.etcd_cert_file = options.etcd_cert_file;
  flags.etcd_key_file = options.etcd_key_file;
  flags.encryption_provider_config = EncryptionConfigOf(options);
  flags.encryption_provider_config_automatic_reload = !flags.encryption_provider_config.empty();
  flags.extra_names = ExtraServerNames(options);
  flags.client_ca_file = pki.Path("ca.crt");
  flags.service_cluster_ip_ranges = CidrsOf(options.service_cidr);
  flags.kubelet_client_certificate = pki.Path("apiserver-kubelet-client.crt");
  flags.kubelet_client_key = pki.Path("apiserver-kubelet-client.key");
  flags.kubelet_certificate_authority = pki.Path("ca.crt");
  flags.requestheader_client_ca_file = pki.Path(std::string(kFrontProxyAuthority) + ".crt");
  flags.front_proxy.allowed_names = {kFrontProxyClient};
  flags.front_proxy.username_headers = {"X-Remote-User"};
  flags.front_proxy.uid_headers = {"X-Remote-Uid"};
  flags.front_proxy.group_headers = {"X-Remote-Group"};
  flags.front_proxy.extra_header_prefixes = {"X-Remote-Extra-"};
  flags.proxy_client_cert_file = pki.Path(std::string(kFrontProxyClient) + ".crt");
  flags.proxy_client_key_file = pki.Path(std::string(kFrontProxyClient) + ".key");
  if (options.simulated_nodes > 0) {
    flags.socket_of_simulated = [options](const std::string& node) {
      return SimulatedSocketOf(options, node);
    };
  }
  return flags;
}

std::unique_ptr<Transport> TransportAsNode(ApiServer& server, const std::string& node) {
  return TransportAs(server, std::string(kNodeUserPrefix) + node, {std::string(kGroupNodes)});
}

std::unique_ptr<Transport> TransportAsNodeServices(ApiServer& server, const std::string& node) {
  return TransportAs(server, NodeServicesUser(node), {std::string(kNodeServicesGroup)});
}

// As the server's own hand.
InProcessTransport OwnTransport(ApiServer& server) {
  return InProcessTransport(
      [&server](const http::Request& request) { return server.Handle(request, LoopbackUser()); },
      InProcessTransport::Bodies::kObjects);
}

// Once at each start.
Result<> WriteOwnObjects(ApiServer& server, const ClusterOptions& options, const Pki& pki) {
  InProcessTransport transport = OwnTransport(server);
  Client client(transport, "skiff");
  TRY(WriteClusterObjects(client, {.server_url = ServerUrlOf(options),
                                   .authority_pem = pki.authority().pem().certificate_pem,
                                   .service_cidr = options.service_cidr,
                                   .cluster_cidr = options.cluster_cidr,
                                   .has_dns = !ClusterDnsServers(options).empty()}));
  TRY(EnsureDefaultStorageClass(client, options.simulated_nodes > 0));
  if (IsIngressWanted(options)) TRY(EnsureIngressClass(client));
  if (options.simulated_nodes > 0) TRY(RemoveSurplusNodes(client, options.simulated_nodes));
  if (options.bootstrap_token.empty()) return {};
  return EnsureBootstrapToken(client, options.bootstrap_token);
}

}  // namespace

struct Cluster::Parts {
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<ClockFaults> clock_faults;
  std::optional<NodeClock> node_clock;  // Of the node here, where it is no simulated one.
  metrics::MetricsServer usage{clock};  // Before the server, which asks it.
  std::optional<Pki> pki;
  std::unique_ptr<ApiServerProcess> server;
  std::unique_ptr<Transport> shared_transport, node_transport, services_transport;
  std::unique_ptr<Client> informer_client;
  std::unique_ptr<InformerFactory> informers;
  std::unique_ptr<ThreadExecutor> executor;
  std::unique_ptr<Manager> scraper;
  std::unique_ptr<ProgramPort> controllers_port, scheduler_port;  // Null: there are none.
  std::unique_ptr<ControlPlane> control;  // Of a server alone.
  std::unique_ptr<LedControlPlane> led;   // Of one of several.
  std::unique_ptr<NodeDns> dns;
  std::unique_ptr<LocalNode> node;
  std::unique_ptr<SimulatedNodes> simulated;
  std::unique_ptr<ReadyNodes> ready;

  Result<> StartServer(const ClusterOptions& options);
  Result<> PrepareControl(const ClusterOptions& options);
  void StartControl(const ClusterOptions& options);
  ProgramRuns Runs() const {
    return {.controllers = controllers_port ? &controllers_port->run() : nullptr,
            .scheduler = scheduler_port ? &scheduler_port->run() : nullptr};
  }
};

Result<> Cluster::Parts::StartServer(const ClusterOptions& options) {
  TRY(CheckEncryptionConfig(options));
  if (options.secrets_encryption) TRY(EnsureEncryptionConfig(options));
  std::vector<std::string> notes;
  ApiServerFlags flags =
      TRY(WithApiServerArgs(ServerFlags(options, *pki), options.api_server_args, notes));
  flags.resident =
      Resident{.group = metrics::kGroup,
               .version = metrics::kVersion,
               .answer = [this](const http::Request& request) { return usage.Answer(request); }};
  server = TRY(ApiServerProcess::Start(flags));
  return {};
}

Result<> Cluster::Parts::PrepareControl(const ClusterOptions& options) {
  ApiServer& handler = server->server();
  TRY(WriteOwnObjects(handler, options, *pki));
  shared_transport = TransportAsControllers(handler);
  node_transport = TransportAsNode(handler, NodeName(options));
  services_transport = TransportAsNodeServices(handler, NodeName(options));
  informer_client = std::make_unique<Client>(*shared_transport, "skiff");
  informers =
      std::make_unique<InformerFactory>(Reflector::Dependencies{*informer_client, clock, random});
  executor = std::make_unique<ThreadExecutor>("controllers", kSharedThreads);
  scraper = std::make_unique<Manager>(
      Manager::Dependencies{*shared_transport, clock, random, *informers, "metrics-server"});
  metrics::AddMetricsScraper(*scraper, usage);
  const ProgramPort::Dependencies of_ports{handler, *pki, clock};
  controllers_port =
      TRY(ProgramPort::OfControllerManager(options.controller_manager_args, of_ports));
  scheduler_port = TRY(ProgramPort::OfScheduler(options.scheduler_args, of_ports));
  if (options.etcd_servers.empty()) {
    ControlPlane::Dependencies of{handler, *informers, *executor, clock, random};
    of.runs = Runs();
    control = std::make_unique<ControlPlane>(options, *pki, of);
  }
  ready = std::make_unique<ReadyNodes>(informers->For<core_v1::Node>());
  dns = TRY(NodeDns::Start(options, {*node_transport, *informers, clock, random, *executor}));
  return {};
}

void Cluster::Parts::StartControl(const ClusterOptions& options) {
  scraper->Start(*executor);
  if (control) {
    control->Start();
  } else {
    led = std::make_unique<LedControlPlane>(
        options, *pki, LedControlPlane::Dependencies{server->server(), clock, random, Runs()});
  }
}

std::string AdminKubeconfigPath(const ClusterOptions& options) {
  return options.data_dir + "/admin.kubeconfig";
}

namespace {

// The token of the join file there is, so that machines which have read it may come later; or a new
// one.
Result<ClusterOptions> WithToken(const ClusterOptions& given, Random& random) {
  ClusterOptions options = given;
  if (options.join_file.empty() || !options.bootstrap_token.empty()) return options;
  const auto present = ReadJoinFile(options.join_file);
  if (!present && present.error().reason != Reason::kNotFound) return Fail(present.error());
  const BootstrapToken token = present ? present->token : BootstrapToken::Generate(random);
  options.bootstrap_token = token.Text();
  return options;
}

Result<> TellHowToJoin(const ClusterOptions& options, const Pki& pki) {
  if (options.join_file.empty()) return {};
  const auto token = BootstrapToken::Parse(options.bootstrap_token);
  CHECK(token.has_value());  // EnsureBootstrapToken has read it.
  JoinFile file {
    *token, TRY(PublicKeyPin(pki.authority().pem().certificate_pem))
  };
  return WriteJoinFile(options.join_file, file);
}

}  // namespace

Result<std::unique_ptr<Cluster>> Cluster::Start(const ClusterOptions& given,
                                                const Progress& progress) {
  auto parts = std::make_unique<Parts>();
  const ClusterOptions options = TRY(WithToken(given, parts->random));
  TRY(WriteClusterMark(options));
  parts->pki = TRY(MakeClusterPki(options, parts->clock));
  const Pki& pki = *parts->pki;
  progress("starting the API server");
  TRY(parts->StartServer(options));
  TRY(WriteAdminKubeconfig(options, pki));
  TRY(parts->PrepareControl(options));
  TRY(TellHowToJoin(options, pki));
  std::unique_ptr<Cluster> cluster(new Cluster(std::move(parts)));
  Parts& made = *cluster->parts_;
  const bool is_one = options.simulated_nodes == 0;
  made.clock_faults = FollowClockFaults(options.data_dir, is_one ? NodeName(options) : "");
  made.node_clock.emplace(made.clock, NodeName(options), made.clock_faults.get());
  // Nodes first: informers, which start with the controllers, tell only those who asked before.
  if (options.simulated_nodes > 0) {
    progress(fmt::format("simulating {} node{}", options.simulated_nodes,
                         options.simulated_nodes == 1 ? "" : "s"));
    ApiServer& server = made.server->server();
    made.simulated = std::make_unique<SimulatedNodes>(
        options, [&server](const std::string& node) { return TransportAsNode(server, node); },
        *made.informers, made.clock, made.random, made.clock_faults.get());
    // Without it pods live all the same: a socket's path may be too long.
    if (const auto served = made.simulated->Serve(); !served) {
      progress("note: no logs and commands of simulated pods: " + served.error().message);
    }
  } else {
    const auto tls = TRY(http::ServerTls::FromFiles(pki.Path("kubelet.crt"),
                                                    pki.Path("kubelet.key"), pki.Path("ca.crt")));
    made.node = TRY(LocalNode::Start(options,
                                     {*made.node_transport, *made.services_transport,
                                      *made.informers, made.informers->For<core_v1::Pod>(),
                                      *made.node_clock, made.random, tls, /*pods_are_all=*/true},
                                     progress));
  }
  made.StartControl(options);
  progress("waiting for the nodes");
  const auto names = options.simulated_nodes > 0 ? SimulatedNodeNames(options.simulated_nodes)
                                                 : std::vector{NodeName(options)};
  if (!made.ready->WaitFor(names, kReadyPatience)) {
    return Fail(Reason::kTimeout,
                "a node is not Ready, and none has become so for a minute; its conditions say why: "
                "skiff describe node");
  }
  if (made.node) {
    InProcessTransport transport = OwnTransport(made.server->server());
    Client client(transport, "skiff");
    TRY(MarkControlPlane(client, made.node->name()));
  }
  return cluster;
}

Cluster::Cluster(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Cluster::~Cluster() {
  Parts& parts = *parts_;
  parts.led.reset();
  if (parts.informers) parts.informers->Stop();  // They tell all below of changes.
  parts.node.reset();
  parts.simulated.reset();
  if (parts.control) parts.control->Stop();
  parts.scraper->Stop();
  // Their watches look into the store: they end before it does.
  parts.dns.reset();
  parts.ready.reset();
  parts.control.reset();
  parts.controllers_port.reset();
  parts.scheduler_port.reset();
  parts.scraper.reset();
  parts.informers.reset();
  parts.server->Stop();
}

namespace {

// Links, routes, rules and switches, unless other nodes of this machine use them too.
Result<> LeaveNetwork(const ClusterOptions& options, const Progress& progress) {
  MachineNetwork network;
  const std::vector<std::string> others = network.Others(options.data_dir);
  network.Leave(options.data_dir);
  if (!others.empty()) {
    progress("note: the network stays: the cluster of " + others.front() + " uses it");
    // Whoever goes last puts the switches back as the first one found them.
    std::error_code ignored;
    const std::string undo = ForwardingUndoPath(others.front());
    const std::string ours = ForwardingUndoPath(options.data_dir);
    if (!std::filesystem::exists(ours, ignored)) return {};
    return HandOverForwarding(ours, undo);
  }
  progress("removing the network");
  TRY(RemoveNodeNetwork(options.data_dir));
  for (const std::string& cidr : CidrsOf(options.service_cidr)) {
    TRY(RemoveUnreachableRoute(cidr));
  }
  TRY(RemoveServiceRoute());
  TRY(netpol::CleanupPolicies());
  return proxy::CleanupIptables();
}

}  // namespace

Result<> LeaveMachine(const ClusterOptions& options, bool keep_data, const Progress& progress) {
  if (!StopIngress(options.data_dir)) progress("note: haproxy does not end");
  progress("stopping containers");
  TRY(RemoveNodePods({.directory = options.data_dir,
                      .kubelet_root = options.data_dir + "/kubelet",
                      .keep_data = keep_data}));
  UnlinkKubeletDirectory(options.data_dir + "/kubelet");
  return LeaveNetwork(options, progress);
}

namespace {

// Ours in it, and it too unless it holds something else.
Result<> RemoveDataDir(const std::string& data_dir, const Progress& progress) {
  namespace fs = std::filesystem;
  const auto failed = [](const fs::path& path, const std::error_code& error) {
    return Fail(Reason::kInternalError, "remove " + path.string() + ": " + error.message());
  };
  std::error_code error;
  std::vector<fs::path> ours;
  for (const auto& entry : fs::directory_iterator(data_dir, error)) {
    if (IsOfDataDir(entry.path().filename().string())) ours.push_back(entry.path());
  }
  if (error) return failed(data_dir, error);
  // Something may still be mounted in a directory. Files tell that a cluster was here: while there
  // is something left, so are they, and `down` can be called again.
  std::stable_partition(ours.begin(), ours.end(), [](const fs::path& path) {
    std::error_code unknown;
    return fs::is_directory(path, unknown);
  });
  for (const fs::path& path : ours) {
    fs::remove_all(path, error);
    if (error) return failed(path, error);
  }
  fs::remove(data_dir, error);
  if (error == std::errc::directory_not_empty) {
    progress("note: " + data_dir + " stays: it holds other files");
    return {};
  }
  // A directory that is a mount, as a container's volume is, stays, empty.
  if (error && error != std::errc::device_or_resource_busy) return failed(data_dir, error);
  return {};
}

}  // namespace

Result<> RemoveCluster(const ClusterOptions& options, const Progress& progress) {
  const Removal removal = TRY(RemovalOf(options.data_dir, ReadDataDir(options.data_dir)));
  if (geteuid() == 0 && removal.node) {
    TRY(LeaveMachine(options, /*keep_data=*/false, progress));
  }
  if (geteuid() == 0 && removal.containerd) {
    progress("stopping containerd");
    TRY(RemoveContainerd({.directory = options.data_dir, .use_system = false}, {}));
  }
  progress("removing files");
  return RemoveDataDir(options.data_dir, progress);
}

}  // namespace skiff
