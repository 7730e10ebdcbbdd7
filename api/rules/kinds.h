// The rules of each kind, type erased, so that all.cc can list them without including every struct.
#pragma once

namespace skiff {

struct Rules;

Rules PodRules();
Rules PodTemplateRules();
Rules ReplicationControllerRules();
Rules ServiceRules();
Rules EndpointsRules();
Rules NamespaceRules();
Rules NodeRules();
Rules ConfigMapRules();
Rules SecretRules();
Rules ServiceAccountRules();
Rules PersistentVolumeRules();
Rules PersistentVolumeClaimRules();
Rules LimitRangeRules();
Rules ResourceQuotaRules();
Rules CoreEventRules();
Rules DeploymentRules();
Rules ReplicaSetRules();
Rules StatefulSetRules();
Rules DaemonSetRules();
Rules ControllerRevisionRules();
Rules JobRules();
Rules CronJobRules();
Rules HorizontalPodAutoscalerRules();
Rules HorizontalPodAutoscalerV1Rules();
Rules PodDisruptionBudgetRules();
Rules IngressRules();
Rules IngressClassRules();
Rules NetworkPolicyRules();
Rules IPAddressRules();
Rules ServiceCIDRRules();
Rules EndpointSliceRules();
Rules EventRules();
Rules LeaseRules();
Rules PriorityClassRules();
Rules RuntimeClassRules();
Rules RoleRules();
Rules ClusterRoleRules();
Rules RoleBindingRules();
Rules ClusterRoleBindingRules();
Rules StorageClassRules();
Rules CSIDriverRules();
Rules CSINodeRules();
Rules CSIStorageCapacityRules();
Rules VolumeAttachmentRules();
Rules VolumeAttributesClassRules();
Rules FlowSchemaRules();
Rules PriorityLevelConfigurationRules();
Rules ValidatingWebhookConfigurationRules();
Rules MutatingWebhookConfigurationRules();
Rules ValidatingAdmissionPolicyRules();
Rules ValidatingAdmissionPolicyBindingRules();
Rules CustomResourceDefinitionRules();
Rules APIServiceRules();
Rules CertificateSigningRequestRules();
Rules ResourceClaimRules();
Rules ResourceClaimTemplateRules();
Rules ResourceSliceRules();
Rules DeviceClassRules();

}  // namespace skiff
