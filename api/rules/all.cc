// The one list of kinds that have rules of their own.
#include <algorithm>
#include <vector>

#include "api/rules/kinds.h"
#include "api/rules/rules.h"

namespace skiff {

const Rules* FindRules(const KindInfo& kind) {
  static const std::vector<Rules> all = [] {
    std::vector<Rules> list;
    for (Rules (*make)() : {
             PodRules,
             PodTemplateRules,
             ReplicationControllerRules,
             ServiceRules,
             EndpointsRules,
             NamespaceRules,
             NodeRules,
             ConfigMapRules,
             SecretRules,
             ServiceAccountRules,
             PersistentVolumeRules,
             PersistentVolumeClaimRules,
             LimitRangeRules,
             ResourceQuotaRules,
             CoreEventRules,
             DeploymentRules,
             ReplicaSetRules,
             StatefulSetRules,
             DaemonSetRules,
             ControllerRevisionRules,
             JobRules,
             CronJobRules,
             HorizontalPodAutoscalerRules,
             HorizontalPodAutoscalerV1Rules,
             PodDisruptionBudgetRules,
             IngressRules,
             IngressClassRules,
             NetworkPolicyRules,
             IPAddressRules,
             ServiceCIDRRules,
             EndpointSliceRules,
             EventRules,
             LeaseRules,
             PriorityClassRules,
             RuntimeClassRules,
             RoleRules,
             ClusterRoleRules,
             RoleBindingRules,
             ClusterRoleBindingRules,
             StorageClassRules,
             CSIDriverRules,
             CSINodeRules,
             CSIStorageCapacityRules,
             VolumeAttachmentRules,
             VolumeAttributesClassRules,
             FlowSchemaRules,
             PriorityLevelConfigurationRules,
             ValidatingWebhookConfigurationRules,
             MutatingWebhookConfigurationRules,
             ValidatingAdmissionPolicyRules,
             ValidatingAdmissionPolicyBindingRules,
             CustomResourceDefinitionRules,
             APIServiceRules,
             CertificateSigningRequestRules,
             ResourceClaimRules,
             ResourceClaimTemplateRules,
             ResourceSliceRules,
             DeviceClassRules,
         }) {
      list.push_back(make());
    }
    std::ranges::sort(list, {}, &Rules::kind);
    return list;
  }();
  const auto found = std::ranges::lower_bound(all, &kind, {}, &Rules::kind);
  return found != all.end() && found->kind == &kind ? &*found : nullptr;
}

}  // namespace skiff
