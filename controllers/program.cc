#include "controllers/program.h"

#include <algorithm>
#include <functional>

namespace skiff {
namespace {

struct Entry {
  std::string_view name;  // As in --controllers.
  void (*add)(Manager& manager, const ControllerOptions& options);
  bool by_default = true;  // "*" means it too.
};

// The garbage collector last: it watches metadata of the kinds that nobody watches whole.
const Entry kControllers[] = {
    {"replicaset-controller", [](Manager& m, const auto&) { AddReplicaSetController(m); }},
    {"replicationcontroller-controller",
     [](Manager& m, const auto&) { AddReplicationControllerController(m); }},
    {"deployment-controller", [](Manager& m, const auto&) { AddDeploymentController(m); }},
    {"daemonset-controller", [](Manager& m, const auto&) { AddDaemonSetController(m); }},
    {"statefulset-controller", [](Manager& m, const auto&) { AddStatefulSetController(m); }},
    {"job-controller", [](Manager& m, const auto&) { AddJobController(m); }},
    {"cronjob-controller", [](Manager& m, const auto&) { AddCronJobController(m); }},
    {"ttl-after-finished-controller",
     [](Manager& m, const auto&) { AddTtlAfterFinishedController(m); }},
    {"horizontal-pod-autoscaler-controller",
     [](Manager& m, const auto& o) { AddHorizontalPodAutoscaler(m, o.autoscaler); }},
    {"disruption-controller", [](Manager& m, const auto&) { AddDisruptionController(m); }},
    {"endpoints-controller", [](Manager& m, const auto&) { AddEndpointsController(m); }},
    {"endpointslice-controller",
     [](Manager& m, const auto& o) { AddEndpointSliceController(m, o.max_endpoints_per_slice); }},
    {"endpointslice-mirroring-controller",
     [](Manager& m, const auto& o) { AddEndpointSliceMirroringController(m, o); }},
    {"service-lb-controller",
     [](Manager& m, const auto& o) {
       if (o.service_load_balancer) AddServiceLoadBalancer(m, *o.service_load_balancer);
     }},
    {"service-cidr-controller", [](Manager& m, const auto&) { AddServiceCidrController(m); }},
    {"resourcequota-controller", [](Manager& m, const auto&) { AddResourceQuotaController(m); }},
    {"namespace-controller", [](Manager& m, const auto&) { AddNamespaceController(m); }},
    {"node-lifecycle-controller",
     [](Manager& m, const auto& o) { AddNodeLifecycleController(m, o); }},
    {"ttl-controller", [](Manager& m, const auto&) { AddNodeTtlController(m); }},
    {"taint-eviction-controller", [](Manager& m, const auto&) { AddTaintEvictionController(m); }},
    {"node-ipam-controller",
     [](Manager& m, const auto& o) {
       if (o.allocate_node_cidrs && !o.cluster_cidrs.empty()) AddNodeIpamController(m, o);
     }},
    {"serviceaccount-controller", [](Manager& m, const auto&) { AddServiceAccountController(m); }},
    {"serviceaccount-token-controller",
     [](Manager& m, const auto& o) {
       if (o.sign_token) AddServiceAccountTokens(m, o);
     }},
    {"legacy-serviceaccount-token-cleaner-controller",
     [](Manager& m, const auto& o) {
       AddLegacyTokenCleaner(m, o.legacy_service_account_token_clean_up_period);
     }},
    {"clusterrole-aggregation-controller",
     [](Manager& m, const auto&) { AddClusterRoleAggregation(m); }},
    {"validatingadmissionpolicy-status-controller",
     [](Manager& m, const auto&) { AddValidatingAdmissionPolicyStatus(m); }},
    {"root-ca-certificate-publisher-controller",
     [](Manager& m, const auto& o) {
       if (!o.root_ca.empty()) AddRootCaPublisher(m, o.root_ca);
     }},
    {"persistentvolume-binder-controller",
     [](Manager& m, const auto& o) { AddVolumeBinder(m, o); }},
    {"persistentvolume-attach-detach-controller",
     [](Manager& m, const auto& o) { AddAttachDetachController(m, o); }},
    {"persistentvolume-expander-controller",
     [](Manager& m, const auto&) { AddVolumeExpander(m); }},
    {"persistentvolume-protection-controller",
     [](Manager& m, const auto&) { AddVolumeProtection(m); }},
    {"persistentvolumeclaim-protection-controller",
     [](Manager& m, const auto&) { AddClaimProtection(m); }},
    {"resourceclaim-controller", [](Manager& m, const auto&) { AddResourceClaimController(m); }},
    {"ephemeral-volume-controller",
     [](Manager& m, const auto&) { AddEphemeralVolumeController(m); }},
    {"volumeattributesclass-protection-controller",
     [](Manager& m, const auto&) { AddVolumeAttributesClassProtection(m); }},
    {"pod-garbage-collector-controller",
     [](Manager& m, const auto& o) { AddPodGarbageCollector(m, o.terminated_pod_gc_threshold); }},
    {"certificatesigningrequest-approving-controller",
     [](Manager& m, const auto&) { AddCertificateApproving(m); }},
    {"certificatesigningrequest-signing-controller",
     [](Manager& m, const auto& o) {
       if (!o.signing_authorities.empty()) AddCertificateSigning(m, o);
     }},
    {"certificatesigningrequest-cleaner-controller",
     [](Manager& m, const auto&) { AddCertificateCleaner(m); }},
    {"kubelet-serving-approving-controller",
     [](Manager& m, const auto&) { AddServingApproving(m); },
     /*by_default=*/false},
    {"node-services-approving-controller",
     [](Manager& m, const auto&) { AddNodeServicesApproving(m); },
     /*by_default=*/false},
    {"bootstrap-signer-controller", [](Manager& m, const auto&) { AddBootstrapSigner(m); },
     /*by_default=*/false},
    {"token-cleaner-controller", [](Manager& m, const auto&) { AddTokenCleaner(m); },
     /*by_default=*/false},
    {"unserved-kinds-controller", [](Manager& m, const auto& o) { AddUnservedKinds(m, o); }},
    {"garbage-collector-controller", [](Manager& m, const auto&) { AddGarbageCollector(m); }},
};

struct Alias {
  std::string_view old;
  std::string_view name;
};
// Names of before v1.28, which command lines still use. Those that differ by "-controller" alone
// are not here.
constexpr Alias kAliases[] = {
    {"attachdetach", "persistentvolume-attach-detach-controller"},
    {"bootstrapsigner", "bootstrap-signer-controller"},
    {"csrapproving", "certificatesigningrequest-approving-controller"},
    {"csrcleaner", "certificatesigningrequest-cleaner-controller"},
    {"csrsigning", "certificatesigningrequest-signing-controller"},
    {"endpoint", "endpoints-controller"},
    {"endpointslicemirroring", "endpointslice-mirroring-controller"},
    {"garbagecollector", "garbage-collector-controller"},
    {"horizontalpodautoscaling", "horizontal-pod-autoscaler-controller"},
    {"legacy-service-account-token-cleaner", "legacy-serviceaccount-token-cleaner-controller"},
    {"nodeipam", "node-ipam-controller"},
    {"nodelifecycle", "node-lifecycle-controller"},
    {"podgc", "pod-garbage-collector-controller"},
    {"pv-protection", "persistentvolume-protection-controller"},
    {"pvc-protection", "persistentvolumeclaim-protection-controller"},
    {"resource-claim-controller", "resourceclaim-controller"},
    {"root-ca-cert-publisher", "root-ca-certificate-publisher-controller"},
    {"tokencleaner", "token-cleaner-controller"},
};

bool IsEnabled(const Entry& entry, const std::vector<std::string>& wanted) {
  // What names it decides; "*" stands for all that are on by default.
  bool all = false;
  for (const std::string& word : wanted) {
    if (word == "*") all = true;
    const bool off = word.starts_with('-');
    if (ControllerNameOf(off ? word.substr(1) : word) == entry.name) return !off;
  }
  return all && entry.by_default;
}

}  // namespace

void AddControllers(Manager& manager, const ControllerOptions& options) {
  for (const Entry& entry : kControllers) {
    if (IsEnabled(entry, options.controllers)) entry.add(manager, options);
  }
}

std::string ControllerNameOf(const std::string& name) {
  for (const Alias& alias : kAliases) {
    if (alias.old == name) return std::string(alias.name);
  }
  constexpr std::string_view kSuffix = "-controller";
  if (name.ends_with(kSuffix) || name == "*") return name;
  return name + std::string(kSuffix);
}

std::vector<std::string> ControllerNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kControllers) names.emplace_back(entry.name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace skiff
