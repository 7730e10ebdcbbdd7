//go:build tools

// Package programs names what cluster_programs.sh builds of other modules, so that `go mod tidy` keeps it.
package programs

import (
	_ "sigs.k8s.io/descheduler/cmd/descheduler"
	_ "sigs.k8s.io/kwok/cmd/kwok"
)
