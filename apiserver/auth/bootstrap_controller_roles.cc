// Default roles of Kubernetes v1.35, those of the controllers. The grammar is in bootstrap_rbac.h.
#include "apiserver/auth/bootstrap_rbac.h"

namespace skiff {

const std::string_view kBootstrapControllerRoles = R"(
controller attachdetach-controller
  allow list,watch core persistentvolumeclaims,persistentvolumes
  allow get,list,watch core nodes
  allow patch,update core nodes/status
  allow list,watch core pods
  allow create,patch,update core,events.k8s.io events
  allow create,delete,get,list,watch storage.k8s.io volumeattachments
  allow get,list,watch storage.k8s.io csidrivers
  allow get,list,watch storage.k8s.io csinodes
controller certificate-controller
  allow delete,get,list,watch certificates.k8s.io certificatesigningrequests
  allow update certificates.k8s.io certificatesigningrequests/approval,
        certificatesigningrequests/status
  allow approve certificates.k8s.io signers kubernetes.io/kube-apiserver-client-kubelet
  allow sign certificates.k8s.io signers kubernetes.io/kube-apiserver-client,
        kubernetes.io/kube-apiserver-client-kubelet,kubernetes.io/kubelet-serving,
        kubernetes.io/legacy-unknown
  allow create authorization.k8s.io subjectaccessreviews
  allow create,patch,update core,events.k8s.io events
controller clusterrole-aggregation-controller
  allow escalate,get,list,patch,update,watch rbac.authorization.k8s.io clusterroles
controller cronjob-controller
  allow get,list,update,watch batch cronjobs
  allow create,delete,get,list,patch,update,watch batch jobs
  allow update batch cronjobs/status
  allow update batch cronjobs/finalizers
  allow delete,list,watch core pods
  allow create,patch,update core,events.k8s.io events
controller daemon-set-controller
  allow get,list,watch apps,extensions daemonsets
  allow update apps,extensions daemonsets/status
  allow update apps,extensions daemonsets/finalizers
  allow list,watch core nodes
  allow create,delete,list,patch,watch core pods
  allow create core pods/binding
  allow create,delete,get,list,patch,update,watch apps controllerrevisions
  allow create,patch,update core,events.k8s.io events
controller deployment-controller
  allow get,list,update,watch apps,extensions deployments
  allow update apps,extensions deployments/status
  allow update apps,extensions deployments/finalizers
  allow create,delete,get,list,patch,update,watch apps,extensions replicasets
  allow get,list,update,watch core pods
  allow create,patch,update core,events.k8s.io events
controller disruption-controller
  allow get,list,watch apps,extensions deployments
  allow get,list,watch apps,extensions replicasets
  allow get,list,watch core replicationcontrollers
  allow get,list,watch policy poddisruptionbudgets
  allow get,list,watch apps statefulsets
  allow update policy poddisruptionbudgets/status
  allow patch,update core pods/status
  allow get * */scale
  allow create,patch,update core,events.k8s.io events
controller endpoint-controller
  allow get,list,watch core pods,services
  allow create,delete,get,list,update,watch core endpoints
  allow create core endpoints/restricted
  allow create,patch,update core,events.k8s.io events
controller endpointslice-controller
  allow get,list,watch core nodes,pods,services
  allow update core services/finalizers
  allow create,delete,get,list,update,watch discovery.k8s.io endpointslices
  allow create discovery.k8s.io endpointslices/restricted
  allow create,patch,update core,events.k8s.io events
controller endpointslicemirroring-controller
  allow get,list,watch core endpoints,services
  allow update core services/finalizers
  allow update core endpoints/finalizers
  allow create,delete,get,list,update,watch discovery.k8s.io endpointslices
  allow create discovery.k8s.io endpointslices/restricted
  allow create,patch,update core,events.k8s.io events
controller ephemeral-volume-controller
  allow get,list,watch core pods
  allow update core pods/finalizers
  allow create,get,list,watch core persistentvolumeclaims
  allow create,patch,update core,events.k8s.io events
controller expand-controller
  allow get,list,patch,update,watch core persistentvolumes
  allow patch,update core persistentvolumeclaims/status
  allow get,list,watch core persistentvolumeclaims
  allow create,patch,update core,events.k8s.io events
  allow get core services
controller generic-garbage-collector
  allow delete,get,list,patch,update,watch * *
  allow create,patch,update core,events.k8s.io events
controller horizontal-pod-autoscaler
  allow get,list,watch autoscaling horizontalpodautoscalers
  allow update autoscaling horizontalpodautoscalers/status
  allow get,update * */scale
  allow list,watch core pods
  allow list,watch metrics.k8s.io pods
  allow get,list,watch custom.metrics.k8s.io *
  allow get,list,watch external.metrics.k8s.io *
  allow create,patch,update core,events.k8s.io events
controller job-controller
  allow get,list,patch,update,watch batch jobs
  allow update batch jobs/status
  allow update batch jobs/finalizers
  allow create,delete,list,patch,watch core pods
  allow create,patch,update core,events.k8s.io events
controller legacy-service-account-token-cleaner
  allow get core configmaps kube-apiserver-legacy-service-account-token-tracking
  allow delete,patch core secrets
controller namespace-controller
  allow delete,get,list,watch core namespaces
  allow update core namespaces/finalize,namespaces/status
  allow delete,deletecollection,get,list,watch * *
controller node-controller
  allow delete,get,list,patch,update,watch core nodes
  allow patch,update core nodes/status
  allow patch,update core pods/status
  allow delete,get,list,watch core pods
  allow create,patch,update core,events.k8s.io events
controller persistent-volume-binder
  allow create,delete,get,list,update,watch core persistentvolumes
  allow update core persistentvolumes/status
  allow get,list,update,watch core persistentvolumeclaims
  allow update core persistentvolumeclaims/status
  allow create,delete,get,list,watch core pods
  allow get,list,watch storage.k8s.io storageclasses
  allow list,watch core nodes
  allow create,patch,update core,events.k8s.io events
  allow watch core events
  allow get core services
controller pod-garbage-collector
  allow delete,list,watch core pods
  allow get,list,watch core nodes
  allow patch core pods/status
controller pv-protection-controller
  allow get,list,update,watch core persistentvolumes
  allow create,patch,update core,events.k8s.io events
controller pvc-protection-controller
  allow get,list,update,watch core persistentvolumeclaims
  allow get,list,watch core pods
  allow create,patch,update core,events.k8s.io events
controller replicaset-controller
  allow get,list,update,watch apps,extensions replicasets
  allow update apps,extensions replicasets/status
  allow update apps,extensions replicasets/finalizers
  allow create,delete,list,patch,watch core pods
  allow create,patch,update core,events.k8s.io events
controller replication-controller
  allow get,list,update,watch core replicationcontrollers
  allow update core replicationcontrollers/status
  allow update core replicationcontrollers/finalizers
  allow create,delete,list,patch,watch core pods
  allow create,patch,update core,events.k8s.io events
controller resource-claim-controller
  allow get,list,watch core pods
  allow update core pods/finalizers
  allow create,delete,get,list,watch resource.k8s.io resourceclaims
  allow patch,update resource.k8s.io resourceclaims,resourceclaims/status
  allow patch,update core pods/status
  allow create,patch,update core,events.k8s.io events
controller resourcequota-controller
  allow list,watch * *
  allow update core resourcequotas/status
  allow create,patch,update core,events.k8s.io events
controller root-ca-cert-publisher
  allow create,update core configmaps
  allow create,patch,update core,events.k8s.io events
controller route-controller
  allow list,watch core nodes
  allow patch core nodes/status
  allow create,patch,update core,events.k8s.io events
controller selinux-warning-controller
  allow create,patch,update core,events.k8s.io events
  allow get,list,watch core persistentvolumes
  allow get,list,watch core persistentvolumeclaims
  allow get,list,watch core pods
  allow get,list,watch storage.k8s.io csidrivers
controller service-account-controller
  allow create core serviceaccounts
  allow create,patch,update core,events.k8s.io events
controller service-ca-cert-publisher
  allow create,update core configmaps
  allow create,patch,update core,events.k8s.io events
controller service-cidrs-controller
  allow get,list,patch,update,watch networking.k8s.io servicecidrs
  allow patch,update networking.k8s.io servicecidrs/finalizers
  allow patch,update networking.k8s.io servicecidrs/status
  allow get,list,watch networking.k8s.io ipaddresses
  allow create,patch,update core,events.k8s.io events
controller service-controller
  allow get,list,watch core services
  allow patch,update core services/status
  allow list,watch core nodes
  allow create,patch,update core,events.k8s.io events
controller statefulset-controller
  allow list,watch core pods
  allow get,list,watch apps statefulsets
  allow update apps statefulsets/status
  allow update apps statefulsets/finalizers
  allow create,delete,get,patch,update core pods
  allow create,delete,get,list,patch,update,watch apps controllerrevisions
  allow create,get,list,watch core persistentvolumeclaims
  allow delete,update core persistentvolumeclaims
  allow update core pods/finalizers
  allow create,patch,update core,events.k8s.io events
controller ttl-after-finished-controller
  allow delete,get,list,watch batch jobs
  allow create,patch,update core,events.k8s.io events
controller ttl-controller
  allow list,patch,update,watch core nodes
  allow create,patch,update core,events.k8s.io events
controller validatingadmissionpolicy-status-controller
  allow get,list,watch admissionregistration.k8s.io validatingadmissionpolicies
  allow get,patch,update admissionregistration.k8s.io validatingadmissionpolicies/status
  allow create,patch,update core,events.k8s.io events
controller volumeattributesclass-protection-controller
  allow get,list,watch core persistentvolumeclaims
  allow get,list,watch core persistentvolumes
  allow get,list,update,watch storage.k8s.io volumeattributesclasses
  allow create,patch,update core,events.k8s.io events
)";

}  // namespace skiff
