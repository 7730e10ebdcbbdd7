#include "kubelet/program.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/pods/pod_resources.h"
#include "base/certificates.h"
#include "base/log.h"
#include "base/program.h"
#include "base/wrong_clock.h"
#include "client/counting_transport.h"
#include "client/kubeconfig.h"
#include "client/rate_limit.h"
#include "http/certificate_flags.h"
#include "http/followed_files.h"
#include "kubelet/cgroup_driver.h"
#include "kubelet/containerd_host.h"
#include "kubelet/cri_grpc.h"
#include "kubelet/kernel_defaults.h"
#include "kubelet/network/own_address.h"
#include "kubelet/node_agent.h"
#include "kubelet/node_stats.h"
#include "kubelet/own_runtime.h"
#include "kubelet/volumes/beneath.h"

namespace skiff::kubelet {
namespace {

const Log kLog("kubelet");
constexpr mode_t kRootMode = 0750;  // Pods' volumes lie in it.
constexpr int kPullsMax = 100;      // At one time, where nobody said how many.

// The API of a kubelet that has none.
http::Response NoApi(const http::Request&) {
  http::Response response;
  response.status = 403;
  response.content_type = "application/json";
  response.body =
      R"({"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,)"
      R"("message":"this kubelet runs without an API server"})";
  return response;
}

std::string NodeName(const KubeletFlags& flags) {
  return flags.hostname_override.empty() ? OwnHostname() : flags.hostname_override;
}

EvictionTexts EvictionTextsOf(const KubeletConfiguration& given) {
  return {given.eviction_hard, given.merge_default_eviction_settings, given.eviction_soft,
          given.eviction_soft_grace_period, given.eviction_minimum_reclaim};
}

// What pods do not get of the machine.
Result<> Reserve(const KubeletConfiguration& given, KubeletOptions& options) {
  NodeFacts& facts = options.facts;
  int64_t storage = 0;
  facts.reserved_memory_bytes = 0;
  for (const Threshold& threshold : TRY(ParseThresholds(EvictionTextsOf(given)))) {
    if (!threshold.is_hard()) continue;
    if (threshold.signal == Signal::kMemoryAvailable) {
      facts.reserved_memory_bytes = threshold.amount.Of(facts.memory_bytes);
    } else if (threshold.signal == Signal::kNodeFsAvailable) {
      storage = threshold.amount.Of(facts.ephemeral_storage_bytes);
    }
  }
  for (const auto* reserved : {&given.system_reserved, &given.kube_reserved}) {
    for (const auto& [name, text] : *reserved) {
      const Quantity amount = TRY(Quantity::Parse(text));
      if (name == "cpu") facts.reserved_milli_cpu += amount.MilliValue();
      if (name == "memory") facts.system_memory_bytes += amount.Value();
      if (name == "ephemeral-storage") storage += amount.Value();
      if (name == "pid") {
        options.reserved_pids = SaturatedSum(options.reserved_pids, amount.Value());
      }
    }
  }
  // What is left for pods would be none, which stands for any number.
  if (const int64_t all = ProcessesMax(); options.reserved_pids >= all) {
    return Fail(Reason::kInvalid,
                fmt::format("invalid Node Allocatable configuration. Resource \"pid\" has a "
                            "reservation of {} but capacity of {}. Expected capacity > "
                            "reservation.",
                            options.reserved_pids, all));
  }
  facts.reserved_memory_bytes += facts.system_memory_bytes;
  facts.reserved_storage_bytes = storage;
  return {};
}

void LimitPods(const KubeletConfiguration& given, KubeletOptions& options) {
  options.pod_pids = std::max<int64_t>(0, given.pod_pids_limit);
  const auto& enforced = given.enforce_node_allocatable;
  options.enforces_allocatable = std::count(enforced.begin(), enforced.end(), "pods") > 0;
  options.containers.limits_cpu = given.cpu_cfs_quota;
  options.containers.restart_period_max = given.max_container_restart_period;
  // Whose processes are to go on when one of them is out of memory.
  if (given.single_process_oom_kill) options.container_cgroup_files.erase("memory.oom.group");
}

Result<> TakeCredentialProviders(const KubeletFlags& flags, KubeletOptions& options) {
  const std::string& config = flags.image_credential_provider_config;
  const std::string& directory = flags.image_credential_provider_bin_dir;
  if (config.empty() && directory.empty()) return {};
  auto providers = ReadCredentialProviders(config, directory);
  if (!providers) {
    return Fail(Reason::kInvalid,
                "failed to register CRI auth plugins: " + providers.error().message);
  }
  options.credential_providers = std::move(*providers);
  options.credential_provider_directory = directory;
  return {};
}

// What the machine must not have.
Result<> CheckMachine(const KubeletConfiguration& given) {
  if (given.fail_cgroup_v1 && CgroupMount("memory")) {
    return Fail(Reason::kInvalid,
                "kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is "
                "unsupported and will be removed in a future release");
  }
  if (given.fail_swap_on && HasSwap("/proc/swaps")) {
    return Fail(Reason::kInvalid,
                "running with swap on is not supported, please disable swap or set "
                "--fail-swap-on flag to false");
  }
  return {};
}

// At which the kubelet itself listens.
std::vector<int> ServedPorts(const KubeletConfiguration& given) {
  if (!given.enable_server || given.port == 0) return {};
  return {given.port};
}

KubeletOptions OptionsOf(const KubeletFlags& flags) {
  const KubeletConfiguration& given = flags.configuration;
  const auto addresses = [wanted = flags.node_ips] {
    return AddressesMeant(wanted, {OwnAddress(), OwnIpv6Address()});
  };
  KubeletOptions options =
      OptionsOfThisMachine(NodeName(flags), addresses(), flags.root_dir, given.resolv_conf);
  options.later_node_ips = {addresses, HasAddress};
  options.log_root = given.pod_logs_dir;
  options.cgroup_root = given.cgroup_root + "/kubepods";
  options.cgroup_driver =
      given.cgroup_driver == "systemd" ? CgroupDriver::kSystemd : CgroupDriver::kCgroupfs;
  options.dns.cluster_servers = given.cluster_dns;
  options.dns.cluster_domain = given.cluster_domain;
  options.facts.pods_max = given.max_pods;
  if (given.pods_per_core > 0) {
    const int64_t cores = std::max<int64_t>(1, options.facts.milli_cpu / 1000);
    options.facts.pods_max = static_cast<int>(
        std::min<int64_t>(given.max_pods, cores * given.pods_per_core));
  }
  options.facts.port = given.port;
  options.facts.labels = flags.node_labels;
  options.facts.taints = given.register_with_taints;
  options.facts.provider_id = given.provider_id;
  options.facts.registers = given.register_node;
  options.manifest_path = given.static_pod_path;
  options.manifest_check_every = given.file_check_frequency;
  options.standalone = flags.kubeconfig.empty();
  options.node_status = {given.node_status_update_frequency, given.node_status_report_frequency,
                         given.ImagesToldMax()};
  options.lease_seconds = given.node_lease_duration_seconds;
  options.eviction = EvictionTextsOf(given);
  options.eviction_transition_period = given.eviction_pressure_transition_period;
  options.eviction_max_pod_grace_s = given.eviction_max_pod_grace_period;
  options.logs.bytes_max = Quantity::Parse(given.container_log_max_size)->Value();
  options.logs.files_max = given.container_log_max_files;
  options.logs.period = given.container_log_monitor_interval;
  options.images = {given.image_gc_high_threshold_percent, given.image_gc_low_threshold_percent,
                    given.image_minimum_gc_age, given.image_maximum_gc_age};
  options.pulls_max =
      given.PullsOneByOne() ? 1 : given.max_parallel_image_pulls.value_or(kPullsMax);
  options.pull_verification = PullVerificationOf(given.image_pull_credentials_verification_policy)
                                  .value_or(PullVerification::kAlways);
  options.preloaded_allowlist = given.preloaded_images_verification_allowlist;
  options.shutdown_groups =
      GroupsOf(given.shutdown_grace_period, given.shutdown_grace_period_critical_pods);
  for (const auto& period : given.shutdown_periods) {
    options.shutdown_groups.push_back({period.priority, period.seconds});
  }
  LimitPods(given, options);
  return options;
}

}  // namespace

