#include "skiff/cluster.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "apiserver/auth/pki.h"
#include "apiserver/program.h"
#include "base/id.h"
#include "base/log.h"
#include "client/manager.h"
#include "client/transport.h"
#include "controllers/program.h"
#include "controllers/scheduler/scheduler.h"
#include "kubelet/containerd.h"
#include "kubelet/network/cni_config.h"
#include "kubelet/network/links.h"
#include "kubelet/volumes/volume_manager.h"
#include "proxy/netfilter.h"
#include "skiff/cluster_dns.h"
#include "skiff/node.h"

namespace skiff {
namespace {

constexpr int kControllerThreads = 8;
constexpr Duration kReadyTimeout = 60s;

bool IsReady(const core_v1::Node& node) {
  const auto& conditions = node.status.conditions;
  return std::any_of(conditions.begin(), conditions.end(), [](const auto& condition) {
    return condition.type == "Ready" && condition.status == "True";
  });
}

// Counts nodes that are Ready and lets somebody wait for a number of them.
class ReadyNodes {
 public:
  explicit ReadyNodes(Informer<core_v1::Node> nodes) : nodes_(nodes) {
    nodes_.OnChange([this](const auto&, const auto&) {
      MutexLock lock(mutex_);
      changed_.notify_all();
    });
  }
  bool WaitFor(int count, Duration timeout) {
    MutexLock lock(mutex_);
    return changed_.wait_for(lock, timeout, [&] {
      const auto all = nodes_.List();
      return std::count_if(all.begin(), all.end(),
                           [](const auto& node) { return IsReady(*node); }) >= count;
    });
  }

 private:
  const Informer<core_v1::Node> nodes_;
  Mutex mutex_;
  CondVar changed_;
};

Result<Pki> MakePki(const ClusterOptions& options, const Clock& clock) {
  Pki pki = TRY(Pki::Open(options.data_dir + "/pki", clock.Now()));
  const std::string node = NodeName(options);
  const std::string address = NodeAddress();
  TRY(pki.EnsureLeaf("kubelet",
                     {.common_name = "system:node:" + node,
                      .organizations = {"system:nodes"},
                      .dns_names = {node, "localhost"},
                      .ip_addresses = {"127.0.0.1", address},
                      .server = true},
                     clock.Now()));
  TRY(pki.EnsureLeaf("apiserver-kubelet-client",
                     {.common_name = "kube-apiserver-kubelet-client",
                      .organizations = {"system:masters"},
                      .client = true},
                     clock.Now()));
  TRY(pki.EnsureLeaf(
      "admin",
      {.common_name = "kubernetes-admin", .organizations = {"system:masters"}, .client = true},
      clock.Now()));
  return pki;
}

Result<> WriteAdminKubeconfig(const ClusterOptions& options, const Pki& pki) {
  const KeyPair admin = {
    TRY(ReadWholeFile(pki.Path("admin.crt"))),
    TRY(ReadWholeFile(pki.Path("admin.key")))
  };
  const bool any_address = options.bind_address == "0.0.0.0" || options.bind_address == "::";
  const std::string host = any_address ? "127.0.0.1" : options.bind_address;
  return WriteWholeFile(
      AdminKubeconfigPath(options),
      KubeconfigText(fmt::format("https://{}:{}", host, options.secure_port),
                     pki.authority().pem().certificate_pem, "kubernetes-admin", admin),
      0600);
}

ApiServerFlags ServerFlags(const ClusterOptions& options, const Pki& pki) {
  ApiServerFlags flags;
  flags.data_dir = options.data_dir;
  flags.bind_address = options.bind_address;
  flags.advertise_address = NodeAddress();
  flags.secure_port = options.secure_port;
  flags.durability = options.durability;
  flags.authorization_modes = {"Node", "RBAC"};
  flags.client_ca_file = pki.Path("ca.crt");
  flags.service_cluster_ip_ranges = {options.service_cidr};
  flags.kubelet_client_certificate = pki.Path("apiserver-kubelet-client.crt");
  flags.kubelet_client_key = pki.Path("apiserver-kubelet-client.key");
  flags.kubelet_certificate_authority = pki.Path("ca.crt");
  return flags;
}

// How a program of this process reaches the server: as the user it would authenticate as.
std::unique_ptr<InProcessTransport> TransportAs(ApiServer& server, const std::string& name) {
  User user;
  user.name = name;
  user.groups = {"system:masters", "system:authenticated"};
  return std::make_unique<InProcessTransport>(
      [&server, user](const http::Request& request) { return server.Handle(request, user); });
}

}  // namespace

struct Cluster::Parts {
  SystemClock clock;
  SystemRandom random;
  std::unique_ptr<ApiServerProcess> server;
  std::unique_ptr<InProcessTransport> controller_transport, scheduler_transport, node_transport;
  std::unique_ptr<Client> informer_client;
  std::unique_ptr<InformerFactory> informers;
  std::unique_ptr<ThreadExecutor> executor;
  std::unique_ptr<Manager> controllers, scheduler;
  std::unique_ptr<ClusterDnsPart> dns;
  std::unique_ptr<LocalNode> node;
  std::unique_ptr<SimulatedNodes> simulated;
  std::unique_ptr<ReadyNodes> ready;

