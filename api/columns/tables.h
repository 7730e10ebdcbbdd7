// What `kubectl get` prints of each kind that has columns of its own.
#pragma once

#include "api/text/table.h"

namespace skiff::columns {

extern const TableFormat kDeploymentTable;
extern const TableFormat kReplicaSetTable;
extern const TableFormat kStatefulSetTable;
extern const TableFormat kDaemonSetTable;
extern const TableFormat kControllerRevisionTable;
extern const TableFormat kScaleTable;
extern const TableFormat kCustomScaleTable;  // Of custom resources.
extern const TableFormat kJobTable;
extern const TableFormat kCronJobTable;
extern const TableFormat kAutoscalerTable;
extern const TableFormat kPriorityClassTable;
extern const TableFormat kRuntimeClassTable;
extern const TableFormat kNameAndAgeTable;
extern const TableFormat kResourceClaimTable;
extern const TableFormat kResourceSliceTable;
extern const TableFormat kApiServiceTable;
extern const TableFormat kServiceTable;
extern const TableFormat kNodeTable;
extern const TableFormat kNamespaceTable;
extern const TableFormat kEventTable;
extern const TableFormat kConfigMapTable;
extern const TableFormat kSecretTable;
extern const TableFormat kServiceAccountTable;
extern const TableFormat kEndpointsTable;
extern const TableFormat kReplicationControllerTable;
extern const TableFormat kPodTemplateTable;
extern const TableFormat kResourceQuotaTable;
extern const TableFormat kComponentStatusTable;
extern const TableFormat kIngressTable;
extern const TableFormat kIngressClassTable;
extern const TableFormat kNetworkPolicyTable;
extern const TableFormat kServiceCidrTable;
extern const TableFormat kIpAddressTable;
extern const TableFormat kEndpointSliceTable;
extern const TableFormat kLeaseTable;
extern const TableFormat kPodTable;
extern const TableFormat kDisruptionBudgetTable;
extern const TableFormat kBindingTable;
extern const TableFormat kSigningRequestTable;
extern const TableFormat kWebhooksTable;
extern const TableFormat kAdmissionPolicyTable;
extern const TableFormat kAdmissionBindingTable;
extern const TableFormat kMutatingPolicyTable;
extern const TableFormat kFlowSchemaTable;
extern const TableFormat kPriorityLevelTable;
extern const TableFormat kVolumeTable;
extern const TableFormat kClaimTable;
extern const TableFormat kStorageClassTable;
extern const TableFormat kVolumeAttributesClassTable;
extern const TableFormat kAttachmentTable;
extern const TableFormat kCsiNodeTable;
extern const TableFormat kCsiDriverTable;

}  // namespace skiff::columns
