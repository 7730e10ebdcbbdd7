// The one table of what built-in kinds do beyond their tables: a row a kind that does anything. All
// of it is constant, so that nothing is made at the start.
#include <fmt/format.h>

#include "api/columns/tables.h"
#include "api/gen/tables.h"
#include "api/kinds/behaviour.h"
#include "api/kinds/versions.h"
#include "api/rules/kinds.h"
#include "api/rules/rules.h"
#include "api/text/go_text.h"

namespace skiff {
namespace {

constexpr MetadataChecks::InOrder kUnchecked{};
constexpr MetadataChecks::InOrder kWhole{MetadataCheck::kWhole};
constexpr MetadataChecks::InOrder kWholeTwice{MetadataCheck::kWhole, MetadataCheck::kWhole};
constexpr MetadataChecks::InOrder kWholeThenChanges{MetadataCheck::kWhole, MetadataCheck::kChanges};
constexpr MetadataChecks::InOrder kChangesThenWhole{MetadataCheck::kChanges, MetadataCheck::kWhole};

constexpr SelectableField kPodFields[] = {
    {"spec.nodeName"},
    {.field = "spec.host", .stored = "spec.nodeName", .is_alias = true},
    {"spec.restartPolicy"},
    {"spec.schedulerName"},
    {"spec.serviceAccountName"},
    {"spec.hostNetwork", "", SelectableAs::kBool},
    {"status.phase"},
    {"status.podIP", "", SelectableAs::kFirstPodIp},
    {"status.podIPs", "", SelectableAs::kEmpty},
    {"status.nominatedNodeName"},
};
constexpr SelectableField kEventFields[] = {
    {"involvedObject.kind"},
    {"involvedObject.namespace"},
    {"involvedObject.name"},
    {"involvedObject.uid"},
    {"involvedObject.apiVersion"},
    {"involvedObject.resourceVersion"},
    {"involvedObject.fieldPath"},
    {"reason"},
    {"reportingComponent"},
    {"source", "", SelectableAs::kEventSource},
    {"type"},
};
constexpr SelectableField kNewEventFields[] = {
    {"regarding.kind", "involvedObject.kind"},
    {"regarding.namespace", "involvedObject.namespace"},
    {"regarding.name", "involvedObject.name"},
    {"regarding.uid", "involvedObject.uid"},
    {"regarding.apiVersion", "involvedObject.apiVersion"},
    {"regarding.resourceVersion", "involvedObject.resourceVersion"},
    {"regarding.fieldPath", "involvedObject.fieldPath"},
    {"reason"},
    {"reportingController", "reportingComponent"},
    {"type"},
};
constexpr SelectableField kNamespaceFields[] = {{"status.phase"}};
constexpr SelectableField kNodeFields[] = {{"spec.unschedulable", "", SelectableAs::kBool}};
constexpr SelectableField kSecretFields[] = {{"type"}};
constexpr SelectableField kServiceFields[] = {{"spec.clusterIP"}, {"spec.type"}};
constexpr SelectableField kReplicationFields[] = {{"status.replicas", "", SelectableAs::kNumber}};
constexpr SelectableField kJobFields[] = {
    {"status.successful", "", SelectableAs::kNumber, "status.succeeded"}};
constexpr SelectableField kSigningFields[] = {{"spec.signerName"}};
constexpr SelectableField kSliceFields[] = {{"spec.nodeName"}, {"spec.driver"}};

std::string UnsupportedJobField(std::string_view field) {
  return fmt::format("field label {} not supported for Job", GoQuote(field));
}
std::string UnsupportedSliceField(std::string_view field) {
  return fmt::format("field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: {}",
                     field);
}

constexpr EndpointResets kPodResets[] = {
    {"status", {"spec", "metadata.deletionTimestamp", "metadata.ownerReferences"}}};
constexpr EndpointResets kNamespaceResets[] = {{"finalize", {"status"}}};
constexpr EndpointResets kDeploymentResets[] = {{"status", {"spec", "metadata.labels"}}};
constexpr EndpointResets kSigningResets[] = {{"", {"spec", "status"}},
                                             {"status", {"spec", "status.conditions"}},
                                             {"approval", {"spec", "status.certificate"}}};
constexpr EndpointResets kStatusAlone[] = {{"status", {"metadata", "spec"}}};
constexpr EndpointResets kNothingReset[] = {{"", {}}, {"status", {}}};

constexpr const KindInfo* kEventKinds[] = {&core_v1::tables::kKindEvent,
                                           &events_v1::tables::kKindEvent};
constexpr const KindInfo* kAutoscalerKinds[] = {
    &autoscaling_v2::tables::kKindHorizontalPodAutoscaler,
    &autoscaling_v1::tables::kKindHorizontalPodAutoscaler};

constexpr const KindInfo* kMutatingPolicyKinds[] = {
    &admissionregistration_v1beta1::tables::kKindMutatingAdmissionPolicy,
    &admissionregistration_v1alpha1::tables::kKindMutatingAdmissionPolicy};
constexpr const KindInfo* kMutatingBindingKinds[] = {
    &admissionregistration_v1beta1::tables::kKindMutatingAdmissionPolicyBinding,
    &admissionregistration_v1alpha1::tables::kKindMutatingAdmissionPolicyBinding};

constexpr std::string_view kJobOrphans =
    "child pods are preserved by default when jobs are deleted; set "
    "propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress "
    "this warning";

// Kinds that are kept and that nothing acts on, and what is said of each, lest its author waits.
// Whoever writes what acts on one takes its text away. Of some kinds it depends on the object: that
// is told by whoever has seen the others.
constexpr std::string_view kNoPolicies =
    "nobody enforces NetworkPolicies here: simulated nodes carry no traffic, and others need a "
    "network plugin that does, or kube-proxy with --enforce-network-policies";
constexpr std::string_view kNoIngressController =
    "nobody serves Ingresses here: until an ingress controller is installed, which simulated nodes "
    "cannot run, or its IngressClass is there again, nothing listens for this one";

struct Row {
  int number;  // Of the kind, in api/gen/tables.h.
  KindBehaviour behaviour;
};

constexpr Row kRows[] = {
    {admissionregistration_v1::tables::kNumberValidatingAdmissionPolicy,
     {.rules = &kValidatingAdmissionPolicyRules,
      .metadata = {.update = kWhole, .status_update = kUnchecked, .finalizers = false},
      .table = &columns::kAdmissionPolicyTable,
      .resets = kStatusAlone}},
    {admissionregistration_v1::tables::kNumberValidatingAdmissionPolicyBinding,
     {.rules = &kValidatingAdmissionPolicyBindingRules,
      .metadata = {.update = kWhole, .finalizers = false},
      .table = &columns::kAdmissionBindingTable}},
    {admissionregistration_v1beta1::tables::kNumberMutatingAdmissionPolicy,
     {.rules = &kMutatingAdmissionPolicyRules,
      .metadata = {.update = kWhole, .finalizers = false},
      .table = &columns::kMutatingPolicyTable,
      .versions = kMutatingPolicyKinds}},
    {admissionregistration_v1beta1::tables::kNumberMutatingAdmissionPolicyBinding,
     {.rules = &kMutatingAdmissionPolicyBindingRules,
      .metadata = {.update = kWhole, .finalizers = false},
      .table = &columns::kAdmissionBindingTable,
      .versions = kMutatingBindingKinds}},
    {admissionregistration_v1alpha1::tables::kNumberMutatingAdmissionPolicy,
     {.rules = &kMutatingAdmissionPolicyAlphaRules,
      .metadata = {.update = kWhole, .finalizers = false},
      .table = &columns::kMutatingPolicyTable,
      .versions = kMutatingPolicyKinds,
      .deprecation = "admissionregistration.k8s.io/v1alpha1 MutatingAdmissionPolicy is deprecated "
                     "in v1.35+, unavailable in v1.38+",
      .removed_release = "1.38"}},
    {admissionregistration_v1alpha1::tables::kNumberMutatingAdmissionPolicyBinding,
     {.rules = &kMutatingAdmissionPolicyBindingAlphaRules,
      .metadata = {.update = kWhole, .finalizers = false},
      .table = &columns::kAdmissionBindingTable,
      .versions = kMutatingBindingKinds,
      .deprecation = "admissionregistration.k8s.io/v1alpha1 MutatingAdmissionPolicyBinding is "
                     "deprecated in v1.35+, unavailable in v1.38+",
      .removed_release = "1.38"}},
    {admissionregistration_v1::tables::kNumberValidatingWebhookConfiguration,
     {.rules = &kValidatingWebhookConfigurationRules,
      .metadata = {.update = kWhole, .finalizers = false},
      .table = &columns::kWebhooksTable}},
    {admissionregistration_v1::tables::kNumberMutatingWebhookConfiguration,
     {.rules = &kMutatingWebhookConfigurationRules,
      .metadata = {.update = kWhole, .finalizers = false},
      .table = &columns::kWebhooksTable}},

    {apiextensions_v1::tables::kNumberCustomResourceDefinition,
     {.rules = &kCustomResourceDefinitionRules,
      .metadata = {.finalizers = false},
      .resets = kStatusAlone,
      .marks_own_end = true}},

    {apiregistration_v1::tables::kNumberAPIService,
     {.rules = &kAPIServiceRules,
      .metadata = {.update = kChangesThenWhole, .finalizers = false},
      .table = &columns::kApiServiceTable,
      .resets = kStatusAlone}},

    {apps_v1::tables::kNumberStatefulSet,
     {.rules = &kStatefulSetRules, .table = &columns::kStatefulSetTable, .counts_replicas = true}},
    {apps_v1::tables::kNumberDeployment,
     {.rules = &kDeploymentRules,
      .table = &columns::kDeploymentTable,
      .resets = kDeploymentResets,
      .counts_replicas = true}},
    {apps_v1::tables::kNumberDaemonSet,
     {.rules = &kDaemonSetRules, .table = &columns::kDaemonSetTable}},
    {apps_v1::tables::kNumberReplicaSet,
     {.rules = &kReplicaSetRules, .table = &columns::kReplicaSetTable, .counts_replicas = true}},
    {apps_v1::tables::kNumberControllerRevision,
     {.rules = &kControllerRevisionRules,
      .metadata = {.update = kChangesThenWhole},
      .table = &columns::kControllerRevisionTable}},

    {autoscaling_v1::tables::kNumberHorizontalPodAutoscaler,
     {.rules = &kHorizontalPodAutoscalerV1Rules,
      .table = &columns::kAutoscalerTable,
      .versions = kAutoscalerKinds,
      .converter = &kAutoscalerVersions}},

    {autoscaling_v2::tables::kNumberHorizontalPodAutoscaler,
     {.rules = &kHorizontalPodAutoscalerRules,
      .table = &columns::kAutoscalerTable,
      .versions = kAutoscalerKinds,
      .converter = &kAutoscalerVersions}},

    {batch_v1::tables::kNumberJob,
     {.rules = &kJobRules,
      .metadata = {.update = kWholeThenChanges},
      .table = &columns::kJobTable,
      .selectable = {kJobFields, true, &UnsupportedJobField},
      .orphans_dependents = true,
      .orphaning_warning = kJobOrphans}},
    {batch_v1::tables::kNumberCronJob,
     {.rules = &kCronJobRules,
      .metadata = {.status_update = kUnchecked},
      .table = &columns::kCronJobTable}},

    {certificates_v1::tables::kNumberCertificateSigningRequest,
     {.rules = &kCertificateSigningRequestRules,
      .metadata = {.update = kWholeThenChanges, .status_update = kWholeThenChanges},
      .table = &columns::kSigningRequestTable,
      .selectable = {kSigningFields, false, &UnsupportedField},
      .resets = kSigningResets}},

    {coordination_v1::tables::kNumberLease,
     {.rules = &kLeaseRules, .metadata = {.finalizers = false}, .table = &columns::kLeaseTable}},

    {core_v1::tables::kNumberPersistentVolume,
     {.rules = &kPersistentVolumeRules,
      .metadata = {.update = kWholeTwice},
      .table = &columns::kVolumeTable}},
    {core_v1::tables::kNumberPersistentVolumeClaim,
     {.rules = &kPersistentVolumeClaimRules,
      .metadata = {.update = kChangesThenWhole},
      .table = &columns::kClaimTable}},
    {core_v1::tables::kNumberPod,
     {.rules = &kPodRules,
      .metadata = {.update = kChangesThenWhole},
      .table = &columns::kPodTable,
      .selectable = {kPodFields, true, &UnsupportedField},
      .resets = kPodResets}},
    {core_v1::tables::kNumberPodTemplate,
     {.rules = &kPodTemplateRules, .table = &columns::kPodTemplateTable}},
    {core_v1::tables::kNumberReplicationController,
     {.rules = &kReplicationControllerRules,
      .metadata = {.generate_name = false},
      .table = &columns::kReplicationControllerTable,
      .selectable = {kReplicationFields, true, &UnsupportedField},
      .orphans_dependents = true}},
    {core_v1::tables::kNumberService,
     {.rules = &kServiceRules,
      .table = &columns::kServiceTable,
      .selectable = {kServiceFields, true, &UnsupportedField}}},
    {core_v1::tables::kNumberServiceAccount,
     {.rules = &kServiceAccountRules,
      .metadata = {.update = kChangesThenWhole},
      .table = &columns::kServiceAccountTable}},
    {core_v1::tables::kNumberEndpoints,
     {.rules = &kEndpointsRules,
      .metadata = {.update = kChangesThenWhole},
      .table = &columns::kEndpointsTable,
      .deprecation =
          "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"}},
    {core_v1::tables::kNumberNode,
     {.rules = &kNodeRules,
      .metadata = {.update = kWholeThenChanges},
      .table = &columns::kNodeTable,
      .selectable = {kNodeFields, false, &UnsupportedField}}},
    {core_v1::tables::kNumberNamespace,
     {.rules = &kNamespaceRules,
      .metadata = {.update = kWholeThenChanges},
      .table = &columns::kNamespaceTable,
      .selectable = {kNamespaceFields, false, &UnsupportedField},
      .resets = kNamespaceResets,
      .marks_own_end = true}},
    {core_v1::tables::kNumberEvent,
     {.rules = &kCoreEventRules,
      .metadata = {.update = kUnchecked, .finalizers = false},
      .table = &columns::kEventTable,
      .selectable = {kEventFields, true, &UnsupportedField},
      .versions = kEventKinds,
      .converter = &kEventVersions}},
    {core_v1::tables::kNumberLimitRange,
     {.rules = &kLimitRangeRules, .metadata = {.update = kWhole}}},
    {core_v1::tables::kNumberResourceQuota,
     {.rules = &kResourceQuotaRules, .table = &columns::kResourceQuotaTable}},
    {core_v1::tables::kNumberSecret,
     {.rules = &kSecretRules,
      .metadata = {.update = kChangesThenWhole},
      .table = &columns::kSecretTable,
      .selectable = {kSecretFields, true, &UnsupportedField}}},
    {core_v1::tables::kNumberConfigMap,
     {.rules = &kConfigMapRules,
      .metadata = {.update = kChangesThenWhole},
      .table = &columns::kConfigMapTable}},
    {core_v1::tables::kNumberComponentStatus,
     {.table = &columns::kComponentStatusTable,
      .deprecation = "v1 ComponentStatus is deprecated in v1.19+"}},

    {discovery_v1::tables::kNumberEndpointSlice,
     {.rules = &kEndpointSliceRules,
      .metadata = {.update = kWhole},
      .table = &columns::kEndpointSliceTable}},

    {events_v1::tables::kNumberEvent,
     {.rules = &kEventRules,
      .metadata = {.update = kUnchecked},  // The rules look at it themselves.
      .table = &columns::kEventTable,
      .selectable = {kNewEventFields, true, &UnsupportedField},
      .versions = kEventKinds,
      .converter = &kEventVersions}},

    {flowcontrol_v1::tables::kNumberFlowSchema,
     {.rules = &kFlowSchemaRules,
      .metadata = {.update = kWhole},
      .table = &columns::kFlowSchemaTable,
      .resets = kStatusAlone}},
    {flowcontrol_v1::tables::kNumberPriorityLevelConfiguration,
     {.rules = &kPriorityLevelConfigurationRules,
      .metadata = {.update = kWhole},
      .table = &columns::kPriorityLevelTable,
      .resets = kStatusAlone}},

    {networking_v1::tables::kNumberNetworkPolicy,
     {.rules = &kNetworkPolicyRules,
      .metadata = {.update = kWholeThenChanges},
      .table = &columns::kNetworkPolicyTable,
      .unserved = kNoPolicies}},
    {networking_v1::tables::kNumberIngress,
     {.rules = &kIngressRules,
      .metadata = {.update = kChangesThenWhole},
      .table = &columns::kIngressTable,
      .unserved = kNoIngressController}},
    {networking_v1::tables::kNumberIngressClass,
     {.rules = &kIngressClassRules,
      .metadata = {.update = kChangesThenWhole},
      .table = &columns::kIngressClassTable}},
    {networking_v1::tables::kNumberIPAddress,
     {.rules = &kIPAddressRules,
      .metadata = {.update = kWholeThenChanges},
      .table = &columns::kIpAddressTable,
      .keeps_generate_name = true}},
    {networking_v1::tables::kNumberServiceCIDR,
     {.rules = &kServiceCIDRRules, .table = &columns::kServiceCidrTable, .resets = kNothingReset}},

    {node_v1::tables::kNumberRuntimeClass,
     {.rules = &kRuntimeClassRules,
      .metadata = {.update = kWholeThenChanges, .finalizers = false},
      .table = &columns::kRuntimeClassTable}},

    {policy_v1::tables::kNumberPodDisruptionBudget,
     {.rules = &kPodDisruptionBudgetRules,
      .metadata = {.update = kUnchecked, .status_update = kUnchecked, .finalizers = false},
      .table = &columns::kDisruptionBudgetTable}},

    {rbac_v1::tables::kNumberRole,
     {.rules = &kRoleRules, .metadata = {.update = kWholeThenChanges}}},
    {rbac_v1::tables::kNumberRoleBinding,
     {.rules = &kRoleBindingRules,
      .metadata = {.update = kWholeThenChanges},
      .table = &columns::kBindingTable}},
    {rbac_v1::tables::kNumberClusterRole,
     {.rules = &kClusterRoleRules, .metadata = {.update = kWholeThenChanges}}},
    {rbac_v1::tables::kNumberClusterRoleBinding,
     {.rules = &kClusterRoleBindingRules,
      .metadata = {.update = kWholeThenChanges},
      .table = &columns::kBindingTable}},

    {resource_v1::tables::kNumberResourceSlice,
     {.rules = &kResourceSliceRules,
      .table = &columns::kResourceSliceTable,
      .selectable = {kSliceFields, false, &UnsupportedSliceField}}},
    {resource_v1::tables::kNumberResourceClaim,
     {.rules = &kResourceClaimRules,
      .metadata = {.update = kWholeThenChanges},
      .table = &columns::kResourceClaimTable,
      .resets = kStatusAlone}},
    {resource_v1::tables::kNumberDeviceClass,
     {.rules = &kDeviceClassRules,
      .metadata = {.update = kWholeThenChanges, .generate_name = false},
      .table = &columns::kNameAndAgeTable}},
    {resource_v1::tables::kNumberResourceClaimTemplate,
     {.rules = &kResourceClaimTemplateRules,
      .metadata = {.update = kWholeThenChanges},
      .table = &columns::kNameAndAgeTable}},

    {scheduling_v1::tables::kNumberPriorityClass,
     {.rules = &kPriorityClassRules, .table = &columns::kPriorityClassTable}},

    {storage_v1::tables::kNumberStorageClass,
     {.rules = &kStorageClassRules,
      .metadata = {.update = kWholeThenChanges},
      .table = &columns::kStorageClassTable}},
    {storage_v1::tables::kNumberVolumeAttachment,
     {.rules = &kVolumeAttachmentRules,
      .metadata = {.update = kWhole, .status_update = kWhole},
      .table = &columns::kAttachmentTable,
      .resets = kStatusAlone}},
    {storage_v1::tables::kNumberCSIDriver,
     {.rules = &kCSIDriverRules, .table = &columns::kCsiDriverTable}},
    {storage_v1::tables::kNumberCSINode,
     {.rules = &kCSINodeRules,
      .metadata = {.update = kWholeTwice},
      .table = &columns::kCsiNodeTable}},
    {storage_v1::tables::kNumberCSIStorageCapacity,
     {.rules = &kCSIStorageCapacityRules, .metadata = {.update = kWholeThenChanges}}},
    {storage_v1::tables::kNumberVolumeAttributesClass,
     {.rules = &kVolumeAttributesClassRules,
      .metadata = {.update = kChangesThenWhole},
      .table = &columns::kVolumeAttributesClassTable}},
};

consteval BuiltInBehaviours InOrderOfNumbers() {
  BuiltInBehaviours behaviours;
  for (const Row& row : kRows) behaviours.of[row.number] = row.behaviour;
  return behaviours;
}

}  // namespace

constinit const Rules kPlainRules{};
constinit const KindBehaviour kPlainBehaviour{};
constinit const BuiltInBehaviours kBuiltInBehaviours = InOrderOfNumbers();

}  // namespace skiff
