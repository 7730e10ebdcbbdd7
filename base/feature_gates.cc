#include "base/feature_gates.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
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
// those that are on by default and here, so that nothing can be without them,
constexpr std::string_view kOn[] = {
    "APIResponseCompression", "AllowParsingUserUIDFromCertAuth",
    "AuthorizePodWebsocketUpgradeCreatePermission", "CPUManagerPolicyBetaOptions",
    "CSIServiceAccountTokenSecrets", "ClearingNominatedNodeNameAfterBinding", "ContainerCheckpoint",
    "ContainerRestartRules", "DRAAdminAccess", "DRAPrioritizedList", "DRAResourceClaimDeviceStatus",
    "DeploymentReplicaSetTerminatingReplicas", "DisableCPUQuotaWithExclusiveCPUs", "EnvFiles",
    "ExternalServiceAccountTokenSigner", "GracefulNodeShutdown",
    "GracefulNodeShutdownBasedOnPodPriority", "HPAConfigurableTolerance", "HostnameOverride",
    "ImageVolume", "KubeletCrashLoopBackOffMax", "KubeletEnsureSecretPulledImages",
    "KubeletFineGrainedAuthz", "KubeletPSI", "KubeletPodResourcesDynamicResources",
    "KubeletPodResourcesGet", "KubeletServiceAccountTokenForCredentialProviders",
    "MatchLabelKeysInPodTopologySpread", "MatchLabelKeysInPodTopologySpreadSelectorMerge",
    "MutableCSINodeAllocatableCount", "NominatedNodeNameForExpectation", "OpenAPIEnums",
    "PodDeletionCost", "PodLevelResources", "PodReadyToStartContainersCondition",
    "PodTopologyLabelsAdmission", "PortForwardWebsockets", "PreventStaticPodAPIReferences",
    "ProcMountType", "ReloadKubeletServerCertificateFile", "RemoteRequestHeaderUID",
    "RotateKubeletServerCertificate", "SELinuxChangePolicy", "SELinuxMountReadWriteOncePod",
    "ServiceAccountNodeAudienceRestriction", "StatefulSetSemanticRevisionComparison",
    "StorageVersionHash", "StructuredAuthenticationConfigurationEgressSelector",
    "TokenRequestServiceAccountUIDValidation", "TopologyManagerPolicyBetaOptions",
    "TranslateStreamCloseWebsocketRequests", "UserNamespacesSupport", "VolumeAttributesClass"};
// those that are off by default and here, so that nothing has them,
constexpr std::string_view kOff[] = {
    "AllAlpha", "AllowUnsafeMalformedObjectDeletion", "CPUManagerPolicyAlphaOptions",
    "CRDObservedGenerationTracking", "CSIVolumeHealth", "ClusterTrustBundle",
    "ClusterTrustBundleProjection", "ComponentFlagz", "ComponentStatusz",
    "ConstrainedImpersonation", "ContainerStopSignals", "CoordinatedLeaderElection",
    "CrossNamespaceVolumeDataSource", "CustomCPUCFSQuotaPeriod", "DRAConsumableCapacity",
    "DRADeviceBindingConditions", "DRADeviceTaintRules", "DRADeviceTaints", "DRAExtendedResource",
    "DRAPartitionableDevices", "GangScheduling", "GenericWorkload", "GitRepoVolumeDriver",
    "HPAScaleToZero", "InPlacePodLevelResourcesVerticalScaling",
    "InPlacePodVerticalScalingExclusiveCPUs", "InPlacePodVerticalScalingExclusiveMemory",
    "KubeletInUserNamespace", "MemoryQoS", "MutablePVNodeAffinity",
    "MutablePodResourcesForSuspendedJobs", "MutableSchedulingDirectivesForSuspendedJobs",
    "NodeDeclaredFeatures", "NodeLogQuery", "PodCertificateRequest", "PodLogsQuerySplitStreams",
    "QOSReserved", "ReduceDefaultCrashLoopBackOffDecay", "RelaxedServiceNameValidation",
    "ResourceHealthStatus", "RestartAllContainersOnContainerExits", "RuntimeClassInImageCriApi",
    "SELinuxMount", "StorageCapacityScoring", "StorageVersionAPI", "StorageVersionMigrator",
    "StrictIPCIDRValidation", "TaintTolerationComparisonOperators",
    "TopologyManagerPolicyAlphaOptions", "UserNamespacesHostNetworkSupport", "VolumeLimitScaling"};
