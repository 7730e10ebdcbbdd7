#include "base/feature_gates.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "base/text.h"

namespace skiff {
namespace {

// clang-format off
// Of v1.35, in order: those that are on and cannot be turned off,
constexpr std::string_view kLocked[] = {
    "APIServerTracing", "AggregatedDiscoveryRemoveBetaType",
    "AllowOverwriteTerminationGracePeriodSeconds", "AnonymousAuthConfigurableEndpoints",
    "AnyVolumeDataSource", "AuthorizeNodeWithSelectors", "AuthorizeWithSelectors",
    "BtreeWatchCache", "CPUManagerPolicyOptions", "CRDValidationRatcheting",
    "CSIMigrationPortworx", "ConsistentListFromCache", "CustomResourceFieldSelectors",
    "DisableAllocatorDualWrite", "DynamicResourceAllocation", "ExecProbeTimeout",
    "HonorPVReclaimPolicy", "ImageMaximumGCAge", "InPlacePodVerticalScaling",
    "JobBackoffLimitPerIndex", "JobManagedBy", "JobPodReplacementPolicy", "JobSuccessPolicy",
    "KubeletCgroupDriverFromCRI", "KubeletTracing", "LogarithmicScaleDown",
    "MatchLabelKeysInPodAffinity", "MemoryManager", "MultiCIDRServiceAllocator",
    "NFTablesProxyMode", "NodeInclusionPolicyInPodTopologySpread", "NodeSwap",
    "OrderedNamespaceDeletion", "PodLifecycleSleepAction", "PodLifecycleSleepActionAllowZero",
    "PodObservedGenerationTracking", "PodSchedulingReadiness", "PreferSameTrafficDistribution",
    "RecoverVolumeExpansionFailure", "RecursiveReadOnlyMounts", "RelaxedDNSSearchValidation",
    "RelaxedEnvironmentVariableValidation", "ResilientWatchCacheInitialization",
    "RetryGenerateName", "SchedulerQueueingHints", "SeparateTaintEvictionController",
    "ServiceAccountTokenJTI", "ServiceAccountTokenNodeBinding",
    "ServiceAccountTokenNodeBindingValidation", "ServiceAccountTokenPodNodeInfo",
    "ServiceTrafficDistribution", "SidecarContainers", "StreamingCollectionEncodingToJSON",
    "StreamingCollectionEncodingToProtobuf", "StructuredAuthenticationConfiguration",
    "StructuredAuthorizationConfiguration", "SupplementalGroupsPolicy", "SystemdWatchdog",
    "TopologyAwareHints", "WatchFromStorageWithoutResourceVersion", "WinDSR", "WinOverlay"};
// and all others.
constexpr std::string_view kOthers[] = {
    "APIResponseCompression", "APIServerIdentity", "APIServingWithRoutine", "AllAlpha", "AllBeta",
    "AllowDNSOnlyNodeCSR", "AllowInsecureKubeletCertificateSigningRequests",
    "AllowParsingUserUIDFromCertAuth", "AllowUnsafeMalformedObjectDeletion",
    "AuthorizePodWebsocketUpgradeCreatePermission", "CBORServingAndStorage",
    "CPUManagerPolicyAlphaOptions", "CPUManagerPolicyBetaOptions", "CRDObservedGenerationTracking",
    "CSIServiceAccountTokenSecrets", "CSIVolumeHealth", "ClearingNominatedNodeNameAfterBinding",
    "ClientsAllowCBOR", "ClientsPreferCBOR",
    "CloudControllerManagerWatchBasedRoutesReconciliation", "CloudControllerManagerWebhook",
    "ClusterTrustBundle", "ClusterTrustBundleProjection", "ComponentFlagz", "ComponentStatusz",
    "ConcurrentWatchObjectDecode", "ConstrainedImpersonation", "ContainerCheckpoint",
    "ContainerRestartRules", "ContainerStopSignals", "ContextualLogging",
    "CoordinatedLeaderElection", "CrossNamespaceVolumeDataSource", "CustomCPUCFSQuotaPeriod",
    "DRAAdminAccess", "DRAConsumableCapacity", "DRADeviceBindingConditions", "DRADeviceTaintRules",
    "DRADeviceTaints", "DRAExtendedResource", "DRAPartitionableDevices", "DRAPrioritizedList",
    "DRAResourceClaimDeviceStatus", "DRASchedulerFilterTimeout", "DeclarativeValidation",
    "DeclarativeValidationTakeover", "DeploymentReplicaSetTerminatingReplicas",
    "DetectCacheInconsistency", "DisableCPUQuotaWithExclusiveCPUs", "DisableNodeKubeProxyVersion",
    "EnvFiles", "EventedPLEG", "ExternalServiceAccountTokenSigner", "GangScheduling",
    "GenericWorkload", "GitRepoVolumeDriver", "GracefulNodeShutdown",
    "GracefulNodeShutdownBasedOnPodPriority", "HPAConfigurableTolerance", "HPAScaleToZero",
    "HostnameOverride", "ImageVolume", "InOrderInformers", "InOrderInformersBatchProcess",
    "InPlacePodLevelResourcesVerticalScaling", "InPlacePodVerticalScalingAllocatedStatus",
    "InPlacePodVerticalScalingExclusiveCPUs", "InPlacePodVerticalScalingExclusiveMemory",
    "InTreePluginPortworxUnregister", "InformerResourceVersion", "KMSv1",
    "KubeletCrashLoopBackOffMax", "KubeletEnsureSecretPulledImages", "KubeletFineGrainedAuthz",
    "KubeletInUserNamespace", "KubeletPSI", "KubeletPodResourcesDynamicResources",
    "KubeletPodResourcesGet", "KubeletPodResourcesListUseActivePods",
    "KubeletRegistrationGetOnExistsOnly", "KubeletSeparateDiskGC",
    "KubeletServiceAccountTokenForCredentialProviders", "ListFromCacheSnapshot",
    "LocalStorageCapacityIsolationFSQuotaMonitoring", "LoggingAlphaOptions", "LoggingBetaOptions",
    "LoggingStableOptions", "MatchLabelKeysInPodTopologySpread",
    "MatchLabelKeysInPodTopologySpreadSelectorMerge", "MaxUnavailableStatefulSet", "MemoryQoS",
    "MutableCSINodeAllocatableCount", "MutablePVNodeAffinity",
    "MutablePodResourcesForSuspendedJobs", "MutableSchedulingDirectivesForSuspendedJobs",
    "MutatingAdmissionPolicy", "NodeDeclaredFeatures", "NodeLogQuery",
    "NominatedNodeNameForExpectation", "OpenAPIEnums", "OpportunisticBatching",
    "PodAndContainerStatsFromCRI", "PodCertificateRequest", "PodDeletionCost", "PodLevelResources",
    "PodLogsQuerySplitStreams", "PodReadyToStartContainersCondition", "PodTopologyLabelsAdmission",
    "PortForwardWebsockets", "PreventStaticPodAPIReferences", "ProcMountType", "QOSReserved",
    "ReduceDefaultCrashLoopBackOffDecay", "RelaxedServiceNameValidation",
    "ReloadKubeletServerCertificateFile", "RemoteRequestHeaderUID", "ResourceHealthStatus",
    "RestartAllContainersOnContainerExits", "RotateKubeletServerCertificate",
    "RuntimeClassInImageCriApi", "SELinuxChangePolicy", "SELinuxMount",
    "SELinuxMountReadWriteOncePod", "SchedulerAsyncAPICalls", "SchedulerAsyncPreemption",
    "SchedulerPopFromBackoffQ", "SeparateCacheWatchRPC", "ServiceAccountNodeAudienceRestriction",
    "SizeBasedListCostEstimate", "StorageCapacityScoring", "StorageNamespaceIndex",
    "StorageVersionAPI", "StorageVersionHash", "StorageVersionMigrator", "StrictIPCIDRValidation",
    "StructuredAuthenticationConfigurationEgressSelector",
    "StructuredAuthenticationConfigurationJWKSMetrics", "TaintTolerationComparisonOperators",
    "TokenRequestServiceAccountUIDValidation", "TopologyManagerPolicyAlphaOptions",
    "TopologyManagerPolicyBetaOptions", "TopologyManagerPolicyOptions",
    "TranslateStreamCloseWebsocketRequests", "UnauthenticatedHTTP2DOSMitigation",
    "UnknownVersionInteroperabilityProxy", "UserNamespacesHostNetworkSupport",
    "UserNamespacesSupport", "VolumeAttributesClass", "VolumeLimitScaling",
    "WatchCacheInitializationPostStartHook", "WatchList", "WatchListClient",
    "WindowsCPUAndMemoryAffinity", "WindowsGracefulNodeShutdown", "WindowsHostNetwork"};
// clang-format on
// As Go's ParseBool reads them, in order.
constexpr std::string_view kTrue[] = {"1", "T", "TRUE", "True", "t", "true"};
constexpr std::string_view kFalse[] = {"0", "F", "FALSE", "False", "f", "false"};

bool Holds(std::span<const std::string_view> sorted, std::string_view name) {
  return std::ranges::binary_search(sorted, name);
}

std::string WhyNotGate(std::string_view item) {
  const size_t equals = item.find('=');
  std::string_view name = WithoutBlanks(item.substr(0, equals), " \t");
  if (equals == item.npos) return "missing bool value for " + std::string(name);
  const std::string value(WithoutBlanks(item.substr(equals + 1), " \t"));
  const bool on = Holds(kTrue, value);
  if (!on && !Holds(kFalse, value)) {
    return "invalid value of " + std::string(name) + "=" + value +
           ", err: strconv.ParseBool: parsing \"" + value + "\": invalid syntax";
  }
  if (name.starts_with("kube:")) name.remove_prefix(5);
  if (Holds(kLocked, name)) {
    if (on) return "";
    return "cannot set feature gate " + std::string(name) +
           " to false, feature is locked to true";
  }
  return Holds(kOthers, name) ? "" : "unrecognized feature gate: " + std::string(name);
}

}  // namespace

std::string WhyNotFeatureGates(std::string_view text) {
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    if (!item.empty()) {
      if (std::string why = WhyNotGate(item); !why.empty()) return why;
    }
    text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
  }
  return "";
}

std::optional<bool> FeatureGateIn(std::string_view text, std::string_view gate) {
  std::optional<bool> set;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    const size_t equals = std::min(item.find('='), item.size());
    std::string_view name = WithoutBlanks(item.substr(0, equals), " \t");
    if (name.starts_with("kube:")) name.remove_prefix(5);
    if (name == gate && equals < item.size()) {
      set = Holds(kTrue, WithoutBlanks(item.substr(equals + 1), " \t"));
    }
    text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
  }
  return set;
}

}  // namespace skiff