struct KubeletProcess::Parts {
  explicit Parts(const KubeletFlags& flags)
      : clock_faults(FollowClockFaults(flags.root_dir, NodeName(flags))),
        clock(machine_clock, NodeName(flags), clock_faults.get()) {}
  const SystemClock machine_clock;
  const std::unique_ptr<ClockFaults> clock_faults;
  const NodeClock clock;
  SystemRandom random;
  std::unique_ptr<KubeletMetrics> metrics;  // Counts what the transport sends, too.
  std::unique_ptr<Transport> transport;
  std::unique_ptr<LimitedTransport> limited, limited_events;
  std::unique_ptr<Client> informer_client;
  std::unique_ptr<InformerFactory> informers;
  // This node and its pods alone: a node may read no others. All stay empty without an API.
  std::unique_ptr<InformerCache> node, pods, services;
  std::unique_ptr<OwnRuntime> own;  // Where the flags want one.
  std::unique_ptr<cri::ContainerRuntime> runtime;
  std::unique_ptr<CgroupDriverCheck> cgroup_driver;  // nullptr: that of the runtime is known.
  std::unique_ptr<NodeAgent> agent;
  std::unique_ptr<http::FollowedFiles> authorities;  // Of client certificates.
  std::function<void()> leave;  // What is left to do when all has ended.

