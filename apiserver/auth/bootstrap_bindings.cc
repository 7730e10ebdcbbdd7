// Default roles of Kubernetes v1.35, bound, and those of single namespaces. The grammar is in
// bootstrap_rbac.h.
#include "apiserver/auth/bootstrap_rbac.h"

namespace skiff {

const std::string_view kBootstrapBindings = R"(
clusterbinding cluster-admin cluster-admin
  subject Group system:masters
clusterbinding system:basic-user system:basic-user
  subject Group system:authenticated
clusterbinding system:discovery system:discovery
  subject Group system:authenticated
clusterbinding system:kube-controller-manager system:kube-controller-manager
  subject User system:kube-controller-manager
clusterbinding system:kube-dns system:kube-dns
  subject ServiceAccount kube-system/kube-dns
clusterbinding system:kube-scheduler system:kube-scheduler
  subject User system:kube-scheduler
clusterbinding system:monitoring system:monitoring
  subject Group system:monitoring
clusterbinding system:node system:node
clusterbinding system:node-proxier system:node-proxier
  subject User system:kube-proxy
clusterbinding system:public-info-viewer system:public-info-viewer
  subject Group system:authenticated
  subject Group system:unauthenticated
clusterbinding system:service-account-issuer-discovery system:service-account-issuer-discovery
  subject Group system:serviceaccounts
clusterbinding system:volume-scheduler system:volume-scheduler
  subject User system:kube-scheduler
role kube-public system:controller:bootstrap-signer
  allow get,list,watch core configmaps
  allow update core configmaps cluster-info
  allow create,patch,update core,events.k8s.io events
role kube-system extension-apiserver-authentication-reader
  allow get,list,watch core configmaps extension-apiserver-authentication
role kube-system system::leader-locking-kube-controller-manager
  allow create,get,list,update,watch coordination.k8s.io leases
  allow create,get,list,update,watch coordination.k8s.io leasecandidates
role kube-system system::leader-locking-kube-scheduler
  allow create,get,list,update,watch coordination.k8s.io leases
  allow create,get,list,update,watch coordination.k8s.io leasecandidates
role kube-system system:controller:bootstrap-signer
  allow get,list,watch core secrets
role kube-system system:controller:cloud-provider
  allow create,get,list,watch core configmaps
role kube-system system:controller:token-cleaner
  allow delete,get,list,watch core secrets
  allow create,patch,update core,events.k8s.io events
binding kube-public system:controller:bootstrap-signer system:controller:bootstrap-signer
  subject ServiceAccount kube-system/bootstrap-signer
binding kube-system system::extension-apiserver-authentication-reader \
        extension-apiserver-authentication-reader
  subject User system:kube-controller-manager
  subject User system:kube-scheduler
binding kube-system system::leader-locking-kube-controller-manager \
        system::leader-locking-kube-controller-manager
  subject User system:kube-controller-manager
  subject ServiceAccount kube-system/kube-controller-manager
  subject ServiceAccount kube-system/leader-election-controller
binding kube-system system::leader-locking-kube-scheduler system::leader-locking-kube-scheduler
  subject User system:kube-scheduler
  subject ServiceAccount kube-system/kube-scheduler
binding kube-system system:controller:bootstrap-signer system:controller:bootstrap-signer
  subject ServiceAccount kube-system/bootstrap-signer
binding kube-system system:controller:cloud-provider system:controller:cloud-provider
  subject ServiceAccount kube-system/cloud-provider
binding kube-system system:controller:token-cleaner system:controller:token-cleaner
  subject ServiceAccount kube-system/token-cleaner
)";

}  // namespace skiff