// and those that act, or that are of no concern here: how a program works within, programs that are
// others', machines that run Windows.
constexpr std::string_view kFree[] = {
    "APIServerIdentity", "APIServingWithRoutine", "AllBeta", "AllowDNSOnlyNodeCSR",
    "AllowInsecureKubeletCertificateSigningRequests", "CBORServingAndStorage", "ClientsAllowCBOR",
    "ClientsPreferCBOR", "CloudControllerManagerWatchBasedRoutesReconciliation",
    "CloudControllerManagerWebhook", "ConcurrentWatchObjectDecode", "ContextualLogging",
    "DRASchedulerFilterTimeout", "DeclarativeValidation", "DeclarativeValidationTakeover",
    "DetectCacheInconsistency", "DisableNodeKubeProxyVersion", "EventedPLEG", "InOrderInformers",
    "InOrderInformersBatchProcess", "InPlacePodVerticalScalingAllocatedStatus",
    "InTreePluginPortworxUnregister", "InformerResourceVersion", "KMSv1",
    "KubeletPodResourcesListUseActivePods", "KubeletRegistrationGetOnExistsOnly",
    "KubeletSeparateDiskGC", "ListFromCacheSnapshot",
    "LocalStorageCapacityIsolationFSQuotaMonitoring", "LoggingAlphaOptions", "LoggingBetaOptions",
    "LoggingStableOptions", "MaxUnavailableStatefulSet", "MutatingAdmissionPolicy",
    "OpportunisticBatching", "PodAndContainerStatsFromCRI", "SchedulerAsyncAPICalls",
    "SchedulerAsyncPreemption", "SchedulerPopFromBackoffQ", "SeparateCacheWatchRPC",
    "SizeBasedListCostEstimate", "StorageNamespaceIndex",
    "StructuredAuthenticationConfigurationJWKSMetrics", "TopologyManagerPolicyOptions",
    "UnauthenticatedHTTP2DOSMitigation", "UnknownVersionInteroperabilityProxy",
    "WatchCacheInitializationPostStartHook", "WatchList", "WatchListClient",
    "WindowsCPUAndMemoryAffinity", "WindowsGracefulNodeShutdown", "WindowsHostNetwork"};
// clang-format on
// As Go's ParseBool reads them, in order.
constexpr std::string_view kTrue[] = {"1", "T", "TRUE", "True", "t", "true"};
constexpr std::string_view kFalse[] = {"0", "F", "FALSE", "False", "f", "false"};

std::array<std::atomic<bool>, kSharedGates> shared_gates = {};

bool Holds(std::span<const std::string_view> sorted, std::string_view name) {
  return std::ranges::binary_search(sorted, name);
}

std::string WhyNotHere(std::string_view name, std::string_view value, std::string_view why) {
  return fmt::format("--feature-gates={}={} cannot be had here, and must not be ignored: it is {}",
                     name, value, why);
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
  if (Holds(kFree, name)) return "";
  if (Holds(kOff, name)) return on ? WhyNotHere(name, "true", "always off") : "";
  if (Holds(kOn, name)) return on ? "" : WhyNotHere(name, "false", "always on");
  return "unrecognized feature gate: " + std::string(name);
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

std::optional<bool> FeatureGateOf(const std::vector<std::pair<std::string, std::string>>& flags,
                                  std::string_view gate) {
  std::optional<bool> set;
  for (const auto& [name, value] : flags) {
    if (name != "feature-gates") continue;
    if (const auto found = FeatureGateIn(value, gate)) set = found;
  }
  return set;
}

bool IsBetaGateOn(const std::vector<std::pair<std::string, std::string>>& flags,
                  std::string_view gate, bool is_on_by_default) {
  const bool is_on = FeatureGateOf(flags, kBetaGates).value_or(is_on_by_default);
  return FeatureGateOf(flags, gate).value_or(is_on);
}

bool IsOn(SharedGate gate) {
  return shared_gates[static_cast<size_t>(gate)].load(std::memory_order_relaxed);
}

void SetGate(SharedGate gate, bool is_on) {
  shared_gates[static_cast<size_t>(gate)].store(is_on, std::memory_order_relaxed);
}

}  // namespace skiff
