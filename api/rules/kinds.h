// The rules of each kind, type erased, so that the table of kinds (api/kinds/built_in.cc) can name
// them without including every struct.
#pragma once

namespace skiff {

struct Rules;

extern const Rules kPodRules;
extern const Rules kPodTemplateRules;
extern const Rules kReplicationControllerRules;
extern const Rules kServiceRules;
extern const Rules kEndpointsRules;
extern const Rules kNamespaceRules;
extern const Rules kNodeRules;
extern const Rules kConfigMapRules;
extern const Rules kSecretRules;
extern const Rules kServiceAccountRules;
extern const Rules kPersistentVolumeRules;
extern const Rules kPersistentVolumeClaimRules;
extern const Rules kLimitRangeRules;
extern const Rules kResourceQuotaRules;
extern const Rules kCoreEventRules;
extern const Rules kDeploymentRules;
extern const Rules kReplicaSetRules;
extern const Rules kStatefulSetRules;
extern const Rules kDaemonSetRules;
extern const Rules kControllerRevisionRules;
extern const Rules kJobRules;
extern const Rules kCronJobRules;
extern const Rules kHorizontalPodAutoscalerRules;
extern const Rules kHorizontalPodAutoscalerV1Rules;
extern const Rules kPodDisruptionBudgetRules;
extern const Rules kIngressRules;
extern const Rules kIngressClassRules;
extern const Rules kNetworkPolicyRules;
extern const Rules kIPAddressRules;
extern const Rules kServiceCIDRRules;
extern const Rules kEndpointSliceRules;
extern const Rules kEventRules;
extern const Rules kLeaseRules;
extern const Rules kPriorityClassRules;
extern const Rules kRuntimeClassRules;
extern const Rules kRoleRules;
extern const Rules kClusterRoleRules;
extern const Rules kRoleBindingRules;
extern const Rules kClusterRoleBindingRules;
extern const Rules kStorageClassRules;
extern const Rules kCSIDriverRules;
extern const Rules kCSINodeRules;
extern const Rules kCSIStorageCapacityRules;
extern const Rules kVolumeAttachmentRules;
extern const Rules kVolumeAttributesClassRules;
extern const Rules kFlowSchemaRules;
extern const Rules kPriorityLevelConfigurationRules;
extern const Rules kValidatingWebhookConfigurationRules;
extern const Rules kMutatingWebhookConfigurationRules;
extern const Rules kValidatingAdmissionPolicyRules;
extern const Rules kValidatingAdmissionPolicyBindingRules;
extern const Rules kMutatingAdmissionPolicyRules;
extern const Rules kMutatingAdmissionPolicyBindingRules;
extern const Rules kMutatingAdmissionPolicyAlphaRules;
extern const Rules kMutatingAdmissionPolicyBindingAlphaRules;
extern const Rules kCustomResourceDefinitionRules;
extern const Rules kAPIServiceRules;
extern const Rules kCertificateSigningRequestRules;
extern const Rules kResourceClaimRules;
extern const Rules kResourceClaimTemplateRules;
extern const Rules kResourceSliceRules;
extern const Rules kDeviceClassRules;

}  // namespace skiff
