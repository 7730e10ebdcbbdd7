#include "skiff/control_plane.h"

#include <fmt/format.h>

#include "client/transport.h"
#include "controllers/identity/certificate_rules.h"
#include "controllers/program.h"
#include "proxy/ingress/ingress_plan.h"
#include "skiff/cluster_dns.h"
#include "skiff/cluster_pki.h"
#include "skiff/cluster_ranges.h"
#include "skiff/component.h"
#include "skiff/listened_ports.h"
#include "skiff/node.h"
#include "skiff/program_arguments.h"

namespace skiff {
namespace {

constexpr int kControllerThreads = 8;
constexpr char kControllersName[] = "kube-controller-manager";

ControllerOptions ControllersOf(const ClusterOptions& options, const Pki& pki, ApiServer& server) {
  ControllerOptions controllers;
  controllers.root_ca = pki.authority().pem().certificate_pem;
  controllers.allocate_node_cidrs = true;
  controllers.cluster_cidrs = CidrsOf(options.cluster_cidr);
  controllers.service_cidrs = CidrsOf(options.service_cidr);
  controllers.node_monitor_grace_period = options.node_monitor_grace_period;
  controllers.signing_duration = options.cluster_signing_duration;
  for (const auto signer : {certificates::kKubeletClientSigner, certificates::kKubeletServingSigner,
                            certificates::kApiServerClientSigner}) {
    controllers.signing_authorities.emplace(signer, pki.authority());
  }
  controllers.controllers = {"*", "bootstrap-signer-controller", "token-cleaner-controller",
                             "kubelet-serving-approving-controller",
                             "node-services-approving-controller"};
  auto& balancer = controllers.service_load_balancer.emplace();
  // On simulated nodes nothing listens.
  balancer.reserved.clear();
  if (options.simulated_nodes == 0) {
    // Other nodes' pods ask there, also while this machine starts and nothing listens yet.
    const int dns_port = ClusterDnsServers(options).empty() ? 0 : options.cluster_dns_port;
    balancer.reserved = ReservedNodePorts(options.secure_port, options.kubelet_port, dns_port);
    balancer.listened = &ListenedPorts;
  }
  if (IsIngressWanted(options)) {
    balancer.ingress_controller = ingress::kIngressController;
  }
  controllers.local_path_directory = options.data_dir + "/local-path";
  controllers.nodes_remove_local_volumes = options.simulated_nodes == 0;
  controllers.network_policies_are_enforced = options.simulated_nodes == 0;
  controllers.api_server_names = ExtraServerNames(options);
  controllers.sign_token = [&server](const Json& claims) { return server.SignToken(claims); };
  // They were looked at when the flags were.
  std::vector<std::string> notes;
  auto given =
      WithControllerManagerArgs(std::move(controllers), options.controller_manager_args, notes);
  CHECK(given.has_value());
  return *std::move(given);
}

}  // namespace

std::vector<std::string> ExtraServerNames(const ClusterOptions& options) {
  std::vector<std::string> names = NodeAddresses(options);
  names.erase(names.begin());  // Which it advertises.
  if (!options.control_plane_endpoint.empty()) {
    names.push_back(HostOf(options.control_plane_endpoint));
  }
  return names;
}

std::unique_ptr<Transport> TransportAs(ApiServer& server, const std::string& name,
                                       std::vector<std::string> groups) {
  User user{.name = name, .groups = std::move(groups)};
  user.groups.emplace_back(kGroupAuthenticated);
  return std::make_unique<InProcessTransport>(
      [&server, user](const http::Request& request) { return server.Handle(request, user); },
      InProcessTransport::Bodies::kObjects,
      [&server, user](const http::Request& request, const http::LateReplyPtr& reply) {
        return server.HandleLater(request, user, reply);
      });
}

std::unique_ptr<Transport> TransportAsControllers(ApiServer& server) {
  return TransportAs(server, fmt::format("system:{}", kControllersName));
}

ControlPlane::ControlPlane(const ClusterOptions& options, const Pki& pki, Dependencies of)
    : executor_(of.executor),
      run_(of.runs.controllers),
      controller_transport_(TransportAsControllers(of.server)),
      ingress_transport_(TransportAs(of.server, std::string(kIngressUser))),
      controllers_({*controller_transport_, of.clock, of.random, of.informers, kControllersName}) {
  AddAllControllers(ControllersOf(options, pki, of.server));
  if (of.has_scheduler) {
    scheduler_ = std::make_unique<ClusterScheduler>(
        options, ClusterScheduler::Dependencies{of.server, of.informers, of.executor, of.clock,
                                                of.random, of.runs.scheduler});
  }
  dns_service_ = DnsService::Start(options, *controller_transport_, of.informers, executor_);
  ingress_ =
      ClusterIngress::Start(options, {*ingress_transport_, of.informers, of.clock, executor_});
}

ControlPlane::~ControlPlane() {
  Stop();
  if (run_ != nullptr) run_->Close();
}

void ControlPlane::AddAllControllers(ControllerOptions options) {
  if (run_ != nullptr) {
    options.metrics = options.autoscaler.metrics = &metrics_;
    AddQueueMetrics(metrics_, controllers_);
    AddRunningControllers(metrics_, kControllersName, RunningControllers(options),
                          [] { return true; });
  }
  AddControllers(controllers_, std::move(options));
}

void ControlPlane::Start() {
  if (run_ != nullptr) run_->Show({.metrics = &metrics_});
  controllers_.Start(executor_);
  if (scheduler_) scheduler_->Lead();
}

void ControlPlane::Stop() {
  if (run_ != nullptr) run_->Hide();
  if (scheduler_) scheduler_->Stop();
  controllers_.Stop();
  dns_service_.reset();
  ingress_.reset();
}

// What there is before this server leads, and while it does.
struct LedControlPlane::Standby {
  Standby(const ClusterOptions& options, const Dependencies& of, Client& client, Executor& executor)
      : informers({client, of.clock, of.random}),
        scheduler(options, {of.server, informers, executor, of.clock, of.random,
                            of.runs.scheduler}) {
    scheduler.Wait();
  }
  ~Standby() { Stop(); }
  void Stop() {
    informers.Stop();  // They tell the scheduler, and who leads, of changes.
    scheduler.Stop();
  }
  InformerFactory informers;
  ClusterScheduler scheduler;
};

// All else that a leader has beside its server. Its informers are those of the scheduler: what both
// decide by is followed, read and kept once.
struct LedControlPlane::Duty {
  Duty(const ClusterOptions& options, const Pki& pki, const Dependencies& of,
       InformerFactory& informers, Executor& executor)
      : plane(options, pki,
              {of.server, informers, executor, of.clock, of.random, /*has_scheduler=*/false,
               of.runs}) {
    // Before anything of the plane runs: what the scheduler follows is synced already, and who
    // decides by what he was told of, as by how many nodes of a zone are ready, has to know all.
    informers.Start(executor);
    plane.Start();
  }
  ControlPlane plane;
};

LedControlPlane::LedControlPlane(const ClusterOptions& options, const Pki& pki,
                                 Dependencies dependencies)
    : options_(options),
      pki_(pki),
      dependencies_(dependencies),
      transport_(TransportAsControllers(dependencies.server)),
      client_(*transport_, kControllersName),
      duty_executor_("controllers", kControllerThreads),
      leadership_(client_, dependencies.clock, dependencies.random,
                  {.lease = {"kube-system", kControllersName},
                   .name = NodeName(options),
                   .begin = [this] { Begin(); },
                   .end = [this] { End(); }}) {
  WaitToLead();
  executor_.Add(leadership_);
}

LedControlPlane::~LedControlPlane() {
  executor_.Remove(leadership_);
  StopAll();
  leadership_.Resign();
}

void LedControlPlane::WaitToLead() {
  standby_ = std::make_unique<Standby>(options_, dependencies_, client_, duty_executor_);
}

void LedControlPlane::Begin() {
  standby_->scheduler.Lead();
  standby_->informers.Open();
  duty_ =
      std::make_unique<Duty>(options_, pki_, dependencies_, standby_->informers, duty_executor_);
}

void LedControlPlane::StopAll() {
  standby_->Stop();  // First: two that decide would fill nodes twice.
  duty_.reset();     // It knows the informers.
  standby_.reset();
}

void LedControlPlane::End() {
  if (duty_) {
    StopAll();
    WaitToLead();
  }
  StopIngress(options_.data_dir);  // It is another server's now.
}

}  // namespace skiff
