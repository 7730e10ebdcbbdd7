// Roles beyond Kubernetes' own: what skiff's programs do under their Kubernetes names that the
// default roles of those names do not allow. The grammar is in bootstrap_rbac.h.
//
// kube-controller-manager runs each controller as a service account with a role of its own, or all
// of them as one user who "must be granted all the relevant roles". Ours does the latter (see
// docs/decisions/0025-identities.md): this role is the sum of the controllers' roles, with patch
// where theirs says update, because our controllers send only what they change; and the Service
// of the cluster's DNS, which kubeadm makes as the administrator.
//
// A node reads Services, EndpointSlices and its fellow nodes by its own identity: its kubelet and
// its service proxy are one program, where kubeadm runs kube-proxy as a pod with an account. So is
// its DNS server, which needs to know the namespaces as well.
//
// It also deletes PersistentVolumes whose directory it was told to remove; NodeRestriction sees to
// it that it deletes no other.
#include "apiserver/auth/bootstrap_rbac.h"

namespace skiff {

const std::string_view kBootstrapOwnRoles = R"(
clusterrole skiff:kube-controller-manager
  allow delete,deletecollection,get,list,patch,update,watch * *
  allow create core configmaps,endpoints,endpoints/restricted,persistentvolumeclaims,
        persistentvolumes,pods,pods/binding,pods/eviction,services
  allow create apps controllerrevisions,replicasets
  allow create batch jobs
  allow create discovery.k8s.io endpointslices,endpointslices/restricted
  allow create resource.k8s.io resourceclaims
  allow create storage.k8s.io volumeattachments
  allow approve certificates.k8s.io signers kubernetes.io/kube-apiserver-client-kubelet,
        kubernetes.io/kubelet-serving
  allow sign certificates.k8s.io signers kubernetes.io/kube-apiserver-client,
        kubernetes.io/kube-apiserver-client-kubelet,kubernetes.io/kubelet-serving,
        kubernetes.io/legacy-unknown
  allow escalate rbac.authorization.k8s.io clusterroles
clusterbinding skiff:kube-controller-manager skiff:kube-controller-manager
  subject User system:kube-controller-manager
clusterbinding skiff:node-proxier system:node-proxier
  subject Group system:nodes
clusterrole skiff:node-dns
  allow list,watch core namespaces
clusterbinding skiff:node-dns skiff:node-dns
  subject Group system:nodes
clusterrole skiff:node-volume-reclaimer
  allow delete,get,list,watch core persistentvolumes
clusterbinding skiff:node-volume-reclaimer skiff:node-volume-reclaimer
  subject Group system:nodes
)";

}  // namespace skiff
