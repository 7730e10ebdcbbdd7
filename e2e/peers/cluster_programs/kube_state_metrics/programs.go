//go:build tools

// Package programs names what cluster_programs.sh builds of another module, so that `go mod tidy` keeps it.
package programs

import _ "k8s.io/kube-state-metrics/v2"
