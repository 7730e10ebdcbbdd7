// `skiff controller-manager`: flags of kube-controller-manager -> the controllers, against an API
// server that a kubeconfig names, led by a Lease.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "apiserver/auth/jwt.h"
#include "apiserver/auth/pki.h"
#include "base/feature_gates.h"
#include "client/kubeconfig.h"
#include "controllers/identity/certificate_rules.h"
#include "controllers/nodes/node_ranges.h"
#include "controllers/storage/builtin_provisioners.h"
#include "skiff/programs.h"

namespace skiff {
namespace {

// Where the keys of signers are: one pair for all, or one a signer.
struct Signers {
  SigningFiles all;
  SigningFiles kubelet_client;
  SigningFiles kubelet_serving;
  SigningFiles client;
  SigningFiles legacy;
};

void AddNodeFlags(Flags& flags, ControllerOptions& to, NodeMaskSizes& sizes) {
  flags.Add("allocate-node-cidrs", to.allocate_node_cidrs,
            "Should CIDRs for Pods be allocated and set on the nodes.");
  flags.Add("cluster-cidr", to.cluster_cidrs, "CIDR Range for Pods in cluster.");
  flags.Add("service-cluster-ip-range", to.service_cidrs, "CIDR Range for Services in cluster.");
  flags.Add("node-cidr-mask-size", sizes.any,
            "Mask size for node cidr, of clusters of one family; 24 of IPv4, 64 of IPv6.");
  flags.Add("node-cidr-mask-size-ipv4", sizes.ipv4, "Mask size for IPv4 node cidr; 24.");
  flags.Add("node-cidr-mask-size-ipv6", sizes.ipv6, "Mask size for IPv6 node cidr; 64.");
  flags.Add("node-monitor-period", to.node_monitor_period, "The period for syncing NodeStatus.");
  flags.Add("node-monitor-grace-period", to.node_monitor_grace_period,
            "Amount of time which we allow running Node to be unresponsive before marking it "
            "unhealthy.");
  flags.Add("node-startup-grace-period", to.node_startup_grace_period,
            "Amount of time which we allow starting Node to be unresponsive before marking it "
            "unhealthy.");
  flags.Add("node-eviction-rate", to.node_eviction_rate,
            "Number of nodes per second on which pods are deleted in case of node failure when a "
            "zone is healthy.");
  flags.Add("secondary-node-eviction-rate", to.secondary_node_eviction_rate,
            "Number of nodes per second on which pods are deleted in case of node failure when a "
            "zone is unhealthy.");
  flags.Add("unhealthy-zone-threshold", to.unhealthy_zone_threshold,
            "Fraction of Nodes in a zone which needs to be not Ready for zone to be treated as "
            "unhealthy.");
  flags.Add("large-cluster-size-threshold", to.large_cluster_size_threshold,
            "Number of nodes from which the eviction logic treats the cluster as large.");
}

void AddSigningFlags(Flags& flags, ControllerOptions& to, Signers& signers) {
  const auto add = [&](const std::string& who, SigningFiles& files) {
    flags.Add("cluster-signing-" + who + "cert-file", files.certificate,
              "File with the certificate that signs what is asked of this signer; it may be "
              "replaced, with its key, while the program runs.");
    flags.Add("cluster-signing-" + who + "key-file", files.key, "File with its private key.");
  };
  add("", signers.all);
  add("kubelet-client-", signers.kubelet_client);
  add("kubelet-serving-", signers.kubelet_serving);
  add("kube-apiserver-client-", signers.client);
  add("legacy-unknown-", signers.legacy);
  flags.Add("cluster-signing-duration", to.signing_duration,
            "The max length of duration signed certificates will be given.");
}

void AddAutoscalerFlags(Flags& flags, AutoscalerOptions& to) {
  flags.Add("concurrent-horizontal-pod-autoscaler-syncs", to.workers,
            "How many HorizontalPodAutoscalers are looked at at once.");
  flags.Add("horizontal-pod-autoscaler-sync-period", to.sync_period,
            "How often each of them is looked at.");
  flags.Add("horizontal-pod-autoscaler-downscale-stabilization", to.downscale_stabilization,
            "For how long a target is kept as large as it was last asked to be.");
  flags.Add("horizontal-pod-autoscaler-cpu-initialization-period", to.cpu_initialization_period,
            "How long after a pod's start its CPU counts only while it is ready.");
  flags.Add("horizontal-pod-autoscaler-initial-readiness-delay", to.initial_readiness_delay,
            "How long after a pod's start a change of its readiness is part of the start.");
  flags.Add("horizontal-pod-autoscaler-tolerance", to.tolerance,
            "How far from its target a metric may be before anything is scaled.");
}

constexpr int kWorkersMax = 10'000;  // More would only hold memory.

// A flag for how much a controller does at once.
struct WorkersFlag {
  std::string_view name;   // Between "concurrent-" and "-syncs".
  std::string_view queue;  // Of ControllerOptions::workers.
  int count;               // As kube-controller-manager has it.
  std::string_view what;
  int most = kWorkersMax;
};
constexpr WorkersFlag kWorkersFlags[] = {
    {"deployment", "deployment", 5, "Deployments"},
    {"replicaset", "replicaset", 5, "ReplicaSets"},
    {"rc", "replicationcontroller", 5, "ReplicationControllers"},
    {"statefulset", "statefulset", 5, "StatefulSets"},
    {"daemonset", "daemonset", 2, "DaemonSets"},
    {"job", "job", 5, "Jobs"},
    {"cron-job", "cronjob-controller", 5, "CronJobs"},
    {"ttl-after-finished", "ttl-after-finished", 5, "finished Jobs"},
    {"endpoint", "endpoints", 5, "Services' Endpoints"},
    {"service-endpoint", "endpointslice", 5, "Services' EndpointSlices", 50},
    {"namespace", "namespace", 10, "Namespaces that go"},
    {"resource-quota", "resourcequota-controller", 5, "ResourceQuotas"},
    {"ephemeralvolume", "ephemeral-volume", 5, "Pods with ephemeral volumes"},
    {"gc", "garbage-collector", 20, "objects whose owners may be gone"},
    {"validating-admission-policy-status", "validatingadmissionpolicy-status", 5,
     "ValidatingAdmissionPolicies' types"},
};
// Each may wait for its controller's turn to send something, and no other controller with it.
constexpr int kManagerThreads = 64;

std::string FlagName(const WorkersFlag& flag) {
  return fmt::format("concurrent-{}-syncs", flag.name);
}

void AddWorkersFlags(Flags& flags, std::map<std::string, int>& workers) {
  for (const WorkersFlag& flag : kWorkersFlags) {
    int& count = workers[std::string(flag.queue)];
    count = flag.count;
    const std::string help = "How many " + std::string(flag.what) + " are looked at at once.";
    flags.Add(FlagName(flag), count, help);
  }
}

// As kube-controller-manager says of the autoscaler's.
Result<> CheckWorkers(std::string_view flag, int count) {
  if (count >= 1) return {};
  return Fail(Reason::kInvalid, fmt::format("{} must be greater than 0, but got {}", flag, count));
}

// Limits that are kept whatever they are, but for negative ones, which are none: all is done at
// once, or one after the other.
constexpr char kAttachPeriod[] = "attach-detach-reconcile-sync-period";
struct KeptLimits {
  std::map<std::string, Duration> periods = {{kAttachPeriod, 1min}};
  int token_workers = 5;
};
void AddLimitFlags(Flags& flags, KeptLimits& to) {
  const std::string help = "Kept, whichever it is: it is done at once, and no later than that.";
  for (const char* name :
       {"min-resync-period", "namespace-sync-period", "pvclaimbinder-sync-period", kAttachPeriod,
        "controller-shutdown-timeout"}) {
    Duration& period = to.periods[name];
    flags.Add(name, period, help);
  }
  flags.Add("concurrent-serviceaccount-token-syncs", to.token_workers,
            "Kept, whichever it is: Secrets are looked at one after the other.");
  flags.AddUnused({"disable-attach-detach-reconcile-sync",
                   "what changes is acted upon at once",
                   {"false", "true"},
                   /*is_switch=*/true});
}
Result<> CheckLimits(const KeptLimits& limits) {
  if (limits.periods.at(kAttachPeriod) < Duration(1s)) {
    return Fail(Reason::kInvalid,
                "duration time must be greater than one second as set via command line option "
                "reconcile-sync-loop-period");
  }
  std::string negative = limits.token_workers < 0 ? "concurrent-serviceaccount-token-syncs" : "";
  for (const auto& [name, period] : limits.periods) {
    if (period < Duration(0)) negative = name;
  }
  if (negative.empty()) return {};
  return Fail(Reason::kInvalid, fmt::format("--{} can not be negative value", negative));
}

struct OtherFlags {
  std::string root_ca;
  std::string service_account_key;
  bool collects_garbage = true;
  bool provisions_host_paths = false;
  std::string flex_volume_directory;
  KeptLimits limits;
  NodeMaskSizes mask_sizes;
};

// Distributions name a directory whether or not anybody has put a driver there.
Result<> CheckFlexVolumes(const std::string& directory) {
  std::error_code unseen;
  const std::filesystem::directory_iterator drivers(directory, unseen);
  if (directory.empty() || unseen || drivers == std::filesystem::directory_iterator()) return {};
  return Fail(Reason::kInvalid,
              fmt::format("--flex-volume-plugin-dir={} cannot be had here, and must not be "
                          "ignored: there are no flex volumes, and there is a driver of them, {}",
                          directory, drivers->path().string()));
}

// What cannot be otherwise; `same`: what it is, and what Kubernetes has where nothing is said.
void AddRefusedFlags(Flags& flags) {
  const auto refuse = [&](const char* name, const char* why, std::vector<std::string> same,
                          bool is_switch = false) {
    flags.AddUnused({name, why, std::move(same), is_switch, /*is_refused=*/true});
  };
  constexpr bool kSwitch = true;
  constexpr const char* kNoRecycling = "volumes are not recycled";
  refuse("pv-recycler-increment-timeout-nfs", kNoRecycling, {"30"});
  refuse("pv-recycler-minimum-timeout-hostpath", kNoRecycling, {"60"});
  refuse("pv-recycler-minimum-timeout-nfs", kNoRecycling, {"300"});
  refuse("pv-recycler-pod-template-filepath-hostpath", kNoRecycling, {""});
  refuse("pv-recycler-pod-template-filepath-nfs", kNoRecycling, {""});
  refuse("pv-recycler-timeout-increment-hostpath", kNoRecycling, {"30"});
  refuse("controller-start-interval", "controllers start together", {"0s", "0"});
  constexpr const char* kNoBatches = "a change does not wait for further ones";
  refuse("endpoint-updates-batch-period", kNoBatches, {"0s", "0"});
  refuse("endpointslice-updates-batch-period", kNoBatches, {"0s", "0"});
  refuse("mirroring-endpointslice-updates-batch-period", kNoBatches, {"0s", "0"});
  refuse("cloud-provider", "there are no clouds", {"", "external"});
  refuse("cloud-config", "there are no clouds", {""});
  refuse("external-cloud-volume-plugin", "there are no clouds", {""});
  refuse("enable-leader-migration", "all controllers have one Lease", {"false"}, kSwitch);
  refuse("leader-migration-config", "all controllers have one Lease", {""});
  refuse("cidr-allocator-type", "ranges are given out of --cluster-cidr", {"RangeAllocator"});
}

constexpr char kTaintSyncs[] = "concurrent-device-taint-eviction-syncs";

// Kubernetes checks it all the same.
Result<> CheckTaintSyncs(const Flags::Given& given) {
  for (const auto& [name, value] : given) {
    if (name != kTaintSyncs || std::stoi(value) > 0) continue;
    return Fail(Reason::kInvalid,
                fmt::format("{} must be greater than zero, got {}", name, std::stoi(value)));
  }
  return {};
}

// What has no effect in kube-controller-manager v1.35 either.
void AddUnusedFlags(Flags& flags) {
  constexpr const char* kNoClouds = "kube-controller-manager has no clouds any more";
  flags.AddUnused({"cluster-name", kNoClouds, {"kubernetes"}});
  flags.AddUnused({"route-reconciliation-period", kNoClouds, {"10s"}});
  flags.AddUnused({"node-sync-period", kNoClouds, {"0s", "0"}});
  flags.AddUnused({"allow-untagged-cloud", kNoClouds, {"false"}, /*is_switch=*/true});
  flags.AddUnused({.name = "concurrent-service-syncs",
                   .why = kNoClouds,
                   .same = {"1"},
                   .value = UnusedValue::kNotNegative});
  flags.AddUnused({"configure-cloud-routes", kNoClouds, {"false", "true"}, /*is_switch=*/true});
  flags.AddUnused({.name = kTaintSyncs,
                   .why = "its controller is behind a feature gate that is off",
                   .same = {"8"},
                   .value = UnusedValue::kNotNegative});
}

void AddFlags(Flags& flags, ControllerManagerFlags& to, Signers& signers, OtherFlags& others) {
  AddApiFlags(flags, to.api);
  AddLeaderFlags(flags, to.leader);
  AddServingFlags(flags, to.serving);
  AddLogFlags(flags, to.log, {kMaxUnavailableGate, kBetaGates});
  AddNodeFlags(flags, to.controllers, others.mask_sizes);
  AddAutoscalerFlags(flags, to.controllers.autoscaler);
  AddWorkersFlags(flags, to.controllers.workers);
  AddSigningFlags(flags, to.controllers, signers);
  flags.Add("use-service-account-credentials", to.by_service_accounts,
            "Each controller does what it does as a service account of its own in kube-system.");
  flags.Add("controllers", to.controllers.controllers,
            "A list of controllers to enable. '*' enables all on-by-default controllers, 'foo' "
            "enables the controller named 'foo', '-foo' disables it.");
  flags.Add("root-ca-file", others.root_ca,
            "If set, this root certificate authority will be included in service account's "
            "kube-root-ca.crt config map.");
  flags.Add("service-account-private-key-file", others.service_account_key,
            "Filename containing a PEM-encoded private RSA or ECDSA key used to sign service "
            "account tokens; without it Secrets that ask for one get none.");
  flags.Add("legacy-service-account-token-clean-up-period",
            to.controllers.legacy_service_account_token_clean_up_period,
            "How long the token of a service account that lies in a Secret may go unused before it "
            "is marked, and marked before it is deleted.");
  flags.Add("disable-force-detach-on-timeout", to.controllers.disable_force_detach_on_timeout,
            "Whether volumes stay attached to nodes that are not ready and may still use them, "
            "however long that takes.");
  flags.Add("terminated-pod-gc-threshold", to.controllers.terminated_pod_gc_threshold,
            "Number of terminated pods that can exist before the terminated pod garbage collector "
            "starts deleting them.");
  flags.Add("resource-quota-sync-period", to.controllers.resource_quota_sync_period,
            "How often what is used of ResourceQuotas is counted anew though nothing calls for it, "
            "as of pods that are late to go; 0 for never.");
  flags.Add("max-endpoints-per-slice", to.controllers.max_endpoints_per_slice,
            "The maximum number of endpoints that will be added to an EndpointSlice.");
  flags.Add("mirroring-concurrent-service-endpoint-syncs",
            to.controllers.mirroring_concurrent_service_endpoint_syncs,
            "How many Endpoints are mirrored to EndpointSlices at once, 1 to 50.");
  flags.Add("mirroring-max-endpoints-per-subset", to.controllers.mirroring_max_endpoints_per_subset,
            "How many addresses of a subset of Endpoints are mirrored, 1 to 1000.");
  flags.Add("local-path-directory", to.controllers.local_path_directory,
            "Where the built-in provisioner keeps its volumes on each node; empty turns it off.");
  flags.Add("flex-volume-plugin-dir", others.flex_volume_directory,
            "Where drivers of flex volumes would be, which cannot be had here.");
  flags.Add("enable-garbage-collector", others.collects_garbage,
            "Whether objects go with their owners.");
  flags.Add("enable-dynamic-provisioning", to.controllers.provisions_volumes,
            "Whether volumes are made for claims, here or by those who are asked to.");
  flags.Add("enable-hostpath-provisioner", others.provisions_host_paths,
            "Whether volumes are made of StorageClasses of kubernetes.io/host-path, directories of "
            "nodes: for trying things out on a node.");
  AddLimitFlags(flags, others.limits);
  AddRefusedFlags(flags);
  AddUnusedFlags(flags);
}

// Signs with the first key of a file.
Result<std::function<Result<std::string>(const Json&)>> TokenSigner(const std::string& path) {
  const std::string failed = "error reading key for service account token controller: ";
  const auto pem = ReadWholeFile(path);
  if (!pem) return Fail(Reason::kInvalid, failed + pem.error().message);
  auto keys = TokenKey::FromPem(*pem);
  if (!keys) return Fail(Reason::kInvalid, failed + path + ": " + keys.error().message);
  // A public key cannot: better now than when the first Secret waits.
  if (const auto tried = keys->front().Sign("x"); !tried) {
    return Fail(Reason::kInvalid, failed + path + ": " + tried.error().message);
  }
  return [key = keys->front()](const Json& claims) { return SignToken(key, claims); };
}

Result<> CheckNames(const std::vector<std::string>& wanted) {
  for (const std::string& entry : wanted) {
    const bool is_off = entry.starts_with('-');
    const std::string name = is_off ? entry.substr(1) : entry;
    if (name == "*") continue;
    const ControllerState state = StateOfController(name);
    if (state == ControllerState::kUnknown) {
      return Fail(Reason::kInvalid,
                  fmt::format("\"{}\" is not in the list of known controllers", name));
    }
    if (state == ControllerState::kMissing && !is_off) {
      return Fail(Reason::kInvalid,
                  fmt::format("--controllers: there is no {} here: {}", name, WhyMissing(name)));
    }
    if (state == ControllerState::kIdle && !is_off) {
      Log("flags").Info("the controller does not run: its feature is off, or a cloud provider's",
                        {{"controller", name}});
    }
  }
  return {};
}

Result<> CheckRange(std::string_view flag, int value, int most) {
  if (value >= 1 && value <= most) return {};
  const std::string limit = value < 1 ? "less than 1" : fmt::format("more than {}", most);
  return Fail(Reason::kInvalid, fmt::format("{} must not be {}, but got {}", flag, limit, value));
}

// Of ranges and endpoints.
Result<> CheckNetwork(const NodeMaskSizes& sizes, ControllerOptions& to) {
  constexpr size_t kServiceRangesMax = 2;
  if (to.service_cidrs.size() > kServiceRangesMax) {
    return Fail(Reason::kInvalid,
                "--service-cluster-ip-range can not contain more than two entries");
  }
  TRY(TakeMaskSizes(sizes, to));
  TRY(CheckRange("max-endpoints-per-slice", to.max_endpoints_per_slice, 1000));
  TRY(CheckRange("mirroring-concurrent-service-endpoint-syncs",
                 to.mirroring_concurrent_service_endpoint_syncs, 50));
  return CheckRange("mirroring-max-endpoints-per-subset", to.mirroring_max_endpoints_per_subset,
                    1000);
}

Result<> CheckAutoscaler(const AutoscalerOptions& to) {
  TRY(CheckWorkers("concurrent-horizontal-pod-autoscaler-syncs", to.workers));
  if (to.sync_period > Duration(0)) return {};
  return Fail(Reason::kInvalid,
              "--horizontal-pod-autoscaler-sync-period must be greater than 0, but got " +
                  GoDurationText(to.sync_period));
}

Result<CertificateAuthority> AuthorityOf(const SigningFiles& files) {
  KeyPair pem;
  pem.certificate_pem = TRY(ReadWholeFile(files.certificate));
  pem.key_pem = TRY(ReadWholeFile(files.key));
  auto authority = CertificateAuthority::FromPem(pem);
  if (authority) return authority;
  return Fail(Reason::kInvalid,
              files.certificate + ", " + files.key + ": " + authority.error().message);
}

Result<> AddSigner(std::string_view signer, const SigningFiles& own, const SigningFiles& all,
                   ControllerOptions& to) {
  const SigningFiles& files = own.certificate.empty() ? all : own;
  if (files.certificate.empty() && files.key.empty()) return {};
  if (files.certificate.empty() || files.key.empty()) {
    return Fail(Reason::kInvalid,
                fmt::format("cannot start certificate controller: both the certificate and the key "
                            "file of signer {} must be given",
                            signer));
  }
  to.signing_authorities.emplace(signer, TRY(AuthorityOf(files)));
  to.signing_files.emplace(signer, files);
  return {};
}

Result<> CheckPair(std::string_view name, const SigningFiles& files) {
  if (files.certificate.empty() == files.key.empty()) return {};
  return Fail(Reason::kInvalid,
              fmt::format("\"{}\": cannot specify {}", name,
                          files.key.empty() ? "cert without key" : "key without cert"));
}

Result<> AddSigners(const Signers& signers, ControllerOptions& to) {
  TRY(CheckPair("cluster-signing-kubelet-serving", signers.kubelet_serving));
  TRY(CheckPair("cluster-signing-kube-apiserver-client", signers.kubelet_client));
  TRY(CheckPair("cluster-signing-kube-apiserver", signers.client));
  TRY(CheckPair("cluster-signing-legacy-unknown", signers.legacy));
  const bool has_all = !signers.all.certificate.empty() || !signers.all.key.empty();
  for (const SigningFiles* own :
       {&signers.kubelet_client, &signers.kubelet_serving, &signers.client, &signers.legacy}) {
    if (has_all && !own->certificate.empty()) {
      return Fail(Reason::kInvalid,
                  "cannot specify --cluster-signing-{cert,key}-file and other "
                  "--cluster-signing-*-file flags at the same time");
    }
  }
  TRY(AddSigner(certificates::kKubeletClientSigner, signers.kubelet_client, signers.all, to));
  TRY(AddSigner(certificates::kKubeletServingSigner, signers.kubelet_serving, signers.all, to));
  TRY(AddSigner(certificates::kApiServerClientSigner, signers.client, signers.all, to));
  // No request of certificates.k8s.io/v1 has the legacy signer, but its files must be good.
  if (!signers.legacy.certificate.empty()) TRY(AuthorityOf(signers.legacy));
  return {};
}

// As volumes of the built-in provisioner, where there is one. Else they are kept where
// kube-controller-manager has them, and nodes, which may be anybody's, are told nothing of them.
void ProvisionHostPaths(ControllerOptions& to) {
  if (to.local_path_directory.empty()) {
    to.local_path_directory = "/tmp/hostpath_pv";
    to.local_path_provisioners.clear();
    to.nodes_remove_local_volumes = false;
  }
  to.local_path_provisioners.emplace_back(kHostPathProvisioner);
}

// How many workers a queue has, of those whose flags are given; else what was set before.
void KeepOthers(std::map<std::string, int> before, const Flags::Given& given,
                std::map<std::string, int>& workers) {
  for (const WorkersFlag& flag : kWorkersFlags) {
    const std::string queue(flag.queue);
    const bool is_given = std::any_of(
        given.begin(), given.end(), [&](const auto& each) { return each.first == FlagName(flag); });
    if (is_given) before[queue] = workers.at(queue);
  }
  workers = std::move(before);
}

// False: it was only asked for help. What is not given stays as it is, but for numbers of workers.
// `keeps_workers`: they as well.
Result<bool> ParseInto(const std::vector<std::string>& args, bool keeps_workers,
                       ControllerManagerFlags& to) {
  ControllerOptions& options = to.controllers;
  const auto workers = options.workers;
  Signers signers;
  OtherFlags others;
  Flags flags("kube-controller-manager");
  AddFlags(flags, to, signers, others);
  const bool goes_on = TRY(ParseOrHelp(flags, args));
  if (!goes_on) return false;
  TRY(CheckApiFlags(to.api));
  TRY(CheckLeaderFlags(to.leader));
  TRY(CheckServingFlags(to.serving));
  TRY(CheckLimits(others.limits));
  TRY(CheckTaintSyncs(flags.given()));
  TRY(CheckFlexVolumes(others.flex_volume_directory));
  options.uses_max_unavailable = IsBetaGateOn(flags.given(), kMaxUnavailableGate, false);
  if (options.controllers.empty()) options.controllers = {"*"};
  if (!others.collects_garbage) {
    options.controllers.insert(options.controllers.begin(), "-garbage-collector-controller");
  }
  if (others.provisions_host_paths) ProvisionHostPaths(options);
  TRY(CheckNames(options.controllers));
  for (const WorkersFlag& flag : kWorkersFlags) {
    const int count = options.workers.at(std::string(flag.queue));
    if (flag.most == kWorkersMax) TRY(CheckWorkers(FlagName(flag), count));
    TRY(CheckRange(FlagName(flag), count, flag.most));
  }
  TRY(CheckNetwork(others.mask_sizes, options));
  if (options.legacy_service_account_token_clean_up_period <= Duration(0)) {
    return Fail(Reason::kInvalid,
                "failed to start the legacy service account token cleaner: invalid "
                "CleanUpPeriod: " +
                    GoDurationText(options.legacy_service_account_token_clean_up_period));
  }
  TRY(CheckAutoscaler(options.autoscaler));
  TRY(AddSigners(signers, options));
  if (!others.service_account_key.empty()) {
    options.sign_token = TRY(TokenSigner(others.service_account_key));
  }
  if (!others.root_ca.empty()) options.root_ca = TRY(ReadWholeFile(others.root_ca));
  if (keeps_workers) KeepOthers(workers, flags.given(), options.workers);
  return true;
}

}  // namespace

Result<std::optional<ControllerManagerFlags>> ParseControllerManagerFlags(
    const std::vector<std::string>& args) {
  ControllerManagerFlags to;
  to.controllers.controllers.clear();
  // That is between the nodes and their network: kube-controller-manager says nothing, either.
  to.controllers.network_policies_are_enforced = true;
  if (!TRY(ParseInto(args, /*keeps_workers=*/false, to))) return std::nullopt;
  return to;
}

Result<> ParseControllerManagerArguments(const std::vector<std::string>& args,
                                         ControllerManagerFlags& to) {
  if (TRY(ParseInto(args, /*keeps_workers=*/true, to))) return {};
  return Fail(Reason::kInvalid, "--help is no argument");
}

int ControllerManagerMain(const std::vector<std::string>& args) {
  return RunProgram(ParseControllerManagerFlags(args), [](const ControllerManagerFlags& given) {
    BeginProgram(given.log);
    ControllerOptions controllers = given.controllers;
    // Without a root authority of its own, pods are told the one that we know the server by.
    if (const auto server = ServerOf(given.api); server && controllers.root_ca.empty()) {
      controllers.root_ca = server->certificate_authority;
    }
    return RunComponent({.name = "kube-controller-manager",
                         .api = given.api,
                         .leader = given.leader,
                         .serving = given.serving,
                         .threads = kManagerThreads,
                         .has_controllers = true,
                         .by_service_accounts = given.by_service_accounts,
                         .controllers = RunningControllers(controllers),
                         .add = [&](Manager& manager, MetricRegistry& metrics) {
                           controllers.metrics = controllers.autoscaler.metrics = &metrics;
                           AddControllers(manager, controllers);
                         }});
  });
}

}  // namespace skiff
