// The fields of Kubernetes' internal types, in the order of their declaration there.
#include <algorithm>
#include <iterator>
#include <string_view>

#include "api/rules/go_struct.h"

namespace skiff {
namespace {

struct Layout {
  std::string_view type;
  std::string_view fields;
};

// A field that differs from its JSON name by more than capitals says "GoName=jsonName". Sorted.
constexpr Layout kLayouts[] = {
    {"AWSElasticBlockStoreVolumeSource", "VolumeID FSType Partition ReadOnly"},
    {"Affinity", "NodeAffinity PodAffinity PodAntiAffinity"},
    {"AppArmorProfile", "Type LocalhostProfile"},
    {"AzureDiskVolumeSource", "DiskName DataDiskURI=diskURI CachingMode FSType ReadOnly Kind"},
    {"AzureFilePersistentVolumeSource", "SecretName ShareName ReadOnly SecretNamespace"},
    {"AzureFileVolumeSource", "SecretName ShareName ReadOnly"},
    {"CELDeviceSelector", "Expression"},
    {"CSINodeDriver", "Name NodeID TopologyKeys Allocatable"},
    {"CSIPersistentVolumeSource",
     "Driver VolumeHandle ReadOnly FSType VolumeAttributes ControllerPublishSecretRef "
     "NodeStageSecretRef NodePublishSecretRef ControllerExpandSecretRef "
     "NodeExpandSecretRef"},
    {"CSIVolumeSource", "Driver ReadOnly FSType VolumeAttributes NodePublishSecretRef"},
    {"Capabilities", "Add Drop"},
    {"CapacityRequirements", "Requests"},
    {"CephFSPersistentVolumeSource", "Monitors Path User SecretFile SecretRef ReadOnly"},
    {"CephFSVolumeSource", "Monitors Path User SecretFile SecretRef ReadOnly"},
    {"CinderPersistentVolumeSource", "VolumeID FSType ReadOnly SecretRef"},
    {"CinderVolumeSource", "VolumeID FSType ReadOnly SecretRef"},
    {"ClusterTrustBundleProjection", "Name SignerName LabelSelector Optional Path"},
    {"ConfigMapEnvSource", "Name Optional"},
    {"ConfigMapKeySelector", "Name Key Optional"},
    {"ConfigMapProjection", "Name Items Optional"},
    {"ConfigMapVolumeSource", "Name Items DefaultMode Optional"},
    {"Container",
     "Name Image Command Args WorkingDir Ports EnvFrom Env Resources ResizePolicy "
     "RestartPolicy RestartPolicyRules VolumeMounts VolumeDevices LivenessProbe "
     "ReadinessProbe StartupProbe Lifecycle TerminationMessagePath "
     "TerminationMessagePolicy ImagePullPolicy SecurityContext Stdin StdinOnce TTY"},
    {"ContainerPort", "Name HostPort ContainerPort Protocol HostIP"},
    {"ContainerResizePolicy", "ResourceName RestartPolicy"},
    {"ContainerRestartRule", "Action ExitCodes"},
    {"ContainerRestartRuleOnExitCodes", "Operator Values"},
    {"DaemonSetUpdateStrategy", "Type RollingUpdate"},
    {"DeploymentStrategy", "Type RollingUpdate"},
    {"DeviceAttribute", "IntValue=int BoolValue=bool StringValue=string VersionValue=version"},
    {"DeviceClaim", "Requests Constraints Config"},
    {"DeviceClaimConfiguration", "Requests Opaque"},
    {"DeviceConstraint", "Requests MatchAttribute DistinctAttribute"},
    {"DeviceRequest", "Name Exactly FirstAvailable"},
    {"DeviceSelector", "CEL"},
    {"DeviceSubRequest",
     "Name DeviceClassName Selectors AllocationMode Count Tolerations Capacity"},
    {"DeviceToleration", "Key Operator Value Effect TolerationSeconds"},
    {"DownwardAPIProjection", "Items"},
    {"DownwardAPIVolumeFile", "Path FieldRef ResourceFieldRef Mode"},
    {"DownwardAPIVolumeSource", "Items DefaultMode"},
    {"EmptyDirVolumeSource", "Medium SizeLimit"},
    {"EnvFromSource", "Prefix ConfigMapRef SecretRef"},
    {"EnvVar", "Name Value ValueFrom"},
    {"EnvVarSource", "FieldRef ResourceFieldRef ConfigMapKeyRef SecretKeyRef FileKeyRef"},
    {"EphemeralContainer",
     "Name Image Command Args WorkingDir Ports EnvFrom Env Resources ResizePolicy "
     "RestartPolicy RestartPolicyRules VolumeMounts VolumeDevices LivenessProbe "
     "ReadinessProbe StartupProbe Lifecycle TerminationMessagePath "
     "TerminationMessagePolicy ImagePullPolicy SecurityContext Stdin StdinOnce TTY "
     "TargetContainerName"},
    {"EphemeralContainerCommon",
     "Name Image Command Args WorkingDir Ports EnvFrom Env Resources ResizePolicy "
     "RestartPolicy RestartPolicyRules VolumeMounts VolumeDevices LivenessProbe "
     "ReadinessProbe StartupProbe Lifecycle TerminationMessagePath "
     "TerminationMessagePolicy ImagePullPolicy SecurityContext Stdin StdinOnce TTY"},
    {"EphemeralVolumeSource", "VolumeClaimTemplate"},
    {"EventSeries", "Count LastObservedTime"},
    {"EventSource", "Component Host"},
    {"ExactDeviceRequest",
     "DeviceClassName Selectors AllocationMode Count AdminAccess Tolerations Capacity"},
    {"ExecAction", "Command"},
    {"ExemptPriorityLevelConfiguration", "NominalConcurrencyShares LendablePercent"},
    {"FCVolumeSource", "TargetWWNs Lun FSType ReadOnly WWIDs"},
    {"FileKeySelector", "VolumeName Path Key Optional"},
    {"FlexPersistentVolumeSource", "Driver FSType SecretRef ReadOnly Options"},
    {"FlexVolumeSource", "Driver FSType SecretRef ReadOnly Options"},
    {"FlockerVolumeSource", "DatasetName DatasetUUID"},
    {"FlowDistinguisherMethod", "Type"},
    {"FlowSchemaSpec", "PriorityLevelConfiguration MatchingPrecedence DistinguisherMethod Rules"},
    {"GCEPersistentDiskVolumeSource", "PDName FSType Partition ReadOnly"},
    {"GRPCAction", "Port Service"},
    {"GitRepoVolumeSource", "Repository Revision Directory"},
    {"GlusterfsPersistentVolumeSource", "EndpointsName=endpoints Path ReadOnly EndpointsNamespace"},
    {"GlusterfsVolumeSource", "EndpointsName=endpoints Path ReadOnly"},
    {"GroupSubject", "Name"},
    {"HTTPGetAction", "Path Port Host Scheme HTTPHeaders"},
    {"HTTPHeader", "Name Value"},
    {"HostAlias", "IP Hostnames"},
    {"HostIP", "IP"},
    {"HostPathVolumeSource", "Path Type"},
    {"ISCSIPersistentVolumeSource",
     "TargetPortal IQN Lun ISCSIInterface FSType ReadOnly Portals "
     "DiscoveryCHAPAuth=chapAuthDiscovery SessionCHAPAuth=chapAuthSession SecretRef "
     "InitiatorName"},
    {"ISCSIVolumeSource",
     "TargetPortal IQN Lun ISCSIInterface FSType ReadOnly Portals "
     "DiscoveryCHAPAuth=chapAuthDiscovery SessionCHAPAuth=chapAuthSession SecretRef "
     "InitiatorName"},
    {"ImageVolumeSource", "Reference PullPolicy"},
    {"KeyToPath", "Key Path Mode"},
    {"Lifecycle", "PostStart PreStop StopSignal"},
    {"LifecycleHandler", "Exec HTTPGet TCPSocket Sleep"},
    {"LimitResponse", "Type Queuing"},
    {"LimitedPriorityLevelConfiguration",
     "NominalConcurrencyShares LimitResponse LendablePercent BorrowingLimitPercent"},
    {"LocalObjectReference", "Name"},
    {"LocalVolumeSource", "Path FSType"},
    {"NFSVolumeSource", "Server Path ReadOnly"},
    {"NodeAddress", "Type Address"},
    {"NodeAffinity",
     "RequiredDuringSchedulingIgnoredDuringExecution "
     "PreferredDuringSchedulingIgnoredDuringExecution"},
    {"NodeSelector", "NodeSelectorTerms"},
    {"NodeSelectorRequirement", "Key Operator Values"},
    {"NodeSelectorTerm", "MatchExpressions MatchFields"},
    {"NonResourcePolicyRule", "Verbs NonResourceURLs"},
    {"ObjectFieldSelector", "APIVersion FieldPath"},
    {"ObjectReference", "Kind Namespace Name UID APIVersion ResourceVersion FieldPath"},
    {"OpaqueDeviceConfiguration", "Driver Parameters"},
    {"ParentReference", "Group Resource Namespace Name"},
    {"PersistentVolumeClaim", "ObjectMeta=metadata Spec Status"},
    {"PersistentVolumeClaimSpec",
     "AccessModes Selector Resources VolumeName StorageClassName VolumeMode DataSource "
     "DataSourceRef VolumeAttributesClassName"},
    {"PersistentVolumeClaimStatus",
     "Phase AccessModes Capacity Conditions AllocatedResources AllocatedResourceStatuses "
     "CurrentVolumeAttributesClassName ModifyVolumeStatus"},
    {"PersistentVolumeClaimTemplate", "ObjectMeta=metadata Spec"},
    {"PersistentVolumeClaimVolumeSource", "ClaimName ReadOnly"},
    {"PersistentVolumeSource",
     "GCEPersistentDisk AWSElasticBlockStore HostPath Glusterfs NFS RBD Quobyte ISCSI "
     "FlexVolume Cinder CephFS FC Flocker AzureFile VsphereVolume AzureDisk "
     "PhotonPersistentDisk PortworxVolume ScaleIO Local StorageOS CSI"},
    {"PersistentVolumeSpec",
     "Capacity GCEPersistentDisk AWSElasticBlockStore HostPath Glusterfs NFS RBD Quobyte "
     "ISCSI FlexVolume Cinder CephFS FC Flocker AzureFile VsphereVolume AzureDisk "
     "PhotonPersistentDisk PortworxVolume ScaleIO Local StorageOS CSI AccessModes "
     "ClaimRef PersistentVolumeReclaimPolicy StorageClassName MountOptions VolumeMode "
     "NodeAffinity VolumeAttributesClassName"},
    {"PhotonPersistentDiskVolumeSource", "PdID FSType"},
    {"PodAffinity",
     "RequiredDuringSchedulingIgnoredDuringExecution "
     "PreferredDuringSchedulingIgnoredDuringExecution"},
    {"PodAffinityTerm",
     "LabelSelector Namespaces TopologyKey NamespaceSelector MatchLabelKeys "
     "MismatchLabelKeys"},
    {"PodAntiAffinity",
     "RequiredDuringSchedulingIgnoredDuringExecution "
     "PreferredDuringSchedulingIgnoredDuringExecution"},
    {"PodCertificateProjection",
     "SignerName KeyType MaxExpirationSeconds CredentialBundlePath KeyPath "
     "CertificateChainPath UserAnnotations"},
    {"PodDNSConfig", "Nameservers Searches Options"},
    {"PodDNSConfigOption", "Name Value"},
    {"PodDisruptionBudgetSpec", "MinAvailable Selector MaxUnavailable UnhealthyPodEvictionPolicy"},
    {"PodFailurePolicy", "Rules"},
    {"PodFailurePolicyOnExitCodesRequirement", "ContainerName Operator Values"},
    {"PodFailurePolicyOnPodConditionsPattern", "Type Status"},
    {"PodFailurePolicyRule", "Action OnExitCodes OnPodConditions"},
    {"PodIP", "IP"},
    {"PodOS", "Name"},
    {"PodReadinessGate", "ConditionType"},
    {"PodResourceClaim", "Name ResourceClaimName ResourceClaimTemplateName"},
    {"PodSchedulingGate", "Name"},
    {"PodSecurityContext",
     "HostNetwork HostPID HostIPC ShareProcessNamespace HostUsers SELinuxOptions "
     "WindowsOptions RunAsUser RunAsGroup RunAsNonRoot SupplementalGroups "
     "SupplementalGroupsPolicy FSGroup FSGroupChangePolicy Sysctls SeccompProfile "
     "AppArmorProfile SELinuxChangePolicy"},
    {"PodSpec",
     "Volumes InitContainers Containers EphemeralContainers RestartPolicy "
     "TerminationGracePeriodSeconds ActiveDeadlineSeconds DNSPolicy NodeSelector "
     "ServiceAccountName AutomountServiceAccountToken NodeName SecurityContext "
     "ImagePullSecrets Hostname Subdomain SetHostnameAsFQDN Affinity SchedulerName "
     "Tolerations HostAliases PriorityClassName Priority PreemptionPolicy DNSConfig "
     "ReadinessGates RuntimeClassName Overhead EnableServiceLinks "
     "TopologySpreadConstraints OS SchedulingGates ResourceClaims Resources "
     "HostnameOverride WorkloadRef"},
    {"PodTemplateSpec", "ObjectMeta=metadata Spec"},
    {"PolicyRulesWithSubjects", "Subjects ResourceRules NonResourceRules"},
    {"PortworxVolumeSource", "VolumeID FSType ReadOnly"},
    {"PreferredSchedulingTerm", "Weight Preference"},
    {"PriorityLevelConfigurationReference", "Name"},
    {"PriorityLevelConfigurationSpec", "Type Limited Exempt"},
    {"Probe",
     "Exec HTTPGet TCPSocket GRPC InitialDelaySeconds TimeoutSeconds PeriodSeconds "
     "SuccessThreshold FailureThreshold TerminationGracePeriodSeconds"},
    {"ProbeHandler", "Exec HTTPGet TCPSocket GRPC"},
    {"ProjectedVolumeSource", "Sources DefaultMode"},
    {"QueuingConfiguration", "Queues HandSize QueueLengthLimit"},
    {"QuobyteVolumeSource", "Registry Volume ReadOnly User Group Tenant"},
    {"RBDPersistentVolumeSource",
     "CephMonitors=monitors RBDImage=image FSType RBDPool=pool RadosUser=user Keyring "
     "SecretRef ReadOnly"},
    {"RBDVolumeSource",
     "CephMonitors=monitors RBDImage=image FSType RBDPool=pool RadosUser=user Keyring "
     "SecretRef ReadOnly"},
    {"ResourceClaim", "Name Request"},
    {"ResourceClaimSpec", "Devices"},
    {"ResourceClaimTemplateSpec", "ObjectMeta=metadata Spec"},
    {"ResourceFieldSelector", "ContainerName Resource Divisor"},
    {"ResourcePolicyRule", "Verbs APIGroups Resources ClusterScope Namespaces"},
    {"ResourceRequirements", "Limits Requests Claims"},
    {"RoleRef", "APIGroup Kind Name"},
    {"RollingUpdateDaemonSet", "MaxUnavailable MaxSurge"},
    {"RollingUpdateDeployment", "MaxUnavailable MaxSurge"},
    {"RollingUpdateStatefulSetStrategy", "Partition MaxUnavailable"},
    {"SELinuxOptions", "User Role Type Level"},
    {"ScaleIOPersistentVolumeSource",
     "Gateway System SecretRef SSLEnabled ProtectionDomain StoragePool StorageMode "
     "VolumeName FSType ReadOnly"},
    {"ScaleIOVolumeSource",
     "Gateway System SecretRef SSLEnabled ProtectionDomain StoragePool StorageMode "
     "VolumeName FSType ReadOnly"},
    {"ScopeSelector", "MatchExpressions"},
    {"ScopedResourceSelectorRequirement", "ScopeName Operator Values"},
    {"SeccompProfile", "Type LocalhostProfile"},
    {"SecretEnvSource", "Name Optional"},
    {"SecretKeySelector", "Name Key Optional"},
    {"SecretProjection", "Name Items Optional"},
    {"SecretReference", "Name Namespace"},
    {"SecretVolumeSource", "SecretName Items DefaultMode Optional"},
    {"SecurityContext",
     "Capabilities Privileged SELinuxOptions WindowsOptions RunAsUser RunAsGroup "
     "RunAsNonRoot ReadOnlyRootFilesystem AllowPrivilegeEscalation ProcMount "
     "SeccompProfile AppArmorProfile"},
    {"ServiceAccountSubject", "Namespace Name"},
    {"ServiceAccountTokenProjection", "Audience ExpirationSeconds Path"},
    {"ServiceCIDRSpec", "CIDRs"},
    {"ServicePort", "Name Protocol AppProtocol Port TargetPort NodePort"},
    {"SleepAction", "Seconds"},
    {"StatefulSetUpdateStrategy", "Type RollingUpdate"},
    {"StorageOSPersistentVolumeSource", "VolumeName VolumeNamespace FSType ReadOnly SecretRef"},
    {"StorageOSVolumeSource", "VolumeName VolumeNamespace FSType ReadOnly SecretRef"},
    {"Subject", "Kind User Group ServiceAccount"},
    {"SuccessPolicy", "Rules"},
    {"SuccessPolicyRule", "SucceededIndexes SucceededCount"},
    {"Sysctl", "Name Value"},
    {"TCPSocketAction", "Port Host"},
    {"Taint", "Key Value Effect TimeAdded"},
    {"Toleration", "Key Operator Value Effect TolerationSeconds"},
    {"TopologySpreadConstraint",
     "MaxSkew TopologyKey WhenUnsatisfiable LabelSelector MinDomains NodeAffinityPolicy "
     "NodeTaintsPolicy MatchLabelKeys"},
    {"TypedLocalObjectReference", "APIGroup Kind Name"},
    {"TypedObjectReference", "APIGroup Kind Name Namespace"},
    {"UncountedTerminatedPods", "Succeeded Failed"},
    {"UserSubject", "Name"},
    {"Volume",
     "Name HostPath EmptyDir GCEPersistentDisk AWSElasticBlockStore GitRepo Secret NFS "
     "ISCSI Glusterfs PersistentVolumeClaim RBD Quobyte FlexVolume Cinder CephFS Flocker "
     "DownwardAPI FC AzureFile ConfigMap VsphereVolume AzureDisk PhotonPersistentDisk "
     "Projected PortworxVolume ScaleIO StorageOS CSI Ephemeral Image"},
    {"VolumeAttachmentSource", "PersistentVolumeName InlineVolumeSpec"},
    {"VolumeAttachmentSpec", "Attacher Source NodeName"},
    {"VolumeDevice", "Name DevicePath"},
    {"VolumeMount",
     "Name ReadOnly RecursiveReadOnly MountPath SubPath MountPropagation SubPathExpr"},
    {"VolumeNodeAffinity", "Required"},
    {"VolumeNodeResources", "Count"},
    {"VolumeProjection",
     "Secret DownwardAPI ConfigMap ServiceAccountToken ClusterTrustBundle PodCertificate"},
    {"VolumeResourceRequirements", "Limits Requests"},
    {"VolumeSource",
     "HostPath EmptyDir GCEPersistentDisk AWSElasticBlockStore GitRepo Secret NFS ISCSI "
     "Glusterfs PersistentVolumeClaim RBD Quobyte FlexVolume Cinder CephFS Flocker "
     "DownwardAPI FC AzureFile ConfigMap VsphereVolume AzureDisk PhotonPersistentDisk "
     "Projected PortworxVolume ScaleIO StorageOS CSI Ephemeral Image"},
    {"VsphereVirtualDiskVolumeSource", "VolumePath FSType StoragePolicyName StoragePolicyID"},
    {"WeightedPodAffinityTerm", "Weight PodAffinityTerm"},
    {"WindowsSecurityContextOptions",
     "GMSACredentialSpecName GMSACredentialSpec RunAsUserName HostProcess"},
    {"WorkloadReference", "Name PodGroup PodGroupReplicaKey"},
};

}  // namespace

std::string_view GoFields(std::string_view type) {
  const auto* found = std::ranges::lower_bound(kLayouts, type, {}, &Layout::type);
  return found != std::end(kLayouts) && found->type == type ? found->fields : "";
}

}  // namespace skiff