  Result<> Connect(const KubeletFlags& flags);
  Result<> StartRuntime(const KubeletFlags& flags);
  // A runtime that says who makes its cgroups is believed, whatever was configured. One that is
  // away is asked again when it is there (cgroup_driver.h).
  Result<> TakeCgroupDriver(KubeletConfiguration& given);
  Result<NodeAgentOptions> OptionsFor(const KubeletFlags& flags, const EnsureServingFiles& serving);
  // One that is taken out of `file` counts no more.
  void FollowAuthorities(const std::string& file, const http::ServerTls& serving);
};

Result<> KubeletProcess::Parts::Connect(const KubeletFlags& flags) {
  metrics = std::make_unique<KubeletMetrics>(NodeName(flags));
  if (flags.kubeconfig.empty()) {
    transport = std::make_unique<InProcessTransport>(&NoApi);
  } else {
    const Kubeconfig kubeconfig = TRY(Kubeconfig::Load(flags.kubeconfig));
    const HttpsOptions server = TRY(kubeconfig.Options());
    transport = MakeCountingTransport(TRY(MakeHttpsTransport(server)), HostOfServer(server.server),
                                      machine_clock, RequestMetrics(metrics->registry));
  }
  const KubeletConfiguration& given = flags.configuration;
  const auto limit = [&](int qps, int burst) -> Result<std::unique_ptr<LimitedTransport>> {
    const RateLimit rate{.qps = static_cast<double>(qps), .burst = burst};
    TRY(CheckRateLimit(rate));
    return std::make_unique<LimitedTransport>(*transport, rate, machine_clock);
  };
  limited = TRY(limit(given.kube_api_qps, given.kube_api_burst));
  limited_events = TRY(limit(given.event_qps, given.event_burst));
  informer_client = std::make_unique<Client>(*transport, "kubelet");
  const Reflector::Dependencies reflector{*informer_client, clock, random};
  informers = std::make_unique<InformerFactory>(reflector);
  const auto only = [&](const std::string& field) {
    ListOptions options;
    options.field_selector = field + "=" + NodeName(flags);
    return options;
  };
  node = std::make_unique<InformerCache>(reflector, core_v1::Node::Info(), only("metadata.name"),
                                         &DecodeCached<core_v1::Node>);
  pods = std::make_unique<InformerCache>(reflector, core_v1::Pod::Info(), only("spec.nodeName"),
                                         &DecodeCached<core_v1::Pod>);
  services = std::make_unique<InformerCache>(reflector, core_v1::Service::Info(), ListOptions{},
                                             &DecodeCached<core_v1::Service>);
  return {};
}

