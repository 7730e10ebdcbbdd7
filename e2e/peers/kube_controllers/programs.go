//go:build tools

// Package programs names what kube_controllers.sh builds of another module, so that `go mod tidy`
// keeps it.
package programs

import (
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
)
