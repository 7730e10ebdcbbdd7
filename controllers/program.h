// kube-controller-manager: the list of controllers and the program that runs them.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/certificates.h"
#include "base/metrics.h"
#include "client/manager.h"
#include "controllers/network/service_load_balancer.h"

namespace skiff {

class CustomKindWatches;

// --horizontal-pod-autoscaler-*
struct AutoscalerOptions {
  int workers = 5;
  Duration sync_period = 15s;
  Duration downscale_stabilization = 5min;
  Duration cpu_initialization_period = 5min;
  Duration initial_readiness_delay = 30s;
  double tolerance = 0.1;
  MetricRegistry* metrics = nullptr;  // Where it counts what it does; null: nobody asks.
};

// Where a signer's certificate and its private key stand.
struct SigningFiles {
  std::string certificate;
  std::string key;
};

// What the flags of kube-controller-manager say to controllers.
struct ControllerOptions {
  std::string root_ca;  // PEM; "": no kube-root-ca.crt is published.
  bool allocate_node_cidrs = false;
  std::vector<std::string> cluster_cidrs;
  std::vector<std::string> service_cidrs;
  int node_cidr_mask_size_ipv4 = 24;
  int node_cidr_mask_size_ipv6 = 64;
  Duration node_monitor_period = 5s;
  Duration node_monitor_grace_period = 50s;
  Duration node_startup_grace_period = 60s;
  double node_eviction_rate = 0.1;
  double secondary_node_eviction_rate = 0.01;
  double unhealthy_zone_threshold = 0.55;
  int large_cluster_size_threshold = 50;
  int terminated_pod_gc_threshold = 12500;
  Duration resource_quota_sync_period = 5min;
  // Of StatefulSets: the feature gate MaxUnavailableStatefulSet.
  bool uses_max_unavailable = false;
  int max_endpoints_per_slice = 100;
  int mirroring_concurrent_service_endpoint_syncs = 5;
  int mirroring_max_endpoints_per_subset = 1000;
  // Whether claims are offered to whoever makes volumes of their class.
  bool provisions_volumes = true;
  // Where, on each node, the built-in provisioner keeps the volumes it makes; "": it is off.
  std::string local_path_directory;
  // Names of StorageClass provisioners that it answers to.
  std::vector<std::string> local_path_provisioners = {"skiff.io/local-path"};
  // Whether nodes remove the directories of such volumes (api/local_volumes). Simulated nodes have
  // none.
  bool nodes_remove_local_volumes = true;
  // By the nodes; else their authors are told that nobody does.
  bool network_policies_are_enforced = false;
  // Who signs approved certificate requests, by signer name; others stay unsigned.
  std::map<std::string, CertificateAuthority> signing_authorities;
  // Of which of them files are followed, by the same names: whoever renews an authority replaces
  // these, and starts nothing anew.
  std::map<std::string, SigningFiles> signing_files;
  Duration signing_duration = 24h * 365;
  // Of its certificate, beside what the cluster itself says of it: no node gets one for these.
  std::vector<std::string> api_server_names;
  // Signs tokens of service accounts for the Secrets that ask for one; unset: they get none.
  std::function<Result<std::string>(const Json& claims)> sign_token;
  // Gives Services of type LoadBalancer the nodes' addresses. Unset: somebody else does, as a
  // cloud.
  std::optional<ServiceLoadBalancerOptions> service_load_balancer;
  // Names as of --controllers; "*" means all that are on by default, "-x" leaves one out.
  std::vector<std::string> controllers = {"*"};
  // How many objects each looks at at once, by the name of its queue ("deployment"); who is not
  // here has as many as suit it.
  std::map<std::string, int> workers;
  AutoscalerOptions autoscaler;
  MetricRegistry* metrics = nullptr;  // As the autoscaler's.
  // Volumes that a node which is not Ready still uses are taken from it after six minutes.
  bool disable_force_detach_on_timeout = false;
  // A token in a Secret that was not used for so long is marked, and goes after as long again.
  Duration legacy_service_account_token_clean_up_period = 24h * 365;
};

// Adds every controller that the options name.
void AddControllers(Manager& manager, const ControllerOptions& options);
// What --controllers may name, by whichever name.
enum class ControllerState {
  kThere,
  kIdle,     // Not here; in kube-controller-manager it never runs, unless a feature is turned on.
  kMissing,  // Not here, and there it can run.
  kUnknown,
};
ControllerState StateOfController(const std::string& name);
// Those that run with these options, by their names.
std::vector<std::string> RunningControllers(const ControllerOptions& options);
// Whether it runs with these options, by its newest name.
bool RunsController(std::string_view name, const ControllerOptions& options);
// Why one that is missing is; "" of others.
std::string_view WhyMissing(const std::string& name);
// The name of a controller by an older name of it: "csrsigning", "deployment".
std::string ControllerNameOf(const std::string& name);

// One line each; the file is named after the function.
// `metrics`, here and below, is where they count what they do; null: nobody asks.
void AddReplicaSetController(Manager& manager, MetricRegistry* metrics = nullptr);
void AddReplicationControllerController(Manager& manager);
void AddDeploymentController(Manager& manager);
void AddDaemonSetController(Manager& manager);
void AddStatefulSetController(Manager& manager, bool uses_max_unavailable = false);
void AddDisruptionController(Manager& manager);
void AddJobController(Manager& manager, MetricRegistry* metrics = nullptr);
void AddCronJobController(Manager& manager, MetricRegistry* metrics = nullptr);
void AddTtlAfterFinishedController(Manager& manager, MetricRegistry* metrics = nullptr);
void AddHorizontalPodAutoscaler(Manager& manager, const AutoscalerOptions& options);
void AddEndpointsController(Manager& manager);
void AddEndpointSliceController(Manager& manager, int max_endpoints_per_slice,
                                MetricRegistry* metrics = nullptr);
void AddEndpointSliceMirroringController(Manager& manager, const ControllerOptions& options);
void AddServiceCidrController(Manager& manager);
void AddNamespaceController(Manager& manager);
// What is used is counted anew after `sync_period` though nothing calls for it; 0: never.
void AddResourceQuotaController(Manager& manager, CustomKindWatches& custom_kinds,
                                Duration sync_period = 5min);
// So many objects are looked at at once.
void AddGarbageCollector(Manager& manager, CustomKindWatches& custom_kinds, int workers);
void AddNodeLifecycleController(Manager& manager, const ControllerOptions& options);
void AddTaintEvictionController(Manager& manager, MetricRegistry* metrics = nullptr);
// Pods by the node they are bound to: ByIndex("node", name).
void AddPodNodeIndex(Manager& manager);
void AddNodeIpamController(Manager& manager, const ControllerOptions& options);
void AddServiceAccountController(Manager& manager);
void AddServiceAccountTokens(Manager& manager, const ControllerOptions& options);
void AddClusterRoleAggregation(Manager& manager);
void AddValidatingAdmissionPolicyStatus(Manager& manager);
void AddRootCaPublisher(Manager& manager, const std::string& root_ca,
                        MetricRegistry* metrics = nullptr);
void AddVolumeBinder(Manager& manager, const ControllerOptions& options);
void AddVolumeReclaimer(Manager& manager, const ControllerOptions& options);
// Pods by the claims they use: ByIndex("claim", "namespace/name").
void AddPodClaimIndex(Manager& manager);
void AddNodeTtlController(Manager& manager);
void AddLegacyTokenCleaner(Manager& manager, Duration period);
void AddResourceClaimController(Manager& manager, MetricRegistry* metrics = nullptr);
void AddAttachDetachController(Manager& manager, const ControllerOptions& options);
void AddVolumeExpander(Manager& manager);
void AddVolumeProtection(Manager& manager);
void AddClaimProtection(Manager& manager);
void AddVolumeAttributesClassProtection(Manager& manager);
void AddEphemeralVolumeController(Manager& manager, MetricRegistry* metrics = nullptr);
void AddPodGarbageCollector(Manager& manager, int terminated_threshold,
                            MetricRegistry* metrics = nullptr);
void AddCertificateApproving(Manager& manager);
void AddCertificateSigning(Manager& manager, const ControllerOptions& options);
void AddCertificateCleaner(Manager& manager);
void AddServingApproving(Manager& manager, const ControllerOptions& options);
void AddNodeServicesApproving(Manager& manager);
void AddBootstrapSigner(Manager& manager);
void AddTokenCleaner(Manager& manager);
void AddUnservedKinds(Manager& manager, const ControllerOptions& options);

}  // namespace skiff
