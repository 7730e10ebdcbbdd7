module skiff/e2e/peers/cluster_programs/kube_state_metrics

go 1.25.0

require (
	k8s.io/api v0.35.6
	k8s.io/apiextensions-apiserver v0.35.6
	k8s.io/apimachinery v0.35.6
	k8s.io/client-go v0.35.6
	k8s.io/component-base v0.35.6
	k8s.io/kube-state-metrics/v2 v2.18.0
)
