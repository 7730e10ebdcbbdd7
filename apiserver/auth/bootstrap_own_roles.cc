// Roles beyond Kubernetes' own: what skiff's programs do under their Kubernetes names that the
// default roles of those names do not allow. The grammar is in bootstrap_rbac.h.
//
// kube-controller-manager runs each controller as a service account with a role of its own, or all
// of them as one user who "must be granted all the relevant roles". Ours does the latter (see
// docs/decisions/0025-identities.md): this role is the sum of the controllers' roles, with patch
// where theirs says update, because our controllers send only what they change; and the Service
// of the cluster's DNS, which kubeadm makes as the administrator.
//
// What serves the cluster's network from each node (api/pods/node_services.h) reads Services,
// EndpointSlices and all nodes, as kube-proxy does, for DNS the namespaces as well, and pods for
// the network policies that mean them. It also deletes PersistentVolumes whose directory its node
// was told to remove, and takes the finalizer from them that held them until then; the admission
// plugin NodeServices sees to it that it deletes no other and writes nothing else. The nodes
// themselves may do nothing beyond what Kubernetes lets them.
//
// Who serves Ingresses reads by the informers of the controllers beside it; as itself it writes
// what became of them, and nothing else.
//
// Which revision was the newest at a moment anybody who has logged in may ask, as anybody may who
// lists something: it is how far the store had come.
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
  allow approve certificates.k8s.io signers kubernetes.io/kube-apiserver-client,
        kubernetes.io/kube-apiserver-client-kubelet,kubernetes.io/kubelet-serving
  allow sign certificates.k8s.io signers kubernetes.io/kube-apiserver-client,
        kubernetes.io/kube-apiserver-client-kubelet,kubernetes.io/kubelet-serving,
        kubernetes.io/legacy-unknown
  allow escalate rbac.authorization.k8s.io clusterroles
clusterbinding skiff:kube-controller-manager skiff:kube-controller-manager
  subject User system:kube-controller-manager
clusterbinding skiff:node-services-proxier system:node-proxier
  subject Group skiff:node-services
clusterrole skiff:node-services
  allow list,watch core namespaces,pods
  allow list,watch networking.k8s.io networkpolicies
  allow delete,get,list,watch core persistentvolumes
  allow patch core persistentvolumes/status
clusterbinding skiff:node-services skiff:node-services
  subject Group skiff:node-services
clusterrole skiff:ingress
  allow patch networking.k8s.io ingresses/status
  allow create,patch core events
clusterbinding skiff:ingress skiff:ingress
  subject User skiff:ingress
clusterrole skiff:revisions
  url get /skiff/revisions
clusterbinding skiff:revisions skiff:revisions
  subject Group system:authenticated
)";

}  // namespace skiff