  Result<> StartControl(const ClusterOptions& options, const Pki& pki);
};

Result<> Cluster::Parts::StartControl(const ClusterOptions& options, const Pki& pki) {
  ApiServer& handler = server->server();
  controller_transport = TransportAs(handler, "system:kube-controller-manager");
  scheduler_transport = TransportAs(handler, "system:kube-scheduler");
  node_transport = TransportAs(handler, "system:node:" + NodeName(options));
  informer_client = std::make_unique<Client>(*controller_transport, "skiff");
  informers =
      std::make_unique<InformerFactory>(Reflector::Dependencies{*informer_client, clock, random});
  executor = std::make_unique<ThreadExecutor>("controllers", kControllerThreads);
  controllers = std::make_unique<Manager>(Manager::Dependencies{
      *controller_transport, clock, random, *informers, "kube-controller-manager"});
  ControllerOptions controller_options;
  controller_options.root_ca = pki.authority().pem().certificate_pem;
  controller_options.allocate_node_cidrs = true;
  controller_options.cluster_cidrs = {options.cluster_cidr};
  controller_options.service_cidrs = {options.service_cidr};
  controller_options.service_load_balancer =
      ServiceLoadBalancerOptions{.reserved = {{{"TCP", 22}, "ssh"},
                                              {{"TCP", options.secure_port}, "the API server"},
                                              {{"TCP", options.kubelet_port}, "the kubelet"}}};
  controller_options.local_path_directory = options.data_dir + "/local-path";
  controller_options.remove_local_volume = [directory = options.data_dir + "/local-path"](
                                               const std::string&,
                                               const std::string& path) -> Result<> {
    // Only what the provisioner made may be removed.
    if (!path.starts_with(directory + "/")) return {};
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return Fail(Reason::kInternalError, "remove " + path + ": " + error.message());
    return {};
  };
  AddControllers(*controllers, controller_options);
  scheduler = std::make_unique<Manager>(
      Manager::Dependencies{*scheduler_transport, clock, random, *informers, "kube-scheduler"});
  scheduler::AddScheduler(*scheduler);
  ready = std::make_unique<ReadyNodes>(informers->For<core_v1::Node>());
  if (options.simulated_nodes == 0 && options.cluster_dns != "off") {
    dns = TRY(ClusterDnsPart::Start(options,
                                    {*controller_transport, *informers, clock, random, *executor}));
  }
  return {};
}

std::string AdminKubeconfigPath(const ClusterOptions& options) {
  return options.data_dir + "/admin.kubeconfig";
}

std::vector<std::string> NodeProblems(const ClusterOptions& options) {
  if (options.simulated_nodes > 0) return {};
  std::vector<std::string> problems =
      ContainerdProblems({.endpoint = options.container_runtime_endpoint,
                          .directory = options.data_dir,
                          .use_system = false});
  if (geteuid() == 0) {
    if (const auto opened = proxy::OpenIptables(proxy::IpFamily::kIpv4); !opened) {
      problems.push_back(opened.error().message);
    }
  }
  return problems;
}

Result<std::unique_ptr<Cluster>> Cluster::Start(const ClusterOptions& options,
                                                const Progress& progress) {
  const auto problems = NodeProblems(options);
  if (!problems.empty()) {
    return Fail(Reason::kForbidden, fmt::format("{}", fmt::join(problems, "\n")));
  }
  auto parts = std::make_unique<Parts>();
  std::error_code error;
  std::filesystem::create_directories(options.data_dir, error);
  if (error) {
    return Fail(Reason::kForbidden,
                fmt::format("cannot make the data directory {}: {}; choose another with --data-dir",
                            options.data_dir, error.message()));
  }
  const Pki pki = TRY(MakePki(options, parts->clock));
  progress("starting the API server");
  parts->server = TRY(ApiServerProcess::Start(ServerFlags(options, pki)));
  TRY(WriteAdminKubeconfig(options, pki));
  TRY(parts->StartControl(options, pki));
  std::unique_ptr<Cluster> cluster(new Cluster(std::move(parts)));
  Parts& made = *cluster->parts_;
  made.controllers->Start(*made.executor);
  made.scheduler->Start(*made.executor);
  if (options.simulated_nodes > 0) {
    progress(fmt::format("simulating {} nodes", options.simulated_nodes));
    made.simulated = std::make_unique<SimulatedNodes>(options.simulated_nodes, *made.node_transport,
                                                      *made.informers, made.clock, made.random);
  } else {
    made.node = TRY(LocalNode::Start(
        options, {*made.node_transport, *made.informers, made.clock, made.random, pki}, progress));
  }
  progress("waiting for the nodes");
  if (!made.ready->WaitFor(std::max(1, options.simulated_nodes), kReadyTimeout)) {
    return Fail(Reason::kTimeout,
                "the node did not become Ready within a minute; its conditions say why: kubectl "
                "describe node");
  }
  return cluster;
}

Cluster::Cluster(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Cluster::~Cluster() {
  Parts& parts = *parts_;
  parts.node.reset();
  parts.simulated.reset();
  parts.scheduler->Stop();
  parts.controllers->Stop();
  // Their watches look into the store: they end before it does.
  parts.dns.reset();
  parts.ready.reset();
  parts.scheduler.reset();
  parts.controllers.reset();
  parts.informers.reset();
  parts.server->Stop();
}

namespace {

// What the kubelet mounted for pods, whether it still runs or not.
Result<> RemoveVolumes(const ClusterOptions& options) {
  const SystemClock clock;
  kubelet::VolumeManager volumes(options.data_dir + "/kubelet", {}, clock);
  for (const std::string& uid : volumes.Pods()) TRY(volumes.TearDown(uid));
  return {};
}

}  // namespace

Result<> RemoveCluster(const ClusterOptions& options, const Progress& progress) {
  if (geteuid() == 0) {
    progress("stopping containers");
    TRY(RemoveContainerd({.directory = options.data_dir, .use_system = false},
                         {.cgroups = {"/kubepods"}}));
    TRY(RemoveVolumes(options));
    progress("removing the network");
    CniNetwork network;
    network.ipam_directory = options.data_dir + "/cni/ipam";
    TRY(RemoveCniNetwork(network));
    TRY(RemoveUnreachableRoute(options.service_cidr));
    TRY(RemoveServiceRoute(options.service_cidr));
    TRY(RestoreForwarding(options.data_dir + "/forwarding.undo"));
    TRY(proxy::CleanupIptables());
  }
  progress("removing files");
  std::error_code error;
  std::filesystem::remove_all(options.data_dir, error);
  if (error) {
    return Fail(Reason::kInternalError, "remove " + options.data_dir + ": " + error.message());
  }
  return {};
}

}  // namespace skiff
