#include "controllers/program.h"

#include <algorithm>
#include <functional>
#include <memory>

#include "controllers/machinery/custom_kind_watches.h"

namespace skiff {
namespace {

struct Entry {
  std::string_view name;  // As in --controllers.
  // In kube-system, as which it writes with --use-service-account-credentials; "": as the program,
  // because tokens are nobody else's, or because no role of Kubernetes is meant for it.
  std::string_view account;
  void (*add)(Manager& manager, const ControllerOptions& options, CustomKindWatches& custom_kinds);
  bool by_default = true;  // "*" means it too.
  // Whether what it needs is there; null: it needs nothing.
  bool (*can_run)(const ControllerOptions& options) = nullptr;
};

constexpr int kCollectorWorkers = 10;  // Where nobody says.

// The garbage collector last: it watches metadata of the kinds that nobody watches whole.
const Entry kControllers[] = {
    {"replicaset-controller", "replicaset-controller",
     [](Manager& m, const auto& o, auto&) { AddReplicaSetController(m, o.metrics); }},
    {"replicationcontroller-controller", "replication-controller",
     [](Manager& m, const auto&, auto&) { AddReplicationControllerController(m); }},
    {"deployment-controller", "deployment-controller",
     [](Manager& m, const auto&, auto&) { AddDeploymentController(m); }},
    {"daemonset-controller", "daemon-set-controller",
     [](Manager& m, const auto&, auto&) { AddDaemonSetController(m); }},
    {"statefulset-controller", "statefulset-controller",
     [](Manager& m, const auto& o, auto&) { AddStatefulSetController(m, o.uses_max_unavailable); }},
    {"job-controller", "job-controller",
     [](Manager& m, const auto& o, auto&) { AddJobController(m, o.metrics); }},
    {"cronjob-controller", "cronjob-controller",
     [](Manager& m, const auto& o, auto&) { AddCronJobController(m, o.metrics); }},
    {"ttl-after-finished-controller", "ttl-after-finished-controller",
     [](Manager& m, const auto& o, auto&) { AddTtlAfterFinishedController(m, o.metrics); }},
    {"horizontal-pod-autoscaler-controller", "horizontal-pod-autoscaler",
     [](Manager& m, const auto& o, auto&) { AddHorizontalPodAutoscaler(m, o.autoscaler); }},
    {"disruption-controller", "disruption-controller",
     [](Manager& m, const auto&, auto&) { AddDisruptionController(m); }},
    {"endpoints-controller", "endpoint-controller",
     [](Manager& m, const auto&, auto&) { AddEndpointsController(m); }},
    {"endpointslice-controller", "endpointslice-controller",
     [](Manager& m, const auto& o, auto&) {
       AddEndpointSliceController(m, o.max_endpoints_per_slice, o.metrics);
     }},
    {"endpointslice-mirroring-controller", "endpointslicemirroring-controller",
     [](Manager& m, const auto& o, auto&) { AddEndpointSliceMirroringController(m, o); }},
    {"service-lb-controller", "service-controller",
     [](Manager& m, const auto& o, auto&) { AddServiceLoadBalancer(m, *o.service_load_balancer); },
     /*by_default=*/true, [](const auto& o) { return o.service_load_balancer.has_value(); }},
    {"service-cidr-controller", "service-cidrs-controller",
     [](Manager& m, const auto&, auto&) { AddServiceCidrController(m); }},
    {"resourcequota-controller", "resourcequota-controller",
     [](Manager& m, const auto& o, auto& k) {
       AddResourceQuotaController(m, k, o.resource_quota_sync_period);
     }},
    {"namespace-controller", "namespace-controller",
     [](Manager& m, const auto&, auto&) { AddNamespaceController(m); }},
    {"node-lifecycle-controller", "node-controller",
     [](Manager& m, const auto& o, auto&) { AddNodeLifecycleController(m, o); }},
    {"ttl-controller", "ttl-controller",
     [](Manager& m, const auto&, auto&) { AddNodeTtlController(m); }},
    {"taint-eviction-controller", "node-controller",
     [](Manager& m, const auto& o, auto&) { AddTaintEvictionController(m, o.metrics); }},
    {"node-ipam-controller", "node-controller",
     [](Manager& m, const auto& o, auto&) { AddNodeIpamController(m, o); },
     /*by_default=*/true,
     [](const auto& o) { return o.allocate_node_cidrs && !o.cluster_cidrs.empty(); }},
    {"serviceaccount-controller", "service-account-controller",
     [](Manager& m, const auto&, auto&) { AddServiceAccountController(m); }},
    {"serviceaccount-token-controller", "",
     [](Manager& m, const auto& o, auto&) { AddServiceAccountTokens(m, o); },
     /*by_default=*/true, [](const auto& o) { return o.sign_token != nullptr; }},
    {"legacy-serviceaccount-token-cleaner-controller", "legacy-service-account-token-cleaner",
     [](Manager& m, const auto& o, auto&) {
       AddLegacyTokenCleaner(m, o.legacy_service_account_token_clean_up_period);
     }},
    {"clusterrole-aggregation-controller", "clusterrole-aggregation-controller",
     [](Manager& m, const auto&, auto&) { AddClusterRoleAggregation(m); }},
    {"validatingadmissionpolicy-status-controller", "validatingadmissionpolicy-status-controller",
     [](Manager& m, const auto&, auto&) { AddValidatingAdmissionPolicyStatus(m); }},
    {"root-ca-certificate-publisher-controller", "root-ca-cert-publisher",
     [](Manager& m, const auto& o, auto&) { AddRootCaPublisher(m, o.root_ca, o.metrics); },
     /*by_default=*/true, [](const auto& o) { return !o.root_ca.empty(); }},
    {"persistentvolume-binder-controller", "persistent-volume-binder",
     [](Manager& m, const auto& o, auto&) { AddVolumeBinder(m, o); }},
    {"persistentvolume-attach-detach-controller", "attachdetach-controller",
     [](Manager& m, const auto& o, auto&) { AddAttachDetachController(m, o); }},
    {"persistentvolume-expander-controller", "expand-controller",
     [](Manager& m, const auto&, auto&) { AddVolumeExpander(m); }},
    {"persistentvolume-protection-controller", "pv-protection-controller",
     [](Manager& m, const auto&, auto&) { AddVolumeProtection(m); }},
    {"persistentvolumeclaim-protection-controller", "pvc-protection-controller",
     [](Manager& m, const auto&, auto&) { AddClaimProtection(m); }},
    {"resourceclaim-controller", "resource-claim-controller",
     [](Manager& m, const auto& o, auto&) { AddResourceClaimController(m, o.metrics); }},
    {"ephemeral-volume-controller", "ephemeral-volume-controller",
     [](Manager& m, const auto& o, auto&) { AddEphemeralVolumeController(m, o.metrics); }},
    {"volumeattributesclass-protection-controller", "volumeattributesclass-protection-controller",
     [](Manager& m, const auto&, auto&) { AddVolumeAttributesClassProtection(m); }},
    {"pod-garbage-collector-controller", "pod-garbage-collector",
     [](Manager& m, const auto& o, auto&) {
       AddPodGarbageCollector(m, o.terminated_pod_gc_threshold, o.metrics);
     }},
    {"certificatesigningrequest-approving-controller", "certificate-controller",
     [](Manager& m, const auto&, auto&) { AddCertificateApproving(m); }},
    {"certificatesigningrequest-signing-controller", "certificate-controller",
     [](Manager& m, const auto& o, auto&) { AddCertificateSigning(m, o); },
     /*by_default=*/true, [](const auto& o) { return !o.signing_authorities.empty(); }},
    {"certificatesigningrequest-cleaner-controller", "certificate-controller",
     [](Manager& m, const auto&, auto&) { AddCertificateCleaner(m); }},
    {"kubelet-serving-approving-controller", "",
     [](Manager& m, const auto& options, auto&) { AddServingApproving(m, options); },
     /*by_default=*/false},
    {"node-services-approving-controller", "",
     [](Manager& m, const auto&, auto&) { AddNodeServicesApproving(m); },
     /*by_default=*/false},
    {"bootstrap-signer-controller", "bootstrap-signer",
     [](Manager& m, const auto&, auto&) { AddBootstrapSigner(m); },
     /*by_default=*/false},
    {"token-cleaner-controller", "token-cleaner",
     [](Manager& m, const auto&, auto&) { AddTokenCleaner(m); },
     /*by_default=*/false},
    {"unserved-kinds-controller", "",
     [](Manager& m, const auto& o, auto&) { AddUnservedKinds(m, o); }},
    {"garbage-collector-controller", "generic-garbage-collector",
     [](Manager& m, const auto& o, auto& k) {
       const auto workers = o.workers.find("garbage-collector");
       AddGarbageCollector(m, k, workers == o.workers.end() ? kCollectorWorkers : workers->second);
     }},
};

// Of kube-controller-manager v1.35, and not here. All but one do not run there either: their
// features are off, or they are left to cloud providers.
struct Absent {
  std::string_view name;
  ControllerState state = ControllerState::kIdle;
  std::string_view why_missing = "";
};
constexpr Absent kAbsent[] = {
    {"cloud-node-lifecycle-controller"},
    {"device-taint-eviction-controller"},
    {"kube-apiserver-serving-clustertrustbundle-publisher-controller"},
    {"node-route-controller"},
    {"podcertificaterequest-cleaner-controller"},
    {"selinux-warning-controller", ControllerState::kMissing,
     "it warns of pods that could not share a volume mounted with an SELinux label, and no volume "
     "is mounted with one here"},
    {"storage-version-migrator-controller"},
    {"storageversion-garbage-collector-controller"},
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
    {"route", "node-route-controller"},
    {"service", "service-lb-controller"},
    {"storage-version-gc", "storageversion-garbage-collector-controller"},
    {"svm", "storage-version-migrator-controller"},
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

bool CanRun(const Entry& entry, const ControllerOptions& options) {
  return entry.can_run == nullptr || entry.can_run(options);
}

}  // namespace

bool RunsController(std::string_view name, const ControllerOptions& options) {
  return std::ranges::any_of(kControllers, [&](const Entry& entry) {
    return entry.name == name && IsEnabled(entry, options.controllers);
  });
}

std::vector<std::string> RunningControllers(const ControllerOptions& options) {
  std::vector<std::string> names;
  for (const Entry& entry : kControllers) {
    if (!IsEnabled(entry, options.controllers) || !CanRun(entry, options)) continue;
    names.emplace_back(entry.name);
  }
  return names;
}

void AddControllers(Manager& manager, const ControllerOptions& options) {
  manager.SetWorkers(options.workers);
  auto custom_kinds = std::make_unique<CustomKindWatches>(manager);
  for (const Entry& entry : kControllers) {
    if (!IsEnabled(entry, options.controllers) || !CanRun(entry, options)) continue;
    manager.ActAs(std::string(entry.name), std::string(entry.account));
    entry.add(manager, options, *custom_kinds);
  }
  manager.ActAs("");
  if (custom_kinds->has_users()) manager.AddLoop(std::move(custom_kinds));
}

std::string ControllerNameOf(const std::string& name) {
  for (const Alias& alias : kAliases) {
    if (alias.old == name) return std::string(alias.name);
  }
  constexpr std::string_view kSuffix = "-controller";
  if (name.ends_with(kSuffix) || name == "*") return name;
  return name + std::string(kSuffix);
}

ControllerState StateOfController(const std::string& name) {
  const std::string full = ControllerNameOf(name);
  for (const Entry& entry : kControllers) {
    if (entry.name == full) return ControllerState::kThere;
  }
  for (const Absent& absent : kAbsent) {
    if (absent.name == full) return absent.state;
  }
  return ControllerState::kUnknown;
}

std::string_view WhyMissing(const std::string& name) {
  const std::string full = ControllerNameOf(name);
  for (const Absent& absent : kAbsent) {
    if (absent.name == full) return absent.why_missing;
  }
  return "";
}

}  // namespace skiff
