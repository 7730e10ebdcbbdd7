#include "kubelet/node_agent.h"

#include "kubelet/containerd_host.h"
#include "kubelet/metered_runtime.h"
#include "kubelet/streaming/kubelet_server.h"
#include "kubelet/volumes/beneath.h"
#include "kubelet/volumes/shared_root.h"

namespace skiff::kubelet {
namespace {

// All are started as they are needed.
constexpr int kThreads = 160;
// More than there are loops on them: none of those ever waits for another.
constexpr int kVitalThreads = 24;
// A container that ends slowly holds one for its grace period: they must not run out while a full
// node of pods ends, or some would be told to stop too late.
constexpr int kBlockingThreads = 1000;

constexpr mode_t kRootMode = 0750;  // Pods' volumes lie in it.

// Else no mount travels between a pod and the machine; the rest goes on without that.
void ShareRoot(const std::string& root) {
  const auto shared = MakeRootShared(root);
  if (shared) return;
  Log("kubelet").Info("mounts are not shared with pods", {{"error", shared.error().message}});
}

// What /healthz says on its own port.
class HealthHandler final : public http::Handler {
 public:
  http::Response Handle(const http::Request& request) override {
    http::Response response;
    response.content_type = "text/plain; charset=utf-8";
    response.status = request.path == "/healthz" ? 200 : 404;
    response.body = response.status == 200 ? "ok" : "404 page not found\n";
    return response;
  }
};

}  // namespace

struct NodeAgent::Parts {
  Parts(const Dependencies& given, const std::string& node_name, std::function<Result<>()> may_run)
      : own_metrics(given.metrics ? nullptr : std::make_unique<KubeletMetrics>(node_name)),
        metrics(given.metrics ? *given.metrics : *own_metrics),
        runtime(MakeMeteredRuntime(given.runtime, given.clock, metrics, std::move(may_run))),
        vital("kubelet-vital", kVitalThreads),
        blocking("kubelet-calls", kBlockingThreads),
        executor("kubelet", kThreads),
        manager({.transport = given.transport,
                 .clock = given.clock,
                 .random = given.random,
                 .informers = given.informers,
                 .user_agent = "kubelet",
                 .events_transport = &given.events}),
        heartbeats(given.heartbeats, "kubelet") {}
  const std::unique_ptr<KubeletMetrics> own_metrics;
  KubeletMetrics& metrics;
  const std::unique_ptr<ContainerRuntime> runtime;
  http::Loops loops{1};
  ThreadExecutor vital, blocking, executor;
  Manager manager;
  Client heartbeats;
  std::unique_ptr<Kubelet> kubelet;
  std::unique_ptr<KubeletServer> handler;
  HealthHandler health_handler;
  std::unique_ptr<http::Server> server, health;
};

Result<std::unique_ptr<NodeAgent>> NodeAgent::Start(NodeAgentOptions options,
                                                    Dependencies dependencies) {
  if (options.kubelet.writes_files) ShareRoot(options.kubelet.root);
  std::unique_ptr<NodeAgent> agent(new NodeAgent(
      std::make_unique<Parts>(dependencies, options.kubelet.node_name, options.may_run)));
  Parts& parts = *agent->parts_;
  const std::string name = options.kubelet.node_name;
  const bool asks = !options.kubelet.standalone;
  parts.kubelet = std::make_unique<Kubelet>(
      std::move(options.kubelet), KubeletDependencies{parts.manager.client(),
                                                      dependencies.clock,
                                                      dependencies.random,
                                                      *parts.runtime,
                                                      dependencies.pods,
                                                      dependencies.services,
                                                      parts.manager.Recorder("kubelet", name),
                                                      parts.executor,
                                                      &parts.loops,
                                                      &parts.vital,
                                                      &parts.blocking,
                                                      {},
                                                      VolumeMounts::OfKernel(),
                                                      nullptr,
                                                      nullptr,
                                                      std::nullopt,
                                                      std::nullopt,
                                                      &parts.metrics,
                                                      &parts.heartbeats,
                                                      dependencies.nodes});
  parts.handler = std::make_unique<KubeletServer>(
      KubeletServer::Dependencies{*parts.kubelet, parts.loops, dependencies.clock, parts.metrics,
                                  asks ? &parts.manager.client() : nullptr, options.takes_tokens,
                                  std::move(options.configuration), options.served});
  if (options.server) {
    parts.server = TRY(http::Server::Start(*options.server, parts.loops, *parts.handler));
  }
  if (options.health) {
    parts.health = TRY(http::Server::Start(*options.health, parts.loops, parts.health_handler));
  }
  parts.kubelet->Start();
  parts.manager.Start(parts.executor);
  return agent;
}

NodeAgent::NodeAgent(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

NodeAgent::~NodeAgent() {
  Parts& parts = *parts_;
  if (parts.handler) parts.handler->End();
  if (parts.server) parts.server->Stop(1s);
  if (parts.health) parts.health->Stop(0s);
  // A runtime that hangs would hold the kubelet's threads.
  parts.runtime->Shutdown();
  parts.kubelet->Stop();
  parts.manager.Stop();
}

Executor& NodeAgent::executor() {
  return parts_->executor;
}

http::Loops& NodeAgent::loops() {
  return parts_->loops;
}

Kubelet& NodeAgent::kubelet() {
  return *parts_->kubelet;
}

MetricRegistry& NodeAgent::metrics() {
  return parts_->metrics.registry;
}

int NodeAgent::port() const {
  return parts_->server ? parts_->server->port() : 0;
}

Result<> NodeAgent::ReloadTls(const http::ServerTls& tls) {
  if (!parts_->server) return {};
  TRY(parts_->server->ReloadTls(tls));
  parts_->handler->UseAuthorities(tls.client_ca_pem);
  return {};
}

KubeletOptions OptionsOfThisMachine(const std::string& node_name,
                                    const std::vector<std::string>& addresses,
                                    const std::string& root, const std::string& resolv_conf) {
  KubeletOptions options;
  options.node_name = node_name;
  options.root = root;
  options.node_ips = addresses;
  // The size of the disk is asked of this directory.
  (void)MakeDirectories(root, kRootMode);  // Whoever writes there says what is wrong with it.
  options.dns.node_resolv_conf = resolv_conf;
  options.facts = ReadNodeFacts(node_name, root);
  options.container_cgroup_files = ContainerCgroupFiles();
  if (const auto ids = KubeletIdRange(kIdsPerPod);
      ids && CheckIdRange(*ids, kIdsPerPod, options.facts.pods_max)) {
    options.user_ids = *ids;
  }
  options.abilities.sysctls = SysctlAllowlist(options.facts.kernel_version);
  options.abilities.app_armor = HasAppArmor();
  options.containers.seccomp_root = root + "/seccomp";
  options.containers.masked_paths = ThermalPaths();
  return options;
}

}  // namespace skiff::kubelet