Result<> KubeletProcess::Parts::StartRuntime(const KubeletFlags& flags) {
  const KubeletConfiguration& given = flags.configuration;
  std::string endpoint = given.container_runtime_endpoint;
  if (!flags.containerd_dir.empty()) {
    own = TRY(OwnRuntime::Make({.directory = flags.containerd_dir,
                                .image_directory = flags.image_dir,
                                .kept_ports = ServedPorts(given)}));
    endpoint = own->endpoint();
    if (flags.leave_nothing) {
      leave = [this, root = flags.root_dir, cgroup = given.cgroup_root + "/kubepods"] {
        const auto left = own->LeaveNothing(root, cgroup);
        if (!left) kLog.Error("not all was removed", {{"error", left.error().message}});
      };
    }
    if (!flags.kubeconfig.empty()) {
      own->PrepareNetwork(
          {.nodes = Informer<core_v1::Node>(*node), .client = *informer_client, .clock = clock},
          NodeName(flags), flags.cluster_cidrs);
    }
  }
  runtime = cri::MakeGrpcRuntime(
      {.endpoint = endpoint, .request_timeout = given.runtime_request_timeout});
  return {};
}

Result<> KubeletProcess::Parts::TakeCgroupDriver(KubeletConfiguration& given) {
  if (own) return {};  // It is configured by us.
  const auto driver = runtime->CgroupDriver();
  if (!driver && driver.error().reason == Reason::kInvalid) return tl::unexpected(driver.error());
  if (!driver) {
    kLog.Error("the runtime has not said yet who makes its cgroups: no pod is started before",
               {{"driver", given.cgroup_driver}, {"error", driver.error().message}});
    const auto differs = [meant = given.cgroup_driver](const std::string& said) {
      kLog.Error("the runtime makes cgroups in another way: the kubelet has to be started anew",
                 {{"driver", said}, {"configured", meant}});
      EndProgram();
    };
    cgroup_driver = std::make_unique<CgroupDriverCheck>(*runtime, given.cgroup_driver, differs);
    return {};
  }
  if (driver->empty() || *driver == given.cgroup_driver) return {};
  kLog.Info("cgroups are made as the runtime does it",
            {{"driver", *driver}, {"configured", given.cgroup_driver}});
  given.cgroup_driver = *driver;
  return ValidateKubeletConfiguration(given);
}

Result<NodeAgentOptions> KubeletProcess::Parts::OptionsFor(const KubeletFlags& flags,
                                                           const EnsureServingFiles& serving) {
  const KubeletConfiguration& given = flags.configuration;
  NodeAgentOptions options{.kubelet = OptionsOf(flags)};
  options.takes_tokens = given.takes_tokens;
  if (own) options.kubelet.kept_ports = own->kept_ports();
  TRY(Reserve(given, options.kubelet));
  TRY(TakeCredentialProviders(flags, options.kubelet));
  options.kubelet.ids_per_pod = given.ids_per_pod;
  options.kubelet.user_ids = TRY(KubeletIdRange(given.ids_per_pod));
  TRY(CheckIdRange(options.kubelet.user_ids, given.ids_per_pod, given.max_pods));
  TRY(options.kubelet.abilities.sysctls.Allow(given.allowed_unsafe_sysctls));
  options.kubelet.containers.seccomp_default = given.seccomp_default;
  if (given.healthz_port > 0) {
    options.health = http::Server::Options{.bind_address = given.healthz_bind_address,
                                           .port = given.healthz_port};
  }
  if (!given.enable_server) return options;
  options.configuration = ShownConfiguration(given);
  options.served = {given.enable_debugging_handlers, given.enable_system_log_handler,
                    given.enable_debug_flags_handler};
  TRY(http::CheckGivenTogether(given.tls_cert_file, given.tls_private_key_file, "--tls-cert-file",
                               "--tls-private-key-file"));
  ServingFiles files{given.tls_cert_file, given.tls_private_key_file};
  if (files.certificate.empty()) {
    const auto& own = options.kubelet.node_ips;
    files = TRY(serving(flags.cert_dir, NodeName(flags), own.empty() ? OwnAddress() : own.front()));
  }
  http::ServerTls tls =
      TRY(http::ServerTls::FromFiles(files.certificate, files.key, given.client_ca_file));
  tls.choices = TRY(http::ParseTlsChoices(given.tls_min_version, given.tls_cipher_suites));
  options.server = http::Server::Options{
      .bind_address = given.address, .port = given.port, .tls = std::move(tls)};
  return options;
}

