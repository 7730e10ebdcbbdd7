module skiff/e2e/peers/cluster_programs/newer

go 1.26.0

require (
	sigs.k8s.io/descheduler v0.36.0
	sigs.k8s.io/kwok v0.8.0
)

// As the descheduler has it: one of its modules asks for a version that does not exist.
replace k8s.io/kube-openapi => k8s.io/kube-openapi v0.0.0-20260512234627-ef417d054102