void KubeletProcess::Parts::FollowAuthorities(const std::string& file,
                                              const http::ServerTls& serving) {
  const auto take = [this, serving](const std::vector<std::string>& texts) -> Result<> {
    TRY(ReadCertificates(texts.front()));  // A file that is being written says nobody yet.
    http::ServerTls next = serving;
    next.client_ca_pem = texts.front();
    return agent->ReloadTls(next);
  };
  authorities = std::make_unique<http::FollowedFiles>(agent->loops(),
                                                      std::vector<std::string>{file}, take, 1min);
  agent->executor().Add(*authorities);
}

Result<std::unique_ptr<KubeletProcess>> KubeletProcess::Start(const KubeletFlags& flags,
                                                              const EnsureServingFiles& serving) {
  if (const auto made = MakeDirectories(flags.root_dir, kRootMode); !made) {
    return Fail(Reason::kForbidden, "error creating root directory: " + made.error().message);
  }
  std::unique_ptr<KubeletProcess> process(new KubeletProcess(std::make_unique<Parts>(flags)));
  Parts& parts = *process->parts_;
  const KubeletConfiguration& given = flags.configuration;
  TRY(CheckMachine(given));
  if (given.protect_kernel_defaults) TRY(CheckKernelDefaults("/proc/sys"));
  TRY(parts.Connect(flags));
  TRY(parts.StartRuntime(flags));
  KubeletFlags meant = flags;
  TRY(parts.TakeCgroupDriver(meant.configuration));
  NodeAgentOptions options = TRY(parts.OptionsFor(meant, serving));
  if (parts.cgroup_driver) {
    options.may_run = [&check = *parts.cgroup_driver] { return check.Ensure(); };
  }
  http::ServerTls tls;
  if (options.server) tls = *options.server->tls;
  parts.agent = TRY(NodeAgent::Start(
      std::move(options),
      {*parts.limited, *parts.limited_events, *parts.transport, *parts.informers,
       Informer<core_v1::Pod>(*parts.pods), Informer<core_v1::Service>(*parts.services),
       Informer<core_v1::Node>(*parts.node), parts.clock, parts.random, *parts.runtime,
       parts.metrics.get()}));
  if (given.enable_server && !given.client_ca_file.empty()) {
    parts.FollowAuthorities(given.client_ca_file, tls);
  }
  if (flags.kubeconfig.empty()) {
    kLog.Info("no kubeconfig: standalone", {{"manifests", given.static_pod_path}});
  } else {
    parts.node->Start(parts.agent->executor());
    parts.pods->Start(parts.agent->executor());
    parts.services->Start(parts.agent->executor());
  }
  if (parts.own) parts.own->Start(*parts.agent, parts.clock);
  return process;
}

KubeletProcess::KubeletProcess(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

KubeletProcess::~KubeletProcess() {
  if (parts_->agent) {
    for (InformerCache* cache : {parts_->node.get(), parts_->pods.get(),
                                 parts_->services.get()}) {
      cache->Stop(parts_->agent->executor());
    }
    if (parts_->authorities) parts_->agent->executor().Remove(*parts_->authorities);
    parts_->authorities.reset();
    if (parts_->own) parts_->own->Stop();
    parts_->limited->Close();
    parts_->limited_events->Close();
    parts_->agent.reset();
  }
  if (parts_->leave) parts_->leave();
}

int KubeletProcess::port() const {
  return parts_->agent->port();
}

int KubeletMain(const std::vector<std::string>& args, const EnsureServingFiles& serving,
                const KubeletFlags& defaults) {
  return RunProgram(ParseKubeletFlags(args, defaults),
                    [&](const KubeletFlags& flags) -> Result<int> {
                      const KubeletConfiguration& given = flags.configuration;
                      BeginProgram({given.verbosity, given.logging_format, flags.notes});
                      const auto process = TRY(KubeletProcess::Start(flags, serving));
                      const bool is_asked = WaitForSignal();
                      kLog.Info("stopping");
                      return is_asked ? 0 : 1;
                    });
}

}  // namespace skiff::kubelet
